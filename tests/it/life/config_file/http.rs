//! A listener that speaks HTTP: what is taken, and what is wrong where.

use std::time::Duration;

use l4lb::config::{HeaderEdits, HttpConfig, Per, Template};
use l4lb::http::Forwarded;
use l4lb::http::edit::Change;

use super::bad::expect;
use super::good::expect_round_trip;
use super::{SMALL, config_of};

/// `SMALL` with these lines in its listener.
fn with(lines: &str) -> String {
    SMALL.replace("[pool.app]", &format!("{lines}\n[pool.app]"))
}

/// Every key there is.
const ALL: &str = r#"protocol = "http"
[listener.http]
head_timeout = "3s"
response_timeout = "4s"
keep_alive = "5s"
per = "request"
forwarded = "x-forwarded"
trusted_proxies = ["10.0.0.0/8", "::1"]
security_headers = true
[listener.http.request_headers]
set = { X-Lb = "{listener}", Accept = "*/*" }
remove = ["Cookie2"]
[listener.http.response_headers.add]
"X.Served-By" = "{backend} at {time}"
"#;

fn told(edits: &HeaderEdits) -> Vec<String> {
    let tell = |edit: &Change<_>| match edit {
        Change::Remove(name) => format!("- {}", name.text()),
        Change::Set(name, value) => format!("= {}: {}", name.text(), Template::text(value)),
        Change::Add(name, value) => format!("+ {}: {}", name.text(), Template::text(value)),
    };
    edits.iter().map(tell).collect()
}

#[test]
fn every_key_is_taken_and_shown() {
    let config = config_of("l4lb.toml", &with(ALL));
    let http = config.listeners[0].http.as_deref().unwrap();
    let times = (http.head_timeout, http.response_timeout, http.keep_alive);
    let [head, response, pause] = [3, 4, 5].map(Duration::from_secs);
    assert_eq!(times, (head, Some(response), pause));
    assert_eq!(
        (http.per, http.forwarded, http.security_headers),
        (Per::Request, Some(Forwarded::XForwarded), true)
    );
    let networks = http.trusted_proxies.iter().map(ToString::to_string);
    assert_eq!(networks.collect::<Vec<_>>(), ["10.0.0.0/8", "::1/128"]);
    let wanted = ["- Cookie2", "= Accept: */*", "= X-Lb: {listener}"];
    assert_eq!(told(&http.request_headers), wanted);
    let wanted = ["+ X.Served-By: {backend} at {time}"];
    assert_eq!(told(&http.response_headers), wanted);
    expect_round_trip("l4lb.toml", &with(ALL));
}

#[test]
fn a_listener_speaks_http_where_it_is_told_to() {
    let http = |lines| {
        config_of("l4lb.toml", &with(lines)).listeners[0]
            .http
            .clone()
    };
    assert_eq!(http(""), None);
    assert_eq!(http("protocol = \"tcp\""), None);
    let bare = http("protocol = \"http\"");
    assert_eq!(bare.as_deref(), Some(&HttpConfig::default()));
    expect_round_trip("l4lb.toml", &with("protocol = \"http\""));
    expect_round_trip("l4lb.toml", &with(""));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let table: [(&str, &[&str]); 15] = [
        (
            "protocol = \"http\"\nroute = [{ pool = \"app\" }]",
            &["6:1: listener[1]: HTTP without tls has no names"],
        ),
        (
            "protocol = \"http\"\ntls = { certificates = \"x\", alpn = [\"h2\", \"http/1.1\"] }",
            &["6:37: listener[1]: tls: a listener that speaks HTTP/1.1 cannot agree"],
        ),
        (
            "protocol = \"http\"\nhttp.request_headers.remove = [\"A\", \"host\"]",
            &["6:37: listener[1].http.request_headers: there is always one Host"],
        ),
        (
            "protocol = \"http\"\nhttp.request_headers.add.Host = \"a\"",
            &["6:26: listener[1].http.request_headers: there is always one Host"],
        ),
        (
            "protocol = \"htp\"",
            &["5:12: listener[1].protocol: \"htp\" is not one of tcp, http"],
        ),
        (
            "http = {}",
            &["5:1: listener[1]: http belongs to listeners with protocol = \"http\""],
        ),
        (
            "protocol = \"http\"\nhttp.per = \"session\"",
            &["6:12: \"session\" is not one of connection, request"],
        ),
        (
            "protocol = \"http\"\nhttp.forwarded = \"x\"",
            &["6:18: \"x\" is not one of x-forwarded, rfc7239"],
        ),
        (
            "protocol = \"http\"\nhttp.forwarded = \"rfc7239\"\nhttp.trusted_proxies = [\"10.0.0.1/8\"]",
            &[
                "7:25: listener[1].http.trusted_proxies[1]: '10.0.0.1/8' has bits behind its prefix: 10.0.0.0/8?",
            ],
        ),
        (
            "protocol = \"http\"\nhttp.trusted_proxies = [\"10.0.0.1\"]",
            &["6:24: trusted_proxies are asked where forwarded is set"],
        ),
        (
            "protocol = \"http\"\nhttp.request_headers.set.\"a b\" = \"x\"",
            &["6:26: a header's name has 1 to 256"],
        ),
        (
            "protocol = \"http\"\nhttp.response_headers.remove = [\"Content-Length\"]",
            &["6:33: Content-Length is kept right by l4lb itself"],
        ),
        (
            "protocol = \"http\"\nhttp.response_headers.set.X-By = \"{backnd}\"",
            &["6:34: unknown placeholder \"backnd\": did you mean backend?"],
        ),
        (
            "protocol = \"http\"\nhttp.response_headers.set.X-By = \"{term}\\r\\n\"",
            &["6:34: a template is one line"],
        ),
        (
            "protocol = \"http\"\n[listener.http.response_headers.add]\nA = \"1\"\na = \"2\"",
            &["8:1: listener[1].http.response_headers.add: line 7 has the header \"a\" already"],
        ),
    ];
    for (lines, wanted) in table {
        expect("l4lb.toml", with(lines).as_bytes(), wanted);
    }
}
