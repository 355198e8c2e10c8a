//! Another backend is tried while nothing was said, and never after.

use std::net::{SocketAddr, TcpListener};

use test_backends::{Behaviour, Server};

use super::scene::Scene;
use super::wire::{Ending, finish, receive, send};

fn server(behaviour: Behaviour) -> Server {
    Server::start("127.0.0.1:0", behaviour).unwrap()
}

/// A port that stays refused, and is nobody else's, for as long as it is held.
fn refusing() -> (Server, SocketAddr) {
    let mut server = server(Behaviour::Echo);
    server.stop();
    let address = server.addr();
    (server, address)
}

/// Fact 10: a failed connect makes its socket writable too.
#[test]
fn a_backend_that_refuses_costs_its_clients_nothing() {
    let (_held, refused) = refusing();
    let echo = server(Behaviour::Echo);
    let scene = Scene::before(&[refused, echo.addr()], &[]);
    for _ in 0..30 {
        let client = scene.client();
        send(&client, 0, 1000);
        finish(&client);
        assert_eq!(receive(&client, 0), (1000, Ending::Clean));
    }
    let lines = scene.end();
    assert!(
        lines
            .iter()
            .all(|line| line.letters == "--" && line.backend == "b"),
        "{lines:?}"
    );
    let retries = lines.iter().map(|line| line.retries);
    assert!(retries.clone().all(|count| count <= 1) && retries.sum::<u32>() >= 15);
}

#[test]
fn backends_that_all_refuse_are_tried_as_often_as_allowed() {
    let held = [refusing(), refusing()];
    let scene = Scene::before(&[held[0].1, held[1].1], &["--retries=2"]);
    for _ in 0..4 {
        if let Some(client) = scene.doomed_client() {
            assert_eq!(receive(&client, 0), (0, Ending::Reset));
        }
    }
    for line in scene.end() {
        assert_eq!((line.letters.as_str(), line.retries), ("SC", 2), "{line:?}");
    }
}

/// Fact 11: the backend has read the request; to send it to another one would be to send it twice.
#[test]
fn a_request_that_was_sent_is_never_sent_again() {
    let breaking = server(Behaviour::ResetAfter { bytes: 4 });
    let healthy = server(Behaviour::Echo);
    let scene = Scene::before(&[breaking.addr(), healthy.addr()], &["--retries=5"]);
    for number in 0..10 {
        let client = scene.client();
        send(&client, 0, 4);
        if number % 2 == 0 {
            assert_eq!(receive(&client, 0), (0, Ending::Reset));
        } else {
            finish(&client);
            assert_eq!(receive(&client, 0), (4, Ending::Clean));
        }
    }
    assert_eq!((breaking.accepted(), healthy.accepted()), (5, 5));
    assert_eq!(
        (breaking.bytes_received(), healthy.bytes_received()),
        (20, 20)
    );
    for line in scene.end() {
        let letters = if line.backend == "a" { "SD" } else { "--" };
        assert_eq!(
            (line.letters.as_str(), line.retries),
            (letters, 0),
            "{line:?}"
        );
    }
}

/// Nothing was sent, but the connection stood: whoever accepts and resets is not tried around.
#[test]
fn a_backend_that_accepts_and_resets_is_relayed_as_a_reset() {
    let breaking = server(Behaviour::ResetAfter { bytes: 0 });
    let scene = Scene::before(&[breaking.addr()], &["--retries=5"]);
    for _ in 0..10 {
        assert_eq!(receive(&scene.client(), 0), (0, Ending::Reset));
    }
    for line in scene.end() {
        assert_eq!((line.letters.as_str(), line.retries), ("SD", 0), "{line:?}");
    }
}

/// A listener that goes away with connections in its queue resets them: dialed, and gone.
#[test]
fn connections_that_were_never_accepted_are_reset_when_their_backend_goes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let scene = Scene::before(&[listener.local_addr().unwrap()], &["--retries=0"]);
    let clients = [0, 1, 5000].map(|bytes| {
        let client = scene.client();
        send(&client, 0, bytes);
        client
    });
    super::wire::assert_silent(&clients[0], std::time::Duration::from_millis(50));
    drop(listener);
    for client in &clients {
        assert_eq!(receive(client, 0), (0, Ending::Reset));
    }
    for line in scene.end() {
        assert_eq!(line.letters, "SD", "{line:?}");
    }
}
