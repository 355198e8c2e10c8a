//! Whoever counts for himself comes to the same numbers: clients, backends, metrics, admin API, access log.

use std::io::{Read, Write};
use std::net::Shutdown;

use test_backends::{Behaviour, Server};

use super::Scene;
use crate::harness::{Options, eventually};

/// What each client sends: small requests, and some that are spliced.
const SIZES: [usize; 12] = [
    1,
    10,
    100,
    1000,
    4096,
    65_536,
    1,
    3_000_000,
    7,
    1 << 20,
    12_345,
    2,
];

fn echoes() -> [Server; 3] {
    [(); 3].map(|()| Server::start("127.0.0.1:0", Behaviour::Echo).unwrap())
}

/// Sends so many bytes to an echo, and counts what comes back until the end.
fn exchange(scene: &Scene, bytes: usize) -> usize {
    let mut client = scene.l4lb.connect();
    let mut sender = client.try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        sender.write_all(&vec![b'x'; bytes]).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    thread.join().unwrap();
    back.len()
}

#[test]
fn metrics_the_api_and_the_access_log_agree_with_clients_and_backends_to_the_byte() {
    let servers = echoes();
    let options = Options::new().backends(&servers).arg("--workers=2");
    let scene = Scene::start(options);
    let back: usize = SIZES.map(|bytes| exchange(&scene, bytes)).iter().sum();
    let sent: usize = SIZES.iter().sum();
    assert_eq!(back, sent, "the echo is whole");
    let (count, bytes) = (SIZES.len() as f64, sent as f64);

    let lines = scene.l4lb.wait_for_access_log(SIZES.len());
    let logged: u64 = lines.iter().map(|line| bytes_of(line)[0]).sum();
    assert_eq!(logged, sent as u64, "{lines:#?}");
    eventually("all connections to be closed", || {
        scene.metrics().sum("l4lb_listener_connections_active", &[]) == 0.0
    });

    let read = scene.metrics();
    let table = [
        ("l4lb_listener_connections_total", count),
        ("l4lb_connections_closed_total", count),
        ("l4lb_connection_duration_seconds_count", count),
        ("l4lb_backend_connections_total", count),
        ("l4lb_backend_connect_attempts_total", count),
        ("l4lb_backend_connect_duration_seconds_count", count),
        ("l4lb_backend_connect_errors_total", 0.0),
        ("l4lb_backend_retries_total", 0.0),
        ("l4lb_listener_received_bytes_total", bytes),
        ("l4lb_listener_sent_bytes_total", bytes),
        ("l4lb_backend_received_bytes_total", bytes),
        ("l4lb_backend_sent_bytes_total", bytes),
        ("l4lb_relay_bytes_total", 2.0 * bytes),
        ("l4lb_access_log_lines_total", count),
        ("l4lb_access_log_dropped_total", 0.0),
        ("l4lb_backend_connections_active", 0.0),
    ];
    for (name, wanted) in table {
        assert_eq!(read.sum(name, &[]), wanted, "{name}");
    }
    let completed = [("reason", "completed")];
    let closed = read.sum("l4lb_connections_closed_total", &completed);
    assert_eq!(closed, count);
    assert!(read.sum("l4lb_relay_bytes_total", &[("path", "splice")]) > 0.0);
    assert!(read.sum("l4lb_loop_busy_seconds_total", &[]) > 0.0);

    let answer = scene.json("/v1/pools/app/backends");
    for (server, name) in servers.iter().zip(["a", "b", "c"]) {
        let backends = answer["backends"].as_array().unwrap();
        let backend = backends.iter().find(|it| it["name"] == name).unwrap();
        let labels = [("backend", name)];
        let same = |metric: &str, member: &str| {
            let metric = read.sum(metric, &labels);
            assert_eq!(Some(metric), backend[member].as_f64(), "{name} {member}");
            metric
        };
        same("l4lb_backend_connections_total", "connections_total");
        same("l4lb_backend_received_bytes_total", "bytes_out");
        same("l4lb_backend_connect_errors_total", "connect_errors_total");
        let received = same("l4lb_backend_sent_bytes_total", "bytes_in");
        assert_eq!(received, server.bytes_received() as f64, "{name}");
    }
}

