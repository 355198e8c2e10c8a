//! What l4lb says of itself in numbers: metrics, overview, history, and what is made of them in deploy/.

mod agreement;
mod deploy;
mod exposition;
mod hygiene;
mod overview;
mod reference;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::{L4lb, Options, PATIENCE};
use exposition::Exposition;

/// A running l4lb, and where its admin API is.
struct Scene {
    l4lb: L4lb,
    admin: String,
}

impl Scene {
    fn start(options: Options) -> Self {
        let mut l4lb = options.arg("--admin=127.0.0.1:0").start();
        l4lb.wait_for_log("admin API on ");
        let log = l4lb.log();
        let line = log.iter().find_map(|it| it.split("admin API on ").nth(1));
        let admin = line.unwrap().trim().to_owned();
        Self { l4lb, admin }
    }

    /// Asks the admin API: the connection on which the answer comes.
    fn ask(&self, path: &str) -> TcpStream {
        let mut client = TcpStream::connect(&self.admin).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = &self.admin;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        client
    }

    /// The head and the body of an answer.
    fn answer(&self, path: &str) -> (String, String) {
        let mut answer = String::new();
        self.ask(path).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        let (head, body) = self.answer(path);
        assert!(head.starts_with("HTTP/1.1 200"), "{head} {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// What `/metrics` says now; it is well-formed.
    fn metrics(&self) -> Exposition {
        let (head, body) = self.answer("/metrics");
        let kind = "content-type: text/plain; version=0.0.4; charset=utf-8";
        assert!(
            head.starts_with("HTTP/1.1 200") && head.contains(kind),
            "{head}"
        );
        Exposition::parse(&body).unwrap_or_else(|why| panic!("{why}\n{body}"))
    }
}
