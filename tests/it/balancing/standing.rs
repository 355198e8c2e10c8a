//! What takes a backend out and brings it back: failed connects, operators, slow start, HTTP checks.

use std::io::Read;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use l4lb::config::{EjectConfig, PoolConfig};
use l4lb::pool::Order;
use test_backends::{Behaviour, Server};

use crate::harness::{Embedded, Options, eventually, pool_over, tcp_checks};
use crate::life::{expect_echo, site, whoami};

fn pool(sites: &[Server]) -> PoolConfig {
    let addresses: Vec<SocketAddr> = sites.iter().map(Server::addr).collect();
    pool_over(&addresses)
}

/// Who serves so many clients, one after the other.
fn order(l4lb: &Embedded, clients: usize) -> String {
    (0..clients)
        .map(|_| whoami(l4lb.address).unwrap())
        .collect()
}

/// Whether no client is even tried on a backend that refuses.
fn is_left_out(l4lb: &Embedded, name: &str) -> bool {
    let before = l4lb.backend(name).load.failures();
    order(l4lb, 4);
    l4lb.backend(name).load.failures() == before
}

/// Attempts that went to a backend before another one served: the retries in the log.
fn retries(lines: &[String]) -> u32 {
    let field = |line: &String| line.split(' ').nth(8).unwrap().parse::<u32>().unwrap();
    lines.iter().map(field).sum()
}

#[test]
fn failed_connects_eject_a_backend_and_time_brings_it_back() {
    let mut sites = [site("a"), site("b")];
    let mut pool = pool(&sites);
    pool.eject = Some(EjectConfig {
        failures: 3,
        base: Duration::from_millis(700),
        ..EjectConfig::default()
    });
    let l4lb = Embedded::start(pool);
    assert_eq!(order(&l4lb, 2), "ab");
    sites[0].stop();
    eventually("three failures", || {
        order(&l4lb, 1);
        l4lb.backend("a").load.failures() >= 3
    });
    let ejected = Instant::now();
    eventually("nobody is sent there", || is_left_out(&l4lb, "a"));
    let lines = l4lb.wait_for_access_log(2);
    assert!(retries(&lines) < 12, "{lines:?}");
    sites[0].start_again().unwrap();
    eventually("it is back", || order(&l4lb, 2).contains('a'));
    let out = ejected.elapsed();
    assert!(out > Duration::from_millis(500), "{out:?}");
}

#[test]
fn a_passing_check_ends_an_ejection() {
    let mut sites = [site("a"), site("b")];
    let mut pool = pool(&sites);
    pool.eject = Some(EjectConfig {
        failures: 2,
        ..EjectConfig::default()
    });
    let mut health = tcp_checks(Duration::from_millis(100));
    health.fall = 1000;
    pool.health = Some(health);
    let l4lb = Embedded::start(pool);
    sites[0].stop();
    eventually("two failures", || {
        order(&l4lb, 1);
        l4lb.backend("a").load.failures() >= 2
    });
    sites[0].start_again().unwrap();
    // It is ejected for half a minute, and longer than anybody waits here.
    eventually("it is back", || order(&l4lb, 2).contains('a'));
}

#[test]
fn a_drained_backend_keeps_its_sessions_and_gets_no_more() {
    let echoes = [(); 2].map(|()| Server::start("127.0.0.1:0", Behaviour::Echo).unwrap());
    let mut pool = pool(&echoes);
    pool.health = Some(tcp_checks(Duration::from_millis(20)));
    let l4lb = Embedded::start(pool);
    let mut old = l4lb.connect();
    expect_echo(&mut old, b"on a");
    for taken_out in [Order::Drain, Order::Maint] {
        l4lb.order("a", taken_out);
        let served_by_a = || {
            let on_a = || l4lb.backend("a").load.active.count();
            eventually("only the old one is left on a", || on_a() == 1);
            let mut clients: Vec<_> = (0..2).map(|_| l4lb.connect()).collect();
            clients.iter_mut().for_each(|it| expect_echo(it, b"hello"));
            on_a() > 1
        };
        eventually("new clients go elsewhere", || !served_by_a());
        assert!(!served_by_a());
        expect_echo(&mut old, b"still here");
        l4lb.order("a", Order::Ready);
        eventually("it is back", served_by_a);
    }
}

#[test]
fn nobody_is_probed_in_maintenance() {
    let backend = Server::start("127.0.0.1:0", Behaviour::Discard).unwrap();
    let mut pool = pool_over(&[backend.addr()]);
    pool.health = Some(tcp_checks(Duration::from_millis(5)));
    let l4lb = Embedded::start(pool);
    eventually("it is probed", || backend.accepted() > 3);
    l4lb.order("a", Order::Maint);
    eventually("probes have ended", || {
        let before = backend.accepted();
        crate::life::let_pass(Duration::from_millis(50));
        backend.accepted() == before
    });
    l4lb.order("a", Order::Ready);
    let before = backend.accepted();
    eventually("it is probed again", || backend.accepted() > before + 3);
}

