//! How sessions with TLS begin, or do not.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use test_backends::{Behaviour, Server};

use super::{
    Files, authority, client_config, connect, echoed, issued, listener, metric, over, pool,
};
use crate::harness::{L4lb, eventually};

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

fn handshakes(files: &Files, result: &str) -> u64 {
    let begins = format!("l4lb_tls_handshakes_total{{listener=\"web\",result=\"{result}\"}}");
    metric(files, &begins)
}

#[test]
fn each_name_gets_its_own_certificate() {
    let (files, backend) = (Files::new(&["a.example", "b.example"]), echo());
    let l4lb = files.before(backend.addr(), "");
    for name in ["a.example", "b.example", "B.Example"] {
        assert_eq!(echoed(&mut files.client(&l4lb, name), b"x"), b"x", "{name}");
    }
    // A stranger gets the first one, which is not his.
    let mut stranger = files.client(&l4lb, "c.example");
    let error = stranger.write_all(b"x").unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    eventually("an alert", || handshakes(&files, "alert") == 1);
    assert_eq!(handshakes(&files, "full"), 3);
}

#[test]
fn a_handshake_that_comes_byte_by_byte_is_one_all_the_same() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(backend.addr(), "");
    let mut client = files.client(&l4lb, "a.example");
    let mut hello = Vec::new();
    client.conn.write_tls(&mut hello).unwrap();
    for byte in hello {
        client.sock.write_all(&[byte]).unwrap();
    }
    assert_eq!(echoed(&mut client, b"hello"), b"hello");
}

#[test]
fn what_a_client_sends_with_the_end_of_its_handshake_arrives() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(backend.addr(), "");
    let mut client = files.client(&l4lb, "a.example");
    while client.conn.is_handshaking() && !client.conn.wants_write() || client.conn.wants_read() {
        if client.conn.wants_write() {
            client.conn.write_tls(&mut client.sock).unwrap();
        }
        client.conn.read_tls(&mut client.sock).unwrap();
        client.conn.process_new_packets().unwrap();
        if !client.conn.is_handshaking() {
            break;
        }
    }
    let text = vec![7; 40_000];
    client.conn.writer().write_all(&text).unwrap();
    let mut all = Vec::new();
    while client.conn.wants_write() {
        client.conn.write_tls(&mut all).unwrap();
    }
    client.sock.write_all(&all).unwrap(); // the last message of the handshake among it
    let mut back = vec![0; text.len()];
    client.read_exact(&mut back).unwrap();
    assert_eq!(back, text);
}

#[test]
fn who_needs_a_certificate_and_has_none_or_a_wrong_one_is_denied() {
    for (keys, may_go_without) in [
        ("client_ca = \"DIR/ca.pem\"", false),
        (
            "client_ca = \"DIR/ca.pem\", client_certificates = \"optional\"",
            true,
        ),
    ] {
        let (files, backend) = (Files::new(&["a.example"]), echo());
        let l4lb = files.before(backend.addr(), keys);
        let asks = |own: Option<&str>| {
            let mut client = connect(&l4lb, client_config(&files.root, own), "a.example");
            let mut back = [0];
            client.write_all(b"x")?;
            client.read_exact(&mut back)
        };
        asks(Some(&issued(&files.root, "visitor"))).unwrap();
        let stranger = issued(&authority("stranger"), "visitor");
        asks(Some(&stranger)).unwrap_err();
        assert_eq!(asks(None).is_ok(), may_go_without, "{keys}");
        let denied = if may_go_without { 1 } else { 2 };
        assert_eq!(handshakes(&files, "certificate"), denied);
        let lines = l4lb.wait_for_access_log(3);
        let refused = lines.iter().filter(|it| it.contains(" PR ")).count();
        assert_eq!(refused as u64, denied, "{lines:?}");
    }
}

#[test]
fn what_is_no_tls_is_told_so_by_an_alert_and_never_reaches_a_backend() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(backend.addr(), "");
    let mut client = l4lb.connect();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(
        answer,
        [21, 3, 3, 0, 2, 2, 50],
        "a fatal alert, decode_error"
    );
    drop(client);
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" PR "), "{line}");
    assert_eq!((backend.accepted(), handshakes(&files, "not_tls")), (0, 1));
}

