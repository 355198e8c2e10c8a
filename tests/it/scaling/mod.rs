//! A pool whose command starts and stops backends: the real program, real commands, real processes.

mod commands;
mod example;
mod runs;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use test_backends::Server;

use crate::harness::{L4lb, Options, eventually};

/// Every run writes down what it was told, then does as the test says at that time.
const COMMAND: &str = r#"
echo "$(date +%s%N) $L4LB_EVENT $L4LB_SESSIONS $L4LB_BACKENDS $L4LB_WANTED" >> "$0.runs"
env > "$0.env"
. "$0.manner"
"#;

/// A running l4lb, the file that it runs from, and its command.
struct Scene {
    folder: TempDir,
    l4lb: L4lb,
}

impl Scene {
    /// One listener, and a pool with one backend that scales by these further keys.
    fn start(backend: &Server, scale: &str, manner: &str) -> Self {
        Self::with_pool(backend, scale, "", manner)
    }

    fn with_pool(backend: &Server, scale: &str, pool: &str, manner: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("command"), COMMAND).unwrap();
        fs::write(folder.path().join("command.manner"), manner).unwrap();
        fs::write(folder.path().join("command.runs"), "").unwrap();
        let command = folder.path().join("command");
        let scale = format!(
            "command = [\"/bin/sh\", {:?}], {scale}",
            command.display().to_string()
        );
        Self::run(folder, &file(backend, &scale, pool))
    }

    /// Runs from a file with this text.
    fn run(folder: TempDir, text: &str) -> Self {
        let path = folder.path().join("l4lb.toml");
        fs::write(&path, text).unwrap();
        let admin = format!("--admin=unix:{}", folder.path().join("admin").display());
        let options = Options::new().arg("--config").arg(path.to_str().unwrap());
        let mut l4lb = options.arg(&admin).arg("--drain-timeout=500ms").start();
        l4lb.wait_for_log("admin API on unix:");
        Self { folder, l4lb }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the command does from now on.
    fn behave(&self, manner: &str) {
        let new = self.path("manner.new");
        fs::write(&new, manner).unwrap();
        fs::rename(new, self.path("command.manner")).unwrap();
    }

    /// What each run was told so far: when, event, sessions, backends in service, backends wanted.
    fn runs(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path("command.runs")).unwrap();
        let words = |line: &str| line.split(' ').map(ToOwned::to_owned).collect();
        text.lines().map(words).collect()
    }

    /// What the command wrote into a file of its own, once it is whole.
    fn written(&self, name: &str) -> String {
        let path = self.path(name);
        let read = || fs::read_to_string(&path).unwrap_or_default();
        eventually(name, || read().ends_with('\n'));
        read()
    }

    fn l4lb(&self, words: &str) -> Output {
        let admin = format!("unix:{}", self.path("admin").display());
        Command::new(env!("CARGO_BIN_EXE_l4lb"))
            .args(words.split_whitespace())
            .args(["--admin", &admin])
            .output()
            .unwrap()
    }

    /// What the API says of the scale of the pool.
    fn scale(&self) -> Value {
        let output = self.l4lb("status --json");
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        status["pools"][0]["scale"].clone()
    }

    /// The addresses of the clients that this backend has.
    fn clients_of(&self, backend: &str) -> Vec<String> {
        let output = self.l4lb("connections --json");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = answer["connections"].as_array().unwrap().iter();
        let of_it = all.filter(|it| it["backend"] == backend);
        let client = |it: &Value| it["client"].as_str().unwrap().to_owned();
        of_it.map(client).collect()
    }

    /// The names of the backends.
    fn names(&self) -> Vec<String> {
        let output = self.l4lb("backends --json");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let backends = answer["backends"].as_array().unwrap().iter();
        let name = |it: &Value| it["name"].as_str().unwrap().to_owned();
        backends.map(name).collect()
    }
}

/// One listener, and a pool with the backend `a`.
fn file(backend: &Server, scale: &str, pool: &str) -> String {
    let address = backend.addr();
    format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\n{pool}\nhealth = {{ type = \"off\" }}\nscale = {{ {scale} }}\n\
         backends = [{{ name = \"a\", address = \"{address}\" }}]\n"
    )
}

/// Whether a process runs; one that waits to be buried does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    state.flatten().is_some_and(|state| !"ZX".contains(state))
}
