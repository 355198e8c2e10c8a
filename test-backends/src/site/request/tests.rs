//! Request heads, good and bad, as tables.

use super::{Persistence, Refusal, Request, Route, parse};

fn good(head: &str) -> Request {
    parse(head.as_bytes()).unwrap_or_else(|refusal| panic!("{head:?}: {refusal:?}"))
}

#[test]
fn targets_lead_to_routes() {
    for (target, route) in [
        ("/", Route::Page),
        ("/?from=here", Route::Page),
        ("http://localhost:80", Route::Page),
        ("http://localhost/whoami?x", Route::WhoAmI),
        ("/health", Route::Health),
        ("/favicon.ico", Route::Favicon),
        ("/bytes/0", Route::Bytes(0)),
        ("/bytes/18446744073709551615", Route::Bytes(u64::MAX)),
        ("/bytes/18446744073709551616", Route::Unknown),
        ("/bytes/", Route::Unknown),
        ("/bytes/+1", Route::Unknown),
        ("/bytes/-1", Route::Unknown),
        ("/%00<script>", Route::Unknown),
        ("//", Route::Unknown),
        ("*", Route::Unknown),
    ] {
        assert_eq!(
            good(&format!("GET {target} HTTP/1.1\r\n")).route,
            route,
            "{target}"
        );
    }
}

#[test]
fn versions_and_connection_fields_decide_what_follows() {
    use Persistence::{Closed, Kept, KeptOnDemand};
    for (version, fields, persistence) in [
        ("1.1", "", Kept),
        ("1.0", "", Closed),
        ("1.0", "Connection: Keep-Alive\r\n", KeptOnDemand),
        ("1.1", "connection: CLOSE\r\n", Closed),
        ("1.1", "Connection: foo, close\r\n", Closed),
        (
            "1.1",
            "Connection: keep-alive\r\nConnection: close\r\n",
            Closed,
        ),
        ("1.1", "Upgrade-Insecure-Requests: 1\r\n", Closed),
    ] {
        let request = good(&format!("GET / HTTP/{version}\r\n{fields}"));
        assert_eq!(request.persistence, persistence, "{version} {fields:?}");
    }
}

#[test]
fn lengths_are_read_and_may_be_repeated() {
    assert_eq!(
        good("POST / HTTP/1.1\r\nContent-Length:  7 \r\n").body.len,
        7
    );
    let repeated = "POST / HTTP/1.1\r\nContent-Length: 7\r\ncontent-length: 7\r\n";
    assert_eq!(good(repeated).body.len, 7);
    let expecting = "POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 7\r\n";
    assert!(good(expecting).body.awaits_consent);
}

#[test]
fn only_head_wants_no_body() {
    assert!(good("HEAD / HTTP/1.1\r\n").head_only);
    assert!(!good("head / HTTP/1.1\r\n").head_only);
    assert!(!good("GET / HTTP/1.1\nHost: x\n").head_only);
}

#[test]
fn rubbish_is_refused() {
    for head in [
        "",
        "GET",
        "GET /",
        "GET / HTTP/1.1 x\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET / HTTP/2.0\r\n",
        "GET / http/1.1\r\n",
        "G\u{1}T / HTTP/1.1\r\n",
        "GET /\u{1b}[31m HTTP/1.1\r\n",
        "GET /\u{e4} HTTP/1.1\r\n",
        "GET health HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n",
        "GET / HTTP/1.1\r\n: empty\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n",
        "GET / HTTP/1.1\r\nHost: \0\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n",
        "GET / HTTP/1.1\r\nContent-Length: -1\r\n",
        "GET / HTTP/1.1\r\nContent-Length: \r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n",
    ] {
        assert_eq!(parse(head.as_bytes()), Err(Refusal::Malformed), "{head:?}");
    }
}

#[test]
fn a_transfer_encoding_is_refused_as_such() {
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(parse(head.as_bytes()), Err(Refusal::TransferEncoding));
}

#[test]
fn no_head_of_arbitrary_bytes_is_a_panic() {
    let mut bytes = vec![0; 4096];
    crate::pattern::fill(0, &mut bytes);
    for start in 0..bytes.len() {
        let _ = parse(&bytes[start..(start + 97).min(bytes.len())]);
    }
}
