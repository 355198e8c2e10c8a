//! Requests that are served, however they and their responses come.

use std::io::{Read, Write};
use std::net::Shutdown;

use super::{Backend, Say, Scene, get, last, ok, response, rest};

#[test]
fn a_request_that_comes_byte_by_byte_is_served_as_one() {
    let backend = Backend::saying(ok("hello"));
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    for byte in get("/a?b=c") {
        client.write_all(&[byte]).unwrap();
    }
    assert_eq!(response(&mut client).1, "hello");
    let heard = backend.heard();
    assert!(heard[0].head.starts_with("GET /a?b=c HTTP/1.1\r\n"));
    assert_eq!(heard[0].field("Host"), Some("shop.example"));
}

#[test]
fn requests_that_come_at_once_are_served_in_their_order() {
    let backend = Backend::start(|it| Say::Bytes(ok(it.head.split(' ').nth(1).unwrap())));
    let scene = Scene::before(&backend);
    let paths = ["/1", "/22", "/333"];
    let mut requests = paths.map(get).concat();
    requests.extend(last("/4444"));
    let all = scene.talk(&requests);
    let mut from = 0;
    for path in ["/1", "/22", "/333", "/4444"] {
        let wanted = format!("\r\n\r\n{path}");
        from += all[from..].find(&wanted).expect(path) + wanted.len();
    }
    assert_eq!(from, all.len(), "{all}");
    let lines = scene.lines(4);
    let paths: Vec<&str> = lines.iter().map(|it| it[14].as_str()).collect();
    assert_eq!(paths, ["/1", "/22", "/333", "/4444"]);
    assert_eq!(backend.heard().last().unwrap().connection, 0);
}

#[test]
fn bodies_with_a_length_and_in_chunks_pass_both_ways_unchanged() {
    let echo = Backend::start(|it| {
        let body = String::from_utf8(it.body.clone()).unwrap();
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Say::Bytes(match it.field("Content-Length") {
            Some(_) => [head.as_bytes(), chunks.as_bytes()].concat(),
            None => ok(&body),
        })
    });
    let scene = Scene::before(&echo);
    let text = "x".repeat(300_000);
    let with_length = format!(
        "POST /l HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let mut client = scene.l4lb.connect();
    client.write_all(with_length.as_bytes()).unwrap();
    let head = format!("\r\n\r\n{:x}\r\n", text.len());
    let mut all = String::new();
    while !all.ends_with("\r\n0\r\n\r\n") {
        let mut some = [0; 65536];
        let read = client.read(&mut some).unwrap();
        assert!(read > 0, "the response ends early");
        all += std::str::from_utf8(&some[..read]).unwrap();
    }
    assert!(all.contains(&head) && all.contains(&text));
    let chunks: String = text
        .as_bytes()
        .chunks(7_001)
        .fold(String::new(), |all, chunk| {
            all + &format!("{:X};ext=1\r\n{}\r\n", chunk.len(), "x".repeat(chunk.len()))
        });
    let chunked = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n";
    client.write_all(chunked.as_bytes()).unwrap();
    client.write_all(chunks.as_bytes()).unwrap();
    client.write_all(b"0\r\n\r\n").unwrap();
    let heard = |count| {
        let is_there = || echo.heard().len() == count;
        crate::harness::eventually("the backend hears it", is_there);
        echo.heard()
    };
    assert!(response(&mut client).1 == text, "other bytes came back");
    assert!(heard(2)[1].body == text.as_bytes(), "other bytes arrived");
}

#[test]
fn trailers_stay_here_whichever_way_they_would_go() {
    const SAID: &str = "2\r\nok\r\n0\r\nX-Subject: admin\r\n\r\n";
    let backend = Backend::start(|_| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Say::Bytes(format!("{head}{SAID}").into())
    });
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    // With the head, behind it, and in pieces.
    for cut in [0, head.len(), head.len() + 12] {
        let request = format!("{head}{SAID}");
        let (first, last) = request.split_at(cut);
        client.write_all(first.as_bytes()).unwrap();
        crate::life::let_pass(std::time::Duration::from_millis(30));
        client.write_all(last.as_bytes()).unwrap();
        assert_eq!(response(&mut client).1, "");
        let mut body = [0; "2\r\nok\r\n0\r\n\r\n".len()];
        client.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"2\r\nok\r\n0\r\n\r\n");
    }
    let heard = backend.heard();
    assert!(heard.iter().all(|it| it.body == b"ok"), "{heard:?}");
    assert!(heard[1].head.starts_with("POST / "), "{heard:?}");
    drop(client);
    let lines = scene.lines(3);
    let sizes = [head.len() + SAID.len(); 3].map(|it| it.to_string());
    let seen = lines.iter().map(|it| it[6].split('/').next().unwrap());
    assert!(seen.eq(sizes.iter().map(String::as_str)), "{lines:?}");
}

