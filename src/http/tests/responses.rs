//! RFC 9112 on responses, rule by rule: whatever is wrong is a bad gateway to the client.

use super::super::{Asked, Framing, Kind, Parsed, Version, response};
use super::{ASKED, response_in};

const HEAD: Asked = Asked {
    is_head: true,
    ..ASKED
};

const UPGRADES: Asked = Asked {
    upgrades: true,
    ..ASKED
};

#[track_caller]
fn check(rule: &str, asked: Asked, bytes: &[u8], expected: Result<Framing, &str>) {
    let seen = response_in(bytes, asked);
    match (&seen, expected) {
        (Ok(head), Ok(framing)) if head.framing == framing => {}
        (Err(refusal), Err(why)) if refusal.why.starts_with(why) => {
            assert_eq!(refusal.status.code(), 502, "{rule}");
        }
        _ => panic!("{rule}: {:?}: {seen:?}", bytes.escape_ascii().to_string()),
    }
}

#[test]
fn a_status_line_has_three_parts() {
    const VERSION: &str = "a status line without a version";
    const DIGITS: &str = "a status that is no number";
    const OPEN: Result<Framing, &str> = Ok(Framing::UntilClose);
    let table: [(&str, &[u8], _); 19] = rows![
        "4", b"HTTP/1.1 200 OK" => OPEN;
        "4: HTTP/1.0", b"HTTP/1.0 404 Not Found" => OPEN;
        "4: an empty reason", b"HTTP/1.1 200 " => OPEN;
        "4: no reason, as many send it", b"HTTP/1.1 200" => OPEN;
        "4: a reason of any bytes", b"HTTP/1.1 200 \xe9\t!" => OPEN;
        "RFC 9110, 15: beyond 599", b"HTTP/1.1 999 What" => OPEN;
        "2.3", b"HTTP/2.0 200 OK" => Err("a version other");
        "2.3", b"HTTP/1.2 200 OK" => Err("a version other");
        "4", b"http/1.1 200 OK" => Err("the version");
        "4", b"HTTP/1.1  200 OK" => Err(DIGITS);
        "4", b"HTTP/1.1\t200 OK" => Err(VERSION);
        "4", b"HTTP/1.1" => Err(VERSION);
        "4", b"HTTP/1.1 " => Err(DIGITS);
        "4: two digits", b"HTTP/1.1 20 OK" => Err(DIGITS);
        "4: four digits", b"HTTP/1.1 2000 OK" => Err(DIGITS);
        "4: a letter", b"HTTP/1.1 2x0 OK" => Err(DIGITS);
        "RFC 9110, 15: below 100", b"HTTP/1.1 099 OK" => Err(DIGITS);
        "4: no HTTP at all", b"220 mail.example ready" => Err("a status line");
        "4: no empty line before", b"\r\nHTTP/1.1 200 OK" => Err("an empty line");
    ];
    for (rule, line, expected) in table {
        check(rule, ASKED, &[line, b"\r\n\r\n"].concat(), expected);
    }
}

