//! Requests that come in TLS, in whatever records.

use std::io::{Read, Write};

use super::super::{Client, Files, client_config, connect};
use super::backends;
use crate::http::backend::{Backend, Say};
use crate::http::{get, last, ok, response, rest};

/// Both versions of TLS, as a client may have them.
fn versions(files: &Files) -> [rustls::ClientConfig; 2] {
    let mut older = files.trusting();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&rustls::version::TLS12]);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(files.root.der().clone()).unwrap();
    older.alpn_protocols.clear();
    let older = config.unwrap().with_root_certificates(roots);
    [
        older.with_no_client_auth(),
        client_config(&files.root, None),
    ]
}

/// Says its path.
fn paths() -> Backend {
    Backend::start(|it| Say::Bytes(ok(it.head.split(' ').nth(1).unwrap())))
}

#[test]
fn a_client_keeps_its_connection_in_each_version() {
    let (files, backend) = (Files::new(&["localhost"]), paths());
    let l4lb = files.web("", "", &backends(&[backend.address]));
    for config in versions(&files) {
        let mut client = connect(&l4lb, config, "localhost");
        for path in ["/1", "/22", "/333"] {
            client.write_all(&get(path)).unwrap();
            assert_eq!(response(&mut client).1, path);
        }
        client.write_all(&last("/4444")).unwrap();
        // The end is said, or this would be an error.
        assert!(rest(&mut client).ends_with("\r\n\r\n/4444"));
    }
    let connections: Vec<usize> = backend.heard().iter().map(|it| it.connection).collect();
    assert_eq!(connections, [0, 0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn requests_in_one_record_are_served_in_their_order() {
    let (files, backend) = (Files::new(&["localhost"]), paths());
    for per in ["connection", "request"] {
        let http = format!("per = \"{per}\"");
        let l4lb = files.web("", &http, &backends(&[backend.address]));
        let mut client = files.client(&l4lb, "localhost");
        let mut requests: Vec<u8> = (0..100).flat_map(|it| get(&format!("/{it}"))).collect();
        requests.extend(last("/end"));
        assert!(requests.len() < 16_000, "they fit into one record");
        client.write_all(&requests).unwrap();
        for it in 0..100 {
            assert_eq!(response(&mut client).1, format!("/{it}"), "{per}");
        }
        assert!(rest(&mut client).ends_with("\r\n\r\n/end"));
    }
}

#[test]
fn a_request_of_a_byte_a_record_is_served_as_one() {
    let backend = Backend::start(|it| Say::Bytes(ok(std::str::from_utf8(&it.body).unwrap())));
    let files = Files::new(&["localhost"]);
    let l4lb = files.web("", "", &backends(&[backend.address]));
    for config in versions(&files) {
        let mut client = connect(&l4lb, config, "localhost");
        let request = b"POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
        for byte in request {
            client.write_all(&[*byte]).unwrap();
            client.flush().unwrap();
        }
        assert_eq!(response(&mut client).1, "hello");
    }
}

#[test]
fn a_record_ends_in_the_midst_of_a_head_or_a_body() {
    let backend = Backend::start(|it| Say::Bytes(ok(&it.body.len().to_string())));
    let files = Files::new(&["localhost"]);
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    let text = "x".repeat(20_000);
    let post = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n{text}");
    let all = post.repeat(4);
    for piece in all.as_bytes().chunks(9_973) {
        client.write_all(piece).unwrap();
        client.flush().unwrap();
    }
    for _ in 0..4 {
        assert_eq!(response(&mut client).1, "20000");
    }
}

#[test]
fn the_largest_head_that_may_be_fits_together_with_what_follows_it() {
    let (files, backend) = (Files::new(&["localhost"]), paths());
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    let long = "y".repeat(60_000);
    let head = format!("GET /long HTTP/1.1\r\nHost: a\r\nX-Long: {long}\r\n\r\n");
    let mut requests = head.repeat(3).into_bytes();
    requests.extend(last("/end"));
    client.write_all(&requests).unwrap();
    for _ in 0..3 {
        assert_eq!(response(&mut client).1, "/long");
    }
    assert!(rest(&mut client).ends_with("/end"));
}

/// Reads the rest of chunks, which have no extensions and no trailer.
fn unchunked(client: &mut Client) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            line.push(byte[0].into());
        }
        let size = usize::from_str_radix(line.trim(), 16).unwrap();
        let from = body.len();
        body.resize(from + size + 2, 0);
        client.read_exact(&mut body[from..]).unwrap();
        body.truncate(from + size);
        if size == 0 {
            return body;
        }
    }
}

