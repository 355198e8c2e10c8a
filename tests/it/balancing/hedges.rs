//! A connect that takes unusually long is raced by a second one.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use l4lb::config::{Balance, PoolConfig};
use test_backends::{Behaviour, Server};

use crate::harness::own_network::{self, command};
use crate::harness::{Embedded, PATIENCE, eventually, pool_over};
use crate::life::{available, expect_echo};

/// Connects after which a pool knows what is usual, with a race or two to spare.
const WARM_UP: usize = 60;

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

fn hedged(addresses: &[SocketAddr]) -> PoolConfig {
    let mut pool = pool_over(addresses);
    pool.hedge = true;
    pool
}

/// One client: how long it took from its connect to its echo.
fn ask(l4lb: &Embedded) -> Duration {
    let asked = Instant::now();
    expect_echo(&mut l4lb.connect(), b"hello");
    asked.elapsed()
}

/// SYNs to this port get lost from now on.
fn lose_syns_to(port: u16) {
    command("nft", &["add", "table", "ip", "loss"]);
    let hook = "{ type filter hook input priority 0; }";
    command("nft", &["add", "chain", "ip", "loss", "in", hook]);
    let rule = format!("add rule ip loss in tcp dport {port} tcp flags syn drop");
    command("nft", &[&rule]);
}

/// The kernel sends a lost SYN again after a second.
const RETRANSMISSION: Duration = Duration::from_secs(1);

#[test]
fn a_lost_syn_costs_a_hedged_client_milliseconds() {
    if !available("nft") {
        return;
    }
    own_network::run(
        module_path!(),
        "a_lost_syn_costs_a_hedged_client_milliseconds",
        || {
            let (a, b) = (echo(), echo());
            let l4lb = Embedded::start(hedged(&[a.addr(), b.addr()]));
            (0..WARM_UP).for_each(|_| _ = ask(&l4lb));
            lose_syns_to(a.addr().port());
            let before = b.accepted();
            let slowest = (0..2).map(|_| ask(&l4lb)).max().unwrap();
            assert!(slowest < RETRANSMISSION / 2, "{slowest:?}");
            assert_eq!(b.accepted(), before + 2, "its own client, and the other's");
            let lines = l4lb.wait_for_access_log(WARM_UP + 2);
            let raced = lines[WARM_UP..].iter().filter(|it| it.contains(" app/b "));
            assert_eq!(raced.count(), 2, "{lines:?}");
            assert!(
                lines.iter().all(|line| line.contains(" -- 0 ")),
                "{lines:?}"
            );
            for name in ["a", "b"] {
                assert_eq!(l4lb.backend(name).load.active.count(), 0);
            }
        },
    );
}

#[test]
fn without_hedging_a_lost_syn_costs_a_second() {
    if !available("nft") {
        return;
    }
    own_network::run(
        module_path!(),
        "without_hedging_a_lost_syn_costs_a_second",
        || {
            let (a, b) = (echo(), echo());
            let mut pool = hedged(&[a.addr(), b.addr()]);
            pool.hedge = false;
            pool.connect_timeout = RETRANSMISSION;
            let l4lb = Embedded::start(pool);
            (0..WARM_UP).for_each(|_| _ = ask(&l4lb));
            lose_syns_to(a.addr().port());
            let slowest = (0..2).map(|_| ask(&l4lb)).max().unwrap();
            assert!(slowest >= RETRANSMISSION, "{slowest:?}");
        },
    );
}

#[test]
fn races_are_one_connect_in_twenty_at_most() {
    if !available("nft") {
        return;
    }
    own_network::run(
        module_path!(),
        "races_are_one_connect_in_twenty_at_most",
        || {
            let (a, b) = (echo(), echo());
            let mut pool = hedged(&[a.addr(), b.addr()]);
            pool.connect_timeout = Duration::from_millis(300);
            let l4lb = Embedded::start(pool);
            (0..WARM_UP).for_each(|_| _ = ask(&l4lb));
            lose_syns_to(a.addr().port());
            // Three races are saved up; then clients of the lost backend wait for their timeout.
            let times: Vec<_> = (0..16).map(|_| ask(&l4lb)).collect();
            let quick = Duration::from_millis(200);
            let slow = times.iter().filter(|&&it| it > quick).count();
            assert!((4..=5).contains(&slow), "{times:?}");
        },
    );
}

