//! What l4lb itself answers, when it does, and what it says of it.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use super::{Backend, Say, Scene, get, ok, rest};
use crate::life::let_pass;

/// A port that nobody listens on.
fn nobody() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 1).into()
}

#[track_caller]
fn expect(scene: &Scene, bytes: &[u8], status: u16, letters: &str) {
    let all = scene.talk(bytes);
    assert!(all.starts_with(&format!("HTTP/1.1 {status} ")), "{all}");
    assert!(all.contains("\r\nConnection: close\r\n"), "{all}");
    let line = &scene.lines(1)[0];
    assert_eq!((&*line[7], &*line[15]), (letters, &*status.to_string()));
}

#[test]
fn what_is_no_request_is_answered_and_closed() {
    let heads = [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\nHost: a\n\n".to_owned(), 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            400,
        ),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), 505),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n".to_owned(), 501),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(101)), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "b".repeat(70_000)), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "b".repeat(70_000)), 414),
    ];
    let backend = Backend::saying(ok("x"));
    for (head, status) in heads {
        let scene = Scene::before(&backend);
        expect(&scene, head.as_bytes(), status, "PR");
    }
    assert!(backend.heard().is_empty(), "none of them reached it");
}

#[test]
fn a_body_that_is_none_is_answered_where_nothing_was() {
    let backend = Backend::saying(ok("x"));
    let scene = Scene::before(&backend);
    let request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = scene.l4lb.connect();
    client.write_all(request).unwrap();
    let_pass(Duration::from_millis(50));
    client.write_all(b"zz\r\n").unwrap();
    let all = rest(&mut client);
    assert!(all.starts_with("HTTP/1.1 400 "), "{all}");
    assert!(backend.heard().is_empty());
}

#[test]
fn a_head_that_takes_too_long_is_408_and_a_silent_client_hears_nothing() {
    let backend = Backend::saying(ok("x"));
    let scene = Scene::start("head_timeout = \"200ms\"", "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    client.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    let all = rest(&mut client);
    assert!(all.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{all}");
    drop(client);
    let line = &scene.lines(1)[0];
    assert_eq!((&*line[7], &*line[15]), ("cR", "408"));

    let mut silent = scene.l4lb.connect();
    let mut nothing = Vec::new();
    let _ = std::io::Read::read_to_end(&mut silent, &mut nothing);
    assert!(nothing.is_empty());
}

#[test]
fn a_client_that_drips_its_head_has_one_time_for_all_of_it() {
    let backend = Backend::saying(ok("x"));
    let scene = Scene::start("head_timeout = \"300ms\"", "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    let began = std::time::Instant::now();
    for byte in get("/").into_iter().cycle() {
        let_pass(Duration::from_millis(30));
        if client.write_all(&[byte]).is_err() || began.elapsed() > Duration::from_millis(600) {
            break;
        }
        if byte == b'/' && began.elapsed() > Duration::from_millis(250) {
            break;
        }
    }
    let all = rest(&mut client);
    assert!(all.starts_with("HTTP/1.1 408 "), "{all}");
}

#[test]
fn nobody_there_is_503_and_a_refusal_502() {
    let scene = Scene::start("", "retries = 0", &[nobody()]);
    expect(&scene, &get("/"), 502, "SC");
    let weightless = "[pool.none]\nbackends = [{ address = \"127.0.0.1:1\", weight = 0 }]";
    let scene = Scene::start("", weightless, &[nobody()]);
    drop(scene);
}

#[test]
fn an_answer_that_is_none_is_502() {
    for said in [
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "",
    ] {
        let backend = Backend::start(move |_| Say::Last(said.into()));
        let scene = Scene::before(&backend);
        expect(&scene, &get("/"), 502, "SD");
    }
    let backend = Backend::start(|_| Say::Reset);
    expect(&Scene::before(&backend), &get("/"), 502, "SD");
}

#[test]
fn chunks_to_a_client_that_knows_none_are_502() {
    let said = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let backend = Backend::saying(said.into());
    let scene = Scene::before(&backend);
    expect(&scene, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 502, "SD");
}

#[test]
fn a_backend_that_says_nothing_is_504() {
    let backend = Backend::start(|_| {
        let_pass(Duration::from_secs(2));
        Say::Bytes(ok("late"))
    });
    let scene = Scene::start("response_timeout = \"200ms\"", "", &[backend.address]);
    expect(&scene, &get("/"), 504, "sD");
    // Also where the request takes a while to come.
    let mut client = scene.l4lb.connect();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        .unwrap();
    let_pass(Duration::from_millis(300));
    client.write_all(b"xx").unwrap();
    let all = rest(&mut client);
    assert!(all.starts_with("HTTP/1.1 504 "), "{all}");
}

#[test]
fn the_page_is_not_sent_to_head() {
    let scene = Scene::start("", "retries = 0", &[nobody()]);
    let all = scene.talk(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        all.starts_with("HTTP/1.1 502 ") && all.ends_with("\r\n\r\n"),
        "{all}"
    );
}

#[test]
fn a_connection_that_ends_before_a_request_has_a_line_of_its_own() {
    let backend = Backend::saying(ok("x"));
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), "", "a clean end");
    let line = &scene.lines(1)[0];
    assert_eq!((line.len(), &*line[7]), (12, "CR"));
}

#[test]
fn half_a_request_that_comes_with_the_one_before_has_its_time_too() {
    let backend = Backend::saying(ok("x"));
    let scene = Scene::start("head_timeout = \"300ms\"", "", &[backend.address]);
    let all = scene.talk(&[&get("/")[..], b"GET /2 HTTP/1.1\r\nHo"].concat());
    assert!(all.contains("\r\n\r\nxHTTP/1.1 408 "), "{all}");
    assert_eq!(scene.lines(2)[1][15], "408");
}

#[test]
fn a_change_of_protocol_in_the_midst_of_a_request_is_none() {
    let backend = Backend::early(|_| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n";
        Say::Bytes(head.into())
    });
    let scene = Scene::before(&backend);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nConnection: upgrade\r\nContent-Length: 5\r\n\r\n";
    let all = scene.talk(head.as_bytes());
    assert!(all.starts_with("HTTP/1.1 502 "), "{all}");
}

