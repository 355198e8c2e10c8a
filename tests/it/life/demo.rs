//! `l4lb demo`, as somebody sees it who tries it out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use test_backends::Colour;

use super::{ask, whoami};
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
