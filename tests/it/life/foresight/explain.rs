//! `explain` says what then happens.

use std::io::Read;
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::SockRef;
use test_backends::{Behaviour, Server};

use super::Scene;
use crate::harness::eventually;

const ALGORITHMS: [&str; 7] = [
    "round-robin",
    "least-connections",
    "random",
    "two-choices",
    "source-hash",
    "least-latency",
    "first",
];

/// Backends a to f of unlike weights and limits, of which f is a backup.
struct Stage {
    scene: Scene,
    servers: Vec<Server>,
    clients: u8,
    held: Vec<TcpStream>,
}

impl Stage {
    fn start(balance: &str, arguments: &[&str]) -> Self {
        let echo = |_| Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
        let servers: Vec<Server> = (0..6).map(echo).collect();
        let more = [
            "weight = 3",
            "",
            "max_connections = 2",
            "weight = 0",
            "",
            "backup = true",
        ];
        let entries = servers
            .iter()
            .zip(more)
            .zip('a'..)
            .map(|((server, more), name)| {
                let comma = if more.is_empty() { "" } else { "," };
                let address = server.addr();
                format!("{{ name = \"{name}\", address = \"{address}\"{comma} {more} }},\n")
            });
        let entries: String = entries.collect();
        let text = format!(
            "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
             [pool.app]\nbalance = \"{balance}\"\nqueue_timeout = \"20s\"\n\
             health = {{ type = \"tcp\", interval = \"20ms\", rise = 1, fall = 1 }}\n\
             backends = [\n{entries}]\n"
        );
        Self {
            scene: Scene::start(&text, arguments),
            servers,
            clients: 0,
            held: Vec::new(),
        }
    }

    fn next_client(&mut self) -> IpAddr {
        self.clients += 1;
        [127, 0, 7, self.clients].into()
    }

    #[track_caller]
    fn explain(&self, client: IpAddr) -> Value {
        self.scene
            .read(&format!("/v1/explain?client={client}:5555&listener=web"))
    }

    /// Asks for so many clients what they would get, and sees what they get; every third one stays.
    #[track_caller]
    fn clients_get_what_was_explained(&mut self, count: usize) {
        for number in 0..count {
            let client = self.next_client();
            let explained = self.explain(client);
            assert_eq!(explained, self.explain(client), "asking changes nothing");
            let view = &explained["workers"][0];
            let session = self.scene.connect_from(client);
            let backend = self.scene.backend_of(&session);
            assert_eq!(view["backend"], backend.as_str(), "{explained:#}");
            let of = |candidate: &&Value| candidate["verdict"] == "chosen";
            let chosen: Vec<_> = view["backends"]
                .as_array()
                .unwrap()
                .iter()
                .filter(of)
                .collect();
            assert_eq!(chosen.len(), 1, "{explained:#}");
            assert_eq!(chosen[0]["backend"], backend.as_str());
            if number % 3 == 0 {
                self.held.push(session);
            } else {
                self.scene.close(session);
            }
        }
    }

    /// The verdict on a backend.
    #[track_caller]
    fn verdict(&mut self, backend: &str) -> String {
        let client = self.next_client();
        let explained = self.explain(client);
        let all = explained["workers"][0]["backends"].as_array().unwrap();
        let found = all.iter().find(|it| it["backend"] == backend).unwrap();
        found["verdict"].as_str().unwrap().to_owned()
    }
}

#[test]
fn each_client_gets_the_backend_that_was_explained_whatever_the_algorithm_and_the_state() {
    for balance in ALGORITHMS {
        let mut stage = Stage::start(balance, &["--workers=1"]);
        stage.clients_get_what_was_explained(6);
        assert_eq!(stage.verdict("d"), "weight-0", "{balance}");
        assert_eq!(stage.verdict("f"), "backup", "{balance}");
        stage.scene.says("drain a");
        assert_eq!(stage.verdict("a"), "drain", "{balance}");
        stage.clients_get_what_was_explained(3);
        stage.scene.says("maint b");
        stage.scene.says("weight d 2");
        assert_eq!(stage.verdict("b"), "maint", "{balance}");
        stage.clients_get_what_was_explained(3);
        stage.servers[4].stop();
        stage.scene.await_state("e", "down");
        assert_eq!(stage.verdict("e"), "down", "{balance}");
        stage.clients_get_what_was_explained(3);
        stage.scene.says("weight d 0");
        // Only c is left, which has room for two.
        while stage.verdict("c") != "full" {
            stage.clients_get_what_was_explained(1);
        }
        stage.scene.says("maint c");
        stage.clients_get_what_was_explained(2); // the backup
        assert_eq!(stage.verdict("f"), "chosen", "{balance}");
    }
}

