//! Who a client is by its certificate, as backends and the log are told.

use std::io::Write;

use rustls::HandshakeKind;

use super::super::{Files, client_config, connect, issued};
use super::backends;
use crate::http::backend::Backend;
use crate::http::{ok, response};

const OPTIONAL: &str = "client_ca = \"DIR/ca.pem\", client_certificates = \"optional\"";
const HEADERS: &str = "request_headers = { set = { X-Client-Subject = \"{tls_client_subject}\", \
                       X-Tls = \"{tls_version} {tls_cipher} {tls_server_name} {tls_client_cn}\" } }";

/// A client that says it is somebody else.
const SPOOFED: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Client-Subject: CN=root\r\nx-client-subject: CN=root\r\n\
      Connection: X-Client-Subject\r\n\r\n";

#[test]
fn a_backend_is_told_whose_the_certificate_is_and_no_client_can_make_it_up() {
    let (files, backend) = (Files::new(&["localhost"]), Backend::saying(ok("x")));
    let l4lb = files.web(OPTIONAL, HEADERS, &backends(&[backend.address]));
    let own = issued(&files.root, "J. Doe, visitor");
    let known = client_config(&files.root, Some(&own));
    // Twice with a certificate: a session that is resumed shows none, and is who it was.
    let kinds = [HandshakeKind::Full, HandshakeKind::Resumed];
    for (at, kind) in kinds.into_iter().enumerate() {
        let mut client = connect(&l4lb, known.clone(), "localhost");
        for _ in 0..2 {
            client.write_all(SPOOFED).unwrap();
            response(&mut client);
        }
        assert_eq!(client.conn.handshake_kind(), Some(kind));
        let heard = backend.heard().pop().unwrap();
        assert_eq!(
            heard.field("X-Client-Subject"),
            Some("CN=J. Doe\\, visitor"),
            "{at}"
        );
        let tls = heard.field("X-Tls").unwrap();
        assert!(tls.starts_with("TLSv1.3 TLS_"), "{tls}");
        assert!(tls.ends_with(" localhost J. Doe, visitor"), "{tls}");
    }
    let mut unknown = files.client(&l4lb, "localhost");
    unknown.write_all(SPOOFED).unwrap();
    response(&mut unknown);
    let heard = backend.heard();
    assert_eq!(heard.len(), 5);
    assert_eq!(heard[4].field("X-Client-Subject"), Some(""));
    for it in heard {
        let named = it.head.to_lowercase().matches("x-client-subject:").count();
        assert!(named == 1 && !it.head.contains("root"), "{}", it.head);
    }
}

#[test]
fn who_comes_without_tls_has_no_name_either() {
    let (files, backend) = (Files::new(&[]), Backend::saying(ok("x")));
    let text = format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\nprotocol = \"http\"\n\
         [listener.http]\n{HEADERS}\n{}",
        super::super::pool(&backend.address.to_string())
    );
    let l4lb = files.start(&text);
    let mut client = l4lb.connect();
    client.write_all(SPOOFED).unwrap();
    response(&mut client);
    let heard = &backend.heard()[0];
    assert_eq!(heard.field("X-Client-Subject"), Some(""));
    assert_eq!(heard.field("X-Tls"), Some("   "));
    assert!(!heard.head.contains("root"), "{}", heard.head);
}

#[test]
fn the_log_says_what_tls_has_told_of_requests_and_of_streams() {
    let format = "{tls_version} {tls_cipher} {tls_server_name} {tls_client_subject} {status}";
    let backend = Backend::saying(ok("x"));
    for protocol in ["http", "tcp"] {
        let files = Files::new(&["localhost"]);
        let text = super::super::listener(
            OPTIONAL,
            &format!(
                "protocol = \"{protocol}\"\n{}",
                super::super::pool(&backend.address.to_string())
            ),
        );
        let output = format!("output = \"-\"\nformat = \"{format}\"");
        let l4lb = files.start(&text.replace("output = \"-\"", &output));
        let own = issued(&files.root, "J. Doe");
        for own in [Some(&*own), None] {
            let config = client_config(&files.root, own);
            let mut client = connect(&l4lb, config, "localhost");
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            response(&mut client);
            client.conn.send_close_notify();
            client.flush().unwrap();
        }
        let status = if protocol == "http" { "200" } else { "-" };
        for (line, subject) in l4lb
            .wait_for_access_log(2)
            .iter()
            .zip(["CN=J.\\u0020Doe", "-"])
        {
            assert!(line.starts_with("TLSv1.3 TLS_"), "{line}");
            assert!(
                line.ends_with(&format!(" localhost {subject} {status}")),
                "{line}"
            );
        }
    }
}
