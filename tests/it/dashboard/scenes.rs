//! What a person does on the page, and what comes of it.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::Value;
use tempfile::TempDir;
use test_backends::{Behaviour, Server};

use super::browser::Browser;
use crate::harness::{L4lb, Options, eventually};
use crate::life::{available, expect_echo};

/// A port that is free now, for a server that is to come back where it was.
pub(super) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

pub(super) fn echoes() -> Vec<Server> {
    let echo = |_| Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    (0..3).map(echo).collect()
}

pub(super) fn start(admin: SocketAddr, backends: &[Server]) -> L4lb {
    let admin = format!("--admin={admin}");
    Options::new().backends(backends).arg(&admin).start()
}

/// What the API says.
fn read(admin: SocketAddr, path: &str) -> Value {
    let mut client = TcpStream::connect(admin).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The place of a tile's value or note.
fn tile(column: &str, part: &str) -> String {
    format!("[data-tile={column}] .tile-{part}")
}

/// A cell of the row of backend app/NAME.
fn cell(name: &str, cell: &str) -> String {
    format!("tr[data-key^=\"app/{name}/\"] .cell-{cell}")
}

/// Sends so much over a connection of its own, which is given back.
fn send(l4lb: &L4lb, bytes: usize) -> TcpStream {
    let mut client = l4lb.connect();
    expect_echo(&mut client, &vec![b'x'; bytes]);
    client
}

pub(crate) fn is_available() -> bool {
    available("chromedriver") && available("chromium")
}

#[test]
fn the_page_shows_what_clients_sent_does_what_is_clicked_and_outlives_a_restart() {
    if !is_available() {
        return;
    }
    let (admin, backends) = (free_address(), echoes());
    let mut l4lb = start(admin, &backends);
    let browser = Browser::start();
    browser.open(&format!("http://{admin}/"));
    browser.wait_for_text(&tile("sessions", "value"), "0");
    let mut live = numbers_agree_with_what_clients_sent(&browser, admin, &l4lb);
    let killed = a_click_kills_a_connection(&browser, &mut live);
    a_click_drains_a_backend(&browser, admin, &l4lb, killed);
    the_address_leads_back_to_the_same_rows(&browser, admin);
    nothing_is_wider_than_a_phone(&browser, admin);
    assert_eq!(browser.console(), Vec::<String>::new());

    browser.open(&format!("http://{admin}/#tab=events"));
    browser.wait_for_text(&tile("backends_up", "value"), "2 of 3");
    // It has happened before this page was opened.
    browser.wait_for_text(".events", "by an operator");
    the_page_rests_and_nothing_is_noted_twice(&browser);
    l4lb.signal("KILL");
    l4lb.wait();
    browser.wait_for_text("#banner", "No answer since");
    let l4lb = start(admin, &backends);
    browser.wait_for_text(&tile("backends_up", "value"), "3 of 3");
    browser.wait_for_text(&tile("connections_per_second", "note"), "0 since the start");
    assert_eq!(
        browser.eval("return document.querySelector('#banner').hidden"),
        true
    );
    browser.wait_for_text(".events", &format!("with pid {}", l4lb.pid()));
    // That nobody answered is all that the console was told meanwhile.
    for line in browser.console() {
        assert!(line.contains("net::ERR_"), "{line}");
    }
}

/// Thirty connections of a thousand bytes each way, three of which stay.
fn numbers_agree_with_what_clients_sent(
    browser: &Browser,
    admin: SocketAddr,
    l4lb: &L4lb,
) -> Vec<TcpStream> {
    let mut clients: Vec<_> = (0..30).map(|_| send(l4lb, 1000)).collect();
    let live = clients.split_off(27);
    drop(clients);
    browser.wait_for_text(&tile("sessions", "value"), "3");
    browser.wait_for_text(
        &tile("connections_per_second", "note"),
        "30 since the start",
    );
    browser.wait_for_text(&tile("bytes_in_per_second", "note"), "30,000 bytes in all");
    browser.wait_for_text(&tile("bytes_out_per_second", "note"), "30,000 bytes in all");
    browser.wait_for_text(&tile("backends_up", "value"), "3 of 3");
    for name in ["a", "b", "c"] {
        browser.wait_for_text(&cell(name, "sessions"), "1");
        browser.wait_for_text(&cell(name, "rate"), "10 in all");
        let title = format!(
            "return document.querySelector('{}').title",
            cell(name, "bits")
        );
        assert_eq!(browser.eval(&title), "10,000 bytes in, 10,000 bytes out");
        browser.wait_for_text(&cell(name, "share"), "due 33 %");
    }
    let overview = read(admin, "/v1/overview");
    assert_eq!(overview["counters"]["connections_total"], 30);
    assert_eq!(overview["counters"]["bytes_in_total"], 30_000);
    let sentence = overview["sentence"]["text"].as_str().unwrap();
    browser.wait_for_text("#sentence", &sentence[..10]);
    live
}

/// The biggest one. Which of the three it was is given back.
fn a_click_kills_a_connection(browser: &Browser, live: &mut Vec<TcpStream>) -> usize {
    expect_echo(&mut live[1], b"and this is more than the others have sent");
    browser.click("#tabs a[href*=connections]");
    let victim = live[1].local_addr().unwrap().to_string();
    browser.wait_for_text(".connections tbody tr:first-child", &victim);
    browser.click(".connections tbody tr:first-child button");
    browser.wait_for_text("dialog .effect", &victim);
    browser.click("dialog .primary");
    let error = live[1].read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    live.remove(1);
    browser.wait_for_text(&tile("sessions", "value"), "2");
    1
}

/// The effect is said before, and what is shown after is what is so.
fn a_click_drains_a_backend(browser: &Browser, admin: SocketAddr, l4lb: &L4lb, killed: usize) {
    browser.click("#tabs a:first-child");
    let name = ["a", "b", "c"][(killed + 1) % 3];
    browser.click(&format!("{} button", cell(name, "change")));
    let effect = "Removes 33 % of the capacity of pool app";
    browser.wait_for_text("dialog .effect", effect);
    browser.wait_for_text("dialog .effect", "1 session goes on");
    let state = || {
        let all = read(admin, "/v1/pools/app/backends")["backends"].take();
        let all = all.as_array().unwrap().iter();
        let mut states = all
            .filter(|it| it["name"] == name)
            .map(|it| it["state"].clone());
        states.next().unwrap()
    };
    assert_eq!(state(), "up");
    browser.click("dialog .primary");
    browser.wait_for_text(&cell(name, "state"), "drain");
    assert_eq!(state(), "drain");
    browser.wait_for_text(&cell(name, "share"), "due 0 %");
    browser.wait_for_text(&cell(name, "change"), "Ready…");
    drop((0..6).map(|_| send(l4lb, 1)).collect::<Vec<_>>());
    browser.wait_for_text(
        &tile("connections_per_second", "note"),
        "36 since the start",
    );
    let rate = browser.text(&cell(name, "rate")).unwrap();
    assert!(rate.ends_with("10 in all"), "{rate}");
}

fn the_address_leads_back_to_the_same_rows(browser: &Browser, admin: SocketAddr) {
    let rows = "return document.querySelectorAll('.backends tbody tr').length";
    browser.type_into("#filter", "app/a");
    eventually("one row is left", || browser.eval(rows) == 1);
    browser.click("th:nth-child(5) button");
    let hash = browser.eval("return location.hash");
    let hash = hash.as_str().unwrap();
    assert_eq!(hash, "#sort=sessions&filter=app%2Fa");
    browser.open("about:blank");
    browser.open(&format!("http://{admin}/{hash}"));
    browser.wait_for_text(&cell("a", "name"), "a");
    assert_eq!(browser.eval(rows), 1);
    let sorted = "return document.querySelector('th:nth-child(5)').ariaSort";
    assert_eq!(browser.eval(sorted), "descending");
}

fn the_page_rests_and_nothing_is_noted_twice(browser: &Browser) {
    let see = |is_hidden: bool| {
        browser.eval(&format!(
            "Object.defineProperty(document, 'hidden', {{ value: {is_hidden}, configurable: true }});\
             document.dispatchEvent(new Event('visibilitychange'))"
        ));
    };
    let count = || browser.eval("return document.querySelectorAll('.events li').length");
    let before = count().as_u64().unwrap();
    see(true);
    see(false);
    browser.eval(
        "return fetch('/v1/pools/app/backends/a', { method: 'PATCH', body: '{\"weight\": 7}',
                                                    headers: { 'Content-Type': 'application/json' } })",
    );
    // What is new comes after all that came again.
    browser.wait_for_text(".events", "weight 7");
    assert_eq!(count(), before + 1);
}

