//! What is told of certificates, handshakes, responses and routes: by the metrics, the overview and `l4lb status`.

use std::io::{Read, Write};
use std::process::Command;

use l4lb::requests::listener::ListenerNow;
use l4lb::requests::overview::Overview;
use test_backends::{Behaviour, Server};

use super::{Client, Files, metric, over};
use crate::harness::{L4lb, eventually};
use crate::life::site;

/// What the admin API says of the listeners.
fn listeners(files: &Files) -> Vec<ListenerNow> {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "http://localhost/v1/overview", "--unix-socket"]);
    let text = curl.arg(files.path("admin")).output().unwrap().stdout;
    let overview: Overview = serde_json::from_slice(&text).unwrap();
    overview.listeners
}

#[test]
fn certificates_are_told_with_the_days_that_they_have_left() {
    let files = Files::new(&["fresh.example"]);
    files.certify_for("soon.example", 10);
    files.certify_for("old.example", -3);
    files.staple("soon.example");
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let _l4lb = files.before(backend.addr(), "");
    let tls = listeners(&files)[0].tls.clone().unwrap();
    let told = tls.certificates.iter().map(|it| {
        let days = it.days_left;
        (
            it.subject.as_str(),
            it.names.join(" "),
            days,
            it.ocsp_stapled,
        )
    });
    let told: Vec<_> = told.collect();
    assert_eq!(
        told[..2],
        [
            ("CN=old.example", "old.example".to_owned(), -3, false),
            ("CN=soon.example", "soon.example".to_owned(), 10, true),
        ]
    );
    assert!(
        told[2].0 == "CN=fresh.example" && told[2].2 > 10,
        "{told:?}"
    );
    for it in &tls.certificates {
        let labels = format!("{{listener=\"web\",file=\"{}\"}}", it.file);
        let of = |name: &str| metric(&files, &format!("l4lb_tls_certificate_{name}{labels}"));
        let until = humantime::parse_rfc3339(&it.not_after).unwrap();
        let until = until.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(of("expiry_timestamp_seconds"), until.as_secs(), "{labels}");
        assert_eq!(of("ocsp_stapled"), u64::from(it.ocsp_stapled), "{labels}");
    }
    // What is read anew is told anew.
    files.certify_for("old.example", 50);
    eventually("50 days", || {
        let tls = listeners(&files)[0].tls.clone().unwrap();
        tls.certificates.iter().any(|it| it.days_left == 50)
    });
}

/// The head of the answer to a request.
fn asked(mut client: Client, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // How a connection ends is for others to judge.
    let _ = client.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn handshakes_and_responses_are_counted_for_each_listener() {
    let files = Files::new(&["a.example"]);
    let site = site("a");
    let text = "[admin]\nlisten = \"unix:DIR/admin\"\n[access_log]\noutput = \"-\"\n[[listener]]\nname = \"web\"\n\
         listen = \"127.0.0.1:0\"\npool = \"app\"\nprotocol = \"http\"\ntls = { certificates = \"DIR/certs\" }\n\
         [[listener]]\nname = \"plain\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n";
    let l4lb = files.start(&format!("{text}{}", super::pool(&site.addr().to_string())));
    let trusting = files.trusting();
    for path in ["/", "/whoami", "/nobody-knows"] {
        let client = over(l4lb.connect(), trusting.clone(), "a.example");
        assert!(asked(client, path).starts_with("HTTP/1.1 "));
    }
    assert_eq!(
        asked(files.client(&l4lb, "a.example"), "no-path"),
        "HTTP/1.1 400 Bad Request"
    );
    breaks_a_handshake(&l4lb);
    l4lb.wait_for_access_log(5);
    let all = listeners(&files);
    let handshakes = &all[0].tls.as_ref().unwrap().handshakes;
    // The first client had no ticket, the last one knew of none.
    let counts = (handshakes.full, handshakes.resumed, handshakes.failed);
    assert_eq!(counts, (2, 2, 1), "{handshakes:?}");
    assert_eq!(handshakes.failures["not_tls"], 1);
    let http = all[0].http.as_ref().unwrap();
    let classes = |of: &std::collections::BTreeMap<String, u64>| -> Vec<u64> {
        of.values().copied().collect()
    };
    assert_eq!(classes(&http.responses), [0, 2, 0, 1, 0]);
    assert_eq!(classes(&http.own_responses), [0, 0, 0, 1, 0]);
    assert_eq!((&all[1].tls, &all[1].http), (&None, &None));
}

fn breaks_a_handshake(l4lb: &L4lb) {
    let mut client = l4lb.connect();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = client.read_to_end(&mut Vec::new());
}

#[test]
fn all_pools_of_a_listener_are_told() {
    let files = Files::new(&[]);
    let text = "[admin]\nlisten = \"unix:DIR/admin\"\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\n\
         [[listener.route]]\nsni = [\"shop.example\", \"*.shop.example\"]\nalpn = [\"h2\"]\npool = \"shop\"\n\
         [[listener.route]]\nsni = [\"api.example\"]\npool = \"app\"\n\
         [[listener]]\nname = \"rest\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [[listener.route]]\nsni = [\"shop.example\"]\npool = \"shop\"\n\
         [pool.app]\nbackends = [\"127.0.0.1:1\"]\n[pool.shop]\nbackends = [\"127.0.0.1:1\"]\n";
    let _l4lb = files.start(text);
    let all = listeners(&files);
    assert_eq!((&*all[0].pool, &*all[1].pool), ("-", "app"));
    let first = &all[0].routes[0];
    assert_eq!(first.sni, ["shop.example", "*.shop.example"]);
    assert_eq!(
        (first.alpn.join(" "), &*first.pool),
        ("h2".to_owned(), "shop")
    );
    assert_eq!(all[0].routes[1].pool, "app");
    assert_eq!(all[1].routes.len(), 1);
    let mut l4lb = Command::new(env!("CARGO_BIN_EXE_l4lb"));
    let admin = format!("unix:{}", files.path("admin").display());
    let output = l4lb.args(["status", "--admin", &admin]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let pools = |listener: &str| {
        let line = said.lines().find(|it| it.starts_with(listener)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        words[2..words.len() - 1].join(" ")
    };
    assert_eq!(
        (&*pools("web "), &*pools("rest ")),
        ("shop, app", "app, shop")
    );
}