#[test]
fn a_response_ends_where_nobody_can_think_otherwise() {
    const BOTH: Result<Framing, &str> = Err("Content-Length and");
    const CODING: Result<Framing, &str> = Err("a Transfer-Encoding other than chunked");
    let (five, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    let (none, open) = (Ok(Framing::None), Ok(Framing::UntilClose));
    let table = rows![
        "6.3, 8: nothing declared", ASKED, "200", "" => open;
        "6.3, 6: a length", ASKED, "200", five => Ok(Framing::Length(5));
        "6.3, 6: none", ASKED, "200", "Content-Length: 0\r\n" => none;
        "6.3, 4: chunks", ASKED, "500", chunked => Ok(Framing::Chunked);
        "6.3, 1: to HEAD", HEAD, "200", five => none;
        "6.3, 1: to HEAD", HEAD, "200", chunked => none;
        "6.3, 1: to HEAD", HEAD, "200", "" => none;
        "6.3, 1: 204", ASKED, "204", five => none;
        "6.3, 1: 304", ASKED, "304", five => none;
        "6.3, 1: 1xx", ASKED, "103", chunked => none;
        "6.3, 1: not 205", ASKED, "205", five => Ok(Framing::Length(5));
        "6.3, 3: both", ASKED, "200", &[five, chunked].concat() => BOTH;
        "6.3, 3: both, to HEAD", HEAD, "200", &[chunked, five].concat() => BOTH;
        "6.3, 5: repeated", ASKED, "200", &five.repeat(2) => Err("more than one");
        "6.3, 5: a list", ASKED, "200", "Content-Length: 5, 5\r\n" => Err("a Content-Length");
        "6.3, 4: another coding", ASKED, "200", "Transfer-Encoding: gzip\r\n" => CODING;
        "6.1: codings before", ASKED, "200", "Transfer-Encoding: gzip, chunked\r\n" => CODING;
        "5.2: a folded line", ASKED, "200", "A: b\r\n c\r\n" => Err("a folded line");
        "5.1: a space before the colon", ASKED, "200", "A : b\r\n" => Err("a field's name");
        "2.2: LF", ASKED, "200", "A: b\n" => Err("a line feed without");
    ];
    for (rule, asked, status, lines, expected) in table {
        let bytes = format!("HTTP/1.1 {status} x\r\n{lines}\r\n");
        check(rule, asked, bytes.as_bytes(), expected);
    }
    let old = Asked {
        version: Version::Http10,
        ..ASKED
    };
    let why = Err("chunks to a client of HTTP/1.0");
    let coded = format!("HTTP/1.1 200 OK\r\n{chunked}\r\n");
    check("6.1: to HTTP/1.0", old, coded.as_bytes(), why);
    let coded = format!("HTTP/1.0 200 OK\r\n{chunked}\r\n");
    check(
        "6.1: HTTP/1.0",
        ASKED,
        coded.as_bytes(),
        Err("a Transfer-Encoding in HTTP/1.0"),
    );
}

#[test]
fn protocols_are_changed_where_the_client_offers_it() {
    let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    let bare = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let why = Err("a change of protocol that nobody");
    check("RFC 9110, 15.2.2", UPGRADES, response, Ok(Framing::None));
    check("RFC 9110, 15.2.2: unasked", ASKED, response, why);
    check("RFC 9110, 7.8: to what", UPGRADES, bare, why);
}

#[test]
fn what_comes_after_a_response_goes_by_its_status() {
    let table = [
        ("100", Kind::Interim, false),
        ("103", Kind::Interim, false),
        ("101", Kind::Upgraded, true),
        ("200", Kind::Final, true),
        ("999", Kind::Final, true),
    ];
    let old = Asked {
        version: Version::Http10,
        ..UPGRADES
    };
    for (status, kind, is_for_old) in table {
        let bytes = format!("HTTP/1.1 {status} x\r\nUpgrade: a\r\n\r\n");
        let head = response_in(bytes.as_bytes(), UPGRADES).unwrap();
        assert_eq!(head.kind(), kind, "{status}");
        assert_eq!(
            (head.is_for(UPGRADES), head.is_for(old)),
            (true, is_for_old),
            "{status}"
        );
        assert_eq!((head.consumed, head.reason), (bytes.len(), &b"x"[..]));
    }
}

#[test]
fn a_response_has_no_more_than_32_before_it() {
    let mut reader = response::Reader::default();
    for _ in 0..32 {
        let Parsed::Head(head) = reader.read(b"HTTP/1.1 103 x\r\n\r\n", ASKED) else {
            panic!("an interim response is refused");
        };
        assert_eq!(head.kind(), Kind::Interim);
        reader = reader.after_interim();
    }
    let mut last = reader.clone();
    let last = last.read(b"HTTP/1.1 200 x\r\n\r\n", ASKED);
    assert!(matches!(last, Parsed::Head(_)), "{last:?}");
    let more = reader.read(b"HTTP/1.1 100 x\r\n\r\n", ASKED);
    let Parsed::Bad(refusal) = more else {
        panic!("{more:?}");
    };
    assert_eq!(refusal.status.code(), 502);
}

#[test]
fn a_backend_keeps_its_connection_unless_the_response_ends_with_it() {
    let table = [
        ("9.3", "1.1", "Content-Length: 0\r\n", true),
        (
            "9.6",
            "1.1",
            "Content-Length: 0\r\nConnection: close\r\n",
            false,
        ),
        ("6.3, 8", "1.1", "", false),
        ("6.3, 8", "1.0", "Connection: keep-alive\r\n", false),
        (
            "C.2.2",
            "1.0",
            "Content-Length: 0\r\nConnection: keep-alive\r\n",
            true,
        ),
        ("9.3", "1.0", "Content-Length: 0\r\n", false),
    ];
    for (rule, version, lines, expected) in table {
        let bytes = format!("HTTP/{version} 200 OK\r\n{lines}\r\n");
        let head = response_in(bytes.as_bytes(), ASKED).unwrap();
        assert_eq!(head.persists, expected, "{rule}: {bytes:?}");
    }
}
