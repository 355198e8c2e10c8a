//! What few peers do: new keys in the midst, ends of one direction, answers before the question, slow readers.

use std::io::{Read, Write};
use std::time::Duration;

use super::super::Files;
use super::backends;
use crate::harness::resident_bytes;
use crate::http::backend::{Backend, Say};
use crate::http::{get, ok, response, rest};
use crate::life::let_pass;

/// The lines of the configuration for a backend with TLS.
fn secure(backend: &Backend) -> String {
    let port = backend.address.port();
    format!("tls = {{ ca = \"DIR/ca.pem\" }}\nbackends = [\"https://localhost:{port}\"]")
}

#[test]
fn a_client_changes_its_key_between_requests_and_within_them() {
    let files = Files::new(&["localhost"]);
    let backend = Backend::start(|it| Say::Bytes(ok(&it.body.len().to_string())));
    let http = "head_timeout = \"300ms\"\nkeep_alive = \"10s\"";
    let l4lb = files.web("", http, &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    for _ in 0..3 {
        let pieces = [
            "POST / HTTP/1.1\r\nHo",
            "st: a\r\nContent-Length: 10\r\n\r\n",
            "hello",
            "hello",
        ];
        for piece in pieces {
            client.write_all(piece.as_bytes()).unwrap();
            client.conn.refresh_traffic_keys().unwrap();
            client.flush().unwrap();
        }
        assert_eq!(response(&mut client).1, "10");
        // A key is no beginning of a request, whose time would be over by now.
        client.conn.refresh_traffic_keys().unwrap();
        client.flush().unwrap();
        let_pass(Duration::from_millis(500));
    }
}

#[test]
fn a_client_that_has_said_all_and_its_end_is_answered() {
    let files = Files::new(&["localhost"]);
    let slow = |_: &_| {
        let_pass(Duration::from_millis(200));
        Say::Bytes(ok("hello"))
    };
    let servers = [
        Backend::start(slow),
        Backend::secure(&files.serving("localhost"), slow),
    ];
    for (backend, pool) in servers
        .iter()
        .zip([backends(&[servers[0].address]), secure(&servers[1])])
    {
        let l4lb = files.web("", "", &pool);
        let mut client = files.client(&l4lb, "localhost");
        client.write_all(&get("/")).unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        assert!(rest(&mut client).ends_with("hello"));
        assert_eq!(backend.heard().len(), 1);
        let line = l4lb.wait_for_access_log(1).remove(0);
        assert!(line.contains(" -- 0 ") && line.contains(" 200 "), "{line}");
    }
}

#[test]
fn a_body_that_ends_before_its_length_is_never_whole_for_a_backend() {
    let files = Files::new(&["localhost"]);
    let backend = Backend::secure(&files.serving("localhost"), |_| Say::Bytes(ok("x")));
    let l4lb = files.web("", "", &secure(&backend));
    for says_so in [true, false] {
        let mut client = files.client(&l4lb, "localhost");
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive!";
        client.write_all(head.as_bytes()).unwrap();
        if says_so {
            client.conn.send_close_notify();
            client.flush().unwrap();
        }
        client.sock.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    }
    let lines = l4lb.wait_for_access_log(2);
    assert!(lines.iter().all(|it| it.contains(" CD ")), "{lines:?}");
    assert!(backend.heard().is_empty());
}

#[test]
fn an_answer_that_comes_before_the_request_is_whole_reaches_the_client() {
    let files = Files::new(&["localhost"]);
    let refused = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n";
    let backend = Backend::secure_and_early(&files.serving("localhost"), move |_| {
        Say::Bytes(refused.into())
    });
    let l4lb = files.web("", "", &secure(&backend));
    let mut client = files.client(&l4lb, "localhost");
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
    client.write_all(head).unwrap();
    client.write_all(&vec![b'x'; 200_000]).unwrap();
    let all = rest(&mut client);
    assert!(
        all.starts_with("HTTP/1.1 413 ") && all.ends_with("no\n"),
        "{all}"
    );
    drop(client);
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" 413 "), "{line}");
}

#[test]
fn a_reader_that_waits_makes_the_backend_wait_and_holds_little() {
    const BYTES: usize = 64 << 20;
    let files = Files::new(&["localhost"]);
    let body: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n");
    let whole = [head.as_bytes(), &body].concat();
    let backend = Backend::secure(&files.serving("localhost"), move |_| {
        Say::Bytes(whole.clone())
    });
    let l4lb = files.web("", "", &secure(&backend));
    let mut client = files.client(&l4lb, "localhost");
    client.write_all(&get("/")).unwrap();
    let before = resident_bytes(l4lb.pid());
    let_pass(Duration::from_millis(500));
    let grown = resident_bytes(l4lb.pid()).saturating_sub(before);
    assert!(
        grown < 2 << 20,
        "{grown} bytes for one client that reads nothing"
    );
    let mut got = vec![0; head.len() + BYTES];
    client.read_exact(&mut got).unwrap();
    assert!(got[head.len()..] == body, "other bytes came");
    client.write_all(&get("/")).unwrap();
    client.read_exact(&mut got[..100]).unwrap();
    assert_eq!(backend.heard()[1].connection, 0);
}
