//! The example of docs/autoscaling.md: deploy/scale-local.sh starts and stops real servers.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use tempfile::TempDir;

use super::{Scene, file, runs};
use crate::harness::eventually;
use crate::life::{available, site};

/// Ends what a failed test has left running.
struct Servers(std::path::PathBuf);

impl Servers {
    /// Their process ids, by name of the file.
    fn pids(&self) -> Vec<String> {
        let files = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let paths = files.map(|it| it.path());
        let of_pids = paths.filter(|it| it.extension().is_some_and(|it| it == "pid"));
        of_pids
            .filter_map(|it| fs::read_to_string(it).ok())
            .collect()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for pid in self.pids() {
            let _ = std::process::Command::new("kill").arg(pid.trim()).status();
        }
    }
}

/// Asks over a connection that was open all the time, and reads the answer to its end.
fn finish(mut client: TcpStream) {
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("nobody is cut");
    assert!(
        answer.starts_with("HTTP/1") && answer.contains(" 200 "),
        "{answer}"
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|it| {
        let (name, value) = it.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    assert_eq!(length, Some(&*body.len().to_string()), "{head}");
}

#[test]
fn the_example_grows_with_its_load_and_shrinks_again_and_cuts_nobody() {
    if !available("python3") {
        return;
    }
    let a = site("a");
    let folder = TempDir::new().unwrap();
    let servers = Servers(folder.path().join("servers"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/scale-local.sh");
    // Below the ports that the kernel gives to those who ask for any.
    let first = 20_000 + std::process::id() % 10_000;
    let scale = format!(
        "target = 2, min = 1, max = 4, after = \"400ms\", cool_down = \"400ms\", \
         command = [{script:?}, {:?}, \"{first}\", \"python3\", \"-m\", \"http.server\", \"--bind\", \"127.0.0.1\", \"{{port}}\"]",
        servers.0
    );
    let scene = Scene::run(folder, &file(&a, &scale, ""));
    let in_service = |count: u32| {
        eventually("as many as are wanted", || {
            scene.scale()["in_service"] == count
        });
    };
    let mut clients: Vec<TcpStream> = Vec::new();
    for (load, backends) in [(4, 2), (6, 3), (8, 4)] {
        clients.extend((clients.len()..load).map(|_| scene.l4lb.connect()));
        in_service(backends);
    }
    let pids = servers.pids();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|it| runs(it)));
    // The last ones to come are on the servers that go first.
    clients.drain(..4).for_each(finish);
    in_service(2);
    clients.drain(..).for_each(finish);
    in_service(1);
    eventually("all servers have ended", || servers.pids().is_empty());
    eventually("their processes too", || !pids.iter().any(|it| runs(it)));
    assert_eq!(scene.names(), ["a"]);
    let cut = scene.l4lb.access_log();
    assert!(cut.iter().all(|it| it.contains(" -- ")), "{cut:#?}");
}
