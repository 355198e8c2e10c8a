//! Idle costs nothing, and a flood of clients that go at once leaves nothing behind.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::watch::cpu_time_within;
use super::{echo, expect_echo};
use crate::harness::{L4lb, Options, descriptors, eventually, resident_bytes, sockets_in_state};

const CLOSE_WAIT: u8 = 8;
const SYN_SENT: u8 = 2;
const FLOOD: usize = 2000;

#[test]
fn an_idle_process_with_open_sessions_uses_no_processor_time() {
    let backend = echo();
    let l4lb = Options::new()
        .arg("--health=off")
        .backend(backend.addr())
        .start();
    let mut clients: Vec<_> = (0..50).map(|_| l4lb.connect()).collect();
    clients
        .iter_mut()
        .for_each(|it| expect_echo(it, &[1; 50_000]));
    let spent = cpu_time_within(l4lb.pid(), Duration::from_secs(1));
    assert!(spent < Duration::from_millis(3), "{spent:?} in a second");
}

#[test]
fn an_idle_process_that_probes_uses_next_to_none() {
    let backend = echo();
    let l4lb = Options::new().backend(backend.addr()).start();
    eventually("the first probe", || backend.accepted() > 0);
    let spent = cpu_time_within(l4lb.pid(), Duration::from_secs(1));
    assert!(spent < Duration::from_millis(5), "{spent:?} in a second");
}

/// After a flood: descriptors and sockets as before, and a client is served without delay.
fn expect_calm(l4lb: &L4lb, backend: std::net::SocketAddr, baseline: usize) {
    eventually("descriptors at their baseline", || {
        descriptors(l4lb.pid()) <= baseline
    });
    for state in [CLOSE_WAIT, SYN_SENT] {
        eventually("no socket left over", || {
            sockets_in_state(backend, state) == 0
        });
    }
    let began = Instant::now();
    expect_echo(&mut l4lb.connect(), b"canary");
    assert!(began.elapsed() < Duration::from_secs(1));
    let spent = cpu_time_within(l4lb.pid(), Duration::from_millis(200));
    assert!(
        spent < Duration::from_millis(10),
        "{spent:?} when all is over"
    );
}

fn flood_with(leave: impl Fn(TcpStream) + Sync) {
    let backend = echo();
    let l4lb = Options::new()
        .arg("--health=off")
        .backend(backend.addr())
        .start();
    expect_echo(&mut l4lb.connect(), b"warm");
    l4lb.wait_for_access_log(1);
    eventually("one session gone", || descriptors(l4lb.pid()) < 40);
    let baseline = descriptors(l4lb.pid());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..FLOOD / 2).for_each(|_| leave(l4lb.connect())));
        }
    });
    l4lb.wait_for_access_log(FLOOD + 1);
    expect_calm(&l4lb, backend.addr(), baseline);
    l4lb.wait_for_access_log(FLOOD + 2);
    assert_eq!(
        l4lb.access_log().len(),
        FLOOD + 2,
        "one line per connection"
    );
    assert!(resident_bytes(l4lb.pid()) < 64 << 20);
}

#[test]
fn a_flood_of_clients_that_close_at_once_leaves_nothing_behind() {
    flood_with(drop);
}

#[test]
fn a_flood_of_clients_that_reset_at_once_leaves_nothing_behind() {
    flood_with(|client| {
        SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap()
    });
}
