//! What is sent instead of the head that came.

use std::net::IpAddr;

use super::super::edit::{self, Change, Persistence, RequestEdit, ResponseEdit};
use super::super::field::Name;
use super::super::{Asked, Forwarded, Origin, Scheme, Status, Version, page};
use super::{ASKED, request_in, response_in};

const UNCHANGED: RequestEdit<'_, &str> = RequestEdit {
    changes: &[],
    forwarded: None,
    persistence: Persistence::Keep,
};

fn expand(value: &&str, out: &mut Vec<u8>) {
    out.extend_from_slice(value.replace("{backend}", "b1").as_bytes());
}

/// The lines of fields, with `|` for each line ending.
fn shown(out: Vec<u8>) -> String {
    let text = String::from_utf8(out).unwrap();
    let lines = text.strip_suffix("\r\n\r\n").unwrap();
    lines
        .split_once("\r\n")
        .map_or("", |it| it.1)
        .replace("\r\n", "|")
}

#[track_caller]
fn requested(lines: &str, edit: &RequestEdit<'_, &str>) -> String {
    let bytes = format!("GET / HTTP/1.1\r\n{}\r\n\r\n", lines.replace('|', "\r\n"));
    let mut out = Vec::new();
    edit::request(
        &request_in(bytes.as_bytes()).unwrap(),
        edit,
        expand,
        &mut out,
    );
    shown(out)
}

