//! RFC 9112 on where a request ends, and what else l4lb has to know of it.

use super::super::{Framing, MOST_FIELDS, MOST_HEAD_BYTES, RequestHead, Version};
use super::requests::{HOST, NONE, Verdict, bad, check};
use super::{read_request, request_in};

#[test]
fn a_request_ends_where_nobody_can_think_otherwise() {
    const NUMBER: Verdict = bad("a Content-Length that is no number");
    const CODING: Verdict = bad("a Transfer-Encoding other than chunked");
    const BOTH: Verdict = bad("Content-Length and Transfer-Encoding");
    const LONGEST: Framing = Framing::Length(9_223_372_036_854_775_807);
    const TAKEN: Verdict = bad("a Connection field that names a decisive one");
    const TWICE: Verdict = bad("more than one");
    let table = rows![
        "6.3, 7: nothing declared", "" => NONE;
        "6.3, 6: a length", "Content-Length: 5\r\n" => Ok(Framing::Length(5));
        "6.3, 6: none", "content-length: 0\r\n" => NONE;
        "RFC 9110, 8.6: zeros before", "Content-Length: 007\r\n" => Ok(Framing::Length(7));
        "RFC 9110, 8.6: the longest", "Content-Length: 9223372036854775807\r\n" => Ok(LONGEST);
        "RFC 9110, 8.6: too long", "Content-Length: 9223372036854775808\r\n" => NUMBER;
        "RFC 9110, 8.6: too long", "Content-Length: 99999999999999999999\r\n" => NUMBER;
        "RFC 9110, 8.6: empty", "Content-Length:\r\n" => NUMBER;
        "RFC 9110, 8.6: a sign", "Content-Length: +5\r\n" => NUMBER;
        "RFC 9110, 8.6: a sign", "Content-Length: -5\r\n" => NUMBER;
        "RFC 9110, 8.6: a space", "Content-Length: 5 5\r\n" => NUMBER;
        "RFC 9110, 8.6: hexadecimal", "Content-Length: 0x5\r\n" => NUMBER;
        "RFC 9110, 8.6: a fraction", "Content-Length: 5.0\r\n" => NUMBER;
        "RFC 9110, 8.6: an underscore", "Content-Length: 1_0\r\n" => NUMBER;
        "RFC 9110, 8.6: digits beyond ASCII", "Content-Length: \u{665}\r\n" => NUMBER;
        "6.3, 5: a list", "Content-Length: 5, 5\r\n" => NUMBER;
        "6.3, 5: a list", "Content-Length: 5,6\r\n" => NUMBER;
        "6.3, 5: repeated", "Content-Length: 5\r\nContent-Length: 5\r\n" => TWICE;
        "6.3, 4: chunks", "Transfer-Encoding: chunked\r\n" => Ok(Framing::Chunked);
        "7: in any case", "TRANSFER-ENCODING:\tChunked \r\n" => Ok(Framing::Chunked);
        "6.1: another coding", "Transfer-Encoding: gzip\r\n" => CODING;
        "6.1: another coding before", "Transfer-Encoding: gzip, chunked\r\n" => CODING;
        "6.3, 4: chunks not last", "Transfer-Encoding: chunked, gzip\r\n" => CODING;
        "6.1: chunks twice", "Transfer-Encoding: chunked, chunked\r\n" => CODING;
        "6.1: an empty element", "Transfer-Encoding: ,chunked\r\n" => CODING;
        "6.1: empty", "Transfer-Encoding:\r\n" => CODING;
        "7: with a parameter", "Transfer-Encoding: chunked;q=1\r\n" => CODING;
        "6.1: gone", "Transfer-Encoding: identity\r\n" => CODING;
        "6.1: repeated", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" => TWICE;
        "6.3, 3: both", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" => BOTH;
        "6.3, 3: both", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" => BOTH;
        "9110, 7.6.1: taken away", "Connection: close, content-length\r\n" => TAKEN;
        "9110, 7.6.1: taken away", "Connection: Host\r\n" => TAKEN;
        "9110, 7.6.1: taken away", "Connection: X-Forwarded-For\r\n" => TAKEN;
    ];
    for (rule, lines, expected) in table {
        let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        check(rule, bytes.as_bytes(), expected);
    }
    let coded = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(
        "6.1: HTTP/1.0",
        coded,
        bad("a Transfer-Encoding in HTTP/1.0"),
    );
    let long = b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc";
    check("6.2: HTTP/1.0", long, Ok(Framing::Length(3)));
}

#[test]
fn a_head_is_bounded() {
    let fields = |count: usize| {
        let lines = "A: b\r\n".repeat(count - 1);
        format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
    };
    check("100 fields", fields(MOST_FIELDS).as_bytes(), NONE);
    let more = fields(MOST_FIELDS + 1);
    check(
        "101 fields",
        more.as_bytes(),
        Err((431, "more than 100 fields")),
    );
    let sized = |size: usize| {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
        format!("{start}{}\r\n\r\n", "x".repeat(size - start.len() - 4))
    };
    check("64 KiB", sized(MOST_HEAD_BYTES).as_bytes(), NONE);
    let longer = sized(MOST_HEAD_BYTES + 1);
    check(
        "more",
        longer.as_bytes(),
        Err((431, "a head of more than 64 KiB")),
    );
    let target = format!("GET /{}", "x".repeat(MOST_HEAD_BYTES));
    check(
        "3: a long target",
        target.as_bytes(),
        Err((414, "a first line of more")),
    );
    let names = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: {:,<1025}\r\n\r\n",
        ""
    );
    check(
        "1 KiB",
        names.as_bytes(),
        bad("Connection fields of more than 1 KiB"),
    );
}

