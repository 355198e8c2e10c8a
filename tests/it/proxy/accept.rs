//! Clients behind a proxy are who it says they are; nobody else is served there.

use super::*;

use l4lb::proxy_protocol::{Ssl, Tlvs, encode_v1, encode_v2};
use std::net::Shutdown;
use std::time::Instant;
use test_backends::{Behaviour, Server};

use crate::http::backend::Backend;
use crate::http::{last, ok, rest};
use crate::life::whoami_over;

const ACCEPT: &str = "--accept-proxy=127.0.0.1";

/// Headers of either version, and who the client is then; `None` is whom the socket knows.
fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let four = (address("192.0.2.7:1234"), address("198.51.100.1:443"));
    let six = (address("[2001:db8::7]:1234"), address("[2001:db8::1]:443"));
    let id = Tlvs {
        unique_id: Some(b"x1"),
        ..Tlvs::default()
    };
    vec![
        (encode_v1(Some(four)), Some("192.0.2.7:1234")),
        (encode_v1(Some(six)), Some("[2001:db8::7]:1234")),
        (encode_v1(None), None),
        (
            encode_v2(Some(four), &Tlvs::default()),
            Some("192.0.2.7:1234"),
        ),
        (encode_v2(Some(six), &id), Some("[2001:db8::7]:1234")),
        (encode_v2(None, &id), None),
        (
            b"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n".to_vec(),
            Some("192.0.2.7:1"),
        ),
    ]
}

#[test]
fn the_client_is_who_the_header_says_whatever_its_pieces() {
    for (bytes, stated) in headers() {
        for size in [1, 7, 1000] {
            let backend = listener("127.0.0.1:0");
            let l4lb = before(&backend, &[ACCEPT]);
            let client = l4lb.connect();
            write_in(&client, &bytes, size);
            write_in(&client, b"hello", size);
            client.shutdown(Shutdown::Write).unwrap();
            let mut server = accept(&backend);
            let mut heard = Vec::new();
            server.read_to_end(&mut heard).unwrap();
            assert_eq!(heard, b"hello", "the header is not the backend's");
            server.write_all(b"bye").unwrap();
            drop(server);
            assert_eq!(read(&client, 3), b"bye");
            let words = only_line(&l4lb);
            let known = client.local_addr().unwrap().to_string();
            assert_eq!(words[1], stated.map_or(known, str::to_owned), "{words:?}");
            assert_eq!((&*words[6], &*words[7]), ("5/3", "--"), "{words:?}");
        }
    }
}

#[test]
fn a_backend_of_http_hears_of_the_port_and_of_the_tls_that_the_header_states() {
    let backend = Backend::saying(ok("x"));
    let (_folder, l4lb) = from_file(&format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\nprotocol = \"http\"\n\
         accept_proxy = {{ from = [\"127.0.0.1\"] }}\nhttp = {{ forwarded = \"x-forwarded\", security_headers = true }}\n\
         [pool.app]\nhealth = {{ type = \"off\" }}\nbackends = [\"{}\"]\n",
        backend.address
    ));
    let stated = Some((address("192.0.2.7:1234"), address("198.51.100.1:8443")));
    let own = l4lb.address().port();
    let ssl = Some(Ssl::default());
    for (stated, ssl, port, proto) in [
        (stated, ssl, 8443, "https"),
        (stated, None, 8443, "http"),
        (None, ssl, own, "http"), // of the proxy itself
    ] {
        let tlvs = Tlvs {
            ssl,
            ..Tlvs::default()
        };
        let mut client = l4lb.connect();
        client.write_all(&encode_v2(stated, &tlvs)).unwrap();
        client.write_all(&last("/")).unwrap();
        let said = rest(&mut client);
        assert_eq!(
            said.contains("\r\nStrict-Transport-Security: "),
            proto == "https"
        );
        let heard = backend.heard().pop().unwrap();
        let port = port.to_string();
        assert_eq!(heard.field("X-Forwarded-Port"), Some(&*port));
        assert_eq!(heard.field("X-Forwarded-Proto"), Some(proto));
    }
}

