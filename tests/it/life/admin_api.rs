//! The admin API and its commands, on a running l4lb.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;
use test_backends::{Behaviour, Server};

use super::{echo, expect_echo, site, whoami};
use crate::harness::{L4lb, Options, eventually};

/// A running l4lb, and the socket file of its admin API.
struct Scene {
    folder: TempDir,
    l4lb: L4lb,
}

impl Scene {
    fn start(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("l4lb.toml");
        fs::write(&file, text).unwrap();
        let admin = format!("--admin=unix:{}", folder.path().join("admin").display());
        let options = Options::new().arg("--config").arg(file.to_str().unwrap());
        let mut l4lb = options.arg(&admin).arg("--workers=2").start();
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

    /// The exit code and the error of one that does not.
    fn refuses(&self, words: &str) -> (i32, String) {
        let output = self.output(words);
        assert!(output.stdout.is_empty(), "{words}");
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), error)
    }

    fn serving(&self, clients: usize) -> String {
        let name = |_| whoami(self.l4lb.address()).unwrap();
        (0..clients).map(name).collect()
    }
}

fn file(backends: &[(&str, &Server)]) -> String {
    let entry = |(name, server): &(&str, &Server)| {
        format!(
            "  {{ name = \"{name}\", address = \"{}\" }},\n",
            server.addr()
        )
    };
    let backends: String = backends.iter().map(entry).collect();
    format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nbackends = [\n{backends}]\n"
    )
}

#[test]
fn what_a_command_has_answered_holds_for_the_next_client() {
    let (a, b) = (site("a"), site("b"));
    let scene = Scene::start(&file(&[("a", &a), ("b", &b)]));
    assert!(scene.serving(8).contains('a'));
    let said = scene.says("drain app/a --over 1m");
    assert_eq!(
        said,
        "app/a is drain (was up): 0 sessions to end within 1m\n"
    );
    assert_eq!(scene.serving(8), "bbbbbbbb");
    scene.says("ready app/a");
    let (code, error) = scene.refuses("drain --over 1m");
    assert!(code == 2 && error.contains("--over"), "{error}");
    let said = scene.says("drain app/a");
    assert!(said.starts_with("app/a is drain (was up)"), "{said}");
    assert_eq!(scene.serving(8), "bbbbbbbb");
    assert!(scene.says("backends").contains("drain"));
    assert_eq!(scene.says("ready a"), "app/a is up (was drain)\n");
    assert!(scene.serving(8).contains('a'));
    scene.says("maint a");
    assert_eq!(scene.serving(4), "bbbb");
    scene.says("ready a");
    assert_eq!(
        scene.says("weight b 0"),
        "app/b has weight 0 (was 1): 0 sessions go on\n"
    );
    assert_eq!(scene.serving(4), "aaaa");
}

#[test]
fn a_running_l4lb_shows_itself_and_its_connections() {
    let echo = echo();
    let scene = Scene::start(&file(&[("a", &echo)]));
    let mut client = scene.l4lb.connect();
    expect_echo(&mut client, b"0123456789");
    let status = scene.says("status");
    assert!(status.contains("web") && status.contains("app"), "{status}");
    assert_eq!(scene.output("status --ready").status.code(), Some(0));
    let connections = scene.says("connections");
    let address = client.local_addr().unwrap().to_string();
    let line = connections
        .lines()
        .find(|it| it.contains(&address))
        .unwrap();
    let id = line.split_whitespace().next().unwrap();
    scene.says(&format!("kill {id}"));
    let error = std::io::Read::read(&mut client, &mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let (code, error) = scene.refuses("kill ffffff");
    assert!(code == 1 && error.contains("ffffff"), "{error}");
    let json = scene.says("backends app --json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["backends"][0]["bytes_in"], 10);
}

#[test]
fn a_reload_by_command_says_what_changed_or_what_is_wrong() {
    let (a, b) = (site("a"), site("b"));
    let scene = Scene::start(&file(&[("a", &a)]));
    let path = scene.folder.path().join("l4lb.toml");
    assert_eq!(scene.says("reload"), "nothing has changed\n");
    scene.says("weight a 7");
    // Beside the watch, which may be quicker, and then nothing has changed any more.
    fs::write(&path, file(&[("a", &a), ("b", &b)])).unwrap();
    scene.says("reload");
    assert!(scene.serving(40).contains('b'));
    let weight = |it: &str| scene.says("backends").lines().any(|line| line.contains(it));
    assert!(weight(" 7 "), "the file did not change that value");
    fs::write(&path, "[pool.app]\nbackend = 3\n").unwrap();
    let (code, error) = scene.refuses("reload");
    assert_eq!(code, 78);
    assert!(
        error.contains("l4lb.toml:2:1: ") && error.contains("^"),
        "{error}"
    );
    assert!(error.contains("backends"), "the nearest key: {error}");
    assert!(scene.serving(40).contains('b'));
}

#[test]
fn the_api_stays_up_while_draining_and_goes_with_the_process() {
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let mut scene = Scene::start(&file(&[("a", &backend)]));
    let mut client = scene.l4lb.connect();
    expect_echo(&mut client, b"before");
    scene.says("drain");
    eventually("not ready", || {
        scene.output("status --ready").status.code() == Some(1)
    });
    let (code, error) = scene.refuses("weight a 3");
    assert!(code == 1 && error.contains("draining"), "{error}");
    expect_echo(&mut client, b"still here");
    drop(client);
    assert_eq!(scene.l4lb.wait().code(), Some(0));
    assert_eq!(scene.output("status").status.code(), Some(3));
}