#[test]
fn who_would_wait_in_line_or_be_reset_is_told_so() {
    let mut stage = Stage::start("round-robin", &["--workers=1"]);
    let answer = |stage: &mut Stage| {
        let client = stage.next_client();
        let text = stage
            .scene
            .says(&format!("explain --client {client}:5555 --listener web"));
        let line = text.lines().next().unwrap();
        line.strip_prefix(&format!("{client} ")).unwrap().to_owned()
    };
    for backend in ["a", "b", "e"] {
        stage.scene.says(&format!("maint {backend}"));
    }
    stage.clients_get_what_was_explained(1);
    assert_eq!(answer(&mut stage), "gets app/c (round-robin)");
    let [second, third] = [(); 2].map(|()| {
        let client = stage.next_client();
        stage.scene.connect_from(client)
    });
    assert_eq!(stage.scene.backend_of(&second), "c");
    eventually("one waits", || {
        let connection = stage.scene.connection(third.local_addr().unwrap());
        connection.is_some_and(|it| it["backend"].is_null())
    });
    let wanted = "waits up to 20s in line behind 1: pool app is at its limits";
    assert_eq!(answer(&mut stage), wanted);
    // An end alone would be half of a session: it could still wait for an answer.
    SockRef::from(&third)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    stage.scene.close(third);
    let wanted = "waits up to 20s first in line: pool app is at its limits";
    assert_eq!(answer(&mut stage), wanted);
    stage.scene.says("maint c");
    stage.scene.says("maint f");
    let wanted = "is reset: no backend of pool app may get sessions";
    assert_eq!(answer(&mut stage), wanted);
    stage.scene.says("maint d");
    assert_eq!(answer(&mut stage), "is reset: no backend of pool app is up");
    let mut client = stage.scene.l4lb.connect();
    assert!(client.read(&mut [0]).is_err(), "so it is");
}

#[test]
fn each_worker_answers_for_itself_and_those_of_one_mind_are_one() {
    let stage = Stage::start("source-hash", &["--workers=3"]);
    let explained = stage.explain([127, 0, 7, 1].into());
    assert_eq!(
        explained["workers"][0]["workers"],
        serde_json::json!([1, 2, 3])
    );
    assert_eq!(explained["workers"].as_array().unwrap().len(), 1);
    let mut stage = Stage::start("round-robin", &["--workers=3"]);
    loop {
        let client = stage.next_client();
        let explained = stage.explain(client);
        let workers = explained["workers"].as_array().unwrap();
        let told: Vec<_> = workers.iter().map(|it| &it["backend"]).collect();
        let text = stage.scene.says(&format!("explain --client {client}"));
        let session = stage.scene.connect_from(client);
        let backend = stage.scene.backend_of(&session);
        assert!(told.iter().any(|it| **it == *backend), "{backend}: {text}");
        stage.held.push(session);
        if told.len() > 1 {
            assert!(text.contains("\n\nworker 1\nBACKEND  ADDRESS"), "{text}");
            let is_by_worker = text.starts_with(&format!("{client} at worker 1 gets app/"));
            assert_eq!(is_by_worker, told.iter().any(|it| *it != told[0]), "{text}");
            if is_by_worker {
                return;
            }
        }
    }
}

#[test]
fn what_keeps_a_client_from_every_worker_is_told_first() {
    let server = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let text = format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\nmax_connections = 1\n\
         [[listener]]\nname = \"mail\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nbackends = [\"{}\"]\n",
        server.addr()
    );
    let scene = Scene::start(&text, &["--max-connections=2"]);
    let answer = |listener: &str| {
        let text = scene.says(&format!("explain --client 10.0.0.1 --listener {listener}"));
        text.lines().next().unwrap().to_owned()
    };
    let backend = format!("app/{} (round-robin)", server.addr());
    assert_eq!(answer("web"), format!("10.0.0.1 gets {backend}"));
    let session = scene.l4lb.connect();
    scene.backend_of(&session);
    let waits = "10.0.0.1 waits to be accepted";
    let wanted = format!(
        "{waits}: listener web has 1 of 1 sessions (max_connections); let in now, it gets {backend}"
    );
    assert_eq!(answer("web"), wanted);
    assert_eq!(answer("mail"), format!("10.0.0.1 gets {backend}"));
    let refused = |words: &str, code: i32, hint: &str| {
        let output = scene.output(words);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words}: {error}");
        assert!(error.contains(hint), "{words}: {error}");
    };
    refused(
        "explain --client ::1",
        1,
        "several listeners, say which: web, mail",
    );
    refused(
        "explain --client ::1 --listener wbe",
        1,
        "\"wbe\": did you mean web?",
    );
    refused("explain", 2, "--client");
    scene.says("drain");
    assert_eq!(answer("web"), "10.0.0.1 is refused: l4lb is draining");
}