#[test]
fn who_is_no_proxy_is_denied_before_he_says_anything() {
    let backend = listener("127.0.0.1:0");
    let l4lb = before(
        &backend,
        &["--accept-proxy=10.0.0.0/8", "--accept-proxy=::1"],
    );
    expect_reset(&l4lb.connect());
    assert_eq!(only_line(&l4lb)[7], "PR");
    backend.set_nonblocking(true).unwrap();
    assert_eq!(backend.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_proxy_that_does_not_say_who_its_client_is_is_refused() {
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1234\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\n",
        "\r\n\r\n\0\r\nQUIT\n1",
        "x",
    ] {
        let backend = listener("127.0.0.1:0");
        let l4lb = before(&backend, &[ACCEPT]);
        let client = l4lb.connect();
        write_in(&client, text.as_bytes(), 1000);
        expect_reset(&client);
        assert_eq!(only_line(&l4lb)[7], "PR", "{text:?}");
        backend.set_nonblocking(true).unwrap();
        assert_eq!(backend.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn a_header_that_is_never_finished_is_waited_for_so_long_and_no_longer() {
    let backend = listener("127.0.0.1:0");
    let text = format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\npreamble_timeout = \"300ms\"\n\
         accept_proxy = {{ from = [\"127.0.0.0/8\"] }}\n[pool.app]\nbackends = [\"{}\"]\nhealth = {{ type = \"off\" }}\n",
        backend.local_addr().unwrap()
    );
    let (_folder, l4lb) = from_file(&text);
    let begin = Instant::now();
    let (silent, slow) = (l4lb.connect(), l4lb.connect());
    // A byte now and then is no header either.
    for byte in b"PROXY" {
        write_in(&slow, &[*byte], 1);
        crate::life::let_pass(Duration::from_millis(40));
    }
    expect_reset(&silent);
    expect_reset(&slow);
    // Sooner than it would by default.
    let took = begin.elapsed();
    assert!((300..4000).contains(&took.as_millis()), "{took:?}");
    for line in l4lb.wait_for_access_log(2) {
        assert!(line.contains(" cR "), "{line}");
    }
    // Who gives up is no trouble of the proxy's.
    let gone = l4lb.connect();
    write_in(&gone, b"PROXY TCP4", 100);
    drop(gone);
    let lines = l4lb.wait_for_access_log(3);
    assert!(lines[2].contains(" CR "), "{lines:?}");
}

#[test]
fn what_follows_a_header_is_spliced_like_anything_else() {
    let echo = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let l4lb = Options::new()
        .arg(ACCEPT)
        .arg("--health=off")
        .backends(std::slice::from_ref(&echo))
        .start();
    let mut client = l4lb.connect();
    let bulk: Vec<u8> = (0..8 << 20)
        .map(|it: u32| it.to_le_bytes()[it as usize % 3])
        .collect();
    client
        .write_all(&encode_v1(Some((
            address("192.0.2.7:1"),
            address("192.0.2.8:2"),
        ))))
        .unwrap();
    let mut writer = client.try_clone().unwrap();
    let mut back = vec![0; bulk.len()];
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&bulk).unwrap());
        client.read_exact(&mut back).unwrap();
    });
    assert!(back == bulk, "other bytes came back than were sent");
    drop((client, writer));
    assert_eq!(only_line(&l4lb)[10], "splice");
}

#[test]
fn the_stated_address_decides_which_backend_a_client_gets() {
    let sites = ["a", "b", "c"].map(crate::life::site);
    let options = Options::new()
        .arg(ACCEPT)
        .arg("--balance=source-hash")
        .arg("--health=off");
    let admin = Admin::new();
    let l4lb = options.arg(&admin.flag()).backends(&sites).start();
    let served = |host: u8| {
        let mut client = l4lb.connect();
        let stated = (
            SocketAddr::from(([192, 0, 2, host], 1000)),
            address("10.0.0.1:80"),
        );
        client.write_all(&encode_v1(Some(stated))).unwrap();
        whoami_over(client).unwrap()
    };
    let mut known = std::collections::BTreeSet::new();
    for host in 0..20 {
        let name = served(host);
        assert_eq!(served(host), name, "192.0.2.{host}");
        let explained = admin.says(&format!("explain --client 192.0.2.{host}"));
        assert!(
            explained.contains(&format!("app/{name}")),
            "{name}: {explained}"
        );
        known.insert(name);
    }
    assert_eq!(known.len(), 3, "{known:?}");
}

#[test]
fn a_session_is_listed_and_killed_by_its_stated_address() {
    let backend = listener("127.0.0.1:0");
    let admin = Admin::new();
    let l4lb = before(&backend, &[ACCEPT, &admin.flag()]);
    let client = l4lb.connect();
    write_in(
        &client,
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n",
        1000,
    );
    let _server = accept(&backend);
    let mut listed = String::new();
    crate::harness::eventually("the session is listed", || {
        listed = admin.says("connections");
        listed.contains("192.0.2.7:1234")
    });
    let line = listed
        .lines()
        .find(|it| it.contains("192.0.2.7:1234"))
        .unwrap();
    let id = line.split_whitespace().next().unwrap();
    admin.says(&format!("kill {id}"));
    expect_reset(&client);
    assert_eq!(only_line(&l4lb)[1], "192.0.2.7:1234");
}
