//! Connections from one request to the next: kept, parked, asked anew, closed.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Backend, Say, Scene, get, ok, response, rest};
use crate::harness::eventually;
use crate::life::let_pass;

/// Who has answered, and on which connection of its own.
fn named(name: &'static str) -> Backend {
    Backend::start(move |it| Say::Bytes(ok(&format!("{name}{}", it.connection))))
}

fn ask_each(scene: &Scene, count: usize) -> Vec<String> {
    let mut client = scene.l4lb.connect();
    let ask = |_| {
        client.write_all(&get("/")).unwrap();
        response(&mut client).1
    };
    (0..count).map(ask).collect()
}

#[test]
fn a_client_keeps_its_backend_and_the_next_client_gets_another() {
    let backends = [named("a"), named("b")];
    let scene = Scene::start("", "", &backends.each_ref().map(|it| it.address));
    assert_eq!(ask_each(&scene, 3), ["a0", "a0", "a0"]);
    assert_eq!(ask_each(&scene, 2), ["b0", "b0"]);
}

#[test]
fn per_request_each_one_is_balanced_and_connections_are_used_again() {
    let backends = [named("a"), named("b")];
    let addresses = backends.each_ref().map(|it| it.address);
    let scene = Scene::start("per = \"request\"", "", &addresses);
    let answers = ask_each(&scene, 6);
    assert_eq!(answers, ["a0", "b0", "a0", "b0", "a0", "b0"]);
    // Another client has connections of its own.
    assert_eq!(ask_each(&scene, 2), ["a1", "b1"]);
}

#[test]
fn a_backend_that_closes_between_two_requests_costs_the_client_nothing() {
    let backend = Backend::start(|it| Say::Last(ok(&it.connection.to_string())));
    for per in ["connection", "request"] {
        let scene = Scene::start(&format!("per = \"{per}\""), "", &[backend.address]);
        let mut client = scene.l4lb.connect();
        let ask = |_| {
            client.write_all(&get("/")).unwrap();
            let answer = response(&mut client).1;
            let_pass(Duration::from_millis(20)); // its end arrives
            answer
        };
        let answers: Vec<String> = (0..3).map(ask).collect();
        assert_ne!(answers[0], answers[1], "{per}");
        assert_ne!(answers[1], answers[2], "{per}");
        assert!(scene.lines(3).iter().all(|it| it[7] == "--"), "{per}");
    }
}

/// Answers the first request of each connection, and resets at the next one.
fn once_each() -> Backend {
    let asked = AtomicUsize::new(0);
    Backend::start(move |it| match asked.fetch_add(1, Ordering::SeqCst) {
        1 => Say::Reset,
        _ => Say::Bytes(ok(&it.connection.to_string())),
    })
}

#[test]
fn a_kept_connection_that_turns_out_dead_is_replaced_where_asking_twice_does_no_harm() {
    let backend = once_each();
    let scene = Scene::before(&backend);
    assert_eq!(ask_each(&scene, 2), ["0", "1"]);
    let statuses: Vec<String> = scene.lines(2).iter().map(|it| it[15].clone()).collect();
    assert_eq!(statuses, ["200", "200"]);
}

#[test]
fn what_may_have_been_done_is_not_asked_again() {
    let backend = once_each();
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    client.write_all(&get("/")).unwrap();
    response(&mut client);
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
    client.write_all(post).unwrap();
    let all = rest(&mut client);
    assert!(all.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{all}");
    drop(client);
    let line = &scene.lines(2)[1];
    assert_eq!((&*line[7], &*line[15]), ("SD", "502"));
    assert_eq!(backend.heard().len(), 2);
}

#[test]
fn a_client_that_is_silent_between_two_requests_is_closed_without_a_word() {
    let backend = Backend::saying(ok("x"));
    let scene = Scene::start("keep_alive = \"100ms\"", "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    client.write_all(&get("/")).unwrap();
    assert_eq!(response(&mut client).1, "x");
    assert_eq!(rest(&mut client), "", "a clean end");
    drop(client);
    assert_eq!(scene.lines(1).len(), 1, "one line for one request");
}

#[test]
fn the_pause_between_requests_begins_anew_with_each() {
    let backend = Backend::saying(ok("x"));
    let scene = Scene::start("keep_alive = \"400ms\"", "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    for _ in 0..5 {
        client.write_all(&get("/")).unwrap();
        assert_eq!(response(&mut client).1, "x");
        let_pass(Duration::from_millis(150));
    }
}

#[test]
fn a_backend_hears_once_for_each_connection_who_the_client_is() {
    let backend = named("a");
    let scene = Scene::start("", "send_proxy = \"v1\"", &[backend.address]);
    let mut client = scene.l4lb.connect();
    let port = client.local_addr().unwrap().port();
    for _ in 0..2 {
        client.write_all(&get("/")).unwrap();
        assert_eq!(response(&mut client).1, "a0");
    }
    let heads: Vec<String> = backend.heard().into_iter().map(|it| it.head).collect();
    let told = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {port} ");
    assert!(heads[0].starts_with(&told), "{heads:?}");
    assert!(heads[0].contains("\r\nGET / HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[1].starts_with("GET / HTTP/1.1\r\n"), "{heads:?}");
}

#[test]
fn a_drain_ends_idle_clients_and_tells_the_others_to_go() {
    let backend = Backend::start(|it| {
        if it.head.starts_with("GET /slow") {
            let_pass(Duration::from_millis(500));
        }
        Say::Bytes(ok("x"))
    });
    let scene = Scene::before(&backend);
    let (mut idle, mut busy) = (scene.l4lb.connect(), scene.l4lb.connect());
    idle.write_all(&get("/")).unwrap();
    response(&mut idle);
    busy.write_all(&get("/slow")).unwrap();
    eventually("the request is under way", || backend.heard().len() == 2);
    scene.l4lb.signal("TERM");
    assert_eq!(rest(&mut idle), "", "a clean end");
    let (head, body) = response(&mut busy);
    assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    assert_eq!((&*body, &*rest(&mut busy)), ("x", ""));
}