#[track_caller]
fn responded(status: &str, lines: &str, asked: Asked, edit: &ResponseEdit<'_, &str>) -> String {
    let bytes = format!(
        "HTTP/1.1 {status} x\r\n{}\r\n\r\n",
        lines.replace('|', "\r\n")
    );
    let mut out = Vec::new();
    let head = response_in(bytes.as_bytes(), asked).unwrap();
    edit::response(&head, asked, edit, expand, &mut out);
    shown(out)
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

#[test]
fn fields_pass_in_their_order_but_for_those_of_the_connection() {
    let table = [
        ("Host: a|B:  c |b: d", "Host: a|B: c|b: d"),
        ("Host: a|B:", "Host: a|B: "),
        ("Host: a|CONTENT-length: 007", "Host: a|CONTENT-length: 7"),
        ("Host: a|Content-Length: 00", "Host: a|Content-Length: 0"),
        (
            "Host: a|transfer-encoding:CHUNKED",
            "Host: a|transfer-encoding: chunked",
        ),
        (
            "Host: a|Connection: close|Keep-Alive: 5|Proxy-Connection: x",
            "Host: a",
        ),
        (
            "Host: a|Connection: keep-alive, b|B: c|D: e",
            "Host: a|D: e",
        ),
        ("Host: a|Upgrade: h|Connection: x", "Host: a"),
        ("Host: a|TE: gzip", "Host: a"),
        (
            "Host: a|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Key: k",
            "Host: a|Upgrade: websocket|Sec-WebSocket-Key: k|Connection: upgrade",
        ),
        (
            "Host: a|Upgrade: h2c|HTTP2-Settings: s|Connection: Upgrade, HTTP2-Settings",
            "Host: a",
        ),
    ];
    for (lines, expected) in table {
        assert_eq!(requested(lines, &UNCHANGED), expected, "{lines}");
    }
}

#[test]
fn each_side_is_told_of_its_own_connection_in_its_own_version() {
    let table = [
        (Persistence::Keep, Version::Http11, "Host: a"),
        (
            Persistence::Close,
            Version::Http11,
            "Host: a|Connection: close",
        ),
        (
            Persistence::Keep,
            Version::Http10,
            "Host: a|Connection: keep-alive",
        ),
        (
            Persistence::Close,
            Version::Http10,
            "Host: a|Connection: close",
        ),
    ];
    for (persistence, version, expected) in table {
        let word = version.text();
        let bytes = format!("GET /b {word}\r\nHost: a\r\n\r\n");
        let edit = RequestEdit {
            persistence,
            ..UNCHANGED
        };
        let mut out = Vec::new();
        edit::request(
            &request_in(bytes.as_bytes()).unwrap(),
            &edit,
            expand,
            &mut out,
        );
        assert!(out.starts_with(format!("GET /b {word}\r\n").as_bytes()));
        assert_eq!(shown(out), expected);
    }
}

#[test]
fn changes_are_removals_then_values_and_go_by_the_name_in_any_spelling() {
    let lines = "Host: a|X-By: client|x_by: client|B: c";
    let table = [
        (vec![Change::Remove(name("X-BY"))], "Host: a|B: c"),
        (
            vec![Change::Set(name("X-By"), "{backend}")],
            "Host: a|B: c|X-By: b1",
        ),
        (
            vec![Change::Set(name("Host"), "z")],
            "X-By: client|x_by: client|B: c|Host: z",
        ),
        (
            vec![Change::Add(name("B"), "1"), Change::Add(name("B"), "2")],
            "Host: a|X-By: client|x_by: client|B: c|B: 1|B: 2",
        ),
        (
            vec![
                Change::Remove(name("B")),
                Change::Remove(name("X-By")),
                Change::Add(name("B"), "d"),
            ],
            "Host: a|B: d",
        ),
        (
            vec![
                Change::Remove(name("B")),
                Change::Set(name("X-By"), "a\r\nEvil: b\0\x7f\tc"),
            ],
            "Host: a|X-By: a??Evil: b??\tc",
        ),
    ];
    for (changes, expected) in table {
        let edit = RequestEdit {
            changes: &changes,
            ..UNCHANGED
        };
        assert_eq!(requested(lines, &edit), expected, "{changes:?}");
    }
}

#[test]
fn where_host_is_set_the_target_names_no_other_one() {
    let host = [Change::Set(name("Host"), "z")];
    let table = [
        ("GET", "http://a/b?c", "/b?c"),
        ("GET", "http://a?c", "/?c"),
        ("GET", "/b", "/b"),
        ("OPTIONS", "http://a", "*"),
        ("OPTIONS", "*", "*"),
    ];
    for (method, target, wanted) in table {
        for (changes, wanted) in [(&host[..], wanted), (&[], target)] {
            let bytes = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            let head = request_in(bytes.as_bytes()).unwrap();
            let edit = RequestEdit {
                changes,
                ..UNCHANGED
            };
            let mut out = Vec::new();
            edit::request(&head, &edit, expand, &mut out);
            let line = format!("{method} {wanted} HTTP/1.1\r\n");
            assert!(out.starts_with(line.as_bytes()), "{method} {target}");
        }
    }
}

#[test]
fn a_name_that_may_be_edited_is_a_token_and_none_of_the_connection() {
    for good in ["X-Served-By", "Host", "a", "X_Y"] {
        assert_eq!(name(good).text(), good);
    }
    let long = "a".repeat(257);
    for bad in ["", "a b", "a:", "a\r\n", "\u{e9}", &long] {
        let error = Name::parse(bad).unwrap_err();
        assert!(error.contains("letters, digits"), "{bad:?}: {error}");
    }
    for own in [
        "Content-Length",
        "transfer_encoding",
        "CONNECTION",
        "Upgrade",
        "te",
        "Expect",
    ] {
        let error = Name::parse(own).unwrap_err();
        assert!(error.contains("by l4lb itself"), "{own}: {error}");
    }
}

fn origin(client: &str, is_trusted: bool) -> Origin {
    Origin {
        client: client.parse::<IpAddr>().unwrap(),
        scheme: Scheme::Https,
        port: 443,
        is_trusted,
    }
}

#[test]
fn what_strangers_say_of_the_client_is_replaced_and_what_proxies_say_is_kept() {
    const ALL: &str = "Host: a|X-Forwarded-For: 1|X-Forwarded-Proto: spdy|x_forwarded_for: 2|\
                       X-Forwarded-User: u|Forwarded: for=3|X-Real-IP: 4|X-Forwarded-For: 5|\
                       X-Forwarded: 6|client-ip: 7|X-Client-IP: 8|True_Client_IP: 9|X-Cluster-Client-IP: 0|\
                       x_forwarded_host: b";
    let (x, rfc) = (Forwarded::XForwarded, Forwarded::Rfc7239);
    let table = [
        (
            x,
            origin("192.0.2.7", false),
            ALL,
            "Host: a|X-Forwarded-For: 192.0.2.7|X-Forwarded-Proto: https|X-Forwarded-Host: a|\
             X-Forwarded-Port: 443",
        ),
        (
            x,
            origin("192.0.2.7", true),
            ALL,
            "Host: a|X-Forwarded-Proto: spdy|X-Forwarded-User: u|Forwarded: for=3|X-Real-IP: 4|\
             X-Forwarded: 6|client-ip: 7|X-Client-IP: 8|X-Cluster-Client-IP: 0|X-Forwarded-For: 1, 5, 192.0.2.7|X-Forwarded-Host: a|X-Forwarded-Port: 443",
        ),
        (
            x,
            origin("::ffff:192.0.2.7", false),
            "Host: a:80",
            "Host: a:80|X-Forwarded-For: 192.0.2.7|X-Forwarded-Proto: https|X-Forwarded-Host: a:80|\
             X-Forwarded-Port: 443",
        ),
        (
            rfc,
            origin("192.0.2.7", false),
            ALL,
            "Host: a|Forwarded: for=192.0.2.7;host=a;proto=https",
        ),
        (
            rfc,
            origin("2001:db8::1", false),
            "Host: a:80",
            "Host: a:80|Forwarded: for=\"[2001:db8::1]\";host=\"a:80\";proto=https",
        ),
        (
            rfc,
            origin("192.0.2.7", true),
            "Host: a|Forwarded: for=3|Forwarded:|Forwarded: for=4",
            "Host: a|Forwarded: for=3, for=4, for=192.0.2.7;host=a;proto=https",
        ),
        (
            rfc,
            origin("192.0.2.7", false),
            "Host:",
            "Host: |Forwarded: for=192.0.2.7;proto=https",
        ),
    ];
    for (how, origin, lines, expected) in table {
        let edit = RequestEdit {
            forwarded: Some((how, origin)),
            ..UNCHANGED
        };
        assert_eq!(requested(lines, &edit), expected, "{how:?} {origin:?}");
    }
}

#[test]
fn changes_have_the_last_word_on_what_is_forwarded() {
    let changes = [
        Change::Remove(name("X-Forwarded-Port")),
        Change::Remove(name("X-Forwarded-Host")),
        Change::Set(name("X-Forwarded-Proto"), "http"),
    ];
    let edit = RequestEdit {
        changes: &changes,
        forwarded: Some((Forwarded::XForwarded, origin("192.0.2.7", false))),
        ..UNCHANGED
    };
    let expected = "Host: a|X-Forwarded-For: 192.0.2.7|X-Forwarded-Proto: http";
    assert_eq!(requested("Host: a", &edit), expected);
}

const PLAIN: ResponseEdit<'_, &str> = ResponseEdit {
    changes: &[],
    security: None,
    persistence: Persistence::Keep,
};

