//! The files of the dashboard, as a browser gets them.

use super::Admin;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[test]
fn the_page_and_its_files_come_with_their_types_and_a_strict_policy() {
    let admin = Admin::start();
    let table = [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/page/style.css", "text/css; charset=utf-8", ":root {"),
        (
            "/page/main.js",
            "text/javascript; charset=utf-8",
            "import {",
        ),
        ("/page/favicon.svg", "image/svg+xml", "<svg "),
    ];
    for (path, kind, text) in table {
        let answer = admin.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert!(answer.body.contains(text), "{path}");
        // The lines of a head are read in lower case.
        let policy = answer.header("content-security-policy");
        assert_eq!(policy, Some(POLICY), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
    }
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn a_browser_that_has_a_file_is_told_that_it_is_the_same() {
    let admin = Admin::start();
    let tag = admin.get("/").header("etag").unwrap().to_owned();
    assert_ne!(admin.get("/page/main.js").header("etag"), Some(&*tag));
    let known = format!("If-None-Match: {tag}");
    let again = admin.raw(admin.head("GET /", &[&known]));
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("etag"), Some(&*tag));
    let other = admin.raw(admin.head("GET /page/main.js", &[&known]));
    assert_eq!(other.status, 200);
}

#[test]
fn the_page_is_read_by_get_and_head_and_under_names_of_ours_alone() {
    let admin = Admin::start();
    let head = admin.raw(admin.head("HEAD /", &[]));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    admin.raw(admin.head("POST /", &[])).problem(405);
    for path in [
        "/page",
        "/page/",
        "/page/nothing.js",
        "/page/../style.css",
        "/page/page.rs",
    ] {
        admin.get(path).problem(404);
    }
    for path in ["/", "/page/main.js"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        admin.raw(request).problem(421);
    }
}
