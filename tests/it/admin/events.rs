//! Server-sent events: who gets which, and who is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use l4lb::admin::Patience;

use super::Admin;
use super::supervisor::{Manner, Supervisor};
use crate::harness::{PATIENCE, eventually};

/// A client that reads events; its head is read.
fn subscribe(admin: &Admin) -> BufReader<TcpStream> {
    subscribe_to(admin, "", &[])
}

/// The same with this query and these headers.
fn subscribe_to(admin: &Admin, query: &str, lines: &[&str]) -> BufReader<TcpStream> {
    let mut client = admin.connect();
    let request = admin.head(&format!("GET /v1/events{query}"), lines);
    client.write_all(request.as_bytes()).unwrap();
    let mut client = BufReader::new(client);
    let head = lines_until(&mut client, "");
    assert!(head[0].contains(" 200 "), "{head:?}");
    let kind = "content-type: text/event-stream".to_owned();
    assert!(head.contains(&kind), "{head:?}");
    client
}

/// Reads up to the first line that is `last`.
fn lines_until(client: &mut impl BufRead, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line| line != last) {
        let mut line = String::new();
        let read = client.read_line(&mut line).unwrap();
        assert_ne!(read, 0, "it ended after {lines:?}");
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[test]
fn every_client_is_told_what_happens_and_the_supervisor_is_asked_once() {
    let admin = Admin::start();
    let mut clients: Vec<_> = (0..3).map(|_| subscribe(&admin)).collect();
    assert_eq!(admin.supervisor.asked(), ["Subscribe(Subscriber)"]);
    assert_eq!(admin.supervisor.tell("backend", "app/b2 is\ndown"), 1);
    for client in &mut clients {
        let event = lines_until(client, "event: backend");
        assert!(event.len() <= 4, "{event:?}");
        assert!(event.contains(&"id: 1".to_owned()), "{event:?}");
        let mut data = String::new();
        client.read_line(&mut data).unwrap();
        let wanted = r#"data: {"id":1,"at":"2026-11-20T12:20:02.481Z","kind":"backend","text":"app/b2 is\ndown"}"#;
        assert_eq!(data.trim_end(), wanted);
    }
}

/// Reads so many events, and returns their ids.
fn ids(client: &mut impl BufRead, count: usize) -> Vec<String> {
    let mut id = || {
        let event = lines_until(client, "event: backend");
        let ids = event.iter().filter_map(|line| line.strip_prefix("id: "));
        ids.collect::<Vec<_>>().concat()
    };
    (0..count).map(|_| id()).collect()
}

#[test]
fn the_past_comes_first_and_whoever_comes_back_gets_each_event_once() {
    let admin = Admin::start();
    for number in 1..=7 {
        admin.supervisor.tell("backend", &format!("event {number}"));
    }
    let mut one = subscribe_to(&admin, "?past=2", &[]);
    let mut other = subscribe_to(&admin, "?past=100", &["Last-Event-ID: 4"]);
    let mut back = subscribe_to(&admin, "", &["Last-Event-ID: 7"]);
    let mut strange = subscribe_to(&admin, "?past=1", &["Last-Event-ID: 12-b"]);
    let mut bare = subscribe(&admin);
    admin.supervisor.tell("backend", "event 8");
    assert_eq!(ids(&mut one, 3), ["6", "7", "8"]);
    assert_eq!(ids(&mut other, 4), ["5", "6", "7", "8"]);
    assert_eq!(ids(&mut back, 1), ["8"]);
    assert_eq!(ids(&mut strange, 2), ["7", "8"]);
    assert_eq!(ids(&mut bare, 1), ["8"]);
    admin.get("/v1/events?past=101").problem(422);
    admin.get("/v1/events?last=1").problem(422);
}

#[test]
fn what_happens_while_the_past_is_asked_for_comes_once() {
    let admin = Admin::start();
    admin.supervisor.tell("backend", "before");
    admin.supervisor.change_to(Manner::Eventful);
    let mut client = subscribe_to(&admin, "?past=100", &[]);
    admin.supervisor.tell("backend", "after");
    assert_eq!(ids(&mut client, 3), ["1", "2", "3"]);
}

#[test]
fn silence_is_filled_with_comments() {
    let patience = Duration::from_millis(50);
    let admin = Admin::impatient(Supervisor::default(), patience);
    let mut client = subscribe(&admin);
    lines_until(&mut client, ":");
    lines_until(&mut client, "");
    lines_until(&mut client, ":");
}

#[test]
fn clients_have_so_many_places_and_leave_them() {
    let admin = Admin::start();
    let clients: Vec<_> = (0..32).map(|_| subscribe(&admin)).collect();
    assert_eq!(status(&admin), "503");
    assert_eq!(admin.get("/livez").status, 200);
    drop(clients);
    eventually("the places are free", || status(&admin) == "200");
}

/// What a client who wants to read events is answered first.
fn status(admin: &Admin) -> String {
    let mut client = admin.connect();
    let request = admin.head("GET /v1/events", &[]);
    client.write_all(request.as_bytes()).unwrap();
    let mut line = [0; 12];
    client.read_exact(&mut line).unwrap();
    String::from_utf8_lossy(&line[9..]).into_owned()
}

#[test]
fn a_client_that_is_too_far_behind_is_dropped_and_the_others_are_not() {
    let silence = Duration::from_secs(3600);
    let patience = Patience {
        silence,
        ..Patience::default()
    };
    let admin = Admin::with(Supervisor::default(), false, patience);
    let mut idle = subscribe(&admin);
    let mut busy = subscribe(&admin);
    let long = "x".repeat(10_000);
    // More than all buffers on the way to a client hold.
    let told = 3000;
    for _ in 0..told {
        admin.supervisor.tell("backend", &long);
        lines_until(&mut busy, "event: backend");
    }
    let mut read = Vec::new();
    idle.read_to_end(&mut read).unwrap();
    assert!(read.ends_with(b"0\r\n\r\n"));
    let events = read.windows(7).filter(|bytes| bytes == b"event: ").count();
    assert!(events < told, "{events} of {told}");
    assert_eq!(admin.supervisor.tell("backend", "the end"), 1);
    lines_until(&mut busy, "event: backend");
}

#[test]
fn a_server_that_ends_ends_the_streams_and_wants_no_more() {
    let mut admin = Admin::start();
    let mut client = subscribe(&admin);
    let start = Instant::now();
    let supervisor = admin.supervisor.clone();
    let thread = admin.thread.take();
    thread.unwrap().stop();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut rest = String::new();
    client.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    client.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
    assert_eq!(supervisor.tell("backend", "x"), 0);
}

#[test]
fn a_supervisor_that_has_no_time_is_asked_again_by_the_next_client() {
    let admin = Admin::before(Supervisor::with(Manner::Full));
    admin.get("/v1/events").problem(503);
    admin.supervisor.change_to(Manner::Well);
    let mut client = subscribe(&admin);
    assert_eq!(admin.supervisor.tell("drain", "draining"), 1);
    lines_until(&mut client, "event: drain");
}
