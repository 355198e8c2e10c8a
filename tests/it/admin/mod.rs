//! The admin API over real sockets, in this process, with a supervisor that is played.

mod bounds;
mod document;
mod events;
mod guard;
mod overview;
mod page;
mod reads;
mod socket_file;
mod supervisor;
mod writes;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use l4lb::admin::{AdminThread, Patience, Server};
use l4lb::config::{AdminAddress, AdminConfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::PATIENCE;
use supervisor::Supervisor;

/// The token of those servers that have one.
const TOKEN: &str = "s3cret";

/// A running admin API at a port of its own.
struct Admin {
    address: SocketAddr,
    supervisor: Supervisor,
    thread: Option<AdminThread>,
    _folder: TempDir,
}

/// What a request is answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Admin {
    fn start() -> Self {
        Self::with(Supervisor::default(), false, Patience::default())
    }

    fn with_token() -> Self {
        Self::with(Supervisor::default(), true, Patience::default())
    }

    fn before(supervisor: Supervisor) -> Self {
        Self::with(supervisor, false, Patience::default())
    }

    /// Which waits for everything for that long.
    fn impatient(supervisor: Supervisor, patience: Duration) -> Self {
        let patience = Patience {
            head: patience,
            request: patience,
            supervisor: patience,
            reader: patience,
            silence: patience,
        };
        Self::with(supervisor, false, patience)
    }

    fn with(supervisor: Supervisor, has_token: bool, patience: Patience) -> Self {
        let folder = TempDir::new().unwrap();
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, format!("{TOKEN}\n")).unwrap();
        let config = AdminConfig {
            listen: AdminAddress::Tcp(([127, 0, 0, 1], 0).into()),
            token_file: has_token.then_some(token_file),
        };
        let server = Server::bind(&config).unwrap().with_patience(patience);
        let address = server.address().parse().unwrap();
        let thread = Some(server.run(supervisor.ask()).unwrap());
        Self {
            address,
            supervisor,
            thread,
            _folder: folder,
        }
    }

    fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// The head of a request that is the last one of its connection.
    fn head(&self, line: &str, headers: &[&str]) -> String {
        let address = self.address;
        let mut head = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
        for header in headers {
            head += &format!("{header}\r\n");
        }
        head + "\r\n"
    }

    /// What these bytes are answered.
    fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect();
        client.write_all(request.as_ref()).unwrap();
        Answer::read(client)
    }

    fn get(&self, path: &str) -> Answer {
        self.raw(self.head(&format!("GET {path}"), &[]))
    }

    /// A request without a body, or with one in JSON.
    fn send(&self, line: &str, body: &str) -> Answer {
        let length = format!("Content-Length: {}", body.len());
        let headers = ["Content-Type: application/json", &length];
        let headers = if body.is_empty() { &[][..] } else { &headers };
        self.raw(self.head(line, headers) + body)
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.stop();
        }
    }
}

impl Answer {
    /// Reads until the server closes.
    fn read(mut client: impl Read) -> Self {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, it)| it)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// Checks that this is an error as RFC 9457 wants it, and returns its detail.
    #[track_caller]
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let json = self.json();
        assert_eq!(json["type"], "about:blank");
        assert_eq!(json["status"], status);
        assert!(!json["title"].as_str().unwrap().is_empty());
        json["detail"].as_str().unwrap().to_owned()
    }
}
