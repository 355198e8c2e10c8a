//! TERM and INT: the first one lets sessions finish, the second one does not wait for them.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{echo, expect_echo, site};
use crate::harness::{L4lb, Options, eventually};

fn refuses(l4lb: &L4lb) -> bool {
    TcpStream::connect(l4lb.address()).is_err_and(|it| it.kind() == ErrorKind::ConnectionRefused)
}

/// The two letters of each line of the access log.
fn letters(l4lb: &L4lb) -> Vec<String> {
    let word = |line: &String| line.split(' ').nth(7).unwrap_or(line).to_owned();
    l4lb.access_log().iter().map(word).collect()
}

#[test]
fn term_and_int_refuse_new_clients_and_let_live_sessions_finish() {
    for name in ["TERM", "INT"] {
        let backend = echo();
        let mut l4lb = Options::new().backend(backend.addr()).start();
        let mut client = l4lb.connect();
        expect_echo(&mut client, b"before");
        l4lb.signal(name);
        l4lb.wait_for_log("draining");
        eventually("closed listeners", || refuses(&l4lb));
        expect_echo(&mut client, &[5; 100_000]);
        drop(client);
        assert_eq!(l4lb.wait().code(), Some(0), "{name}");
        // Before it come those of clients that were quicker than the closing of the listener.
        eventually("the line of the session", || {
            letters(&l4lb).last().is_some_and(|it| it == "--")
        });
    }
}

#[test]
fn the_drain_deadline_cuts_what_is_left_and_the_exit_code_is_0() {
    let backend = echo();
    let options = Options::new().arg("--drain-timeout=500ms");
    let mut l4lb = options.backend(backend.addr()).start();
    let mut clients: Vec<_> = (0..20).map(|_| l4lb.connect()).collect();
    clients.iter_mut().for_each(|it| expect_echo(it, b"live"));
    let began = Instant::now();
    l4lb.signal("TERM");
    assert_eq!(l4lb.wait().code(), Some(0));
    assert!(began.elapsed() >= Duration::from_millis(500));
    for client in &mut clients {
        assert!(!matches!(client.read(&mut [0]), Ok(1..)));
    }
    eventually("the lines", || letters(&l4lb) == ["LD"; 20]);
}

#[test]
fn a_second_signal_ends_it_at_once_with_exit_code_0() {
    for [first, second] in [["TERM", "TERM"], ["INT", "TERM"], ["INT", "INT"]] {
        let backend = echo();
        let options = Options::new().arg("--drain-timeout=1h");
        let mut l4lb = options.backend(backend.addr()).start();
        let mut client = l4lb.connect();
        expect_echo(&mut client, b"live");
        l4lb.signal(first);
        l4lb.wait_for_log("draining");
        expect_echo(&mut client, b"still");
        l4lb.signal(second);
        assert_eq!(l4lb.wait().code(), Some(0), "{first}, {second}");
        eventually("the line", || letters(&l4lb) == ["LD"]);
    }
}

#[test]
fn a_signal_right_after_the_ready_line_is_obeyed() {
    let a = site("a");
    for _ in 0..10 {
        let mut l4lb = Options::new().backend(a.addr()).start();
        l4lb.signal("TERM");
        assert_eq!(l4lb.wait().code(), Some(0));
    }
}

/// A client whose connect has succeeded is not left behind when the listener closes: fact 17.
#[test]
fn clients_that_wait_when_it_is_told_to_stop_are_served() {
    let backend = echo();
    let l4lb = Options::new().backend(backend.addr()).start();
    super::watch::freeze(&l4lb);
    let mut waiting: Vec<_> = (0..200).map(|_| l4lb.connect()).collect();
    l4lb.signal("TERM");
    l4lb.signal("CONT");
    for client in &mut waiting {
        expect_echo(client, b"served");
    }
    drop(waiting);
    let mut l4lb = l4lb;
    assert_eq!(l4lb.wait().code(), Some(0));
    eventually("the lines", || letters(&l4lb) == ["--"; 200]);
}
