//! Changes of protocol, with TLS on either side and on both: after them bytes go as they come.

use std::io::{BufRead, BufReader, Read, Write};
use std::thread;

use super::super::Files;
use super::backends;
use crate::http::backend::{Backend, Say};
use crate::http::response;

const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n";
const REQUEST: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";

/// Changes the protocol, says hello at once, and then sends back what it hears.
fn chat(files: &Files, is_secure: bool) -> Backend {
    let say = |_: &_| Say::Echo([SWITCHING, b"hello"].concat());
    if is_secure {
        Backend::secure(&files.serving("localhost"), say)
    } else {
        Backend::start(say)
    }
}

#[test]
fn bytes_go_both_ways_as_they_come_also_those_that_are_early() {
    let files = Files::new(&["localhost"]);
    let bytes: Vec<u8> = (0..=250).cycle().take(1_000_000).collect();
    for is_secure in [false, true] {
        let backend = chat(&files, is_secure);
        let pool = if is_secure {
            let port = backend.address.port();
            format!("tls = {{ ca = \"DIR/ca.pem\" }}\nbackends = [\"https://localhost:{port}\"]")
        } else {
            backends(&[backend.address])
        };
        let l4lb = files.web("", "", &pool);
        let mut client = files.client(&l4lb, "localhost");
        // In one record with the request.
        client.write_all(&[REQUEST, b"early"].concat()).unwrap();
        let (head, _) = response(&mut client);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("Upgrade: chat\r\n"), "{head}");
        let mut first = [0; 10];
        client.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"helloearly");
        for piece in bytes.chunks(50_000) {
            assert!(super::super::echoed(&mut client, piece) == piece);
        }
        client.conn.send_close_notify();
        client.flush().unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0, "a said end");
        drop(client);
        let line = l4lb.wait_for_access_log(1).remove(0);
        assert!(line.contains(" -- 0 ") && line.contains(" 101 "), "{line}");
    }
}

#[test]
fn a_client_without_tls_and_a_backend_with_it_change_their_protocol() {
    let files = Files::new(&["localhost"]);
    let backend = chat(&files, true);
    for per in ["connection", "request"] {
        let l4lb = files.plain(&format!("per = \"{per}\""), "", &[backend.address]);
        let mut client = l4lb.connect();
        client.write_all(&[REQUEST, b"early"].concat()).unwrap();
        assert!(response(&mut client).0.starts_with("HTTP/1.1 101 "));
        let mut first = [0; 10];
        client.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"helloearly");
        let bytes = vec![b'z'; 3_000_000];
        let mut writer = client.try_clone().unwrap();
        let sent = bytes.clone();
        let sender = thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        sender.join().unwrap();
        assert!(back == bytes, "{} bytes came back", back.len());
    }
}

/// A frame of WebSocket (RFC 6455, 5.2), masked as clients have to.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let length = u16::try_from(payload.len()).unwrap();
    let mut all = vec![0x80 | opcode, 0x80 | 126];
    all.extend(length.to_be_bytes());
    all.extend(mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    all.extend(masked.map(|(byte, mask)| byte ^ mask));
    all
}

#[test]
fn frames_of_a_websocket_pass_whole_and_in_their_order() {
    let files = Files::new(&["localhost"]);
    let backend = chat(&files, true);
    let pool = format!(
        "tls = {{ ca = \"DIR/ca.pem\" }}\nbackends = [\"https://localhost:{}\"]",
        backend.address.port()
    );
    let l4lb = files.web("", "", &pool);
    let mut client = BufReader::new(files.client(&l4lb, "localhost"));
    client.get_mut().write_all(REQUEST).unwrap();
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        client.read_line(&mut line).unwrap();
    }
    client.read_exact(&mut [0; 5]).unwrap();
    for length in [0, 1, 125, 126, 16_384, 65_535] {
        let sent = frame(2, &vec![7; length]);
        client.get_mut().write_all(&sent).unwrap();
        let mut back = vec![0; sent.len()];
        client.read_exact(&mut back).unwrap();
        assert!(back == sent, "{length}");
    }
}
