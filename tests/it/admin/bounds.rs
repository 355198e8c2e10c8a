//! Clients that want too much, or want it too slowly: an answer, bounded memory, and the others served.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::supervisor::{Manner, Supervisor};
use super::{Admin, Answer};
use l4lb::admin::Patience;

use crate::harness::{PATIENCE, eventually, resident_bytes};

const MIB: u64 = 1024 * 1024;
const PATCH: &str = "PATCH /v1/pools/app/backends/b2";
const JSON: &str = "Content-Type: application/json";

/// A short waiting time, so that tests need not wait long.
const MOMENT: Duration = Duration::from_millis(300);

/// Writes until all is written or the server wants no more; then reads the answer.
fn stream(mut client: TcpStream, chunk: &[u8], times: usize) -> (usize, Answer) {
    let mut written = 0;
    for _ in 0..times {
        match client.write(chunk) {
            Ok(count) => written += count,
            Err(_) => break,
        }
        client.set_nonblocking(true).unwrap();
        let has_answer = client.peek(&mut [0]).is_ok_and(|count| count > 0);
        client.set_nonblocking(false).unwrap();
        if has_answer {
            break;
        }
    }
    (written, Answer::read(client))
}

#[test]
fn a_gigabyte_is_refused_when_it_is_announced() {
    let admin = Admin::start();
    let head = admin.head(PATCH, &[JSON, "Content-Length: 1073741824"]);
    let detail = admin.raw(&head).problem(413);
    assert!(detail.contains("65536 bytes"), "{detail}");
    // Whoever asks first whether to send it at all is not told to go on.
    let head = admin.head(
        PATCH,
        &[JSON, "Content-Length: 1073741824", "Expect: 100-continue"],
    );
    admin.raw(&head).problem(413);
    let mut client = admin.connect();
    client.write_all(head.as_bytes()).unwrap();
    let (_, answer) = stream(client, &vec![b' '; 65_536], 16_384);
    answer.problem(413);
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn a_gigabyte_that_comes_in_pieces_is_refused_after_a_few() {
    let admin = Admin::start();
    let head = admin.head(PATCH, &[JSON, "Transfer-Encoding: chunked"]);
    let mut client = admin.connect();
    client.write_all(head.as_bytes()).unwrap();
    let (written, answer) = stream(client, &chunk(), 16_384);
    answer.problem(413);
    assert!((written as u64) < 64 * MIB, "{written}");
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn gigabytes_of_those_who_go_on_take_no_memory() {
    let admin = Admin::start();
    let before = resident_bytes(std::process::id());
    for kind in ["Transfer-Encoding: chunked", "Content-Length: 1073741824"] {
        for _ in 0..4 {
            let mut client = admin.connect();
            client
                .write_all(admin.head(PATCH, &[JSON, kind]).as_bytes())
                .unwrap();
            let chunk = chunk();
            let is_cut = (0..16_384).any(|_| client.write_all(&chunk).is_err());
            assert!(is_cut, "{kind}");
        }
    }
    // Other tests run in this process at the same time.
    let grown = resident_bytes(std::process::id()).saturating_sub(before);
    assert!(grown < 1024 * MIB, "{grown}");
    assert_eq!(admin.get("/livez").status, 200);
}

#[test]
fn a_body_may_have_64_kib_and_not_a_byte_more() {
    let admin = Admin::start();
    for (length, status) in [(65_536, 200), (65_537, 413)] {
        let change = r#"{"weight":5}"#;
        let body = " ".repeat(length - change.len()) + change;
        assert_eq!(admin.send(PATCH, &body).status, status, "{length}");
        let head = admin.head(PATCH, &[JSON, "Transfer-Encoding: chunked"]);
        let chunked = format!("{head}{length:x}\r\n{body}\r\n0\r\n\r\n");
        assert_eq!(admin.raw(chunked).status, status, "{length} in pieces");
    }
}

/// 64 KiB of a body that says how long its pieces are.
fn chunk() -> Vec<u8> {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&[b' '; 65_536]);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[test]
fn json_that_is_very_deep_or_broken_is_refused() {
    let admin = Admin::start();
    let deep = "[".repeat(100_000);
    admin.send(PATCH, &deep).problem(413);
    for text in ["[", "{\"weight\":", "[{\"a\":"] {
        let deep = text.repeat(60_000 / text.len());
        let detail = admin.send(PATCH, &deep).problem(400);
        assert!(detail.contains("recursion limit"), "{detail}");
    }
    let nul = "{\"state\":\"dr\0ain\"}";
    admin.send(PATCH, nul).problem(400);
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn a_head_that_is_too_long_or_broken_ends_the_connection() {
    let admin = Admin::start();
    let line = format!("X-Long: {}", "x".repeat(1_000_000));
    let many: Vec<_> = (0..1_000).map(|it| format!("X-{it}: 1")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for (request, status) in [
        (admin.head("GET /livez", &[&line]), 431),
        (admin.head("GET /livez", &many), 431),
        (
            admin.head(&format!("GET /{}", "x".repeat(100_000)), &[]),
            431,
        ),
        (admin.head("GET /livez\u{0}", &[]), 400),
        (admin.head("GET /livez", &["A: b\u{1}c"]), 400),
        (admin.head("G(T /livez", &[]), 400),
        (
            admin.head("GET /livez", &["Content-Length: 1", "Content-Length: 2"]),
            400,
        ),
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), 400),
    ] {
        let answer = stream(admin.connect(), request.as_bytes(), 1).1;
        assert_eq!(answer.status, status, "{request:.40}");
    }
    assert_eq!(admin.get("/livez").status, 200);
}

#[test]
fn heads_and_bodies_that_drip_have_their_time() {
    let admin = Admin::impatient(Supervisor::default(), MOMENT);
    let start = Instant::now();
    let silent = admin.connect();
    let mut half = admin.connect();
    half.write_all(b"GET /livez HTTP/1.1\r\nHost:").unwrap();
    for mut client in [silent, half] {
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "{rest:?}");
    }
    let mut idle = admin.connect();
    let request = format!("GET /livez HTTP/1.1\r\nHost: {}\r\n\r\n", admin.address);
    idle.write_all(request.as_bytes()).unwrap();
    assert_eq!(Answer::read(idle).status, 200);

    let mut dripping = admin.connect();
    let head = admin.head(PATCH, &[JSON, "Content-Length: 1000"]);
    dripping.write_all(head.as_bytes()).unwrap();
    dripping.write_all(b"{").unwrap();
    Answer::read(dripping).problem(408);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn those_who_say_nothing_keep_others_waiting_only_for_their_time() {
    let admin = Admin::impatient(Supervisor::default(), MOMENT);
    let silent: Vec<_> = (0..100).map(|_| admin.connect()).collect();
    assert_eq!(admin.get("/livez").status, 200);
    drop(silent);
}

#[test]
fn so_many_connections_are_served_at_once() {
    let admin = Admin::start();
    let mut clients: Vec<_> = (0..65).map(|_| admin.connect()).collect();
    let request = format!("GET /livez HTTP/1.1\r\nHost: {}\r\n\r\n", admin.address);
    for client in &mut clients {
        client.write_all(request.as_bytes()).unwrap();
    }
    let mut last = clients.pop().unwrap();
    for client in &mut clients {
        let mut status = [0; 12];
        client.read_exact(&mut status).unwrap();
    }
    last.set_read_timeout(Some(MOMENT)).unwrap();
    let waits = last.read(&mut [0]).unwrap_err();
    assert_eq!(waits.kind(), ErrorKind::WouldBlock);
    clients.pop();
    eventually("the last one is served", || last.read(&mut [0]).is_ok());
}

#[test]
fn who_does_not_take_the_answer_is_given_up() {
    let patience = Patience {
        reader: MOMENT,
        head: 3 * PATIENCE,
        ..Patience::default()
    };
    let admin = Admin::with(Supervisor::with(Manner::Crowded(3000)), false, patience);
    // These have all the places but one, for longer than anybody waits here.
    let silent: Vec<_> = (0..63).map(|_| admin.connect()).collect();
    // Several answers fit into no buffer of the kernel's.
    let request = admin.head("GET /v1/connections?limit=10000", &[]);
    let request = request.replace("Connection: close\r\n", "").repeat(10);
    let mut client = admin.connect();
    let socket = socket2::SockRef::from(&client);
    socket.set_recv_buffer_size(4096).unwrap();
    client.write_all(request.as_bytes()).unwrap();
    assert_eq!(admin.get("/livez").status, 200);
    drop((silent, client));
}