/// The fields `512/49321` of a line: from the client, from the backend.
fn bytes_of(line: &str) -> [u64; 2] {
    let field = line.split(' ').nth(6).unwrap();
    let (bytes_in, bytes_out) = field.split_once('/').unwrap();
    [bytes_in, bytes_out].map(|it| it.parse().unwrap())
}

#[test]
fn each_connect_that_fails_is_counted_by_its_kind_where_it_failed() {
    let [mut refusing, serving, _] = echoes();
    refusing.stop();
    let options = Options::new()
        .backend(refusing.addr())
        .backend(serving.addr());
    let scene = Scene::start(options.arg("--health=off"));
    for _ in 0..4 {
        assert_eq!(exchange(&scene, 100), 100);
    }
    let read = scene.metrics();
    let (a, b) = ([("backend", "a")], [("backend", "b")]);
    let refused = [("backend", "a"), ("error", "refused")];
    let failed = read.sum("l4lb_backend_connect_errors_total", &a);
    assert_eq!(
        read.sum("l4lb_backend_connect_errors_total", &refused),
        failed
    );
    assert!(failed >= 2.0, "round robin begins with it: {failed}");
    assert_eq!(read.sum("l4lb_backend_connect_attempts_total", &a), failed);
    assert_eq!(read.sum("l4lb_backend_retries_total", &a), 0.0);
    assert_eq!(read.sum("l4lb_backend_retries_total", &b), failed);
    assert_eq!(read.sum("l4lb_backend_connections_total", &b), 4.0);
    assert_eq!(read.sum("l4lb_backend_connect_errors_total", &b), 0.0);
}

#[test]
fn clients_without_a_backend_are_rejected_closed_and_counted_for_the_pool() {
    let [mut server, ..] = echoes();
    server.stop();
    let options = Options::new().backend(server.addr());
    let scene = Scene::start(options.arg("--health-interval=50ms"));
    eventually("the backend to be down", || {
        scene.metrics().sum("l4lb_backend_up", &[]) == 0.0
    });
    for _ in 0..3 {
        let mut client = scene.l4lb.connect();
        let _ = client.read_to_end(&mut Vec::new());
    }
    let count = |metric: &str| scene.metrics().sum(metric, &[]);
    eventually("three clients", || {
        count("l4lb_pool_no_backend_total") == 3.0
    });
    let read = scene.metrics();
    let reason = [("reason", "no_backend")];
    assert_eq!(read.sum("l4lb_listener_rejected_total", &reason), 3.0);
    assert_eq!(read.sum("l4lb_listener_rejected_total", &[]), 3.0);
    assert_eq!(read.sum("l4lb_connections_closed_total", &reason), 3.0);
    assert_eq!(read.sum("l4lb_pool_backends", &[("state", "down")]), 1.0);
    assert_eq!(
        read.sum("l4lb_backend_transitions_total", &[("to", "down")]),
        1.0
    );
    assert!(read.sum("l4lb_backend_health_checks_total", &[("result", "failure")]) >= 3.0);
    assert_eq!(read.sum("l4lb_ready", &[]), 0.0);
}

#[test]
fn those_who_wait_in_line_are_the_length_of_the_queue() {
    let [server, ..] = echoes();
    let backend = format!("--backend=a={},max-connections=1", server.addr());
    let options = Options::new().arg(&backend).arg("--connect-timeout=20s");
    let scene = Scene::start(options);
    let length = || scene.metrics().sum("l4lb_pool_queue_length", &[]);
    let active = || scene.metrics().sum("l4lb_backend_connections_active", &[]);
    let mut first = scene.l4lb.connect();
    first.write_all(b"x").unwrap();
    eventually("the first one to be served", || active() == 1.0);
    let others = [(); 3].map(|()| scene.l4lb.connect());
    eventually("the others to wait", || length() == 3.0);
    let [second, third, fourth] = others;
    let third = socket2::Socket::from(third);
    third.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(third);
    eventually("one to give up", || length() == 2.0);
    drop(first);
    eventually("the second one to be served", || length() == 1.0);
    drop((second, fourth));
    eventually("nobody to wait", || length() == 0.0);
}