#[test]
fn a_response_passes_without_what_it_may_not_have() {
    let upgrades = Asked {
        upgrades: true,
        ..ASKED
    };
    let old = Asked {
        version: Version::Http10,
        ..ASKED
    };
    let table = [
        (
            "200",
            "A: b|Connection: close, C|C: d|Keep-Alive: 5",
            ASKED,
            "A: b",
        ),
        ("200", "Content-Length: 07", ASKED, "Content-Length: 7"),
        (
            "200",
            "Content-Length: 7",
            old,
            "Content-Length: 7|Connection: keep-alive",
        ),
        ("204", "Content-Length: 0|A: b", ASKED, "A: b"),
        (
            "103",
            "Transfer-Encoding: chunked|Link: l",
            ASKED,
            "Link: l",
        ),
        ("304", "Content-Length: 5", ASKED, "Content-Length: 5"),
        ("200", "Upgrade: h2,h2c|Connection: Upgrade", ASKED, ""),
        (
            "426",
            "Upgrade: a|Content-Length: 0",
            ASKED,
            "Upgrade: a|Content-Length: 0|Connection: upgrade",
        ),
        (
            "101",
            "Upgrade: a|Connection: upgrade",
            upgrades,
            "Upgrade: a|Connection: upgrade",
        ),
    ];
    for (status, lines, asked, expected) in table {
        assert_eq!(
            responded(status, lines, asked, &PLAIN),
            expected,
            "{status} {lines}"
        );
    }
    let head = response_in(b"HTTP/1.0 200\r\n\r\n", ASKED).unwrap();
    let (mut out, edit) = (
        Vec::new(),
        ResponseEdit {
            persistence: Persistence::Close,
            ..PLAIN
        },
    );
    edit::response(&head, ASKED, &edit, expand, &mut out);
    assert_eq!(out, b"HTTP/1.1 200 \r\nConnection: close\r\n\r\n");
}

