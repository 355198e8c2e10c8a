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
    let mut client = admin.connect();
    let request = admin.head("GET /v1/events", &[]);
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
        assert!(event.len() <= 3, "{event:?}");
        let mut data = String::new();
        client.read_line(&mut data).unwrap();
        let wanted =
            r#"data: {"at":"2026-11-20T12:20:02.481Z","kind":"backend","text":"app/b2 is\ndown"}"#;
        assert_eq!(data.trim_end(), wanted);
    }
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
