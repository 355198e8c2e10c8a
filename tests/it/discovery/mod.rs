//! Backends that go by a name, and files of backends: the real program, and a name server of our own.

mod files;
mod name_server;
mod names;
mod scale;
mod services;
mod silence;
mod wire;

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};

use tempfile::TempDir;
use test_backends::{Behaviour, Colour, Server};

use crate::harness::{L4lb, Options, eventually};
use crate::life::whoami;
use name_server::NameServer;

/// A running l4lb with its configuration file, and the name server that it asks.
struct Scene {
    folder: TempDir,
    names: NameServer,
    l4lb: L4lb,
}

/// Sites on several addresses of this machine with the same port; each is named by its address.
fn sites(addresses: &[&str]) -> (Vec<Server>, u16) {
    let start = |address: &str, port: u16| {
        let (name, colour) = (address.to_owned(), Colour::LightBlue);
        let place = SocketAddr::new(address.parse().unwrap(), port);
        Server::start(place, Behaviour::Site { name, colour })
    };
    loop {
        let first = start(addresses[0], 0).unwrap();
        let port = first.addr().port();
        // Somebody else may have the port on one of the others.
        let others: Result<Vec<_>, _> = addresses[1..].iter().map(|it| start(it, port)).collect();
        if let Ok(others) = others {
            return (std::iter::once(first).chain(others).collect(), port);
        }
    }
}

impl Scene {
    /// With this in the table of the pool `app`.
    fn start(names: NameServer, pool: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("l4lb.toml");
        fs::write(&path, Self::file(&names, &folder, pool)).unwrap();
        let options = Options::new().arg("--config").arg(path.to_str().unwrap());
        let mut l4lb = options.start();
        l4lb.wait_for_log("admin API on unix:");
        Self {
            folder,
            names,
            l4lb,
        }
    }

    fn file(names: &NameServer, folder: &TempDir, pool: &str) -> String {
        format!(
            "[dns]\nservers = [\"{}\"]\n[admin]\nlisten = \"unix:{}\"\n\
             [[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
             [pool.app]\n{pool}\n",
            names.address,
            folder.path().join("admin").display(),
        )
    }

    /// Puts another file in the place of the configuration, with this in the table of the pool.
    fn rewrite(&self, pool: &str) {
        let new = self.folder.path().join(".new");
        fs::write(&new, Self::file(&self.names, &self.folder, pool)).unwrap();
        fs::rename(new, self.folder.path().join("l4lb.toml")).unwrap();
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

    /// What the admin API answers: the status, and the rest as it is sent.
    fn api(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut door = UnixStream::connect(self.folder.path().join("admin")).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        door.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        door.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// The backends, each as `NAME STATE WEIGHT`, with `b` for a backup.
    fn backends(&self) -> Vec<String> {
        let json: serde_json::Value = serde_json::from_str(&self.says("backends --json")).unwrap();
        let backends = json["backends"].as_array().unwrap().iter();
        let text = backends.map(|it| {
            let text = |key: &str| it[key].to_string().replace('"', "");
            let backup = if it["backup"] == true { " b" } else { "" };
            let [name, state, weight] = ["name", "state", "weight"].map(text);
            format!("{name} {state} {weight}{backup}")
        });
        text.collect()
    }

    /// Waits until the backends are these.
    #[track_caller]
    fn wait_for(&self, wanted: &[&str]) {
        eventually(&format!("backends {wanted:?}"), || {
            self.backends() == wanted
        });
    }

    /// Who serves so many clients, each once.
    fn serving(&self, clients: usize) -> Vec<String> {
        let mut names: Vec<String> = (0..clients)
            .map(|_| whoami(self.l4lb.address()).unwrap())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn log_lines(&self, text: &str) -> usize {
        let lines = self.l4lb.log();
        lines.iter().filter(|it| it.contains(text)).count()
    }
}
