//! What becomes of clients whose backend went down.

use std::io::Read;
use std::time::{Duration, Instant};

use l4lb::config::{AllDown, OnDown, PoolConfig};
use test_backends::{Behaviour, Server};

use crate::harness::{Embedded, eventually, pool_over, tcp_checks};
use crate::life::expect_echo;

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

/// A pool over one backend, whose probes go to another server: stopping that one takes the backend
/// down and leaves its sessions alive.
fn doomed_pool(backend: &Server, probed: &Server, on_down: OnDown) -> PoolConfig {
    let mut pool = pool_over(&[backend.addr()]);
    let mut health = tcp_checks(Duration::from_millis(20));
    health.port = Some(probed.addr().port());
    pool.health = Some(health);
    pool.on_down = on_down;
    pool
}

#[test]
fn sessions_of_a_backend_that_went_down_are_kept_by_default() {
    let (backend, mut probed) = (echo(), echo());
    let l4lb = Embedded::start(doomed_pool(&backend, &probed, OnDown::Keep));
    let mut client = l4lb.connect();
    expect_echo(&mut client, b"before");
    probed.stop();
    eventually("new clients are turned away", || is_turned_away(&l4lb));
    expect_echo(&mut client, b"after");
}

#[test]
fn sessions_of_a_backend_that_went_down_are_reset_where_that_is_wanted() {
    let (backend, mut probed) = (echo(), echo());
    let l4lb = Embedded::start(doomed_pool(&backend, &probed, OnDown::Reset));
    let mut client = l4lb.connect();
    expect_echo(&mut client, b"before");
    probed.stop();
    let error = client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let lines = l4lb.wait_for_access_log(1);
    assert!(lines[0].contains(" 6/6 DD 0 "), "{lines:?}");
}

#[test]
fn with_drain_they_have_the_drain_timeout_to_end() {
    let (backend, mut probed) = (echo(), echo());
    let l4lb = Embedded::start(doomed_pool(&backend, &probed, OnDown::Drain));
    let mut client = l4lb.connect();
    expect_echo(&mut client, b"before");
    probed.stop();
    eventually("new clients are turned away", || is_turned_away(&l4lb));
    let down = Instant::now();
    expect_echo(&mut client, b"after");
    let error = client.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(
        down.elapsed() > Duration::from_millis(200),
        "{:?}",
        down.elapsed()
    );
}

#[test]
fn whoever_is_still_dialing_a_backend_that_goes_down_is_sent_elsewhere_at_once() {
    let hole = Server::start("127.0.0.1:0", Behaviour::NeverAccept).unwrap();
    let _fills_it = std::net::TcpStream::connect(hole.addr()).unwrap();
    let (good, mut probed) = (echo(), echo());
    let mut pool = pool_over(&[hole.addr(), good.addr()]);
    let mut health = tcp_checks(Duration::from_millis(20));
    health.port = Some(probed.addr().port());
    pool.health = Some(health);
    pool.connect_timeout = Duration::from_secs(600);
    pool.all_down = AllDown::TryAll;
    let l4lb = Embedded::start(pool);
    let mut client = l4lb.connect();
    eventually("it is dialing", || {
        l4lb.backend("a").load.active.count() == 1
    });
    probed.stop();
    // Both are down now, and all may be tried: whoever dials one tries the other.
    expect_echo(&mut client, b"served");
    drop(client);
    let lines = l4lb.wait_for_access_log(1);
    assert!(
        lines[0].contains(" app/b ") && lines[0].contains(" -- 0 "),
        "{lines:?}"
    );
}

#[test]
fn with_try_all_a_pool_that_is_down_is_tried_all_the_same() {
    let (backend, mut probed) = (echo(), echo());
    let mut pool = doomed_pool(&backend, &probed, OnDown::Keep);
    pool.all_down = AllDown::TryAll;
    pool.health.as_mut().unwrap().fall = 1;
    let l4lb = Embedded::start(pool);
    probed.stop();
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_millis(300) {
        expect_echo(&mut l4lb.connect(), b"served");
    }
}

/// Whether a new client gets no backend.
fn is_turned_away(l4lb: &Embedded) -> bool {
    let Ok(mut client) = std::net::TcpStream::connect(l4lb.address) else {
        return true; // the reset can overtake the connect
    };
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let answer = client.read(&mut [0]).map_err(|error| error.kind());
    matches!(answer, Err(std::io::ErrorKind::ConnectionReset))
}
