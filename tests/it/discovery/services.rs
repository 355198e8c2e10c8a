//! Services (SRV): ports, weights, priorities, and the names of the servers.

use super::name_server::{NameServer, Saying, addresses, server};
use super::{Scene, sites};
use crate::harness::eventually;

const SERVICE: &str = "_http._tcp.web.example";

fn pool() -> String {
    format!("backends = [{{ name = \"s\", address = \"srv:{SERVICE}\", weight = 2 }}]")
}

#[test]
fn a_service_has_ports_weights_and_backups() {
    let (_one, one) = sites(&["127.0.0.2"]);
    let (_two, two) = sites(&["127.0.0.3"]);
    let names = NameServer::start();
    names.has("a.example", &["127.0.0.2"]);
    names.has("b.example", &["127.0.0.3"]);
    let records = vec![
        server(10, 5, one, "a.example."),
        server(20, 0, two, "B.example."),
    ];
    names.say(SERVICE, Saying::Records(1, records));
    let mut scene = Scene::start(names, &pool());
    let first = format!("s@127.0.0.2:{one} up 10");
    let backup = format!("s@127.0.0.3:{two} up 2 b");
    assert_eq!(scene.backends(), [&*first, &*backup]);
    assert_eq!(scene.serving(4), ["127.0.0.2"]);
    // The other way round, and the weights with it.
    let records = vec![
        server(20, 5, one, "a.example."),
        server(10, 3, two, "b.example."),
    ];
    scene.names.say(SERVICE, Saying::Records(1, records));
    let (first, backup) = (
        format!("s@127.0.0.3:{two} up 6"),
        format!("s@127.0.0.2:{one} up 10 b"),
    );
    scene.wait_for(&[&first, &backup]);
    assert_eq!(scene.serving(4), ["127.0.0.3"]);
    let line = format!("pool app: other weights or priorities (srv:{SERVICE})");
    scene.l4lb.wait_for_log(&line);
    // The name of a server is a name: its addresses change on their own.
    scene.names.has("b.example", &["127.0.0.4"]);
    scene.wait_for(&[&format!("s@127.0.0.4:{two} up 6"), &backup]);
}

#[test]
fn servers_of_a_service_change_without_a_moment_in_which_nobody_is_there() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3"]);
    let names = NameServer::start();
    names.has("a.example", &["127.0.0.2"]);
    names.say("b.example", Saying::Silence);
    let of = |name| Saying::Records(1, vec![server(1, 1, port, name)]);
    names.say(SERVICE, of("a.example."));
    let scene = Scene::start(names, &pool());
    let [old, new] = [2, 3].map(|it| format!("s@127.0.0.{it}:{port} up 2"));
    assert_eq!(scene.backends(), [&*old]);
    scene.names.say(SERVICE, of("b.example."));
    eventually("a look at the new name", || {
        scene.names.asked("b.example") > 3
    });
    assert_eq!(
        scene.backends(),
        [&*old],
        "nobody knows where the new one is"
    );
    scene
        .names
        .say("b.example", Saying::Records(60, addresses(&["127.0.0.3"])));
    scene.wait_for(&[&new]);
}

#[test]
fn a_service_that_says_that_it_is_not_there_has_no_backend_and_one_that_fails_keeps_them() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let names = NameServer::start();
    names.say("a.example", Saying::Records(60, addresses(&["127.0.0.2"])));
    let there = || Saying::Records(1, vec![server(1, 1, port, "a.example.")]);
    names.say(SERVICE, there());
    let mut scene = Scene::start(names, &pool());
    let up = format!("s@127.0.0.2:{port} up 2");
    for wrong in [Saying::NoName, Saying::Failure, Saying::Records(1, vec![])] {
        scene.names.say(SERVICE, wrong);
        let asked = scene.names.asked(SERVICE);
        eventually("a look", || scene.names.asked(SERVICE) > asked);
        assert_eq!(scene.backends(), [&*up]);
        scene.names.say(SERVICE, there());
        let asked = scene.names.asked(SERVICE);
        eventually("a good one", || scene.names.asked(SERVICE) > asked);
    }
    scene
        .l4lb
        .wait_for_log(&format!("cannot resolve the service '{SERVICE}': "));
    scene
        .names
        .say(SERVICE, Saying::Records(1, vec![server(0, 0, 0, ".")]));
    scene.wait_for(&[]);
    assert_eq!(scene.output("status --ready").status.code(), Some(1));
    scene.names.say(SERVICE, there());
    scene.wait_for(&[&up]);
}
