//! What l4lb says beforehand, and what then happens: the real program, asked by its own commands.

mod diff;
mod explain;

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::harness::{L4lb, Options, PATIENCE, eventually};

/// An l4lb that runs from a file, and the socket of its admin API.
struct Scene {
    folder: TempDir,
    l4lb: L4lb,
}

impl Scene {
    fn start(text: &str, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("l4lb.toml");
        fs::write(&file, text).unwrap();
        let admin = format!("--admin=unix:{}", folder.path().join("admin").display());
        let options = Options::new().arg("--config").arg(file.to_str().unwrap());
        let options = arguments.iter().fold(options, |all, it| all.arg(it));
        let mut l4lb = options.arg(&admin).start();
        l4lb.wait_for_log("admin API on unix:");
        Self { folder, l4lb }
    }

    fn output(&self, words: &str) -> Output {
        let admin = format!("unix:{}", self.folder.path().join("admin").display());
        Command::new(env!("CARGO_BIN_EXE_l4lb"))
            .args(words.split_whitespace())
            .args(["--admin", &admin])
            .output()
            .unwrap()
    }

    /// What a command that succeeds prints.
    #[track_caller]
    fn says(&self, words: &str) -> String {
        let output = self.output(words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{words}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the admin API says at `path`: a command would say the same, but takes its time.
    #[track_caller]
    fn read(&self, path: &str) -> Value {
        let mut api = UnixStream::connect(self.folder.path().join("admin")).unwrap();
        api.set_read_timeout(Some(PATIENCE)).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        api.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        api.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// The live connection of a client, if there is one.
    #[track_caller]
    fn connection(&self, client: SocketAddr) -> Option<Value> {
        let all = self.read("/v1/connections");
        let all = all["connections"].as_array().unwrap();
        let client = client.to_string();
        all.iter()
            .find(|it| it["client"] == client.as_str())
            .cloned()
    }

    /// The backend that a client has, once it has one.
    #[track_caller]
    fn backend_of(&self, client: &TcpStream) -> String {
        let mut backend = None;
        eventually("the client has a backend", || {
            let connection = self.connection(client.local_addr().unwrap());
            backend = connection.and_then(|it| it["backend"].as_str().map(str::to_owned));
            backend.is_some()
        });
        backend.unwrap()
    }

    /// A client from an address of this machine.
    fn connect_from(&self, client: IpAddr) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((client, 0)).into()).unwrap();
        socket.connect(&self.l4lb.address().into()).unwrap();
        let client = TcpStream::from(socket);
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// Closes a client, and waits until nothing is left of its session.
    #[track_caller]
    fn close(&self, client: TcpStream) {
        let address = client.local_addr().unwrap();
        drop(client);
        eventually("the session has ended", || {
            self.connection(address).is_none()
        });
    }

    /// Waits until a backend is in this state.
    #[track_caller]
    fn await_state(&self, backend: &str, state: &str) {
        eventually(&format!("{backend} is {state}"), || {
            let all = self.read("/v1/pools/app/backends");
            let mut all = all["backends"].as_array().unwrap().iter();
            all.any(|it| it["name"] == backend && it["state"] == state)
        });
    }
}
