//! Hellos of all kinds, and what is none.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use test_backends::{Behaviour, Server};

use super::{CHROMIUM, Scene, echo, hello, pool, read_out, records, sized};
use crate::harness::eventually;

/// Fatal, unrecognized_name.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

const ROUTES: &str = "[[listener.route]]\nsni = [\"Shop.example\"]\npool = \"shop\"\n\
                      [[listener.route]]\nsni = [\"*.api.example\"]\nalpn = [\"h2\"]\npool = \"h2\"\n\
                      [[listener.route]]\nsni = [\"*.api.example\"]\npool = \"api\"\n";

/// Three pools that routes lead to, and one that may be the listener's own.
fn pools() -> (Vec<Server>, String) {
    let servers: Vec<Server> = (0..4).map(|_| echo()).collect();
    let names = ["shop", "h2", "api", "rest"];
    let pools = names.iter().zip(&servers);
    let pools = pools.map(|(name, server)| pool(name, server.addr(), ""));
    let pools = pools.collect();
    (servers, pools)
}

/// What is sent, in segments, and the pool that gets it.
type Case = (Vec<u8>, usize, &'static str);

fn cases() -> Vec<Case> {
    let one = usize::MAX;
    let big = sized("shop.example", &[], 17 * 1024);
    let biggest = sized("shop.example", &[], 64 * 1024);
    assert_eq!(biggest.len(), 64 * 1024);
    vec![
        (CHROMIUM.to_vec(), one, "shop"),
        (CHROMIUM.to_vec(), 1, "shop"),
        (hello("shop.example", &[]), one, "shop"),
        (hello("SHOP.example", &[]), one, "shop"),
        (hello("shop.EXAMPLE.", &[]), one, "shop"),
        (hello("v1.api.example", &["h2", "http/1.1"]), one, "h2"),
        (hello("v1.api.example", &["http/1.1"]), one, "api"),
        (hello("v1.beta.api.example", &[]), one, "api"),
        (hello("api.example", &["h2"]), one, "rest"),
        (hello("other.example", &[]), one, "rest"),
        (hello("", &["h2"]), one, "rest"),
        (hello("10.0.0.1", &[]), one, "rest"),
        (records(&big, one), one, "shop"),
        (records(&big, big.len() / 50), one, "shop"),
        (records(&big, big.len() / 50), 1000, "shop"),
        (records(&big, big.len() / 50), 1, "shop"),
        (records(&biggest, one), one, "shop"),
        (records(&biggest, 1000), 1400, "shop"),
    ]
}

#[test]
fn each_hello_goes_where_it_wants_and_no_byte_of_it_is_changed() {
    let (_servers, pools) = pools();
    let scene = Scene::start(&format!("pool = \"rest\"\n{ROUTES}"), &pools);
    for (number, (bytes, segment, pool)) in cases().into_iter().enumerate() {
        let parts: Vec<&[u8]> = bytes.chunks(segment.min(bytes.len())).collect();
        let back = scene.ask_in_parts(&parts);
        assert!(
            back == bytes,
            "case {number}: {} bytes came back",
            back.len()
        );
        let line = &scene.lines(number + 1)[number];
        assert_eq!(line["l4lb.pool"], pool, "case {number}: {line}");
        assert_eq!(line["source.bytes"], bytes.len(), "case {number}: {line}");
        assert_eq!(line["l4lb.termination"], "--", "case {number}: {line}");
    }
}

#[test]
fn what_follows_a_hello_follows_it_at_the_backend_too() {
    let (_servers, pools) = pools();
    let scene = Scene::start(ROUTES, &pools);
    let early = [&hello("shop.example", &[])[..], &[23, 3, 3, 0, 4], b"data"].concat();
    assert_eq!(scene.ask(&early), early);
    let mut client = scene.l4lb.connect();
    for part in [&hello("shop.example", &[])[..], b"first", b"second"] {
        let mut back = vec![0; part.len()];
        client.write_all(part).unwrap();
        client.read_exact(&mut back).unwrap();
        assert_eq!(back, part);
    }
}

#[test]
fn whom_no_route_takes_is_told_that_nobody_has_this_name() {
    let (_servers, pools) = pools();
    let scene = Scene::start(ROUTES, &pools);
    let names = ["other.example", "api.example", "", "10.0.0.1"];
    for (number, name) in names.into_iter().enumerate() {
        let mut client = scene.l4lb.connect();
        client.write_all(&hello(name, &[])).unwrap();
        assert_eq!(read_out(&mut client), (ALERT.to_vec(), false), "{name}");
        client.shutdown(Shutdown::Write).unwrap();
        let line = &scene.lines(number + 1)[number];
        assert_eq!(line["l4lb.termination"], "PR", "{line}");
        assert_eq!(line["event.reason"], "denied", "{line}");
        assert_eq!(line["l4lb.pool"], "-", "{line}");
    }
    let metrics = "l4lb_connections_closed_total{listener=\"tls\",pool=\"-\",reason=\"denied\"} 4";
    assert!(super::servers::scrape(&scene).contains(metrics));
}

#[test]
fn what_is_no_hello_gets_no_pool_and_no_answer() {
    let (_servers, pools) = pools();
    // Not even where there is a pool for everybody else.
    let everybody = "[[listener.route]]\npool = \"rest\"\n";
    let scene = Scene::start(&format!("pool = \"rest\"\n{ROUTES}{everybody}"), &pools);
    let longer = [1, 0, 0xff, 0xfd];
    let cases = [
        b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        vec![0; 3],
        vec![22, 3, 1, 0, 0],
        vec![22, 3, 1, 0xff, 0xff],
        records(&[2, 0, 0, 0], usize::MAX),
        hello("not a name", &[]),
        hello("shop.example\0", &[]),
        records(
            &[&hello("shop.example", &[])[5..], &[0]].concat(),
            usize::MAX,
        ),
        records(&longer, usize::MAX),
        records(&sized("shop.example", &[], 64 * 1024), 8),
    ];
    for (number, bytes) in cases.into_iter().enumerate() {
        let mut client = scene.l4lb.connect();
        let _ = client.write_all(&bytes); // it may be closed before all is sent
        assert_eq!(read_out(&mut client).0, b"", "case {number}");
        let line = &scene.lines(number + 1)[number];
        assert_eq!(line["l4lb.termination"], "PR", "case {number}: {line}");
        assert_eq!(
            line["event.reason"], "bad_preamble",
            "case {number}: {line}"
        );
        assert_eq!(line["source.bytes"], 0, "case {number}: {line}");
    }
}

#[test]
fn a_hello_that_is_not_finished_in_time_ends_however_it_trickles() {
    let (_servers, pools) = pools();
    let scene = Scene::start(&format!("preamble_timeout = \"300ms\"\n{ROUTES}"), &pools);
    let bytes = hello("shop.example", &[]);
    let began = Instant::now();
    let mut silent = scene.l4lb.connect();
    let mut slow = scene.l4lb.connect();
    slow.set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    // A byte now and then puts no deadline off.
    let mut sent = 0;
    eventually("the end of the slow one", || {
        sent += 1;
        slow.write_all(&bytes[sent - 1..sent]).is_err() || is_over(&mut slow)
    });
    assert_eq!(read_out(&mut silent).0, b"");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(sent < bytes.len(), "it was sent whole");
    for line in scene.lines(2) {
        assert_eq!(line["l4lb.termination"], "cR", "{line}");
        assert_eq!(line["event.reason"], "preamble_timeout", "{line}");
    }
}

/// Whether nothing more comes from there; a moment is given to it.
fn is_over(client: &mut TcpStream) -> bool {
    match client.read(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_client_that_goes_before_it_has_said_anything_is_written_down() {
    let (_servers, pools) = pools();
    let scene = Scene::start(ROUTES, &pools);
    drop(scene.l4lb.connect());
    let mut client = scene.l4lb.connect();
    client.write_all(&hello("shop.example", &[])[..20]).unwrap();
    drop(client);
    for line in scene.lines(2) {
        assert_eq!(line["l4lb.termination"], "CR", "{line}");
    }
}

#[test]
fn a_hello_is_said_again_to_the_backend_that_is_tried_next() {
    let server = echo();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let alive = server.addr();
    let pools = format!(
        "[pool.shop]\nhealth = {{ type = \"off\" }}\nbackends = [\"{gone}\", \"{alive}\"]\n"
    );
    let scene = Scene::start(
        "route = [{ sni = [\"shop.example\"], pool = \"shop\" }]",
        &pools,
    );
    let bytes = hello("shop.example", &[]);
    assert_eq!(scene.ask(&bytes), bytes);
    assert_eq!(scene.lines(1)[0]["l4lb.retries"], 1);
    let scrape = super::servers::scrape(&scene);
    let count = bytes.len();
    for (name, labels) in [
        (
            "l4lb_listener_received_bytes_total",
            "listener=\"tls\"".to_owned(),
        ),
        (
            "l4lb_backend_sent_bytes_total",
            format!("pool=\"shop\",backend=\"{alive}\""),
        ),
        (
            "l4lb_backend_received_bytes_total",
            format!("pool=\"shop\",backend=\"{alive}\""),
        ),
    ] {
        let line = format!("{name}{{{labels}}} {count}\n");
        assert!(scrape.contains(&line), "{line}{scrape}");
    }
}

#[test]
fn what_comes_after_a_hello_is_spliced_where_it_is_much() {
    let bytes = 16 * 1024 * 1024;
    let source = Behaviour::Source { bytes: Some(bytes) };
    let server = Server::start("127.0.0.1:0", source).unwrap();
    let pools = pool("shop", server.addr(), "");
    let scene = Scene::start("route = [{ pool = \"shop\" }]", &pools);
    let mut client = scene.l4lb.connect();
    client.write_all(&hello("shop.example", &[])).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let read = std::io::copy(&mut client, &mut std::io::sink()).unwrap();
    assert_eq!(read, bytes);
    assert_eq!(scene.lines(1)[0]["l4lb.path"], "splice");
}

/// What a proxy in front says of the client: version 2, from 203.0.113.7:5555.
fn proxy_header() -> Vec<u8> {
    use l4lb::proxy_protocol::{Tlvs, encode_v2};
    let client = ([203, 0, 113, 7], 5555).into();
    encode_v2(
        Some((client, ([10, 0, 0, 1], 443).into())),
        &Tlvs::default(),
    )
}

#[test]
fn a_hello_behind_a_proxy_header_is_routed_and_the_header_is_no_part_of_it() {
    let (_servers, pools) = pools();
    let accept = "accept_proxy = { from = [\"127.0.0.1\"] }";
    let scene = Scene::start(&format!("{accept}\n{ROUTES}"), &pools);
    let bytes = hello("shop.example", &[]);
    let both = [proxy_header(), bytes.clone()].concat();
    for (number, segment) in [both.len(), 1, 30].into_iter().enumerate() {
        let parts: Vec<&[u8]> = both.chunks(segment).collect();
        assert_eq!(scene.ask_in_parts(&parts), bytes);
        let line = &scene.lines(number + 1)[number];
        assert_eq!(line["l4lb.pool"], "shop", "{line}");
        assert_eq!(line["client.ip"], "203.0.113.7", "{line}");
        assert_eq!(line["source.bytes"], bytes.len(), "{line}");
    }
    let mut client = scene.l4lb.connect();
    let other = [proxy_header(), hello("other.example", &[])].concat();
    client.write_all(&other).unwrap();
    assert_eq!(read_out(&mut client), (ALERT.to_vec(), false));
}

#[test]
fn a_backend_that_hears_of_the_client_hears_the_name_too_and_then_the_hello() {
    use l4lb::proxy_protocol::{Decoded, decode};
    let server = echo();
    let pools = pool("shop", server.addr(), "").replace("health", "send_proxy = \"v2\"\nhealth");
    let scene = Scene::start("route = [{ pool = \"shop\" }]", &pools);
    for name in ["Shop.example", ""] {
        let bytes = hello(name, &["h2"]);
        let back = scene.ask(&bytes);
        let Ok(Decoded::Header(header, length)) = decode(&back) else {
            panic!("{back:02x?}");
        };
        let wanted = Some("shop.example").filter(|_| !name.is_empty());
        assert_eq!(header.tlvs.authority, wanted);
        assert!(back[length..] == bytes);
    }
}
