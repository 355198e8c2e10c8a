//! Limits: the most sessions, and no descriptor left. Who waits is served when there is room, and
//! needs nobody else to come for that.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::watch::cpu_time_within;
use super::{available, echo, expect_echo};
use crate::harness::{L4lb, Options, PATIENCE, descriptors, eventually};

/// Long enough for an answer to come, if one does.
const A_WHILE: Duration = Duration::from_millis(300);

/// A client that has sent `question` and has no answer after a while.
#[track_caller]
fn waiting_client(l4lb: &L4lb) -> TcpStream {
    let mut client = l4lb.connect();
    client.write_all(b"question").unwrap();
    client.set_read_timeout(Some(A_WHILE)).unwrap();
    let answer = client.read(&mut [0]);
    let waits = answer
        .as_ref()
        .is_err_and(|it| it.kind() == ErrorKind::WouldBlock);
    assert!(waits, "it was not to be served: {answer:?}");
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

#[track_caller]
fn expect_answer(client: &mut TcpStream) {
    let mut answer = [0; 8];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"question");
}

/// Fact 12: the edge that told of the waiting client is used up when there is room again.
#[test]
fn who_comes_when_the_house_is_full_is_served_when_somebody_leaves() {
    let backend = echo();
    let options = Options::new()
        .arg("--max-connections=3")
        .arg("--health=off");
    let mut l4lb = options.backend(backend.addr()).start();
    let mut served: Vec<_> = (0..3).map(|_| l4lb.connect()).collect();
    served.iter_mut().for_each(|it| expect_echo(it, b"served"));
    let mut waiting = [waiting_client(&l4lb), waiting_client(&l4lb)];
    l4lb.wait_for_log("3 sessions, the most there can be");
    let spent = cpu_time_within(l4lb.pid(), A_WHILE);
    assert!(
        spent < Duration::from_millis(30),
        "{spent:?} of processor time while waiting"
    );
    for client in &mut waiting {
        drop(served.pop());
        expect_answer(client);
    }
    assert_eq!(l4lb.wait_for_access_log(2).len(), 2);
}

#[test]
fn a_limit_that_comes_near_and_one_that_is_reached_are_told_once_each() {
    let backend = echo();
    let options = Options::new()
        .arg("--max-connections=10")
        .arg("--health=off");
    let mut l4lb = options.backend(backend.addr()).start();
    let mut clients: Vec<_> = (0..7).map(|_| l4lb.connect()).collect();
    clients.iter_mut().for_each(|it| expect_echo(it, b"served"));
    assert!(!l4lb.log().iter().any(|line| line.contains("near")));
    clients.push(l4lb.connect());
    l4lb.wait_for_log("8 sessions: the limit of 10 is near");
    clients.extend([l4lb.connect(), l4lb.connect()]);
    l4lb.wait_for_log("10 sessions, the most there can be");
    clients.iter_mut().for_each(|it| expect_echo(it, b"served"));
    assert_eq!(
        l4lb.log()
            .iter()
            .filter(|line| line.contains("WARN"))
            .count(),
        2
    );
}

/// Leaves a running process `spare` numbers for new descriptors, or many.
fn limit_descriptors(l4lb: &L4lb, spare: Option<usize>) {
    let open = fs::read_dir(format!("/proc/{}/fd", l4lb.pid())).unwrap();
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let open: HashSet<usize> = open.map(|entry| name(entry).parse().unwrap()).collect();
    let mut free = (0..).filter(|number| !open.contains(number));
    let soft = spare.map_or(1024, |spare| free.nth(spare).unwrap());
    let [pid, limit] = [format!("--pid={}", l4lb.pid()), format!("--nofile={soft}:")];
    assert!(
        Command::new("prlimit")
            .args([pid, limit])
            .status()
            .unwrap()
            .success()
    );
}

fn l4lb_without_descriptors(spare: usize, backend: std::net::SocketAddr) -> (L4lb, TcpStream) {
    let options = Options::new().wrapped_in(&["sh", "-c", "ulimit -n 1024; exec \"$@\"", "sh"]);
    let options = options.arg("--connect-timeout=20s").arg("--health=off");
    let l4lb = options.backend(backend).start();
    let mut served = l4lb.connect();
    expect_echo(&mut served, b"served");
    limit_descriptors(&l4lb, Some(spare));
    (l4lb, served)
}

