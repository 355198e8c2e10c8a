//! `l4lb demo`, as somebody sees it who tries it out.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;
use test_backends::Colour;

use super::{ask, available, whoami};
use crate::dashboard::{self, Browser};
use crate::harness::{L4lb, Options, eventually};

fn has_said(l4lb: &L4lb, text: &str) -> bool {
    l4lb.log().iter().any(|line| line.contains(text))
}

/// Each site answers in its turn, with its own name and its own colour.
fn expect_three_sites(address: SocketAddr) {
    for (name, colour) in ["b1", "b2", "b3"].iter().zip(Colour::ALL) {
        let page = ask(address, "/").unwrap();
        assert!(page.contains(&format!("Served by {name}")), "{page}");
        assert!(
            page.contains(&format!("background: {};", colour.css())),
            "{page}"
        );
    }
}

#[test]
fn the_demo_shows_three_sites_one_of_which_stops_and_comes_back_and_no_request_fails() {
    let mut first = Options::new().arg("demo").start();
    expect_three_sites(first.address());
    ports_that_are_taken_are_left_and_that_is_said();
    let address = first.address();
    let mut lost = 0;
    eventually("a site that stops and comes back", || {
        // A page that a site is sending when it stops is lost with it: asking again helps.
        if whoami(address).is_err() {
            lost += 1;
            whoami(address).expect("an answer");
        }
        has_said(&first, "is back")
    });
    assert!(lost <= 1, "{lost} requests failed");
    for text in ["demo: b1 stops", "app/b1 is down", "demo: b1 is back"] {
        assert!(has_said(&first, text), "{text}");
    }
    first.wait_for_log("app/b1 is up");
    eventually("b1 serves again", || whoami(address).unwrap() == "b1");
    first.signal("TERM");
    assert_eq!(first.wait().code(), Some(0));
    // One demo after the other: each takes the ports that it finds free.
    with_tls_it_makes_its_own_certificate();
}

fn with_tls_it_makes_its_own_certificate() {
    let folder = TempDir::new().unwrap();
    let place = format!("TMPDIR={}", folder.path().display());
    let demo = Options::new().wrapped_in(&["env", &place]);
    let mut demo = demo.arg("demo").arg("--tls").start();
    demo.wait_for_log(&format!("open https://{}/", demo.address()));
    demo.wait_for_log("your browser will warn of it");
    expect_a_dashboard(&mut demo);
    let made: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(made.len(), 1, "{made:?}");
    let mode = made[0].as_ref().unwrap().metadata().unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
    curl_is_served_as_it_is_told(&mut demo);
    a_browser_sees_a_coloured_site(&demo);
    demo.signal("INT");
    assert_eq!(demo.wait().code(), Some(0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// By the commands that are printed, and not without the certificate.
fn curl_is_served_as_it_is_told(demo: &mut L4lb) {
    if !available("curl") {
        return;
    }
    let asked = |command: &str| {
        let mut shell = Command::new("sh");
        let output = shell.arg("-c").arg(format!("{command}whoami")).output();
        let output = output.unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let log = demo.log();
    let commands = log
        .iter()
        .filter_map(|line| line.find("curl ").map(|at| &line[at..]));
    let served: Vec<_> = commands.map(asked).collect();
    let is_served =
        |(code, text): &(Option<i32>, String)| *code == Some(0) && text.starts_with('b');
    assert!(
        served.len() == 2 && served.iter().all(is_served),
        "{served:?}"
    );
    let port = demo.address().port();
    let untrusted = asked(&format!("curl https://127.0.0.1:{port}/"));
    assert_eq!(untrusted.0, Some(60));
    let plain = asked(&format!("curl http://127.0.0.1:{port}/"));
    assert_ne!(plain.0, Some(0));
}

fn a_browser_sees_a_coloured_site(demo: &L4lb) {
    if !dashboard::is_available() {
        return;
    }
    let browser = Browser::start();
    browser.open(&format!("https://localhost:{}/", demo.address().port()));
    browser.wait_for_text("body", "Served by b");
    let colour = "return getComputedStyle(document.documentElement).backgroundColor";
    let (name, colour) = (browser.text("h1").unwrap(), browser.eval(colour));
    let known = [
        ("Served by b1", "rgb(173, 216, 230)"),
        ("Served by b2", "rgb(144, 238, 144)"),
        ("Served by b3", "rgb(240, 128, 128)"),
    ];
    assert!(
        known.iter().any(|it| name == it.0 && colour == it.1),
        "{name} {colour}"
    );
    assert_eq!(browser.console(), Vec::<String>::new());
}

/// At the address that is printed.
fn expect_a_dashboard(demo: &mut L4lb) {
    let prefix = "watch it on the dashboard, http://";
    demo.wait_for_log(prefix);
    let log = demo.log();
    let line = log.iter().find_map(|line| line.strip_prefix(prefix));
    let address = line.unwrap().trim_end_matches('/');
    let mut client = TcpStream::connect(address).unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut page = String::new();
    client.read_to_string(&mut page).unwrap();
    assert!(page.contains("<title>l4lb</title>"), "{page}");
}

/// The first demo has them, or somebody else.
fn ports_that_are_taken_are_left_and_that_is_said() {
    let _taken = [9000, 9090].map(|port| TcpListener::bind(("127.0.0.1", port)));
    let mut second = Options::new().arg("demo").start();
    for port in (9000..=9003).chain([9090]) {
        assert!(has_said(
            &second,
            &format!("port {port} is taken: using another one")
        ));
    }
    assert_ne!(second.address().port(), 9000);
    second.wait_for_log(&format!("open http://{}/", second.address()));
    expect_a_dashboard(&mut second);
    expect_three_sites(second.address());
    second.signal("INT");
    assert_eq!(second.wait().code(), Some(0));
}
