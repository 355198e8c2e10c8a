//! What only a network of one's own can show: ports that run out, sockets that meet themselves,
//! packets that vanish, routes that do not exist.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use test_backends::{Behaviour, Server};

use super::scene::Scene;
use super::wire::{Ending, assert_silent, finish, receive, receive_exactly, send};
use crate::harness::own_network::{self, command};
use crate::harness::{Options, PATIENCE, eventually};

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

/// A client with an address, and so with ports, of its own. None if it was reset at once.
fn client_from(scene: &Scene, host: u8) -> Option<TcpStream> {
    scene.count_client();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let source = SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), 0));
    socket.bind(&source.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(&scene.l4lb.address().into()).ok()?;
    Some(socket.into())
}

/// Fact 18: with twenty ports, a connect to one of them is given that very port soon.
#[test]
fn a_backend_port_that_nobody_listens_on_refuses_even_a_socket_that_meets_itself() {
    own_network::run(
        module_path!(),
        "a_backend_port_that_nobody_listens_on_refuses_even_a_socket_that_meets_itself",
        || {
            own_network::set("ip_local_port_range", "40000 40019");
            let backends = [40_010, 40_012].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
            // The second attempt lets go of the first one's socket by itself.
            let scene = Scene::before(&backends, &["--retries=1"]);
            for host in 1..=100 {
                if let Some(client) = client_from(&scene, host) {
                    assert_eq!(receive(&client, 0), (0, Ending::Reset));
                }
            }
            for backend in backends {
                eventually("the port can be bound", || can_be_bound(backend));
            }
            for line in scene.end() {
                assert_eq!(
                    (line.letters.as_str(), line.bytes),
                    ("SC", (0, 0)),
                    "{line:?}"
                );
            }
        },
    );
}

/// Without SO_REUSEADDR, which would hide a TIME-WAIT.
fn can_be_bound(address: SocketAddr) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&address.into()).is_ok()
}

/// Fact 18, for probes: a probe that meets itself has not met a backend.
#[test]
fn a_probe_that_meets_itself_is_no_sign_of_life() {
    own_network::run(
        module_path!(),
        "a_probe_that_meets_itself_is_no_sign_of_life",
        || {
            own_network::set("ip_local_port_range", "40000 40019");
            let backend = SocketAddr::from(([127, 0, 0, 1], 40_010));
            let options = Options::new()
                .arg("--health-interval=5ms")
                .arg("--fall=1")
                .arg("--rise=1");
            let mut scene = Scene::start(options, &[backend], &[]);
            scene.l4lb.wait_for_log("is down");
            let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            silent
                .set_read_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            assert!(
                silent.recv(&mut [0]).is_err(),
                "time passes, and with it some hundred probes"
            );
            let log = scene.l4lb.log();
            assert!(!log.iter().any(|line| line.contains("is up")), "{log:?}");
            assert!(can_be_bound(backend));
            drop(scene.end());
        },
    );
}

/// Fact 19: it is this machine that lacks a port, and no word of it is the backend's.
#[test]
fn a_lack_of_ports_is_not_held_against_the_backend() {
    own_network::run(
        module_path!(),
        "a_lack_of_ports_is_not_held_against_the_backend",
        || {
            let backend = echo();
            let options = Options::new().arg("--health-interval=50ms").arg("--fall=1");
            let scene = Scene::start(options, &[backend.addr()], &["--retries=1"]);
            own_network::set("ip_local_port_range", "40000 40003");
            let mut served = Vec::new();
            let mut refused = 0;
            for host in 1..=10 {
                let Some(client) = client_from(&scene, host) else {
                    refused += 1;
                    continue;
                };
                send(&client, 0, 10);
                let mut byte = [0];
                match client.peek(&mut byte) {
                    Ok(1) => served.push(client),
                    _ => refused += 1,
                }
            }
            assert!(
                served.len() <= 4 && refused >= 6,
                "{} {refused}",
                served.len()
            );
            if let Some(client) = served.first() {
                receive_exactly(client, 0, 10);
                assert_silent(client, Duration::from_millis(300)); // some probes later
            }
            let log = scene.l4lb.log();
            assert!(!log.iter().any(|line| line.contains("is down")), "{log:?}");
            drop(served);
            let lines = scene.end();
            let lacking = lines.iter().filter(|line| line.letters == "RC").count();
            assert_eq!(lacking, refused, "{lines:?}");
        },
    );
}

#[test]
fn a_black_hole_costs_the_connect_timeout() {
    own_network::run(
        module_path!(),
        "a_black_hole_costs_the_connect_timeout",
        || {
            let (hole, good) = (echo(), echo());
            let port = hole.addr().port().to_string();
            command("nft", &["add", "table", "ip", "t"]);
            command(
                "nft",
                &["add chain ip t out { type filter hook output priority 0; }"],
            );
            command(
                "nft",
                &[
                    "add", "rule", "ip", "t", "out", "tcp", "dport", &port, "drop",
                ],
            );
            let timeout = "--connect-timeout=300ms";
            let alone = Scene::before(&[hole.addr()], &[timeout, "--retries=0"]);
            assert_eq!(receive(&alone.client(), 0), (0, Ending::Reset));
            let line = alone.end_of_one();
            assert_eq!(line.letters, "sC", "{line:?}");
            assert!(line.total >= Duration::from_millis(299), "{line:?}");
            let pair = Scene::before(&[hole.addr(), good.addr()], &[timeout]);
            assert_all_served(pair, 4);
        },
    );
}

#[test]
fn unreachable_and_prohibited_backends_cost_nothing() {
    own_network::run(
        module_path!(),
        "unreachable_and_prohibited_backends_cost_nothing",
        || {
            command("ip", &["route", "add", "unreachable", "10.9.1.1"]);
            command("ip", &["route", "add", "prohibit", "10.9.1.2"]);
            let good = echo();
            // The third has no route at all.
            for last in 1..=3 {
                let bad = SocketAddr::from(([10, 9, 1, last], 80));
                let alone = Scene::before(&[bad], &["--retries=0"]);
                if let Some(client) = alone.doomed_client() {
                    assert_eq!(receive(&client, 0), (0, Ending::Reset));
                }
                assert_eq!(alone.end_of_one().letters, "SC", "{bad}");
                assert_all_served(Scene::before(&[bad, good.addr()], &[]), 6);
            }
        },
    );
}

/// At least every other client meets the bad backend first, and none of them knows.
#[track_caller]
fn assert_all_served(scene: Scene, clients: u32) {
    for _ in 0..clients {
        let client = scene.client();
        send(&client, 0, 100);
        finish(&client);
        assert_eq!(receive(&client, 0), (100, Ending::Clean));
    }
    let lines = scene.end();
    assert!(lines.iter().all(|line| line.letters == "--"), "{lines:?}");
    let retries = lines.iter().map(|line| line.retries).sum::<u32>();
    assert!(
        retries >= clients / 2,
        "the bad backend was tried: {lines:?}"
    );
}
