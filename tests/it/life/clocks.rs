//! Fact 21: a process that was stopped, or held up, takes nobody else for late when it goes on.

use std::io::{Read, Write};
use std::time::Duration;

use super::watch::{freeze, let_pass};
use super::{available, echo, expect_echo};
use crate::harness::{Options, eventually};

const SHORT_TIMES: [&str; 4] = [
    "--health-interval=100ms",
    "--health-timeout=100ms",
    "--fall=1",
    "--idle-timeout=1s",
];

#[test]
fn a_stopped_process_that_goes_on_marks_nobody_down_and_cuts_no_session() {
    let backends = [echo(), echo(), echo()];
    let options = SHORT_TIMES
        .iter()
        .fold(Options::new(), |it, flag| it.arg(flag));
    let l4lb = options.backends(&backends).start();
    let mut clients: Vec<_> = (0..30).map(|_| l4lb.connect()).collect();
    clients.iter_mut().for_each(|it| expect_echo(it, b"before"));
    freeze(&l4lb);
    for client in &mut clients {
        client.write_all(b"meanwhile").unwrap();
    }
    let late_client = l4lb.connect();
    let_pass(Duration::from_millis(2500));
    l4lb.signal("CONT");
    for client in clients.iter_mut() {
        let mut back = [0; 9];
        client.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"meanwhile");
        expect_echo(client, b"after");
    }
    clients.push(late_client);
    expect_echo(clients.last_mut().unwrap(), b"late");
    let log = l4lb.log();
    assert!(!log.iter().any(|line| line.contains("is down")), "{log:?}");
    assert!(l4lb.access_log().is_empty(), "{:?}", l4lb.access_log());
}

/// Each wait of the loops is held up for longer than any timeout. With an error of EINTR, as after a
/// stop, it even brings no events: they are still to be read.
#[test]
fn loops_that_are_held_up_for_longer_than_a_timeout_read_the_answer_first() {
    if !available("strace") {
        return;
    }
    for fault in [
        "delay_enter=250ms",
        "error=EINTR:delay_enter=250ms:when=2+2",
    ] {
        let backend = echo();
        let calls = "/^epoll_p?wait";
        let options = Options::new().injecting(calls, &format!("{calls}:{fault}"));
        let options = options.backend(backend.addr());
        let flags = [
            "--health-interval=50ms",
            "--health-timeout=50ms",
            "--fall=1",
        ];
        let options = flags.iter().fold(options, |it, flag| it.arg(flag));
        let l4lb = options.arg("--idle-timeout=200ms").start();
        let mut client = l4lb.connect();
        for _ in 0..3 {
            expect_echo(&mut client, b"slowly");
        }
        eventually("probes", || backend.accepted() >= 5);
        let log = l4lb.log();
        assert!(
            !log.iter().any(|line| line.contains("is down")),
            "{fault}: {log:?}"
        );
    }
}
