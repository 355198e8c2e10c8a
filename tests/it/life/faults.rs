//! System calls that fail, by strace's hand: bytes stay right, nobody is stranded, nothing spins.

use std::io::{Read, Write};
use std::time::Duration;

use super::watch::cpu_time_within;
use super::{available, echo, expect_echo};
use crate::harness::{L4lb, Options};

/// Large enough to be spliced.
const BULK_BYTES: usize = 600_000;

/// Starts it in front of an echo, with `fault` injected into `call`: strace(1), tampering.
fn l4lb_with(call: &str, fault: &str, backend: std::net::SocketAddr) -> L4lb {
    let options = Options::new().injecting(call, &format!("{call}:{fault}"));
    let options = options.arg("--health=off");
    options.backend(backend).start()
}

/// Sends a block and reads it back at the same time.
fn relay_bulk(l4lb: &L4lb, seed: u8) {
    let mut client = l4lb.connect();
    let block: Vec<u8> = (0..=250)
        .map(|byte| byte ^ seed)
        .cycle()
        .take(BULK_BYTES)
        .collect();
    let mut writer = client.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&block).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut back = Vec::with_capacity(BULK_BYTES);
        client.read_to_end(&mut back).unwrap();
        assert!(back == block, "other bytes came back than were sent");
    });
}

/// Clients at once, and then one after the other: each is served, with its own bytes.
#[track_caller]
fn serves_through(call: &str, fault: &str) {
    let backend = echo();
    let l4lb = l4lb_with(call, fault, backend.addr());
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let l4lb = &l4lb;
            scope.spawn(move || relay_bulk(l4lb, seed));
        }
    });
    for _ in 0..3 {
        expect_echo(&mut l4lb.connect(), b"one after the other");
    }
    let lines = l4lb.wait_for_access_log(7);
    assert!(
        lines.iter().all(|line| line.contains(" -- ")),
        "{call}, {fault}: {lines:?}"
    );
    let spent = cpu_time_within(l4lb.pid(), Duration::from_millis(100));
    assert!(
        spent < Duration::from_millis(20),
        "{call}, {fault}: {spent:?} of idle time"
    );
}

fn serves_through_each(call: &str, faults: &[&str]) {
    if available("strace") {
        faults.iter().for_each(|fault| serves_through(call, fault));
    }
}

/// Fact 12.
#[test]
fn accept_may_fail() {
    let faults = [
        "error=EMFILE:when=1+3",
        "error=ENOMEM:when=2+2",
        "error=EINTR:when=1+2",
        "error=ECONNABORTED:when=2+2",
        "error=EINVAL:when=3",
    ];
    serves_through_each("accept4", &faults);
}

/// The first socket is the listener's.
#[test]
fn there_may_be_no_socket_for_a_backend() {
    let faults = [
        "error=EMFILE:when=2+3",
        "error=ENOMEM:when=2+2",
        "error=ENFILE:when=2..3",
    ];
    serves_through_each("socket", &faults);
}

/// Facts 10 and 19: none of these says anything of the backend.
#[test]
fn connect_may_fail_for_reasons_of_this_machine() {
    let faults = [
        "error=EINTR:when=1+2",
        "error=ENOMEM:when=1+3",
        "error=EADDRNOTAVAIL:when=1+3",
        "error=EAGAIN:when=1",
    ];
    serves_through_each("connect", &faults);
}

#[test]
fn there_may_be_no_pipe() {
    serves_through_each("pipe2", &["error=EMFILE", "error=ENFILE:when=2+2"]);
}

#[test]
fn splice_may_fail() {
    let faults = [
        "error=EINTR:when=1+2",
        "error=EINVAL",
        "error=ENOMEM:when=2+3",
    ];
    serves_through_each("splice", &faults);
}

#[test]
fn waiting_may_fail() {
    let faults = [
        "error=EINTR:when=1+2",
        "error=ENOMEM:when=1+3",
        "error=EINVAL:when=2..20",
    ];
    serves_through_each("/^epoll_p?wait", &faults);
}

#[test]
fn a_socket_may_not_be_watched() {
    if !available("strace") {
        return;
    }
    let backend = echo();
    let l4lb = l4lb_with("epoll_ctl", "error=ENOSPC:when=6+5", backend.addr());
    let mut served = 0;
    for _ in 0..20 {
        let mut client = l4lb.connect();
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut byte = [0];
        let answer = client
            .write_all(b"x")
            .and_then(|()| client.read_exact(&mut byte));
        served += usize::from(answer.is_ok());
    }
    l4lb.wait_for_access_log(20);
    assert!(served >= 10, "{served} of 20 were served");
}
