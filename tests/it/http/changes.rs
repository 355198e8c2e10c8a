//! Reloads while clients are connected, and what changes for them.

use std::io::{Read, Write};

use super::{Backend, Say, Scene, get, ok, response, rest};
use crate::harness::{descriptors, eventually};

/// Says which headers it has heard of those that begin with `X-`.
fn telling() -> Backend {
    Backend::start(|it| {
        let lines = it.head.lines().filter(|it| it.starts_with("X-"));
        Say::Bytes(ok(&lines.collect::<Vec<_>>().join("|")))
    })
}

fn generation(name: &str) -> String {
    format!("request_headers.set.X-Gen = \"{name}\"")
}

#[test]
fn a_client_that_has_said_nothing_gets_the_headers_of_the_reload() {
    let backend = telling();
    let mut scene = Scene::start(&generation("one"), "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    let mut kept = scene.l4lb.connect();
    kept.write_all(&get("/")).unwrap();
    assert_eq!(response(&mut kept).1, "X-Gen: one");
    scene.reload(|it| it.replace("\"one\"", "\"two\""));
    for client in [&mut client, &mut kept] {
        client.write_all(&get("/")).unwrap();
        assert_eq!(response(client).1, "X-Gen: two");
    }
}

#[test]
fn a_proxy_that_is_no_longer_trusted_is_not_believed_on_the_connection_that_it_has() {
    let backend = telling();
    let trusted = "trusted_proxies = [\"127.0.0.0/8\"]";
    let keys = format!("forwarded = \"x-forwarded\"\n{trusted}");
    let mut scene = Scene::start(&keys, "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n";
    client.write_all(request).unwrap();
    let heard = response(&mut client).1;
    assert!(heard.contains("X-Forwarded-For: 6.6.6.6"), "{heard}");
    scene.reload(|it| it.replace(trusted, ""));
    client.write_all(request).unwrap();
    let heard = response(&mut client).1;
    assert!(heard.contains("X-Forwarded-For: 127.0.0.1"), "{heard}");
}

#[test]
fn who_came_to_another_protocol_stays_with_it() {
    let http = "protocol = \"http\"\n[listener.http]\n";
    let backend = Backend::start(|_| Say::Bytes(ok("hello")));
    let mut scene = Scene::start("", "", &[backend.address]);
    let mut of_http = scene.l4lb.connect();
    scene.reload(|it| it.replace(http, ""));
    of_http.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    of_http
        .write_all(b"Host: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    assert!(rest(&mut of_http).ends_with("\r\n\r\nhello"));
    let mut of_tcp = scene.l4lb.connect();
    of_tcp.write_all(b"GET / HTTP/1.1\r\n").unwrap(); // it has a backend
    scene.reload(|it| it.replace("[pool.app]", &format!("{http}[pool.app]")));
    // What is no HTTP is relayed there, and answered by the backend as it likes.
    of_tcp.write_all(b"Host: a\r\nBare: \n\r\n\r\n").unwrap();
    assert_eq!(response(&mut of_tcp).1, "hello");
}

#[test]
fn parked_connections_go_when_they_end_and_when_another_protocol_begins() {
    let backends = ["a", "b"].map(|name| {
        Backend::start(move |it| {
            if it.head.starts_with("GET /up") {
                let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\n";
                return Say::Echo(head.into());
            }
            Say::Bytes(ok(name))
        })
    });
    let addresses = backends.each_ref().map(|it| it.address);
    let scene = Scene::start("per = \"request\"", "", &addresses);
    let before = descriptors(scene.l4lb.pid());
    let mut client = scene.l4lb.connect();
    for wanted in ["a", "b"] {
        client.write_all(&get("/")).unwrap();
        assert_eq!(response(&mut client).1, wanted);
    }
    eventually("both are kept", || {
        descriptors(scene.l4lb.pid()) == before + 3
    });
    let up = b"GET /up HTTP/1.1\r\nHost: a\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\n";
    client.write_all(up).unwrap();
    assert!(response(&mut client).0.starts_with("HTTP/1.1 101 "));
    client.write_all(b"ping").unwrap();
    let mut back = [0; 4];
    client.read_exact(&mut back).unwrap();
    eventually("the other one is closed", || {
        descriptors(scene.l4lb.pid()) == before + 2
    });
}
