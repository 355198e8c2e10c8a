//! Reloads while clients say where they want to go, or wait for a backend there.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{Scene, echo, hello, pool};
use crate::harness::eventually;

fn route(pool: &str) -> String {
    format!("route = [{{ sni = [\"shop.example\"], pool = \"{pool}\" }}]")
}

#[track_caller]
fn expect_back(client: &mut TcpStream, bytes: &[u8]) {
    let mut back = vec![0; bytes.len()];
    client.read_exact(&mut back).unwrap();
    assert_eq!(back, bytes);
}

/// A client whose hello is read as far as it has said it.
fn half_said(scene: &Scene, bytes: &[u8]) -> TcpStream {
    let mut client = scene.l4lb.connect();
    client.write_all(&bytes[..bytes.len() / 2]).unwrap();
    eventually("it is there", || connections(scene) == 1);
    client
}

fn connections(scene: &Scene) -> usize {
    let text = scene.say(&["connections", "--json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    list["connections"].as_array().unwrap().len()
}

#[test]
fn a_hello_that_is_half_said_goes_by_the_routes_that_there_are_when_it_is_whole() {
    let servers = [echo(), echo()];
    let pools = pool("one", servers[0].addr(), "") + &pool("two", servers[1].addr(), "");
    let mut scene = Scene::start(&route("one"), &pools);
    let bytes = hello("shop.example", &[]);
    let mut client = half_said(&scene, &bytes);
    scene.reload(&route("two"), &pools, "route shop.example: pool one -> two");
    client.write_all(&bytes[bytes.len() / 2..]).unwrap();
    expect_back(&mut client, &bytes);
    drop(client);
    assert_eq!(scene.lines(1)[0]["l4lb.pool"], "two");
}

#[test]
fn a_hello_that_is_half_said_goes_to_the_pool_where_no_route_is_left() {
    let servers = [echo(), echo()];
    let pools = pool("one", servers[0].addr(), "") + &pool("two", servers[1].addr(), "");
    let mut scene = Scene::start(&route("one"), &pools);
    let bytes = hello("other.example", &[]);
    let mut client = half_said(&scene, &bytes);
    scene.reload("pool = \"two\"", &pools, "route shop.example removed");
    client.write_all(&bytes[bytes.len() / 2..]).unwrap();
    expect_back(&mut client, &bytes);
    drop(client);
    assert_eq!(scene.lines(1)[0]["l4lb.pool"], "two");
}

/// A client that has a backend for one, and one who waits for it; both have said this.
fn served_and_waiting(listener: &str, pools: &str, bytes: &[u8]) -> (Scene, TcpStream, TcpStream) {
    let scene = Scene::start(listener, pools);
    let mut served = scene.l4lb.connect();
    served.write_all(bytes).unwrap();
    expect_back(&mut served, bytes);
    let mut waiting = scene.l4lb.connect();
    waiting.write_all(bytes).unwrap();
    eventually("it waits", || {
        let metrics = super::servers::scrape(&scene);
        metrics.contains("l4lb_pool_queue_length{pool=\"one\"} 1")
    });
    (scene, served, waiting)
}

#[test]
fn who_waits_for_a_backend_goes_where_the_new_routes_say() {
    let servers = [echo(), echo()];
    let one = pool("one", servers[0].addr(), "max_connections = 1");
    let one = one.replace("health", "queue_timeout = \"1h\"\nhealth");
    let pools = one + &pool("two", servers[1].addr(), "");
    let (mut scene, _served, mut waiting) =
        served_and_waiting(&route("one"), &pools, &hello("shop.example", &[]));
    // Its place among the destinations is another one than before.
    let listener = format!("pool = \"two\"\n{}", route("two"));
    scene.reload(&listener, &pools, "route shop.example: pool one -> two");
    expect_back(&mut waiting, &hello("shop.example", &[]));
    drop(waiting);
    assert_eq!(scene.lines(1)[0]["l4lb.pool"], "two");
}

#[test]
fn who_waits_for_a_backend_is_denied_where_no_route_takes_it_any_more() {
    let server = echo();
    let pools = pool("one", server.addr(), "max_connections = 1");
    let pools = pools.replace("health", "queue_timeout = \"1h\"\nhealth");
    let (mut scene, mut served, waiting) =
        served_and_waiting(&route("one"), &pools, &hello("shop.example", &[]));
    let other = route("one").replace("shop", "other");
    scene.reload(&other, &pools, "route shop.example removed");
    let line = &scene.lines(1)[0];
    assert_eq!(line["event.reason"], "denied", "{line}");
    drop(waiting);
    // Whoever is served stays served.
    served.write_all(b"more").unwrap();
    expect_back(&mut served, b"more");
}

#[test]
fn who_was_never_asked_for_a_name_waits_where_it_waits() {
    let servers = [echo(), echo()];
    let one = pool("one", servers[0].addr(), "max_connections = 1");
    let one = one.replace("health", "queue_timeout = \"1h\"\nhealth");
    let pools = one + &pool("two", servers[1].addr(), "");
    let (mut scene, served, mut waiting) = served_and_waiting("pool = \"one\"", &pools, b"plain");
    scene.reload(&route("two"), &pools, "route shop.example added");
    drop(served);
    expect_back(&mut waiting, b"plain");
    drop(waiting);
    let pools = scene.lines(2);
    assert!(
        pools.iter().all(|line| line["l4lb.pool"] == "one"),
        "{pools:?}"
    );
}

#[test]
fn a_hello_that_has_waited_is_counted_at_the_backend_that_gets_it() {
    let server = echo();
    let pools = pool("one", server.addr(), "max_connections = 1");
    let pools = pools.replace("health", "queue_timeout = \"1h\"\nhealth");
    let bytes = hello("shop.example", &[]);
    let (scene, served, mut waiting) = served_and_waiting(&route("one"), &pools, &bytes);
    drop(served);
    expect_back(&mut waiting, &bytes);
    drop(waiting);
    scene.lines(2);
    let text = scene.say(&["backends", "--json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    let backend = &list["backends"][0];
    for key in ["bytes_in", "bytes_out"] {
        assert_eq!(backend[key], 2 * bytes.len(), "{key}: {backend}");
    }
}

#[test]
fn explain_says_where_the_name_and_the_protocol_of_a_client_lead() {
    let servers = [echo(), echo()];
    let pools = pool("one", servers[0].addr(), "") + &pool("two", servers[1].addr(), "");
    let routes = "route = [{ sni = [\"shop.example\"], alpn = [\"h2\"], pool = \"two\" }, \
                  { sni = [\"shop.example\"], pool = \"one\" }]";
    let scene = Scene::start(routes, &pools);
    let backends = |words: &[&str]| {
        let all = [&["explain", "--client", "10.0.0.1"], words].concat();
        scene.say(&all)
    };
    let table: [(&[&str], &str); 4] = [
        (&["--sni", "shop.example"], "gets one/"),
        (&["--sni", "SHOP.example.", "--alpn", "h2"], "gets two/"),
        (
            &["--sni", "other.example"],
            "is denied: listener tls has no pool for other.example",
        ),
        (&[], "for clients that name no server"),
    ];
    for (words, wanted) in table {
        let said = backends(words);
        assert!(said.contains(wanted), "{words:?}: {said}");
    }
}