#[test]
fn a_uri_of_http_has_a_host() {
    let bytes = b"GET http:/// HTTP/1.1\r\nHost:\r\n\r\n";
    check("RFC 9110, 4.2.1", bytes, bad("a target whose host is not"));
}

#[test]
fn what_is_not_whole_is_waited_for() {
    for bytes in [
        "",
        "\r",
        "\r\n",
        "GE",
        "GET / HTTP/1.1\r",
        "GET / HTTP/1.1\r\nHost: a\r\n\r",
    ] {
        assert_eq!(read_request(bytes.as_bytes()), None, "{bytes:?}");
    }
}

fn head_of(bytes: &str) -> RequestHead<'_> {
    request_in(bytes.as_bytes()).unwrap()
}

#[test]
fn a_head_is_told_apart_from_what_follows() {
    let head = head_of("\r\nPOST /a?b HTTP/1.1\r\nHost: a:80\r\nContent-Length: 2\r\n\r\nhiGET /");
    assert_eq!(
        (head.method, head.target, head.path()),
        ("POST", "/a?b", "/a")
    );
    assert_eq!(
        (head.version, head.host, head.consumed),
        (Version::Http11, Some("a:80"), 55)
    );
    assert_eq!(head.field("content-length"), Some(&b"2"[..]));
    assert_eq!(head.field("User-Agent"), None);
    for (target, path) in [
        ("/", "/"),
        ("http://a", "/"),
        ("http://a?b", "/"),
        ("http://a/b?c", "/b"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\n{HOST}");
        assert_eq!(head_of(&request).path(), path, "{target}");
    }
}

#[test]
fn a_connection_persists_unless_somebody_says_otherwise() {
    let table = [
        ("9.3: HTTP/1.1", "1.1", "", true),
        ("9.6: close", "1.1", "Connection: close\r\n", false),
        (
            "9.6: in any case",
            "1.1",
            "Connection: Foo, CLOSE\r\n",
            false,
        ),
        (
            "9.6: in a second field",
            "1.1",
            "Connection: a\r\nConnection: close\r\n",
            false,
        ),
        (
            "9.3: both",
            "1.1",
            "Connection: keep-alive, close\r\n",
            false,
        ),
        ("9.3: no such word", "1.1", "Connection: closed\r\n", true),
        ("9.3: HTTP/1.0", "1.0", "", false),
        (
            "C.2.2: keep-alive",
            "1.0",
            "Connection: Keep-Alive\r\n",
            true,
        ),
        (
            "C.2.2: both",
            "1.0",
            "Connection: keep-alive, close\r\n",
            false,
        ),
    ];
    for (rule, version, lines, expected) in table {
        let request = format!("GET / HTTP/{version}\r\n{lines}{HOST}");
        assert_eq!(
            head_of(&request).asked().persists,
            expected,
            "{rule}: {lines:?}"
        );
    }
}

#[test]
fn an_upgrade_is_offered_by_two_fields_and_never_to_http_2() {
    let table = [
        ("Connection: Upgrade\r\nUpgrade: websocket\r\n", true),
        (
            "Connection: keep-alive, upgrade\r\nUpgrade: a/1, b\r\n",
            true,
        ),
        ("Upgrade: websocket\r\n", false),
        ("Connection: upgrade\r\n", false),
        ("Connection: upgrade\r\nUpgrade: h2c\r\n", false),
        ("Connection: upgrade\r\nUpgrade: websocket, H2C\r\n", false),
        ("Connection: upgrade\r\nUpgrade: h2/1\r\n", false),
        ("Connection: upgrade\r\nUpgrade: h2c-14\r\n", false),
        ("Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n", false),
        ("Connection: upgrade\r\nUpgrade: tls/1.3\r\n", false),
    ];
    for (lines, expected) in table {
        let request = format!("GET / HTTP/1.1\r\n{lines}{HOST}");
        assert_eq!(head_of(&request).asked().upgrades, expected, "{lines:?}");
    }
    let old = format!("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n{HOST}");
    assert!(!head_of(&old).asked().upgrades, "RFC 9110, 7.8: HTTP/1.0");
}

#[test]
fn what_a_client_expects_and_may_ask_twice_is_known() {
    let table = [
        ("1.1", "100-Continue", true),
        ("1.1", "200-ok", false),
        ("1.0", "100-continue", false),
    ];
    for (version, word, expected) in table {
        let request = format!("POST / HTTP/{version}\r\nExpect: {word}\r\n{HOST}");
        assert_eq!(
            head_of(&request).expects_continue(),
            expected,
            "{version} {word}"
        );
    }
    for (method, expected) in [
        ("GET", true),
        ("PUT", true),
        ("POST", false),
        ("get", false),
    ] {
        let request = format!("{method} / HTTP/1.1\r\n{HOST}");
        assert_eq!(head_of(&request).is_idempotent(), expected, "{method}");
    }
}
