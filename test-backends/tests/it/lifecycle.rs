//! Start, stop, start again: what stays, what goes, and how fast.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use test_backends::{Behaviour, Server};

use crate::client::{Client, End, eventually, start};

fn is_refused(addr: SocketAddr) -> bool {
    Client::try_connect(addr)
        .err()
        .is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[test]
fn stop_resets_live_connections_and_refuses_new_ones_at_once() {
    let mut server = start(Behaviour::Echo);
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(server.addr())).collect();
    for client in &mut clients {
        client.send("x");
        assert_eq!(client.take(1), b"x");
    }
    server.stop();
    assert!(is_refused(server.addr()));
    for mut client in clients {
        assert_eq!(client.take_rest(), (vec![], End::Reset));
    }
}

#[test]
fn stop_interrupts_writers_that_nobody_reads_from() {
    let mut server = start(Behaviour::Source { bytes: None });
    let mut clients: Vec<Client> = (0..5).map(|_| Client::connect(server.addr())).collect();
    for client in &mut clients {
        client.take(1);
    }
    server.stop();
    for mut client in clients {
        assert_eq!(client.take_rest().1, End::Reset);
    }
}

#[test]
fn stop_resets_a_connection_that_the_server_has_half_closed() {
    let mut server = start(Behaviour::ShutdownFirst);
    let mut client = Client::connect(server.addr());
    assert_eq!(client.take_rest().1, End::Fin);
    server.stop();
    // The end was read before, so only a write can tell (EPIPE: a reset was received).
    assert_eq!(
        client.try_send("x").unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

#[test]
fn stop_and_start_again_are_idempotent_and_keep_port_and_counters() {
    let mut server = start(Behaviour::Echo);
    let addr = server.addr();
    for round in 1..=5 {
        let mut client = Client::connect(addr);
        client.send("four");
        assert_eq!(client.take(4), b"four");
        assert_eq!(
            (server.accepted(), server.bytes_received()),
            (round, 4 * round)
        );
        server.stop();
        server.stop();
        assert!(is_refused(addr));
        server.start_again().unwrap();
        server.start_again().unwrap();
        assert_eq!(server.addr(), addr);
    }
}

#[test]
fn dropping_a_server_stops_it() {
    let server = start(Behaviour::Echo);
    let mut client = Client::connect(server.addr());
    client.send("x");
    client.take(1);
    drop(server);
    assert_eq!(client.take_rest(), (vec![], End::Reset));
}

#[test]
fn an_address_in_use_is_an_error() {
    let server = start(Behaviour::Echo);
    let error = Server::start(server.addr(), Behaviour::Echo).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_stopped_server_lets_a_named_listener_take_its_port_and_reports_it() {
    let mut server = start(Behaviour::Echo);
    server.stop();
    let other = TcpListener::bind(server.addr()).unwrap();
    assert_eq!(
        server.start_again().unwrap_err().kind(),
        ErrorKind::AddrInUse
    );
    drop(other);
    server.start_again().unwrap();
    Client::connect(server.addr());
}

#[test]
fn a_stopped_flapping_server_stays_down() {
    let spell = Duration::from_millis(5);
    let flapping = Behaviour::Flapping {
        up: spell,
        down: spell,
        inner: Box::new(Behaviour::Echo),
    };
    let mut server = start(flapping);
    eventually("a connection", || {
        server.accepted() > 0 || {
            drop(Client::try_connect(server.addr()));
            false
        }
    });
    server.stop();
    for _ in 0..20 {
        assert!(is_refused(server.addr()));
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn three_hundred_connections_at_once_are_served() {
    let server = start(Behaviour::Echo);
    let mut clients: Vec<Client> = (0..300).map(|_| Client::connect(server.addr())).collect();
    for client in &mut clients {
        client.send("here");
    }
    for client in &mut clients {
        assert_eq!(client.take(4), b"here");
    }
    assert_eq!(server.accepted(), 300);
}
