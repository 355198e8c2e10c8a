//! What l4lb itself says to clients in TLS, and how it ends.

use std::io::{Read, Write};
use std::time::Duration;

use super::super::Files;
use super::backends;
use crate::harness::eventually;
use crate::http::backend::{Backend, Say};
use crate::http::{get, ok, response, rest};
use crate::life::let_pass;

#[test]
fn a_page_comes_whole_and_the_end_is_said_behind_it() {
    let (files, backend) = (Files::new(&["localhost"]), Backend::saying(ok("x")));
    let nobody = "retries = 0\nbackends = [\"127.0.0.1:1\"]".to_owned();
    let served = backends(&[backend.address]);
    for (request, pool, status, letters) in [
        ("GET / HTTP/1.1\r\n\r\n", &served, "400 Bad Request", "PR"),
        ("GET / HT", &served, "408 Request Timeout", "cR"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &nobody,
            "502 Bad Gateway",
            "SC",
        ),
    ] {
        let l4lb = files.web("", "head_timeout = \"500ms\"", pool);
        let mut client = files.client(&l4lb, "localhost");
        client.write_all(request.as_bytes()).unwrap();
        let all = rest(&mut client); // an end that is not said would be an error
        drop(client);
        assert!(all.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{all}");
        assert!(all.contains("\r\nConnection: close\r\n"), "{all}");
        let line = l4lb.wait_for_access_log(1).remove(0);
        assert!(line.contains(&format!(" {letters} ")), "{status}: {line}");
    }
    assert!(backend.heard().is_empty());
}

#[test]
fn who_waits_in_vain_for_a_backend_is_told_so() {
    let backend = Backend::start(|_| {
        let_pass(Duration::from_secs(2));
        Say::Bytes(ok("x"))
    });
    let files = Files::new(&["localhost"]);
    let pool = format!(
        "queue_timeout = \"200ms\"\nbackends = [{{ address = \"{}\", max_connections = 1 }}]",
        backend.address
    );
    let l4lb = files.web("", "", &pool);
    let (mut first, mut second) = (
        files.client(&l4lb, "localhost"),
        files.client(&l4lb, "localhost"),
    );
    first.write_all(&get("/")).unwrap();
    eventually("the request is under way", || backend.heard().len() == 1);
    second.write_all(&get("/")).unwrap();
    let all = rest(&mut second);
    drop(second);
    assert!(
        all.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{all}"
    );
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" sQ "), "{line}");
    assert_eq!(response(&mut first).1, "x");
}

#[test]
fn a_page_ends_a_connection_on_which_requests_were_served() {
    let (files, backend) = (Files::new(&["localhost"]), Backend::saying(ok("x")));
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    client.write_all(&get("/")).unwrap();
    assert_eq!(response(&mut client).1, "x");
    client.write_all(b"G\0T / HTTP/1.1\r\n\r\n").unwrap();
    assert!(rest(&mut client).starts_with("HTTP/1.1 400 "));
}

#[test]
fn a_client_that_is_silent_between_two_requests_is_told_the_end_and_nothing_else() {
    let (files, backend) = (Files::new(&["localhost"]), Backend::saying(ok("x")));
    let l4lb = files.web("", "keep_alive = \"100ms\"", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    client.write_all(&get("/")).unwrap();
    assert_eq!(response(&mut client).1, "x");
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0, "a said end");
    drop(client);
    assert_eq!(
        l4lb.wait_for_access_log(1).len(),
        1,
        "one line for one request"
    );
}

#[test]
fn a_response_that_is_cut_short_is_no_said_end() {
    let part = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!";
    let files = Files::new(&["localhost"]);
    let backend = Backend::start(move |_| Say::Last(part.into()));
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    client.write_all(&get("/")).unwrap();
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap_err();
    assert!(all.ends_with(b"\r\n\r\nfive!"));
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" SD "), "{line}");
}

#[test]
fn a_body_without_an_end_of_its_own_ends_with_a_said_end() {
    let files = Files::new(&["localhost"]);
    let backend = Backend::start(|_| Say::Last(b"HTTP/1.0 200 OK\r\n\r\nto the end".to_vec()));
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    client.write_all(&get("/")).unwrap();
    assert!(rest(&mut client).ends_with("\r\n\r\nto the end"));
}

#[test]
fn a_drain_ends_idle_clients_and_tells_the_others_to_go() {
    let backend = Backend::start(|it| {
        if it.head.starts_with("GET /slow") {
            let_pass(Duration::from_millis(500));
        }
        Say::Bytes(ok("x"))
    });
    let files = Files::new(&["localhost"]);
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let (mut idle, mut busy) = (
        files.client(&l4lb, "localhost"),
        files.client(&l4lb, "localhost"),
    );
    idle.write_all(&get("/")).unwrap();
    response(&mut idle);
    busy.write_all(&get("/slow")).unwrap();
    eventually("the request is under way", || backend.heard().len() == 2);
    l4lb.signal("TERM");
    assert_eq!(rest(&mut idle), "", "a said end");
    let (head, body) = response(&mut busy);
    assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    assert_eq!((&*body, &*rest(&mut busy)), ("x", ""));
}
