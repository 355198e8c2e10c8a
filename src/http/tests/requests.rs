//! RFC 9112 on the lines of a request, rule by rule.

use super::super::Framing;
use super::request_in;

/// What a table says of a request: its framing, or the status and the beginning of the reason.
pub(super) type Verdict = Result<Framing, (u16, &'static str)>;

#[track_caller]
pub(super) fn check(rule: &str, bytes: &[u8], expected: Verdict) {
    let seen = request_in(bytes);
    match (&seen, expected) {
        (Ok(head), Ok(framing)) if head.framing == framing => {}
        (Err(refusal), Err((code, why)))
            if refusal.status.code() == code && refusal.why.starts_with(why) => {}
        _ => panic!("{rule}: {:?}: {seen:?}", bytes.escape_ascii().to_string()),
    }
}

/// A request that could be understood in two ways, or in none.
pub(super) const fn bad(why: &'static str) -> Verdict {
    Err((400, why))
}

pub(super) const NONE: Verdict = Ok(Framing::None);
pub(super) const HOST: &str = "Host: a\r\n\r\n";

#[test]
fn a_request_line_is_three_words() {
    const WORDS: &str = "a request line that is not three words";
    const OTHER: Verdict = bad("a target whose host is not");
    const TARGET: &str = "a target that is neither";
    const BEYOND: &str = "a request line beyond ASCII";
    let table = rows![
        "3: method SP target SP version", "GET / HTTP/1.1" => NONE;
        "3.1: any token is a method", "M-SEARCH! / HTTP/1.1" => NONE;
        "3.1: in its own case", "get / HTTP/1.1" => NONE;
        "3.1: and nothing else", "G(T / HTTP/1.1" => bad("a method");
        "3.1: no method", " / HTTP/1.1" => bad("a method");
        "3: two spaces", "GET  / HTTP/1.1" => bad(WORDS);
        "3: two spaces", "GET /  HTTP/1.1" => bad(WORDS);
        "3: a space at the end", "GET / HTTP/1.1 " => bad(WORDS);
        "3: a space at the start", " GET / HTTP/1.1" => bad(WORDS);
        "3.2: white space in a target", "GET /a b HTTP/1.1" => bad(WORDS);
        "3: a tab is no space", "GET\t/ HTTP/1.1" => bad(BEYOND);
        "3: HTTP/0.9", "GET /" => bad(WORDS);
        "3: one word", "GET" => bad(WORDS);
        "3.2.1: a path with a query", "GET /a?b=/c&d HTTP/1.1" => NONE;
        "3.2.1: an empty target", "GET  HTTP/1.1" => bad(TARGET);
        "3.2.1: not a path", "GET a HTTP/1.1" => bad(TARGET);
        "3.2.2: an absolute target", "GET http://a/b HTTP/1.1" => NONE;
        "3.2.2: without a path", "GET HTTP://A HTTP/1.1" => NONE;
        "3.2.2: with the default port", "GET http://a:80?b HTTP/1.1" => NONE;
        "3.2.2: of HTTPS", "GET https://a:443/ HTTP/1.1" => NONE;
        "3.2.2: of nothing", "GET ftp://a/ HTTP/1.1" => bad(TARGET);
        "3.2.2: of another host", "GET http://b/ HTTP/1.1" => OTHER;
        "3.2.2: of another port", "GET http://a:443/ HTTP/1.1" => OTHER;
        "RFC 9110, 4.2.4: with a user", "GET http://u@a/ HTTP/1.1" => OTHER;
        "3.2.3: CONNECT", "CONNECT a:80 HTTP/1.1" => Err((501, "CONNECT"));
        "3.2.3: CONNECT", "CONNECT / HTTP/1.1" => Err((501, "CONNECT"));
        "3.2.4: the server as a whole", "OPTIONS * HTTP/1.1" => NONE;
        "3.2.4: only OPTIONS", "GET * HTTP/1.1" => bad(TARGET);
        "RFC 9110, 7.1: a fragment", "GET /#a HTTP/1.1" => bad(TARGET);
        "RFC 3986: beyond ASCII", "GET /\u{e9} HTTP/1.1" => bad(BEYOND);
        "2.3: HTTP/1.0", "GET / HTTP/1.0" => NONE;
        "2.3: in lower case", "GET / http/1.1" => bad("the version");
        "2.3: another protocol", "GET / ICAP/1.1" => bad("the version");
        "2.3: three digits", "GET / HTTP/1.11" => bad("the version");
        "2.3: one digit", "GET / HTTP/1" => bad("the version");
        "2.3: not a digit", "GET / HTTP/1.x" => bad("the version");
        "RFC 9110, 15.6.6: HTTP/1.2", "GET / HTTP/1.2" => Err((505, "a version"));
        "RFC 9110, 15.6.6: HTTP/0.9", "GET / HTTP/0.9" => Err((505, "a version"));
        "RFC 9113, 3.4: HTTP/2", "PRI * HTTP/2.0" => Err((505, "a version"));
    ];
    for (rule, line, expected) in table {
        check(rule, format!("{line}\r\n{HOST}").as_bytes(), expected);
    }
}

#[test]
fn lines_end_with_a_carriage_return_and_a_line_feed() {
    const FEED: &str = "a line feed without";
    const RETURN: &str = "a carriage return without";
    const EMPTY: &str = "an empty line in the place";
    let table: [(&str, &[u8], Verdict); 16] = rows![
        "2.1", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" => NONE;
        "2.2: LF", b"GET / HTTP/1.1\nHost: a\r\n\r\n" => bad(FEED);
        "2.2: LF", b"GET / HTTP/1.1\r\nHost: a\n\r\n" => bad(FEED);
        "2.2: LF", b"GET / HTTP/1.1\r\nHost: a\r\n\n" => bad(FEED);
        "2.2: CR", b"GET / HTTP/1.1\rHost: a\r\n\r\n" => bad(RETURN);
        "2.2: CR", b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n" => bad(RETURN);
        "2.2: CR", b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n" => bad(RETURN);
        "2.2: CR", b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n" => bad(RETURN);
        "2.2: one empty line before", b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" => NONE;
        "2.2: two", b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" => bad(EMPTY);
        "2.2: LF", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" => bad(FEED);
        "2.2: a space before the fields", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n" => bad("a folded");
        "RFC 9110, 5.5: NUL", b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n" => bad("a NUL");
        "RFC 9110, 5.5: VT", b"GET / HTTP/1.1\r\nHost: a\r\nA: \x0bb\r\n\r\n" => bad("a control");
        "RFC 9110, 5.5: DEL", b"GET / HTTP/1.1\r\nHost: a\r\nA: \x7fb\r\n\r\n" => bad("a control");
        "TLS to a port without it", b"\x16\x03\x01\x02\0\x01" => bad("a control");
    ];
    for (rule, bytes, expected) in table {
        check(rule, bytes, expected);
    }
}

#[test]
fn a_field_is_a_name_a_colon_and_a_value() {
    const UNDERSCORE: Verdict = bad("the name of a decisive field");
    const NAME: Verdict = bad("a field's name");
    let table: [(&str, &[u8], Verdict); 17] = rows![
        "5: no space", b"A:b" => NONE;
        "5: white space around a value", b"A: \t b \t" => NONE;
        "5: an empty value", b"A:" => NONE;
        "RFC 9110, 5.5: a tab, and bytes beyond ASCII", b"A: b\tc\xff" => NONE;
        "RFC 9110, 5.1: any token is a name", b"a!#$%&'*+-.^_`|~9: b" => NONE;
        "5.1: a space before the colon", b"A : b" => NAME;
        "5.1: a tab before the colon", b"A\t: b" => NAME;
        "RFC 9110, 5.1: no name", b": b" => NAME;
        "RFC 9110, 5.1: no colon", b"A" => NAME;
        "RFC 9110, 5.1: not a token", b"A(b): c" => NAME;
        "RFC 9110, 5.1: not a token", b"A\xe9: c" => NAME;
        "RFC 9110, 5.1: not a token", b"\"A\": c" => NAME;
        "5.2: a folded line", b"A: b\r\n c" => bad("a folded line");
        "5.2: folded with a tab", b"A: b\r\n\tc: d" => bad("a folded line");
        "5.2: folded and empty", b"A: b\r\n " => bad("a folded line");
        "RFC 3875, 4.1.18: an underscore", b"Content_Length: 5" => UNDERSCORE;
        "RFC 3875, 4.1.18: an underscore", b"transfer_encoding: chunked" => UNDERSCORE;
    ];
    for (rule, line, expected) in table {
        let bytes = [b"GET / HTTP/1.1\r\nHost: a\r\n", line, b"\r\n\r\n"].concat();
        check(rule, &bytes, expected);
    }
}

#[test]
fn a_request_has_one_host() {
    const BAD: Verdict = bad("a Host that is none");
    let table = rows![
        "3.2: none in HTTP/1.1", "1.1\r\n" => bad("no Host");
        "3.2: none in HTTP/1.0", "1.0\r\n" => NONE;
        "3.2: two", "1.1\r\nHost: a\r\nHost: a\r\n" => bad("more than one Host");
        "3.2: two", "1.0\r\nHost: a\r\nhost: b\r\n" => bad("more than one Host");
        "3.2: empty", "1.1\r\nHost:\r\n" => NONE;
        "3.2: a name and a port", "1.1\r\nHost: a-b.example:8080\r\n" => NONE;
        "RFC 3986: an empty port", "1.1\r\nHost: a:\r\n" => NONE;
        "RFC 3986: IPv6", "1.1\r\nHost: [2001:db8::1]:80\r\n" => NONE;
        "3.2: a list", "1.1\r\nHost: a, b\r\n" => BAD;
        "3.2: a list", "1.1\r\nHost: a,b\r\n" => BAD;
        "3.2: a space", "1.1\r\nHost: a b\r\n" => BAD;
        "3.2: a user", "1.1\r\nHost: u@a\r\n" => BAD;
        "3.2: a path", "1.1\r\nHost: a/b\r\n" => BAD;
        "3.2: a URI", "1.1\r\nHost: http://a\r\n" => BAD;
        "3.2: a query", "1.1\r\nHost: a?b\r\n" => BAD;
        "3.2: a quote", "1.1\r\nHost: a\"\r\n" => BAD;
        "RFC 3986: two ports", "1.1\r\nHost: a:1:2\r\n" => BAD;
        "RFC 3986: no port", "1.1\r\nHost: a:x\r\n" => BAD;
        "RFC 3986: no port", "1.1\r\nHost: a:65536\r\n" => BAD;
        "RFC 3986: no IPv6", "1.1\r\nHost: [a]\r\n" => BAD;
        "RFC 3986: no end", "1.1\r\nHost: [::1\r\n" => BAD;
        "RFC 3986: IPv6 without brackets", "1.1\r\nHost: ::1\r\n" => BAD;
        "RFC 3986: after the brackets", "1.1\r\nHost: [::1]a\r\n" => BAD;
        "RFC 3986: beyond ASCII", "1.1\r\nHost: \u{e9}\r\n" => BAD;
    ];
    for (rule, rest, expected) in table {
        check(rule, format!("GET / HTTP/{rest}\r\n").as_bytes(), expected);
    }
}