/// What becomes of SYNs to these ports from now on.
fn treat_syns(rules: &[(u16, &str)]) {
    command("nft", &["add table ip loss"]);
    let hook = "{ type filter hook input priority 0; }";
    command("nft", &["add", "chain", "ip", "loss", "in", hook]);
    command("nft", &["flush chain ip loss in"]);
    for (port, verdict) in rules {
        let syn = "tcp flags & (syn|ack) == syn";
        let rule = format!("add rule ip loss in tcp dport {port} {syn} {verdict}");
        command("nft", &[&rule]);
    }
}

/// Two backends whose SYNs both get lost, in front of which a first client is racing them.
fn race_of_the_lost(limit: Option<u32>) -> (Embedded, [Server; 2], TcpStream) {
    let servers = [echo(), echo()];
    let mut pool = hedged(&servers.each_ref().map(Server::addr));
    pool.balance = Balance::First;
    pool.connect_timeout = PATIENCE;
    pool.backends
        .iter_mut()
        .for_each(|it| it.max_connections = limit);
    let l4lb = Embedded::start(pool);
    (0..WARM_UP).for_each(|_| _ = ask(&l4lb));
    let active = |name: &str| l4lb.backend(name).load.active.count();
    eventually("nobody is there", || active("a") == 0);
    treat_syns(&servers.each_ref().map(|it| (it.addr().port(), "drop")));
    let client = l4lb.connect();
    eventually("both are dialed", || active("a") + active("b") == 2);
    (l4lb, servers, client)
}

#[test]
fn the_place_that_the_loser_of_a_race_gives_back_goes_to_whoever_waits() {
    if !available("nft") {
        return;
    }
    own_network::run(
        module_path!(),
        "the_place_that_the_loser_of_a_race_gives_back_goes_to_whoever_waits",
        || {
            let (l4lb, [a, _b], mut first) = race_of_the_lost(Some(1));
            let mut second = l4lb.connect();
            treat_syns(&[(a.addr().port(), "drop")]);
            expect_echo(&mut first, b"by b");
            treat_syns(&[]);
            expect_echo(&mut second, b"by a");
        },
    );
}

#[test]
fn what_the_loser_of_a_race_said_is_not_taken_for_the_winner_s() {
    if !available("nft") {
        return;
    }
    own_network::run(
        module_path!(),
        "what_the_loser_of_a_race_said_is_not_taken_for_the_winner_s",
        || {
            let (_l4lb, [a, _b], mut client) = race_of_the_lost(None);
            treat_syns(&[(a.addr().port(), "reject with tcp reset")]);
            expect_echo(&mut client, b"by b");
            // A reply that is taken for the last one is held back for the end: 200 ms each.
            let asked = Instant::now();
            (0..5).for_each(|_| expect_echo(&mut client, b"hello"));
            assert!(
                asked.elapsed() < RETRANSMISSION / 2,
                "{:?}",
                asked.elapsed()
            );
        },
    );
}

#[test]
fn both_backends_of_a_race_count_as_tried() {
    if !available("nft") {
        return;
    }
    own_network::run(
        module_path!(),
        "both_backends_of_a_race_count_as_tried",
        || {
            let (a, b, c) = (echo(), echo(), echo());
            let mut pool = hedged(&[a.addr(), b.addr(), c.addr()]);
            pool.balance = Balance::First;
            pool.retries = 1;
            pool.connect_timeout = Duration::from_millis(400);
            let l4lb = Embedded::start(pool);
            (0..WARM_UP / 2).for_each(|_| _ = ask(&l4lb));
            treat_syns(&[&a, &b].map(|it| (it.addr().port(), "drop")));
            expect_echo(&mut l4lb.connect(), b"by c");
        },
    );
}