#[test]
fn a_handshake_that_takes_too_long_is_over() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(backend.addr(), "handshake_timeout = \"200ms\"");
    let mut silent = l4lb.connect();
    let mut slow = l4lb.connect();
    slow.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    for client in [&mut silent, &mut slow] {
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest); // by an end or a reset
    }
    let lines = l4lb.wait_for_access_log(2);
    assert!(lines.iter().all(|it| it.contains(" cR ")), "{lines:?}");
}

/// A handshake that has begun and does not go on.
fn half_done(files: &Files, l4lb: &L4lb) -> TcpStream {
    let mut client = files.client(l4lb, "a.example");
    client.conn.write_tls(&mut client.sock).unwrap();
    let mut first = [0];
    client.sock.read_exact(&mut first).unwrap(); // the server has answered
    client.sock
}

#[test]
fn no_more_handshakes_run_at_once_than_may_and_the_others_wait_for_them() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(
        backend.addr(),
        "max_handshakes = 2, handshake_timeout = \"5s\"",
    );
    let halves = [(); 2].map(|()| half_done(&files, &l4lb));
    let mut waiting = files.client(&l4lb, "a.example");
    waiting.conn.write_tls(&mut waiting.sock).unwrap();
    let short = Duration::from_millis(200);
    waiting.sock.set_read_timeout(Some(short)).unwrap();
    let mut byte = [0];
    assert!(waiting.sock.peek(&mut byte).is_err(), "it has to wait");
    drop(halves);
    let long = crate::harness::PATIENCE;
    waiting.sock.set_read_timeout(Some(long)).unwrap();
    assert_eq!(echoed(&mut waiting, b"at last"), b"at last");
}

#[test]
fn a_flood_of_handshakes_leaves_relayed_bytes_alone() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let plain = "[[listener]]\nname = \"plain\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n";
    let rest = plain.to_owned() + &pool(&backend.addr().to_string());
    let l4lb = files.start(&listener("", &rest));
    let mut line = String::new();
    eventually("the second listener", || {
        let log = l4lb.log();
        let found = log.iter().find(|it| it.ends_with("(plain)"));
        line = found.cloned().unwrap_or_default();
        !line.is_empty()
    });
    let address = line["listening on ".len()..].split(' ').next().unwrap();
    let mut relayed = TcpStream::connect(address).unwrap();
    relayed.set_nodelay(true).unwrap();
    let mut round = || {
        let began = Instant::now();
        let mut back = [0; 4];
        relayed.write_all(b"ping").unwrap();
        relayed.read_exact(&mut back).unwrap();
        began.elapsed()
    };
    round();
    // All their first messages are there at once.
    let flood: Vec<_> = (0..300)
        .map(|_| {
            let mut client = files.client(&l4lb, "a.example");
            client.conn.write_tls(&mut client.sock).unwrap();
            client
        })
        .collect();
    let mut rounds: Vec<Duration> = (0..50).map(|_| round()).collect();
    rounds.sort_unstable();
    // Without a limit to the steps in a turn, one round waits for all three hundred.
    let (median, worst) = (rounds[25], rounds[49]);
    assert!(median < Duration::from_millis(50), "{median:?} {worst:?}");
    for mut client in flood {
        assert_eq!(echoed(&mut client, b"x"), b"x");
    }
}

#[test]
fn routes_go_by_name_and_by_the_protocol_that_was_agreed_upon() {
    let files = Files::new(&["a.example", "b.example"]);
    let servers = ["default", "named", "protocol"].map(|line| {
        let line = line.to_owned();
        Server::start("127.0.0.1:0", Behaviour::Greet { line }).unwrap()
    });
    let mut pools = String::from(
        "[[listener.route]]\nalpn = [\"h2\"]\npool = \"protocol\"\n\
         [[listener.route]]\nsni = [\"b.example\"]\npool = \"named\"\n",
    );
    for (name, server) in ["app", "named", "protocol"].iter().zip(&servers) {
        pools += &pool(&server.addr().to_string()).replace("app", name);
    }
    let l4lb = files.start(&listener("alpn = [\"h2\", \"http/1.1\"]", &pools));
    for (name, alpn, wanted) in [
        ("a.example", &[][..], "default"),
        ("a.example", &["http/1.1"], "default"),
        ("b.example", &["http/1.1"], "named"),
        ("a.example", &["http/1.1", "h2"], "protocol"),
    ] {
        let mut config = files.trusting();
        config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        let mut client = over(l4lb.connect(), config, name);
        let mut said = vec![0; wanted.len()];
        client.read_exact(&mut said).unwrap();
        assert_eq!(said, wanted.as_bytes(), "{name} {alpn:?}");
    }
}
