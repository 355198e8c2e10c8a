//! Who may not do what. That nothing is asked of the supervisor is part of each refusal.

use super::{Admin, TOKEN};

const JSON: &str = "Content-Type: application/json";
const DRAIN: &str = r#"{"state":"drain"}"#;

/// A write with these headers, its Host among them.
fn write(admin: &Admin, headers: &[&str]) -> super::Answer {
    let headers = headers.join("\r\n");
    let length = DRAIN.len();
    admin.raw(format!(
        "PATCH /v1/pools/app/backends/b2 HTTP/1.1\r\nContent-Length: {length}\r\nConnection: close\r\n\
         {headers}\r\n\r\n{DRAIN}"
    ))
}

#[test]
fn a_request_under_a_foreign_name_is_misdirected() {
    let admin = Admin::start();
    let port = admin.address.port();
    let table = [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        ("localhost".to_owned(), 200),
        (format!("[::1]:{port}"), 200),
        ("evil.example".to_owned(), 421),
        (format!("evil.example:{port}"), 421),
        (format!("10.0.0.1:{port}"), 421),
        ("127.0.0.1:1".to_owned(), 421),
        ("\u{e9}".to_owned(), 400),
    ];
    for (host, status) in table {
        let request =
            format!("GET /v1/pools HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(admin.raw(request).status, status, "{host}");
        let is_asked = !admin.supervisor.asked().is_empty();
        assert_eq!(is_asked, status == 200, "{host}");
    }
    let nameless = admin.raw("GET /v1/pools HTTP/1.1\r\nConnection: close\r\n\r\n");
    nameless.problem(400);
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn a_write_of_another_sites_page_is_forbidden() {
    let admin = Admin::start();
    let host = format!("Host: {}", admin.address);
    let ours = format!("Origin: http://{}", admin.address);
    for header in [
        "Origin: https://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ] {
        let answer = write(&admin, &[&host, JSON, header]);
        answer.problem(403);
        assert!(!answer.head.contains("access-control"), "{answer:?}");
    }
    assert!(admin.supervisor.asked().is_empty());
    let answer = write(&admin, &[&host, JSON, &ours, "Sec-Fetch-Site: same-origin"]);
    assert_eq!(answer.status, 200);
}

#[test]
fn where_there_is_a_token_every_write_needs_it() {
    let admin = Admin::with_token();
    let host = format!("Host: {}", admin.address);
    let right = format!("Authorization: Bearer {TOKEN}");
    for wrong in [
        "X-Nothing: 1",
        "Authorization: Bearer s3cres",
        "Authorization: Bearer ",
        "Authorization: Basic s3cret",
    ] {
        let answer = write(&admin, &[&host, JSON, wrong]);
        let detail = answer.problem(401);
        assert!(!detail.contains(TOKEN));
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(
            challenge.starts_with(r#"bearer realm="l4lb""#),
            "{challenge}"
        );
    }
    for line in [
        "POST /v1/pools/app/backends",
        "DELETE /v1/pools/app/backends/b2",
        "DELETE /v1/connections/8f21",
        "POST /v1/reload",
        "POST /v1/drain",
    ] {
        admin.send(line, "").problem(401);
    }
    assert!(admin.supervisor.asked().is_empty());
    assert_eq!(write(&admin, &[&host, JSON, &right]).status, 200);
    for path in ["/livez", "/readyz", "/v1/pools", "/v1/openapi.json", "/"] {
        assert_eq!(admin.get(path).status, 200, "{path}");
    }
}

#[test]
fn a_body_that_does_not_say_that_it_is_json_is_not_read() {
    let admin = Admin::start();
    let host = format!("Host: {}", admin.address);
    for kind in [
        "X-Nothing: 1",
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: multipart/form-data; boundary=application/json",
    ] {
        write(&admin, &[&host, kind]).problem(415);
    }
    assert!(admin.supervisor.asked().is_empty());
    let kind = "Content-Type: application/json; charset=utf-8";
    assert_eq!(write(&admin, &[&host, kind]).status, 200);
}

#[test]
fn every_answer_says_what_a_browser_must_not_do_with_it() {
    let admin = Admin::start();
    for path in [
        "/livez",
        "/v1/docs",
        "/v1/pools",
        "/v1/openapi.json",
        "/nothing",
    ] {
        let answer = admin.get(path);
        let table = [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ];
        for (name, value) in table {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!answer.head.contains("access-control"), "{path}");
    }
}