#[test]
fn who_is_refused_in_the_midst_of_its_body_may_go_on_for_a_while_and_hears_why() {
    let scene = Scene::start("", "", &[nobody()]);
    let mut client = scene.l4lb.connect();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    for _ in 0..10 {
        client.write_all(&[7; 1000]).unwrap();
        let_pass(Duration::from_millis(300)); // longer than l4lb waits for one that is silent
    }
    let all = rest(&mut client);
    assert!(
        all.starts_with("HTTP/1.1 502 ") || all.starts_with("HTTP/1.1 503 "),
        "{all}"
    );
}

#[test]
fn a_backend_that_resets_after_a_whole_response_costs_nothing() {
    use std::io::Read;
    let bytes = vec![b'x'; 3_000_000];
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let length = bytes.len();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = vec![0; 10];
        client.read_exact(&mut request).unwrap(); // unread bytes make the close a reset
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&bytes).unwrap();
        let_pass(Duration::from_millis(100)); // all of it is there
    });
    let scene = Scene::start("", "", &[address]);
    let mut client = scene.l4lb.connect();
    client.write_all(&get("/")).unwrap();
    server.join().unwrap();
    let_pass(Duration::from_millis(100)); // the reset, too
    let mut head = vec![0; 17];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head, *b"HTTP/1.1 200 OK\r\n");
    let mut read = 0;
    let mut buffer = vec![0; 65536];
    while read < length {
        match client.read(&mut buffer).unwrap() {
            0 => break,
            count => read += count,
        }
    }
    assert!(read >= length, "{read}");
    let line = &scene.lines(1)[0];
    assert_eq!(line[7], "--", "{line:?}");
}

#[test]
fn a_client_that_goes_in_the_midst_of_a_response_leaves_nothing_behind() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n".to_vec();
    bytes.resize(20_000_000, b'x');
    let backend = Backend::saying(bytes);
    let scene = Scene::before(&backend);
    for resets in [true, false] {
        let mut client = scene.l4lb.connect();
        client.write_all(&get("/")).unwrap();
        let mut head = [0; 17];
        std::io::Read::read_exact(&mut client, &mut head).unwrap();
        if resets {
            let linger = Some(Duration::ZERO);
            socket2::SockRef::from(&client).set_linger(linger).unwrap();
        }
    }
    let lines = scene.lines(2);
    assert!(lines.iter().all(|it| it[7] == "CD"), "{lines:?}");
}
