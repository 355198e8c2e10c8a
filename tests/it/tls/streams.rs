//! What is relayed inside of TLS arrives as it was sent, and ends as it ended.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use test_backends::{Behaviour, Server, pattern};

use super::{Client, Files, echoed};
use crate::harness::{PATIENCE, descriptors_of_kind, eventually, resident_bytes, size};

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn accept(backend: &TcpListener) -> TcpStream {
    let socket = backend.accept().unwrap().0;
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn bulk_goes_both_ways_at_once_and_arrives_byte_for_byte() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(backend.addr(), "");
    let mut client = files.client(&l4lb, "a.example");
    let total = size(32 << 20, 512 << 20);
    let (mut sent, mut read) = (0_u64, 0_u64);
    let (mut out, mut back) = (vec![0; 100_000], vec![0; 100_000]);
    while read < total {
        if sent < total {
            let count = out.len().min(usize::try_from(total - sent).unwrap());
            pattern::fill(sent, &mut out[..count]);
            client.write_all(&out[..count]).unwrap();
            sent += count as u64;
        }
        // No more than a megabyte is under way, or both would wait for each other.
        while read < sent && (sent - read > 1 << 20 || sent == total) {
            let count = client.read(&mut back).unwrap();
            assert!(count > 0);
            pattern::check(read, &back[..count]).unwrap();
            read += count as u64;
        }
    }
    drop(client);
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(&format!(" {total}/{total} ")), "{line}");
}

#[test]
fn a_client_that_says_it_ends_still_gets_the_answer_and_its_end() {
    let files = Files::new(&["a.example"]);
    let backend = Server::start("127.0.0.1:0", Behaviour::HalfClose { bytes: 300_000 }).unwrap();
    let l4lb = files.before(backend.addr(), "");
    let mut client = files.client(&l4lb, "a.example");
    client.write_all(b"a question").unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap(); // which fails where the end is not said
    assert_eq!(answer.len(), 300_000);
    pattern::check(0, &answer).unwrap();
    client.sock.shutdown(Shutdown::Both).unwrap();
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" 10/300000 -- "), "{line}");
}

#[test]
fn an_end_without_a_word_is_relayed_and_one_within_a_record_is_a_reset() {
    let (files, backend) = (Files::new(&["a.example"]), listen());
    let l4lb = files.before(backend.local_addr().unwrap(), "");
    for (cuts, is_clean) in [(false, true), (true, false)] {
        let mut client = files.client(&l4lb, "a.example");
        client.write_all(b"words").unwrap();
        client.flush().unwrap();
        let mut served = accept(&backend);
        let mut words = [0; 5];
        served.read_exact(&mut words).unwrap();
        if cuts {
            client.sock.write_all(&[23, 3, 3, 0, 100, 1, 2]).unwrap();
        }
        client.sock.shutdown(Shutdown::Write).unwrap();
        let end = served.read(&mut words);
        if is_clean {
            assert_eq!(end.unwrap(), 0);
        } else {
            assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    }
}

#[test]
fn a_stream_that_the_backend_cut_short_does_not_look_whole() {
    let files = Files::new(&["a.example"]);
    let reply = Behaviour::ReplyThenReset { bytes: 100_000 };
    let backend = Server::start("127.0.0.1:0", reply).unwrap();
    let l4lb = files.before(backend.addr(), "");
    let mut client = files.client(&l4lb, "a.example");
    client.write_all(b"x").unwrap();
    client.flush().unwrap();
    let mut answer = Vec::new();
    let end = client.read_to_end(&mut answer).unwrap_err();
    let cut = [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof];
    assert!(cut.contains(&end.kind()), "{end}");
    pattern::check(0, &answer).unwrap();
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" SD "), "{line}");
}

#[test]
fn a_record_that_is_no_record_ends_the_session() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(backend.addr(), "");
    let mut client = files.client(&l4lb, "a.example");
    assert_eq!(echoed(&mut client, b"before"), b"before");
    client.sock.write_all(&[23, 3, 3, 0, 32]).unwrap();
    client.sock.write_all(&[7; 32]).unwrap();
    let mut rest = Vec::new();
    assert!(client.read_to_end(&mut rest).is_err());
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" CD "), "{line}");
}

#[test]
fn a_client_that_stops_reading_holds_back_the_backend_and_not_much_memory() {
    let files = Files::new(&["a.example"]);
    let source = Behaviour::Source { bytes: None };
    let backend = Server::start("127.0.0.1:0", source).unwrap();
    let l4lb = files.before(backend.addr(), "");
    let mut clients: Vec<Client> = Vec::new();
    let before = resident_bytes(l4lb.pid());
    for _ in 0..20 {
        let mut client = files.client(&l4lb, "a.example");
        client.write_all(b"x").unwrap();
        client.flush().unwrap();
        let mut first = [0; 100];
        client.read_exact(&mut first).unwrap();
        clients.push(client);
    }
    // What the kernel keeps fills up; then nothing moves any more.
    let mut last = u64::MAX;
    eventually("standstill", || {
        let sent = metric_of_sent(&files);
        std::mem::replace(&mut last, sent) == sent
    });
    let grown = resident_bytes(l4lb.pid()).saturating_sub(before);
    assert!(grown < 20 * 200 * 1024 + (4 << 20), "{grown} bytes");
    let mut more = vec![0; 1 << 20];
    clients[7].read_exact(&mut more).unwrap();
    pattern::check(100, &more).unwrap();
}

fn metric_of_sent(files: &Files) -> u64 {
    let begins = "l4lb_listener_sent_bytes_total{listener=\"web\"}";
    super::metric(files, begins)
}

#[test]
fn many_sessions_at_once_are_not_mixed_up() {
    let (files, backend) = (Files::new(&["a.example"]), echo());
    let l4lb = files.before(backend.addr(), "");
    let sockets = descriptors_of_kind(l4lb.pid(), "socket");
    thread::scope(|scope| {
        for number in 0..16_u64 {
            let (files, l4lb) = (&files, &l4lb);
            scope.spawn(move || {
                let mut client = files.client(l4lb, "a.example");
                let mut text = vec![0; 30_000];
                for turn in 0..20 {
                    pattern::fill(number * 1_000_003 + turn, &mut text);
                    assert!(echoed(&mut client, &text) == text, "{number} {turn}");
                }
            });
        }
    });
    eventually("all sockets are closed", || {
        descriptors_of_kind(l4lb.pid(), "socket") == sockets
    });
}