#[test]
fn a_bulk_response_is_spliced_and_its_connection_is_used_again() {
    const BYTES: usize = 32 * 1024 * 1024;
    let body: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n");
    let whole = [head.as_bytes(), &body].concat();
    let backend = Backend::saying(whole);
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    for _ in 0..2 {
        client.write_all(&get("/big")).unwrap();
        let mut got = vec![0; head.len() + BYTES];
        client.read_exact(&mut got).unwrap();
        assert!(got[head.len()..] == body, "other bytes came");
    }
    let lines = scene.lines(2);
    let words = lines
        .iter()
        .map(|it| (it[6].split('/').nth(1).unwrap(), it[10].as_str()));
    let bytes = (head.len() + BYTES).to_string();
    assert!(words.eq([(&*bytes, "splice"); 2]), "{lines:?}");
    assert_eq!(backend.heard()[1].connection, 0);
}

#[test]
fn a_response_without_an_end_of_its_own_ends_with_its_connection() {
    let backend = Backend::start(|_| Say::Last(b"HTTP/1.0 200 OK\r\n\r\nto the end".to_vec()));
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    client.write_all(&get("/")).unwrap();
    let all = rest(&mut client);
    assert!(all.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
    assert!(all.contains("\r\nConnection: close\r\n"), "{all}");
    assert!(all.ends_with("\r\n\r\nto the end"), "{all}");
    let line = &scene.lines(1)[0];
    assert_eq!((&*line[7], &*line[15]), ("--", "200"));
}

#[test]
fn a_response_that_is_cut_short_does_not_look_whole() {
    let part = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!";
    let backend = Backend::start(|_| Say::Last(part.into()));
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    client.write_all(&get("/")).unwrap();
    let mut all = Vec::new();
    let error = client.read_to_end(&mut all).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(all.ends_with(b"\r\n\r\nfive!"));
    assert_eq!(scene.lines(1)[0][7], "SD");
}

#[test]
fn responses_that_have_no_body_are_followed_by_the_next_one() {
    let backend = Backend::start(|it| {
        let (status, length) = match it.head.split('/').nth(1).unwrap() {
            it if it.starts_with("204") => ("204 No Content", ""),
            it if it.starts_with("304") => ("304 Not Modified", "Content-Length: 5\r\n"),
            _ => ("200 OK", "Content-Length: 5\r\n"),
        };
        Say::Bytes(format!("HTTP/1.1 {status}\r\n{length}\r\n").into_bytes())
    });
    let scene = Scene::before(&backend);
    let head = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    let mut client = scene.l4lb.connect();
    for (request, status) in [(get("/204"), 204), (get("/304"), 304), (head, 200)] {
        client.write_all(&request).unwrap();
        let mut all = String::new();
        while !all.ends_with("\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            all.push(byte[0].into());
        }
        assert!(all.starts_with(&format!("HTTP/1.1 {status} ")), "{all}");
    }
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), "");
}