fn nothing_is_wider_than_a_phone(browser: &Browser, admin: SocketAddr) {
    for scheme in ["light", "dark"] {
        browser.see_as(390, scheme);
        for tab in [
            "backends",
            "listeners",
            "connections",
            "charts",
            "events",
            "engine",
        ] {
            browser.open("about:blank");
            browser.open(&format!("http://{admin}/#tab={tab}"));
            browser.wait_for_text(&tile("backends_up", "value"), "2 of 3");
            let width = browser.eval("return document.documentElement.scrollWidth");
            assert_eq!(width, 390, "{tab} in {scheme}");
        }
    }
    browser.see_as(1440, "light");
}

#[test]
fn without_the_token_nothing_can_be_changed_and_a_wrong_one_is_said_to_be_wrong() {
    if !is_available() {
        return;
    }
    let (admin, backends, folder) = (free_address(), echoes(), TempDir::new().unwrap());
    let (file, token) = (folder.path().join("l4lb.toml"), folder.path().join("token"));
    fs::write(&token, "correct-horse-battery-staple\n").unwrap();
    let text = format!(
        "[admin]\nlisten = \"{admin}\"\ntoken_file = \"{}\"\n[[listener]]\nname = \"web\"\n\
         listen = \"127.0.0.1:0\"\npool = \"app\"\n[pool.app]\nbackends = [\n\
         {{ name = \"a\", address = \"{}\" }} ]\n",
        token.display(),
        backends[0].addr()
    );
    fs::write(&file, text).unwrap();
    let _l4lb = Options::new()
        .arg("--config")
        .arg(file.to_str().unwrap())
        .start();
    let browser = Browser::start();
    browser.open(&format!("http://{admin}/"));
    let button = format!("{} button", cell("a", "change"));
    browser.wait_for_text(&button, "Drain…");
    let is_disabled = format!("return document.querySelector('{button}').disabled");
    assert_eq!(browser.eval(&is_disabled), true);
    let unlock = |text: &str| {
        browser.wait_for_text("#token", "Unlock changes");
        browser.click("#token");
        browser.type_into("#token-input", text);
        browser.click("dialog .primary");
        browser.wait_for_text("#token", "Lock changes");
    };
    unlock("wrong-horse");
    assert_eq!(browser.eval(&is_disabled), false);
    browser.click(&button);
    browser.click("dialog .primary");
    browser.wait_for_text("dialog .problem", "This is not the token");
    browser.click("dialog button[type=button]");
    assert_eq!(browser.eval(&is_disabled), true);
    unlock("correct-horse-battery-staple");
    browser.click(&button);
    browser.wait_for_text(
        "dialog .effect",
        "Nobody in pool app would get new sessions",
    );
    browser.click("dialog .primary");
    browser.wait_for_text(&cell("a", "state"), "drain");
    assert_eq!(browser.eval("return localStorage.length"), 0);
    let console = browser.console();
    assert!(
        console.iter().all(|line| line.contains("401")),
        "{console:?}"
    );
}