#[test]
fn the_preset_adds_what_the_backend_does_not_say_itself() {
    const OTHERS: &str =
        "X-Content-Type-Options: nosniff|Referrer-Policy: strict-origin-when-cross-origin";
    const OWN: &str = "strict-transport-security: max-age=1|x-frame-options: DENY|\
                       referrer-policy: no-referrer";
    const ANCESTORS: &str = "Content-Security-Policy: frame-ancestors 'self'";
    const FRAMES: &str = "X-Frame-Options: SAMEORIGIN";
    const STRICT: &str = "Strict-Transport-Security: max-age=31536000";
    let (http, https) = (Scheme::Http, Scheme::Https);
    let table = [
        (http, "A: b", format!("A: b|{FRAMES}|{ANCESTORS}|{OTHERS}")),
        (
            https,
            "A: b",
            format!("A: b|{STRICT}|{FRAMES}|{ANCESTORS}|{OTHERS}"),
        ),
        (https, OWN, format!("{OWN}|X-Content-Type-Options: nosniff")),
        (
            http,
            "Content-Security-Policy: default-src 'self'",
            format!("Content-Security-Policy: default-src 'self'|{FRAMES}|{ANCESTORS}|{OTHERS}"),
        ),
        (
            http,
            "Content-Security-Policy: default-src 'self'; Frame-Ancestors *",
            format!("Content-Security-Policy: default-src 'self'; Frame-Ancestors *|{OTHERS}"),
        ),
    ];
    for (scheme, lines, expected) in table {
        let edit = ResponseEdit {
            security: Some(scheme),
            ..PLAIN
        };
        assert_eq!(
            responded("200", lines, ASKED, &edit),
            expected,
            "{scheme:?} {lines}"
        );
        assert_eq!(responded("103", "A: b", ASKED, &edit), "A: b");
    }
    let changes = [
        Change::Remove(name("Referrer-Policy")),
        Change::Remove(name("Content-Security-Policy")),
        Change::Set(name("X-Frame-Options"), "DENY"),
        Change::Add(name("X-By"), "{backend}"),
    ];
    let edit = ResponseEdit {
        security: Some(http),
        changes: &changes,
        ..PLAIN
    };
    let expected = "A: b|X-Content-Type-Options: nosniff|X-Frame-Options: DENY|X-By: b1";
    assert_eq!(responded("200", "A: b", ASKED, &edit), expected);
}

#[test]
fn a_page_is_a_response_that_closes() {
    for status in Status::ALL {
        let bytes = page(status, false);
        let head = response_in(&bytes, ASKED).unwrap();
        let body = &bytes[head.consumed..];
        assert_eq!((head.status, head.persists), (status.code(), false));
        assert_eq!(
            head.framing,
            super::super::Framing::Length(body.len() as u64)
        );
        assert!(body.starts_with(format!("{} ", head.status).as_bytes()));
        assert_eq!(page(status, true), bytes[..head.consumed]);
    }
}