#[test]
fn bodies_of_both_kinds_pass_unchanged_in_both_directions() {
    const BYTES: usize = 1_000_000;
    let backend = Backend::start(|it| {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let length = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            it.body.len()
        );
        let mut all = chunked;
        for chunk in it.body.chunks(70_001) {
            all.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            all.extend_from_slice(chunk);
            all.extend_from_slice(b"\r\n");
        }
        all.extend_from_slice(b"0\r\n\r\n");
        Say::Bytes(match it.field("Content-Length") {
            Some(_) => all,
            None => [length.as_bytes(), &it.body].concat(),
        })
    });
    let files = Files::new(&["localhost"]);
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    let body: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
    for _ in 0..2 {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BYTES}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&body).unwrap();
        response(&mut client); // the head alone: it says no length
        assert!(unchunked(&mut client) == body, "other bytes came back");

        let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.write_all(head).unwrap();
        for chunk in body.chunks(30_011) {
            write!(client, "{:X}\r\n", chunk.len()).unwrap();
            client.write_all(chunk).unwrap();
            client.write_all(b"\r\n").unwrap();
        }
        client.write_all(b"0\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let mut back = vec![0; BYTES];
        client.read_exact(&mut back).unwrap();
        assert!(back == body, "other bytes came back");
    }
    assert!(backend.heard().iter().all(|it| it.body == body));
    assert_eq!(backend.heard().last().unwrap().connection, 0);
}

#[test]
fn a_client_that_waits_for_a_word_before_its_body_gets_it() {
    let words = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
    let backend = Backend::early(move |_| Say::Echo(words.into()));
    let files = Files::new(&["localhost"]);
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    client.write_all(head).unwrap();
    let (head, _) = response(&mut client);
    assert!(head.starts_with("HTTP/1.1 100 Continue\r\n"), "{head}");
    client.write_all(b"body").unwrap();
    assert_eq!(response(&mut client).1, "body");
}

#[test]
fn who_comes_in_tls_is_told_to_stay_with_it_and_the_backend_that_he_did() {
    let files = Files::new(&["localhost"]);
    let http = "forwarded = \"x-forwarded\"\nsecurity_headers = true";
    let backend = Backend::saying(ok("x"));
    let l4lb = files.web("", http, &backends(&[backend.address]));
    let mut client = files.client(&l4lb, "localhost");
    let spoof = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\n\r\n";
    client.write_all(spoof.as_bytes()).unwrap();
    let (head, _) = response(&mut client);
    for field in [
        "Strict-Transport-Security: max-age=31536000\r\n",
        "X-Content-Type-Options: nosniff\r\n",
        "X-Frame-Options: SAMEORIGIN\r\n",
        "Referrer-Policy: strict-origin-when-cross-origin\r\n",
        "Content-Security-Policy: frame-ancestors 'self'\r\n",
    ] {
        assert!(head.contains(field), "{field} {head}");
    }
    let heard = &backend.heard()[0];
    assert_eq!(heard.field("X-Forwarded-Proto"), Some("https"));
    let port = l4lb.address().port().to_string();
    assert_eq!(heard.field("X-Forwarded-Port"), Some(&*port));

    // Who comes without it would be locked out by the first of them.
    let text = format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\nprotocol = \"http\"\n\
         [listener.http]\n{http}\n{}",
        super::super::pool(&backend.address.to_string())
    );
    let l4lb = files.start(&text);
    let mut client = l4lb.connect();
    client.write_all(&get("/")).unwrap();
    let (head, _) = response(&mut client);
    assert!(
        head.contains("X-Frame-Options: ") && !head.contains("Strict-"),
        "{head}"
    );
    assert_eq!(backend.heard()[1].field("X-Forwarded-Proto"), Some("http"));
}

#[test]
fn per_request_each_one_is_balanced_and_connections_are_used_again() {
    let named = |name: &'static str| {
        Backend::start(move |it| Say::Bytes(ok(&format!("{name}{}", it.connection))))
    };
    let servers = [named("a"), named("b")];
    let files = Files::new(&["localhost"]);
    let addresses = servers.each_ref().map(|it| it.address);
    let l4lb = files.web("", "per = \"request\"", &backends(&addresses));
    for wanted in [["a0", "b0", "a0", "b0"], ["a1", "b1", "a1", "b1"]] {
        let mut client = files.client(&l4lb, "localhost");
        for name in wanted {
            client.write_all(&get("/")).unwrap();
            assert_eq!(response(&mut client).1, name);
        }
    }
}
