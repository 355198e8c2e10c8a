//! The operational log is a pipe that nobody reads any more, as behind a paused pager.

use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use test_backends::{Behaviour, Server};

use super::watch::Guarded;
use super::{site, whoami};
use crate::harness::eventually;

/// What the pipe holds: one page.
const PIPE_BYTES: usize = 4096;

/// A longer line than any that is logged here.
const LINE_BYTES: u64 = 200;

/// A process whose log is not read after the ready line.
fn start(words: &[&str]) -> (Guarded, SocketAddr, BufReader<PipeReader>) {
    let (reader, writer) = pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BYTES).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_l4lb"));
    command
        .arg("--listen=127.0.0.1:0")
        .args(words)
        .stdin(Stdio::null());
    let child = Guarded(command.stderr(writer).spawn().unwrap());
    let mut log = BufReader::new(reader);
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let address = line
        .strip_prefix("listening on ")
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let address = address.parse().unwrap();
    (child, address, log)
}

#[test]
fn a_log_that_is_stuck_keeps_it_neither_from_serving_nor_from_ending() {
    let spell = Duration::from_millis(5);
    let inner = Box::new(Behaviour::Echo);
    let flapping = Behaviour::Flapping {
        up: spell,
        down: spell,
        inner,
    };
    let (a, b) = (site("a"), Server::start("127.0.0.1:0", flapping).unwrap());
    let backends =
        [("a", a.addr()), ("b", b.addr())].map(|(name, it)| format!("--backend={name}={it}"));
    let flags = ["--health-interval=2ms", "--fall=1", "--rise=1"];
    let words = [&flags[..], &[&backends[0], &backends[1]]].concat();
    let (mut l4lb, address, log) = start(&words);
    eventually("a full pipe", || {
        rustix::io::ioctl_fionread(log.get_ref()).unwrap() > PIPE_BYTES as u64 - LINE_BYTES
    });
    drop(b);
    for _ in 0..10 {
        assert_eq!(whoami(address).unwrap(), "a");
    }
    let pid = l4lb.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", "TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let mut code = None;
    eventually("the end of the process", || {
        code = l4lb.0.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
}
