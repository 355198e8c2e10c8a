//! The program as a shell sees it: what it says, on which stream, with which exit code.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use crate::client::{Client, End, start};
use test_backends::Behaviour;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-backends"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    program(arguments).output().expect("the program runs")
}

/// A program that runs until it is dropped.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { child, stderr }
    }

    /// Reads a line like "listening on 127.0.0.1:9001 (echo)".
    fn next_addr(&mut self, shown: &str) -> SocketAddr {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("a line");
        let end = format!(" ({shown})\n");
        let addr = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.strip_suffix(&end));
        addr.and_then(|addr| addr.parse().ok())
            .unwrap_or_else(|| panic!("{line:?}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_site_says_where_it_listens_and_serves() {
    let arguments = [
        "site",
        "--port",
        "0",
        "--colour",
        "light-blue",
        "--name",
        "b1",
    ];
    let mut running = Running::start(&arguments);
    let mut client = Client::connect(running.next_addr("site b1"));
    client.send("GET /whoami HTTP/1.0\r\n\r\n");
    let (answer, end) = client.take_rest();
    assert!(answer.ends_with(b"\r\n\r\nb1\n"));
    assert_eq!(end, End::Fin);
}

#[test]
fn three_sites_run_in_one_program() {
    let mut running = Running::start(&["sites", "--port", "0"]);
    for name in ["b1", "b2", "b3"] {
        let mut client = Client::connect(running.next_addr(&format!("site {name}")));
        client.send("GET /whoami HTTP/1.0\r\n\r\n");
        let (answer, _) = client.take_rest();
        assert!(answer.ends_with(format!("\r\n\r\n{name}\n").as_bytes()));
    }
}

#[test]
fn other_behaviours_run_too() {
    let mut running = Running::start(&["source", "--bytes", "5"]);
    Client::connect(running.next_addr("source")).take_pattern_to_the_end(5);
}

#[test]
fn usage_errors_exit_with_2_on_standard_error() {
    for arguments in [
        &[][..],
        &["nothing"],
        &["site", "--colour", "mauve"],
        &["echo", "--port", "65536"],
        &["sites", "--port", "65535"],
        &["source", "--bytes"],
    ] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_goes_to_standard_output() {
    let output = output(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    let help = String::from_utf8(output.stdout).expect("text");
    for command in ["site", "sites", "never-accept", "flapping"] {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn help_into_a_closed_pipe_is_a_silent_success() {
    let mut command = program(&["--help"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn an_address_in_use_is_named_and_exits_with_1() {
    let server = start(Behaviour::Echo);
    let output = output(&["echo", "--port", &server.addr().port().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains(&server.addr().to_string()), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
