//! What the page shows of listeners: where their clients go, their handshakes, responses and certificates.

use std::io::{Read, Write};
use std::net::SocketAddr;

use serde_json::json;
use test_backends::Server;

use super::browser::Browser;
use super::scenes::{free_address, is_available};
use crate::harness::{L4lb, eventually};
use crate::life::site;
use crate::tls::Files;

/// One listener that reads HTTP in TLS, one that goes by names, and one that does neither.
fn start(files: &Files, admin: SocketAddr, site: &Server) -> L4lb {
    let listener =
        |name: &str| format!("[[listener]]\nname = \"{name}\"\nlisten = \"127.0.0.1:0\"\n");
    let pool = |name: &str| {
        let backend = site.addr();
        format!("[pool.{name}]\nbackends = [{{ name = \"{name}1\", address = \"{backend}\" }}]\n")
    };
    let text = [
        format!("[admin]\nlisten = \"{admin}\"\n"),
        listener("web"),
        "pool = \"app\"\nprotocol = \"http\"\ntls = { certificates = \"DIR/certs\" }\n".to_owned(),
        listener("names"),
        "pool = \"app\"\n[[listener.route]]\npool = \"shop\"\n\
         sni = [\"shop.example\", \"*.shop.example\"]\nalpn = [\"h2\"]\n"
            .to_owned(),
        listener("plain"),
        "pool = \"app\"\n".to_owned(),
        pool("app"),
        pool("shop"),
    ];
    files.start(&text.concat())
}

/// The status line that a request over TLS gets.
fn asked(files: &Files, l4lb: &L4lb, path: &str) -> String {
    let mut client = files.client(l4lb, "fresh.example");
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // How a connection ends is for others to judge.
    let _ = client.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn listeners_show_where_clients_go_and_what_was_said_to_them() {
    if !is_available() {
        return;
    }
    let files = Files::new(&["fresh.example"]);
    files.certify_for("soon.example", 10);
    files.certify_for("old.example", -3);
    files.staple("soon.example");
    let (admin, site) = (free_address(), site("a"));
    let l4lb = start(&files, admin, &site);
    for (path, status) in [
        ("/", "200"),
        ("/whoami", "200"),
        ("/no-such", "404"),
        ("no-path", "400"),
    ] {
        assert!(asked(&files, &l4lb, path).contains(status), "{path}");
    }
    let mut broken = l4lb.connect();
    broken.write_all(b"this is no TLS").unwrap();
    let _ = broken.read_to_end(&mut Vec::new());

    let browser = Browser::start();
    browser.open(&format!("http://{admin}/#tab=listeners"));
    counters_agree_with_what_was_asked(&browser);
    certificates_are_told_by_how_long_they_are_valid(&browser);
    files.certify_for("old.example", 50);
    files.certify_for("soon.example", 50);
    eventually("no certificate needs anybody", || {
        browser
            .eval("return document.querySelector('#tabs a[data-mark]')")
            .is_null()
    });
    for scheme in ["light", "dark"] {
        browser.see_as(390, scheme);
        let width = browser.eval("return document.documentElement.scrollWidth");
        assert_eq!(width, 390, "{scheme}");
    }
    browser.see_as(1440, "light");
    the_flow_shows_the_pools_of_routes(&browser, admin);
    assert_eq!(browser.console(), Vec::<String>::new());
}

/// The name and the number of each counter in a part of a listener's panel, with what stands below it.
fn counters(browser: &Browser, listener: &str, title: &str) -> serde_json::Value {
    browser.eval(&format!(
        "const parts = [...document.querySelectorAll('[data-key=\"{listener}\"] > div')];\
         const part = parts.find((it) => it.querySelector('h3')?.textContent === '{title}');\
         if (!part || part.hidden) return null;\
         return [...part.querySelectorAll('.counters > div')].map((it) => [...it.children].map((child) => child.textContent));"
    ))
}

fn counters_agree_with_what_was_asked(browser: &Browser) {
    let handshakes = json!([
        ["Full", "4", ""],
        ["Resumed", "0", ""],
        ["Failed", "1", "1 not_tls"]
    ]);
    eventually("all handshakes", || {
        counters(browser, "web", "TLS handshakes") == handshakes
    });
    let responses = json!([
        ["1xx", "0", ""],
        ["2xx", "2", ""],
        ["3xx", "0", ""],
        ["4xx", "1", "and 1 own"],
        ["5xx", "0", ""]
    ]);
    eventually("all responses", || {
        counters(browser, "web", "HTTP responses") == responses
    });
    for title in ["TLS handshakes", "HTTP responses"] {
        assert!(counters(browser, "plain", title).is_null(), "{title}");
    }
    let ways = "[data-key=names] .ways";
    browser.wait_for_text(ways, "shop shop.example, *.shop.example (h2)");
    browser.wait_for_text(ways, "app all others");
}

fn certificates_are_told_by_how_long_they_are_valid(browser: &Browser) {
    let rows = [
        (
            "is-bad",
            "rgb(179, 38, 30)",
            "expired",
            "old.example",
            "not stapled",
        ),
        (
            "is-warning",
            "rgb(138, 90, 0)",
            "10 days left",
            "soon.example",
            "stapled",
        ),
        (
            "is-good",
            "rgb(26, 31, 38)",
            "days left",
            "fresh.example",
            "not stapled",
        ),
    ];
    browser.see_as(1440, "light");
    for (number, (level, colour, left, name, stapled)) in (1..).zip(rows) {
        let row = format!(".certificates tbody tr:nth-child({number})");
        let told = browser.eval(&format!(
            "const row = document.querySelector('{row}');\
             return [row.className, getComputedStyle(row.querySelector('.state')).color,\
                     row.cells[1].firstChild.textContent, row.cells[3].textContent]"
        ));
        assert_eq!(told, json!([level, colour, name, stapled]));
        browser.wait_for_text(&format!("{row} .state"), left);
        browser.wait_for_text(&row, &format!("certs/{name}.pem"));
    }
    browser.wait_for_text("#tabs a[data-mark=bad]", "Listeners");
}

fn the_flow_shows_the_pools_of_routes(browser: &Browser, admin: SocketAddr) {
    browser.open(&format!("http://{admin}/"));
    // Four ways from listeners, two from pools to their backends.
    eventually("all ways", || {
        browser.eval("return document.querySelectorAll('.flow .ribbon').length") == 6
    });
    let label = "return document.querySelector('.flow').getAttribute('aria-label')";
    let wanted =
        "names to pool shop for shop.example, *.shop.example (h2) and pool app for all others,";
    let told = browser.eval(label);
    assert!(told.as_str().unwrap().contains(wanted), "{told}");
    let edges = "return [...document.querySelectorAll('.flow-edge')].map((it) => it.firstChild.textContent)";
    assert_eq!(
        browser.eval(edges),
        json!(["all others", "shop.example, …"])
    );
    browser.see_as(390, "light");
    eventually("no names where there is no room", || {
        browser.eval(edges) == json!([])
    });
}