#[test]
fn a_backend_that_comes_back_starts_slowly() {
    let mut sites = [site("a"), site("b")];
    let mut pool = pool(&sites);
    let mut health = tcp_checks(Duration::from_millis(20));
    (health.rise, health.fall) = (1, 1);
    pool.health = Some(health);
    pool.slow_start = Duration::from_secs(4);
    let l4lb = Embedded::start(pool);
    assert_eq!(order(&l4lb, 4), "abab", "not at the start");
    sites[1].stop();
    eventually("b is down", || is_left_out(&l4lb, "b"));
    sites[1].start_again().unwrap();
    eventually("b is back", || order(&l4lb, 1) == "b");
    let share = |names: String| names.matches('b').count();
    let early = share(order(&l4lb, 40));
    assert!(early <= 12, "{early} of 40 in the first moments");
    eventually("b has its full share", || share(order(&l4lb, 40)) == 20);
}

#[test]
fn an_http_check_goes_by_the_status() {
    let (a, b) = (site("a"), site("b"));
    let start = |check: &str| {
        let options = Options::new().arg(check).arg("--health-interval=20ms");
        options.backend(a.addr()).backend(b.addr()).start()
    };
    let l4lb = start("--health=http:/health");
    eventually("it is checked", || a.accepted() >= 5 && b.accepted() >= 5);
    assert_eq!(whoami(l4lb.address()).unwrap(), "a");
    drop(l4lb);
    let mut l4lb = start("--health=http:/nothing-there");
    l4lb.wait_for_log("backend app/a is down: status 404 (3 of 3)");
    l4lb.wait_for_log("backend app/b is down: status 404 (3 of 3)");
    let mut client = l4lb.connect();
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
}

#[test]
fn a_busy_healthy_backend_is_hardly_probed() {
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let mut pool = pool_over(&[backend.addr()]);
    pool.health = Some(tcp_checks(Duration::from_millis(50)));
    let l4lb = Embedded::start(pool);
    let (mut clients, mut busy, mut pauses) = (0, Duration::ZERO, 0);
    while busy < Duration::from_millis(1500) {
        let before = Instant::now();
        expect_echo(&mut l4lb.connect(), b"hello");
        clients += 1;
        crate::life::let_pass(Duration::from_millis(5));
        // On a loaded machine there are times without a client, in which it is probed.
        match before.elapsed() {
            long if long > Duration::from_millis(20) => pauses += 1 + long.as_millis() / 20,
            short => busy += short,
        }
    }
    // Left alone it would have been probed thirty times.
    let probes = (backend.accepted() - clients) as u128;
    let most = 5 + pauses;
    assert!(
        probes <= most,
        "{probes} probes, {clients} clients, {pauses} pauses"
    );
}

/// A site whose answers to the checks are scripted, one status a check, the last one for ever. It ends
/// with the test process, and tells which check it answers.
fn scripted_site(script: &'static [u16]) -> (SocketAddr, std::sync::mpsc::Receiver<usize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, checks) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for number in 1.. {
            let Ok((mut client, _)) = listener.accept() else {
                return;
            };
            let status = script.get(number - 1).or_else(|| script.last()).unwrap();
            let answer = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: 0\r\n\r\n");
            let _ = client.read(&mut [0; 1024]);
            let _ = std::io::Write::write_all(&mut client, answer.as_bytes());
            if sender.send(number).is_err() {
                return;
            }
        }
    });
    (address, checks)
}

#[test]
fn two_failures_a_pass_and_three_failures_take_a_backend_down_once_after_the_last() {
    let (address, checks) = scripted_site(&[503, 503, 200, 503, 503, 503, 503, 503, 503]);
    let options = Options::new().arg("--health=http:/").arg("--fall=3");
    let options = options.arg("--health-interval=400ms").backend(address);
    let mut l4lb = options.start();
    let is_down = |l4lb: &crate::harness::L4lb| {
        let log = l4lb.log();
        let lines = log.iter().filter(|line| line.contains("app/a is "));
        lines.cloned().collect::<Vec<_>>()
    };
    for number in 1..=6 {
        assert!(is_down(&l4lb).is_empty(), "before check {number}");
        assert_eq!(checks.recv_timeout(crate::harness::PATIENCE), Ok(number));
    }
    l4lb.wait_for_log("backend app/a is down: status 503 (3 of 3)");
    for number in 7..=9 {
        assert_eq!(checks.recv_timeout(crate::harness::PATIENCE), Ok(number));
    }
    assert_eq!(is_down(&l4lb).len(), 1);
}
