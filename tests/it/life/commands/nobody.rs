//! No l4lb answers at the admin address: exit code 3, whatever is there instead, and in time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::{Line, POOLS, say, say_to};

/// Asks whoever is at `address`; what is said after it.
#[track_caller]
fn complaint(address: &str) -> String {
    let (out, err, code) = say_to(address, "status");
    assert_eq!((out.as_str(), code), ("", Some(3)), "{err}");
    err
}

/// Says `bytes` to one client, when it has said something.
fn speaker(bytes: impl Into<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let bytes = bytes.into();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let _ = client.read(&mut [0; 4096]);
        // The client hangs up when it has seen enough.
        let _ = client.write_all(&bytes);
    });
    address
}

#[test]
fn an_address_where_nobody_listens_is_named() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let wanted = format!("l4lb: no l4lb answers at {free}: connection refused\n");
    assert_eq!(complaint(&free.to_string()), wanted);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("admin.sock");
    let wanted = format!(
        "l4lb: no l4lb answers at unix:{}: no such file or directory\n",
        path.display()
    );
    assert_eq!(complaint(&format!("unix:{}", path.display())), wanted);
}

#[test]
fn whoever_speaks_otherwise_is_no_l4lb() {
    let long = format!(
        "HTTP/1.1 200 OK\r\n\r\n\"{}\"",
        "x".repeat(65 * 1024 * 1024)
    );
    let table = [
        (String::new(), "no l4lb answers"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "no l4lb answers"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "no l4lb answers",
        ),
        (long, "length limit exceeded"),
        (
            format!("HTTP/1.1 200 OK\r\n\r\n\"{}\"", "x".repeat(9999)),
            "invalid type",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n".to_owned(),
            "302 Found",
        ),
    ];
    for (bytes, hint) in table {
        let start: String = bytes.chars().take(40).collect();
        let text = complaint(&speaker(bytes));
        assert!(
            text.contains(hint) && text.len() < 1000,
            "{start:?}: {text:.1000}"
        );
    }
    let table: [&'static [Line]; 4] = [
        &[("GET /v1/status", 200, "<html>welcome</html>")],
        &[("GET /v1/status", 200, r#"{"ready":true}"#)],
        &[("GET /v1/status", 502, "<html>Bad Gateway</html>")],
        &[("GET /v1/status", 200, "")],
    ];
    for script in table {
        let ((out, err, code), _) = say(script, "status");
        assert_eq!((out.as_str(), code), ("", Some(3)), "{script:?}: {err}");
        assert!(
            err.contains("does not answer as an l4lb does"),
            "{script:?}: {err}"
        );
    }
}

#[test]
fn an_answer_of_another_shape_is_no_l4lb_for_any_command() {
    let table: [(&'static [Line], _); 6] = [
        (&[("GET /v1/status", 200, "[]")], "status"),
        (&[("GET /v1/status", 200, "null")], "drain"),
        (&[("GET /v1/pools", 200, "[]")], "backends"),
        (
            &[POOLS, ("GET /v1/pools/app/backends", 200, "\"x\"")],
            "backends",
        ),
        (&[("GET /v1/pools/app/backends", 200, "7")], "ready app/b1"),
        (
            &[("GET /v1/connections?limit=100", 200, "[{}]")],
            "connections",
        ),
    ];
    for (script, words) in table {
        let ((out, err, code), _) = say(script, words);
        assert_eq!((out.as_str(), code), ("", Some(3)), "{script:?}: {err}");
    }
}

#[test]
fn an_address_that_does_not_accept_is_given_up_after_two_seconds() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
    let _waiting: Vec<_> = std::iter::from_fn(|| connect().ok()).take(64).collect();
    let start = Instant::now();
    let text = complaint(&address.to_string());
    assert!(text.ends_with("no connection within 2 s\n"), "{text}");
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[test]
fn whoever_accepts_and_says_nothing_is_given_up_after_fifteen_seconds() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let text = complaint(&silent.local_addr().unwrap().to_string());
    assert!(text.ends_with("no answer within 15 s\n"), "{text}");
    assert!(start.elapsed() >= Duration::from_secs(15));
}
