//! Checks of backends that speak TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use super::Files;
use crate::harness::{L4lb, PATIENCE, eventually};
use crate::http::backend::{Backend, Say};
use crate::http::ok;

const HTTP: &str = "type = \"http\", path = \"/up\"";

/// One whose one backend is checked so.
fn checking(files: &Files, backend: SocketAddr, check: &str, tls: &str, pool: &str) -> L4lb {
    files.start(&format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nbackends = [\"https://localhost:{}\"]\ntls = {{ {tls} }}\n\
         health = {{ {check}, interval = \"20ms\", timeout = \"10s\", rise = 1, fall = 1 }}\n{pool}\n",
        backend.port()
    ))
}

#[test]
fn a_question_goes_in_tls_and_the_answer_counts() {
    let files = Files::new(&["localhost"]);
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let backend = Backend::secure(&files.serving("localhost"), move |_| {
        let asked = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Say::Last(match asked {
            3..6 => b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec(),
            _ => ok(&"x".repeat(40_000)),
        })
    });
    let ca = "ca = \"DIR/ca.pem\"";
    let mut l4lb = checking(&files, backend.address, HTTP, ca, "send_proxy = \"v1\"");
    l4lb.wait_for_log("status 503");
    l4lb.wait_for_log("status 200");
    let heard = backend.heard();
    let head = &heard[0].head;
    assert!(
        head.starts_with("PROXY UNKNOWN\r\nGET /up HTTP/1.1\r\n"),
        "{head}"
    );
    let connections = heard.iter().enumerate().all(|(at, it)| it.connection == at);
    assert!(connections, "each is one of its own");
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_a_failure_unless_nobody_asks() {
    let (files, strangers) = (Files::new(&[]), Files::new(&["localhost", "other"]));
    for (shown, tls, is_fine) in [
        ("localhost", "ca = \"DIR/ca.pem\"", false),
        ("localhost", "verify = false", true),
        ("other", "ca = \"STRANGER\"", false),
        ("other", "ca = \"STRANGER\", server_name = \"other\"", true),
    ] {
        let backend = Backend::secure(&strangers.serving(shown), |_| Say::Last(ok("x")));
        let stranger = strangers.path("ca.pem").display().to_string();
        let tls = tls.replace("STRANGER", &stranger);
        let mut l4lb = checking(&files, backend.address, HTTP, &tls, "");
        if is_fine {
            eventually("some checks", || backend.heard().len() > 3);
            assert!(!l4lb.log().concat().contains("TLS: "), "{tls}");
        } else {
            l4lb.wait_for_log("TLS: ");
            assert!(l4lb.log().concat().contains("certificate"), "{tls}");
            assert!(backend.heard().is_empty(), "it was asked nothing");
        }
    }
}

#[test]
fn what_speaks_no_tls_fails() {
    let files = Files::new(&[]);
    for (answer, found) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "TLS: "),
        (b"", "the connection ended before an answer"),
    ] {
        let backend = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = backend.local_addr().unwrap();
        std::thread::spawn(move || {
            for client in backend.incoming() {
                let mut client = client.unwrap();
                let _ = client.read(&mut [0; 1024]).unwrap();
                client.write_all(answer).unwrap();
            }
        });
        let mut l4lb = checking(&files, address, HTTP, "ca = \"DIR/ca.pem\"", "");
        l4lb.wait_for_log(found);
    }
}

#[test]
fn a_text_that_is_sent_and_expected_goes_in_tls() {
    let files = Files::new(&["localhost"]);
    let backend = Backend::secure(&files.serving("localhost"), |_| {
        Say::Bytes(b"+PONG\r\n".to_vec())
    });
    let check = "type = \"send-expect\", send = \"PING\\r\\n\\r\\n\", expect = \"+PONG\"";
    let l4lb = checking(&files, backend.address, check, "ca = \"DIR/ca.pem\"", "");
    eventually("some checks", || backend.heard().len() > 3);
    assert!(!l4lb.log().concat().contains("down"), "{:?}", l4lb.log());
    assert_eq!(backend.heard()[0].head, "PING\r\n\r\n");
}

#[test]
fn a_connect_says_nothing_and_a_port_of_its_own_is_asked_without_tls() {
    let files = Files::new(&["localhost"]);
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = backend.local_addr().unwrap();
    let _l4lb = checking(&files, address, "type = \"tcp\"", "ca = \"DIR/ca.pem\"", "");
    let mut client = backend.accept().unwrap().0;
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "a connect is all");

    let aside = Backend::saying(ok("x"));
    let check = format!("{HTTP}, port = {}", aside.address.port());
    let _l4lb = checking(&files, address, &check, "ca = \"DIR/ca.pem\"", "");
    eventually("a check", || !aside.heard().is_empty());
    assert!(aside.heard()[0].head.starts_with("GET /up HTTP/1.1\r\n"));
}