#[test]
fn a_client_that_waits_for_a_word_before_its_body_gets_it_from_the_backend() {
    let backend = Backend::early(|it| match it.field("Expect") {
        Some(_) => Say::Echo(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n".to_vec(),
        ),
        None => Say::Reset,
    });
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    client.write_all(head).unwrap();
    assert!(
        response(&mut client)
            .0
            .starts_with("HTTP/1.1 100 Continue\r\n")
    );
    client.write_all(b"body").unwrap();
    let (head, body) = response(&mut client);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(body, "body");
}

#[test]
fn after_a_change_of_protocol_bytes_go_both_ways_as_they_come() {
    let switching =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n";
    let backend = Backend::start(|_| Say::Echo(switching.into()));
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    let request = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
    client.write_all(request.as_bytes()).unwrap();
    let (head, _) = response(&mut client);
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    assert!(head.contains("Upgrade: chat\r\n"), "{head}");
    let bytes: Vec<u8> = (0..=250).cycle().take(1_000_000).collect();
    let mut writer = client.try_clone().unwrap();
    let sent = bytes.clone();
    let sender = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    sender.join().unwrap();
    assert!(back == bytes, "other bytes came back than were sent");
    let line = &scene.lines(1)[0];
    assert_eq!((&*line[7], &*line[12], &*line[15]), ("--", "GET", "101"));
}

#[test]
fn a_client_that_has_said_all_and_ends_its_side_is_answered() {
    let backend = Backend::saying(ok("hello"));
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    client.write_all(&get("/")).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(rest(&mut client).ends_with("hello"));
}

#[test]
fn a_response_that_comes_before_the_request_is_whole_reaches_the_client() {
    let refused = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n";
    let backend = Backend::early(|_| Say::Last(refused.into()));
    let scene = Scene::before(&backend);
    let mut client = scene.l4lb.connect();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
    client.write_all(head).unwrap();
    client.write_all(&vec![b'x'; 200_000]).unwrap();
    let all = rest(&mut client);
    assert!(
        all.starts_with("HTTP/1.1 413 ") && all.ends_with("no\n"),
        "{all}"
    );
    drop(client);
    assert_eq!(scene.lines(1)[0][15], "413");
}

#[test]
fn heads_are_edited_and_nobody_can_say_for_whom_he_asks() {
    let http = "forwarded = \"x-forwarded\"\nsecurity_headers = true\n\
                request_headers = { set = { X-From = \"{client_ip} to {backend}\" }, remove = [\"X-Debug\"] }\n\
                response_headers = { set = { X-Served-By = \"{backend} {status} {url_path}\" }, remove = [\"Server\"] }";
    let said = "HTTP/1.1 200 OK\r\nServer: x/1\r\nContent-Length: 0\r\n\r\n";
    let backend = Backend::saying(said.into());
    let scene = Scene::start(http, "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    let request = "GET /p?q HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Debug: 1\r\nForwarded: for=6.6.6.6\r\n\r\n";
    client.write_all(request.as_bytes()).unwrap();
    let (head, _) = response(&mut client);
    assert!(head.contains("X-Served-By: a 200 /p\r\n"), "{head}");
    assert!(
        head.contains("X-Content-Type-Options: nosniff\r\n"),
        "{head}"
    );
    assert!(!head.contains("Server: x"), "{head}");
    let heard = backend.heard();
    assert_eq!(heard[0].field("X-From"), Some("127.0.0.1 to a"));
    assert_eq!(heard[0].field("X-Forwarded-For"), Some("127.0.0.1"));
    assert!(!heard[0].head.contains("6.6.6.6") && !heard[0].head.contains("X-Debug"));
}

#[test]
fn a_trusted_proxy_says_for_whom_it_asks() {
    let http = "forwarded = \"x-forwarded\"\ntrusted_proxies = [\"127.0.0.0/8\"]";
    let backend = Backend::saying(ok(""));
    let scene = Scene::start(http, "", &[backend.address]);
    let mut client = scene.l4lb.connect();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n";
    client.write_all(request.as_bytes()).unwrap();
    response(&mut client);
    let heard = backend.heard();
    assert_eq!(
        heard[0].field("X-Forwarded-For"),
        Some("203.0.113.7, 127.0.0.1")
    );
}
