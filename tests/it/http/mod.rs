//! HTTP listeners over real sockets: what backends hear, what clients get, what the log and the metrics say.
//!
//! `backend` is a server that says what a test wants; `exchanges` are requests that are served, `changes` reloads between them, `keeping` is about
//! connections from one request to the next, `refusals` are l4lb's own answers, `tools` are programs of others.

pub(crate) mod backend;
mod changes;
mod exchanges;
mod keeping;
mod refusals;
pub(crate) mod tools;

use std::io::{Read, Write};
use std::net::SocketAddr;

use tempfile::TempDir;

use crate::harness::{L4lb, Options};
use backend::{Backend, Say};

/// A running l4lb whose one listener speaks HTTP.
struct Scene {
    l4lb: L4lb,
    folder: TempDir,
}

impl Scene {
    /// With these lines in `[listener.http]` and in the pool.
    fn start(http: &str, pool: &str, backends: &[SocketAddr]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("l4lb.toml");
        let named = ('a'..).zip(backends);
        let backends =
            named.map(|(name, it)| format!("{{ name = \"{name}\", address = \"{it}\" }}"));
        let backends = backends.collect::<Vec<_>>().join(", ");
        let text = format!(
            "[access_log]\noutput = \"-\"\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\n\
             pool = \"app\"\nprotocol = \"http\"\n[listener.http]\n{http}\n[pool.app]\n\
             health = {{ type = \"off\" }}\nbackends = [{backends}]\n{pool}\n"
        );
        std::fs::write(&path, text).unwrap();
        let options = Options::new().arg("--config").arg(path.to_str().unwrap());
        Self {
            l4lb: options.start(),
            folder,
        }
    }

    /// What the file says is changed, and read anew.
    fn reload(&mut self, change: impl Fn(&str) -> String) {
        let path = self.folder.path().join("l4lb.toml");
        let text = change(&std::fs::read_to_string(&path).unwrap());
        std::fs::write(&path, text).unwrap();
        self.l4lb.signal("HUP");
        self.l4lb.wait_for_log("listener web");
    }

    /// Before one backend that answers so, with nothing else said.
    fn before(backend: &Backend) -> Self {
        Self::start("", "", &[backend.address])
    }

    /// Sends `bytes` and reads to the end of the stream.
    fn talk(&self, bytes: &[u8]) -> String {
        let mut client = self.l4lb.connect();
        client.write_all(bytes).unwrap();
        rest(&mut client)
    }

    /// The words of so many lines of the log.
    fn lines(&self, count: usize) -> Vec<Vec<String>> {
        let lines = self.l4lb.wait_for_access_log(count);
        let words = |line: String| line.split(' ').map(str::to_owned).collect();
        lines.into_iter().map(words).collect()
    }
}

/// All that is read to the end of the stream.
pub(crate) fn rest(client: &mut impl Read) -> String {
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads one response with a Content-Length: its head and its body.
#[track_caller]
pub(crate) fn response(client: &mut impl Read) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|it| it.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |it| it.parse().unwrap())];
    client.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// A request without a body.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n").into_bytes()
}

/// The last request of its connection.
pub(crate) fn last(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n").into_bytes()
}

/// A response with this body.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}
