//! Who the client is: PROXY headers heard and sent, and connections made from chosen addresses.

mod accept;
mod health;
mod interop;
mod send;
mod source;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command as Program;
use std::time::Duration;

use l4lb::proxy_protocol::{Addresses, Decoded, Header, decode};
use socket2::SockRef;
use tempfile::TempDir;

use crate::harness::{L4lb, Options, PATIENCE};

/// A listener that does not wait for ever.
fn listener(address: &str) -> TcpListener {
    let listener = TcpListener::bind(address).unwrap();
    let socket = SockRef::from(&listener);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    listener
}

#[track_caller]
fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().expect("a connection in time");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One l4lb in front of a backend that the test plays, without health checks.
fn before(backend: &TcpListener, arguments: &[&str]) -> L4lb {
    let options = Options::new()
        .arg("--health=off")
        .backend(backend.local_addr().unwrap());
    arguments
        .iter()
        .fold(options, |all, it| all.arg(it))
        .start()
}

/// One l4lb that runs from a file.
fn from_file(text: &str) -> (TempDir, L4lb) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("l4lb.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    let l4lb = Options::new().arg("--config").arg(&path).start();
    (folder, l4lb)
}

/// Reads until a whole PROXY header is there, and no byte further.
#[track_caller]
fn header_bytes(stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    let mut source = stream;
    while !matches!(decode(&bytes).expect("a header"), Decoded::Header(..)) {
        source.read_exact(&mut byte).expect("the rest of a header");
        bytes.extend(byte);
    }
    bytes
}

#[track_caller]
fn header(bytes: &[u8]) -> Header<'_> {
    match decode(bytes) {
        Ok(Decoded::Header(header, length)) if length == bytes.len() => header,
        other => panic!("{other:?}"),
    }
}

/// So many bytes that come next.
#[track_caller]
fn read(mut stream: &TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

/// Whether the stream ends by a reset, and says nothing before.
#[track_caller]
fn expect_reset(mut stream: &TcpStream) {
    let end = stream.read(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

/// The addresses that a backend should hear of for this client.
fn addresses_of(client: &TcpStream) -> Option<Addresses> {
    Some((client.local_addr().unwrap(), client.peer_addr().unwrap()))
}

/// The words of the only line of the access log.
#[track_caller]
fn only_line(l4lb: &L4lb) -> Vec<String> {
    let lines = l4lb.wait_for_access_log(1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].split(' ').map(str::to_owned).collect()
}

/// Writes in pieces of this size, each of them in a packet of its own.
fn write_in(mut stream: &TcpStream, bytes: &[u8], size: usize) {
    stream.set_nodelay(true).unwrap();
    for piece in bytes.chunks(size) {
        stream.write_all(piece).unwrap();
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Where the admin API of one l4lb is.
struct Admin(TempDir);

impl Admin {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn place(&self) -> String {
        format!("unix:{}", self.0.path().join("admin").display())
    }

    fn flag(&self) -> String {
        format!("--admin={}", self.place())
    }

    /// What a command that succeeds prints.
    #[track_caller]
    fn says(&self, words: &str) -> String {
        let mut program = Program::new(env!("CARGO_BIN_EXE_l4lb"));
        let place = self.place();
        let output = program
            .args(words.split(' '))
            .args(["--admin", &place])
            .output()
            .unwrap();
        let trouble = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}: {trouble}");
        String::from_utf8(output.stdout).unwrap()
    }
}
