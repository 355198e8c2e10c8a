//! TLS that is not decrypted: clients go where their first message says, byte for byte.
//!
//! `hellos` are made by hand, in front of echoes that give them back; `changes` are reloads in the midst
//! of them; `servers` are real ones, with real clients.

mod changes;
#[path = "../../../src/client_hello/tests/forged.rs"]
mod forged;
mod hellos;
mod servers;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use test_backends::{Behaviour, Server};

use crate::harness::{L4lb, Options};
use forged::{ALPN, NAME, extension, message, names, protocols, records};

/// What Chromium 156 has said, with a key of ML-KEM.
const CHROMIUM: &[u8] = include_bytes!("../../../src/client_hello/tests/hellos/chromium.bin");

/// A hello in one record that asks for this name, if any, and offers these protocols, if any.
fn hello(name: &str, alpn: &[&str]) -> Vec<u8> {
    records(&sized(name, alpn, 0), usize::MAX)
}

/// The message of one that has at least so many bytes.
fn sized(name: &str, alpn: &[&str], bytes: usize) -> Vec<u8> {
    let alpn: Vec<&[u8]> = alpn.iter().map(|it| it.as_bytes()).collect();
    let mut extensions = Vec::new();
    if !name.is_empty() {
        extensions.push(extension(NAME, &names(name.as_bytes())));
    }
    if !alpn.is_empty() {
        extensions.push(extension(ALPN, &protocols(&alpn)));
    }
    let padding = bytes.saturating_sub(message(&extensions).len() + 4);
    extensions.push(extension(21, &vec![0; padding]));
    message(&extensions)
}

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

/// A pool of one backend.
fn pool(name: &str, address: SocketAddr, keys: &str) -> String {
    let health = "health = { type = \"off\" }";
    let backend = format!("backends = [{{ address = \"{address}\", {keys} }}]");
    format!("[pool.{name}]\n{health}\n{backend}\n")
}

/// An l4lb with one listener, which writes its log as JSON.
struct Scene {
    folder: TempDir,
    l4lb: L4lb,
}

impl Scene {
    /// With these keys of the listener, the last of which may be its routes, and these pools.
    fn start(listener: &str, pools: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("l4lb.toml");
        fs::write(&path, file(&folder, listener, pools)).unwrap();
        let options = Options::new().arg("--config").arg(path.to_str().unwrap());
        let l4lb = options.start();
        Self { folder, l4lb }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("l4lb.toml")
    }

    /// The listener is another one from now on.
    fn reload(&mut self, listener: &str, pools: &str, says: &str) {
        fs::write(self.path(), file(&self.folder, listener, pools)).unwrap();
        self.l4lb.signal("HUP");
        self.l4lb.wait_for_log(says);
    }

    /// Sends `bytes` and the end, and reads all that comes back.
    #[track_caller]
    fn ask(&self, bytes: &[u8]) -> Vec<u8> {
        self.ask_in_parts(&[bytes])
    }

    /// The same, each part in a segment of its own.
    #[track_caller]
    fn ask_in_parts(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut client = self.l4lb.connect();
        for part in parts {
            client.write_all(part).unwrap();
        }
        client.shutdown(Shutdown::Write).unwrap();
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        back
    }

    /// The lines of the log, when there are so many.
    #[track_caller]
    fn lines(&self, count: usize) -> Vec<Value> {
        let lines = self.l4lb.wait_for_access_log(count);
        let lines = lines.iter().map(|it| serde_json::from_str(it).unwrap());
        lines.collect()
    }

    /// What `l4lb ... --admin` says.
    fn say(&self, words: &[&str]) -> String {
        let admin = format!("unix:{}", self.folder.path().join("admin").display());
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_l4lb"));
        let output = command.args(words).args(["--admin", &admin]).output();
        let output = output.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }
}

fn file(folder: &TempDir, listener: &str, pools: &str) -> String {
    let admin = folder.path().join("admin");
    format!(
        "[access_log]\nformat = \"json\"\n[admin]\nlisten = \"unix:{}\"\n{pools}\
         [[listener]]\nname = \"tls\"\nlisten = \"127.0.0.1:0\"\n{listener}\n",
        admin.display()
    )
}

/// All that comes until the end, and whether that was a reset.
fn read_out(client: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    match client.read_to_end(&mut bytes) {
        Ok(_) => (bytes, false),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, true),
        Err(error) => panic!("{error}"),
    }
}