/// Fact 12: with 0 to spare accept fails, with 1 the socket for the backend does.
#[test]
fn without_descriptors_clients_wait_and_are_served_when_there_are_some_again() {
    if !available("prlimit") {
        return;
    }
    for (spare, what) in [
        (0, "cannot accept a client"),
        (1, "cannot connect to a backend"),
    ] {
        let backend = echo();
        let (mut l4lb, mut served) = l4lb_without_descriptors(spare, backend.addr());
        let mut waiting = [waiting_client(&l4lb), waiting_client(&l4lb)];
        l4lb.wait_for_log(what);
        let spent = cpu_time_within(l4lb.pid(), 2 * A_WHILE);
        assert!(
            spent < Duration::from_millis(60),
            "{spent:?} of processor time while waiting"
        );
        expect_echo(&mut served, b"live sessions feel nothing");
        limit_descriptors(&l4lb, None);
        waiting.iter_mut().for_each(expect_answer);
        drop((served, waiting));
        let lines = l4lb.wait_for_access_log(3);
        assert!(lines.iter().all(|line| line.contains(" -- ")), "{lines:?}");
    }
}

#[test]
fn descriptors_that_a_session_gives_back_go_to_who_waits() {
    if !available("prlimit") {
        return;
    }
    for spare in [0, 1] {
        let backend = echo();
        let (l4lb, served) = l4lb_without_descriptors(spare, backend.addr());
        let mut first = waiting_client(&l4lb);
        let mut second = waiting_client(&l4lb);
        drop(served);
        expect_answer(&mut first);
        drop(first);
        expect_answer(&mut second);
        drop(second);
        let lines = l4lb.wait_for_access_log(3);
        assert!(lines.iter().all(|line| line.contains(" -- ")), "{lines:?}");
    }
}

/// Who waits for a descriptor longer than the connect timeout is told so, not kept for ever.
#[test]
fn a_client_for_whom_no_descriptor_comes_in_time_is_let_go() {
    if !available("prlimit") {
        return;
    }
    let backend = echo();
    let options = Options::new().wrapped_in(&["sh", "-c", "ulimit -n 1024; exec \"$@\"", "sh"]);
    let options = options.arg("--connect-timeout=300ms").arg("--health=off");
    let l4lb = options.backend(backend.addr()).start();
    expect_echo(&mut l4lb.connect(), b"served");
    l4lb.wait_for_access_log(1);
    limit_descriptors(&l4lb, Some(1));
    let mut client = l4lb.connect();
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
    let lines = l4lb.wait_for_access_log(2);
    assert!(lines[1].contains(" RC "), "{lines:?}");
    limit_descriptors(&l4lb, None);
    expect_echo(&mut l4lb.connect(), b"served");
}

#[test]
fn a_low_limit_of_descriptors_is_respected_and_said() {
    let backend = echo();
    let wrapper = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
    let mut l4lb = Options::new()
        .wrapped_in(&wrapper)
        .backend(backend.addr())
        .start();
    l4lb.wait_for_log("with 64 descriptors");
    let log = l4lb.log();
    let line = log.iter().find(|line| line.contains("at most ")).unwrap();
    let words: Vec<&str> = line.split_once("at most ").unwrap().1.split(' ').collect();
    let most: usize = words[0].parse().unwrap();
    let mut clients: Vec<_> = (0..most).map(|_| l4lb.connect()).collect();
    clients
        .iter_mut()
        .for_each(|it| expect_echo(it, &[3; 100_000]));
    let mut waiting = waiting_client(&l4lb);
    clients.pop();
    expect_answer(&mut waiting);
    drop((clients, waiting));
    l4lb.wait_for_access_log(most + 1);
    let log = l4lb.log();
    assert!(!log.iter().any(|line| line.contains("cannot")), "{log:?}");
    eventually("descriptors given back", || descriptors(l4lb.pid()) < 40);
}
