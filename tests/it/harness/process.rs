//! One running l4lb.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use test_backends::Server;

use super::{PATIENCE, eventually};

/// How to start it.
#[derive(Default)]
pub(crate) struct Options {
    arguments: Vec<String>,
    backends: usize,
    /// Words before the program: `strace -e inject=...`.
    wrapper: Vec<String>,
}

impl Options {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds the next backend; they are named a, b, c in their order.
    pub(crate) fn backend(mut self, address: SocketAddr) -> Self {
        let name = char::from(b'a' + u8::try_from(self.backends).unwrap());
        self.backends += 1;
        self.arg(&format!("--backend={name}={address}"))
    }

    /// Adds a backend for each of these servers.
    pub(crate) fn backends(self, servers: &[Server]) -> Self {
        let addresses = servers.iter().map(Server::addr);
        addresses.fold(self, Self::backend)
    }

    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Runs the program through another one, such as strace, that becomes its parent.
    pub(crate) fn wrapped_in(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Has strace(1) tamper with the system calls that `trace` names, as `inject` says.
    pub(crate) fn injecting(self, trace: &str, inject: &str) -> Self {
        let quiet = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"];
        let [trace, inject] = [format!("trace={trace}"), format!("inject={inject}")];
        self.wrapped_in(&[&quiet[..], &["-e", &trace, "-e", &inject]].concat())
    }

    /// Starts it and waits until it listens: on a free port and with the access log kept in memory,
    /// unless the arguments name others, a file or `demo`.
    pub(crate) fn start(self) -> L4lb {
        let program = env!("CARGO_BIN_EXE_l4lb").to_owned();
        let words: Vec<String> = self.wrapper.into_iter().chain([program]).collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        for default in ["--listen=127.0.0.1:0", "--access-log=-"] {
            let flag = default.split('=').next().unwrap();
            let is_said = |it: &String| {
                let is_whole = it == "demo" || (it == "--config" && flag == "--listen");
                it.starts_with(flag) || is_whole
            };
            if !self.arguments.iter().any(is_said) {
                command.arg(default);
            }
        }
        command.args(self.arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let access_log = collect(child.stdout.take().unwrap());
        let log = collect(child.stderr.take().unwrap());
        let mut l4lb = L4lb {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            access_log,
            log,
            ended: None,
        };
        let prefix = "listening on ";
        l4lb.wait_for_log(prefix);
        let line = l4lb
            .log()
            .into_iter()
            .find(|line| line.starts_with(prefix))
            .unwrap();
        l4lb.address = line[prefix.len()..]
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        l4lb
    }
}

/// A running l4lb; dropping it kills it.
pub(crate) struct L4lb {
    child: Child,
    address: SocketAddr,
    access_log: Arc<Mutex<Vec<String>>>,
    log: Arc<Mutex<Vec<String>>>,
    ended: Option<ExitStatus>,
}

impl L4lb {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it, with deadlines on reads and writes.
    pub(crate) fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client.set_nodelay(true).unwrap();
        client
    }

    /// The id of the process that was started: the wrapper's, where there is one.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(status.success(), "kill -s {name} {pid}");
    }

    /// Lines of the operational log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Lines of the access log so far.
    pub(crate) fn access_log(&self) -> Vec<String> {
        self.access_log.lock().unwrap().clone()
    }

    /// Waits until the operational log has a line with `text` in it.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().iter().any(|line| line.contains(text)) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "it has ended: {ended:?}\n{}",
                self.log().join("\n")
            );
            assert!(
                Instant::now() < deadline,
                "no {text:?} in:\n{}",
                self.log().join("\n")
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Waits until the access log has `count` lines, and returns them.
    #[track_caller]
    pub(crate) fn wait_for_access_log(&self, count: usize) -> Vec<String> {
        eventually("lines in the access log", || {
            self.access_log().len() >= count
        });
        self.access_log()
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let ended = &mut self.ended;
        eventually("the end of the process", || {
            *ended = child.try_wait().unwrap();
            ended.is_some()
        });
        self.ended.unwrap()
    }
}

impl Drop for L4lb {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("its log:\n{}", self.log().join("\n"));
            eprintln!("its access log:\n{}", self.access_log().join("\n"));
        }
    }
}

/// Gathers lines in a thread that ends with its source.
fn collect(source: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            sink.lock().unwrap().push(line);
        }
    });
    lines
}
