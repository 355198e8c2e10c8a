//! A reset is relayed as a reset, after every byte that came before it; a clean end never looks like
//! one.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use test_backends::{Behaviour, Server};

use super::scene::{Ends, Scene, accept};
use super::wire::{
    Ending, fill_the_way, finish, receive, receive_exactly, reset, reset_at_once, send,
    send_until_stuck,
};
use crate::harness::eventually;

/// Takes a session apart: the source of what is tested, then its sink.
type Split = fn(Ends) -> (TcpStream, TcpStream);

/// The two directions of a session: from whom to whom, and the letters when the first one resets.
fn directions() -> [(Split, &'static str); 2] {
    [
        (|it| (it.client, it.server), "CD"),
        (|it| (it.server, it.client), "SD"),
    ]
}

/// Fact 13: the sink has not read a byte when the source is reset.
#[test]
fn a_reset_comes_after_all_bytes_before_it() {
    for (direction, letters) in directions() {
        let (scene, listener) = Scene::with_own_backend(&[]);
        for bytes in [0, 1, 1000, 40_000, 300_000] {
            let (source, sink) = direction(scene.session(&listener));
            send(&sink, 0, 1); // what comes back shows that it is relaying
            receive_exactly(&source, 0, 1);
            send(&source, 0, bytes);
            reset(source);
            assert_eq!(receive(&sink, 0), (bytes, Ending::Reset), "{letters}");
        }
        for line in scene.end() {
            assert_eq!(line.letters, letters, "{line:?}");
        }
    }
}

/// Fact 13: our own send queue is full of bytes that a reset, sent now, would destroy.
#[test]
fn a_reset_does_not_overtake_bytes_that_fill_every_buffer() {
    for (direction, letters) in directions() {
        let (scene, listener) = Scene::with_own_backend(&[]);
        let (source, sink) = direction(scene.session(&listener));
        let (sent, read) = fill_the_way(&source, &sink);
        assert!(sent - read > 1 << 20, "{sent} {read}");
        reset(source);
        receive_exactly(&sink, read, 1); // for the time to pass in which l4lb hears of the reset
        assert_eq!(
            receive(&sink, read + 1),
            (sent - read - 1, Ending::Reset),
            "{letters}"
        );
        let line = scene.end_of_one();
        let both = line.bytes.0 + line.bytes.1;
        assert_eq!((line.letters.as_str(), both), (letters, sent), "{line:?}");
    }
}

/// Fact 10: readable bytes accompany a reset.
#[test]
fn a_backend_that_replies_and_resets_is_heard_and_then_seen_to_reset() {
    for bytes in [1, 3, 10_000, 200_000] {
        let backend = Server::start("127.0.0.1:0", Behaviour::ReplyThenReset { bytes }).unwrap();
        let scene = Scene::before(&[backend.addr()], &[]);
        let clients = [(); 5].map(|()| scene.client());
        for client in &clients {
            assert_eq!(receive(client, 0), (bytes, Ending::Reset));
        }
        drop(clients);
        for line in scene.end() {
            assert_eq!(
                (line.letters.as_str(), line.bytes),
                ("SD", (0, bytes)),
                "{line:?}"
            );
        }
    }
}

/// Waits until a write to `stream` fails, and says how.
#[track_caller]
fn broken_by(mut stream: &TcpStream) -> ErrorKind {
    let mut kind = None;
    eventually("the stream breaks", || {
        kind = stream.write(&[0]).err().map(|error| error.kind());
        kind.is_some()
    });
    kind.unwrap()
}

#[test]
fn a_reset_after_an_end_still_breaks_the_other_side() {
    for (direction, letters) in directions() {
        let (scene, listener) = Scene::with_own_backend(&[]);
        let (source, sink) = direction(scene.session(&listener));
        send(&source, 0, 1000);
        finish(&source);
        assert_eq!(receive(&sink, 0), (1000, Ending::Clean));
        reset(source);
        let kind = broken_by(&sink);
        assert!(
            matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
            "{kind}"
        );
        drop(sink);
        assert_eq!(scene.end_of_one().letters, letters);
    }
}

/// The way in which some clients end what is complete.
#[test]
fn a_reset_that_follows_a_complete_reply_takes_nothing_of_it_away() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    send(&ends.client, 0, 100);
    receive_exactly(&ends.server, 0, 100);
    send(&ends.server, 0, 500_000);
    finish(&ends.server);
    assert_eq!(receive(&ends.client, 0), (500_000, Ending::Clean));
    reset_at_once(ends.client);
    assert_eq!(receive(&ends.server, 0), (0, Ending::Reset));
    drop(ends.server);
    let line = scene.end_of_one();
    assert_eq!(
        (line.letters.as_str(), line.bytes),
        ("CD", (100, 500_000)),
        "{line:?}"
    );
}

/// The reset is all that can be read, and the only direction with work to do is stuck.
#[test]
fn a_reset_ends_a_session_whose_other_direction_is_blocked() {
    for (direction, letters) in directions() {
        let (scene, listener) = Scene::with_own_backend(&[]);
        let (source, sink) = direction(scene.session(&listener));
        send_until_stuck(&sink, 0);
        reset_at_once(source);
        assert_eq!(receive(&sink, 0), (0, Ending::Reset), "{letters}");
        drop(sink);
        assert_eq!(scene.end_of_one().letters, letters);
    }
}

/// Whoever ends first, and however both are closed: what was not reset does not look so.
#[test]
fn a_clean_end_is_never_seen_as_a_reset() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for bytes in [0, 1, 70_000] {
        for client_first in [false, true] {
            let Ends { client, server } = scene.session(&listener);
            let (first, second) = if client_first {
                (client, server)
            } else {
                (server, client)
            };
            send(&first, 0, bytes);
            finish(&first);
            assert_eq!(receive(&second, 0), (bytes, Ending::Clean));
            send(&second, 0, bytes);
            drop(second); // closed, not only ended: all was read, so it is no reset
            assert_eq!(receive(&first, 0), (bytes, Ending::Clean));
        }
    }
    // Closed at once without a word, by the client and by the backend.
    drop(scene.client());
    assert_eq!(receive(&accept(&listener), 0), (0, Ending::Clean));
    let Ends { client, server } = scene.session(&listener);
    drop(server);
    assert_eq!(receive(&client, 0), (0, Ending::Clean));
    drop(client);
    for line in scene.end() {
        assert_eq!(line.letters, "--", "{line:?}");
    }
}
