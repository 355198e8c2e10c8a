//! One direction has ended and the other goes on, for as long as it likes.

use socket2::SockRef;
use std::time::Duration;

use l4lb::sys::unacknowledged_bytes;
use test_backends::{Behaviour, Server};

use super::scene::Scene;
use super::wire::{
    Ending, assert_silent, fill_the_way, finish, receive, receive_exactly, send,
    send_until_blocked, send_until_stuck,
};
use crate::harness::size;
use crate::harness::{eventually, unread_bytes};

#[test]
fn a_client_that_has_ended_its_stream_receives_many_megabytes() {
    let bytes = size(24 << 20, 50 << 20);
    let backend = Server::start("127.0.0.1:0", Behaviour::HalfClose { bytes }).unwrap();
    let scene = Scene::before(&[backend.addr()], &[]);
    let client = scene.client();
    send(&client, 0, 1000);
    finish(&client);
    assert_eq!(receive(&client, 0), (bytes, Ending::Clean));
    drop(client);
    let line = scene.end_of_one();
    assert_eq!(
        (line.letters.as_str(), line.bytes),
        ("--", (1000, bytes)),
        "{line:?}"
    );
    assert_eq!(line.path, "splice");
}

#[test]
fn a_backend_that_has_ended_its_stream_receives_many_megabytes() {
    let bytes = size(24 << 20, 50 << 20);
    let backend = Server::start("127.0.0.1:0", Behaviour::ShutdownFirst).unwrap();
    let scene = Scene::before(&[backend.addr()], &[]);
    let client = scene.client();
    assert_eq!(
        receive(&client, 0),
        (0, Ending::Clean),
        "its end is relayed at once"
    );
    send(&client, 0, bytes);
    drop(client);
    let line = scene.end_of_one();
    assert_eq!(
        (line.letters.as_str(), line.bytes),
        ("--", (bytes, 0)),
        "{line:?}"
    );
    assert_eq!(backend.bytes_received(), bytes);
}

/// Fact 6: the end waits for all that is held for a sink which does not read yet.
#[test]
fn an_end_behind_many_bytes_and_a_sink_that_does_not_read_comes_last() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for downwards in [false, true] {
        let ends = scene.session(&listener);
        let (source, sink) = if downwards {
            (&ends.server, &ends.client)
        } else {
            (&ends.client, &ends.server)
        };
        let bytes = send_until_stuck(source, 0);
        finish(source);
        assert_eq!(receive(sink, 0), (bytes, Ending::Clean));
    }
    for line in scene.end() {
        assert_eq!(line.letters, "--", "{line:?}");
    }
}

/// Fact 7: an end that arrives while reading is paused makes the last edge.
#[test]
fn an_end_that_comes_while_its_flow_is_blocked_is_not_forgotten() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    let client = ends.client.local_addr().unwrap();
    let (mut bytes, mut read) = fill_the_way(&ends.client, &ends.server);
    let unread = || unread_bytes(scene.l4lb.address(), client) > 0;
    let mut calm = 0;
    eventually("l4lb leaves bytes unread, and has room for an end", || {
        let has_room = unacknowledged_bytes(&SockRef::from(&ends.client)).unwrap() == 0;
        calm = if has_room && unread() { calm + 1 } else { 0 };
        if has_room && calm == 0 {
            send(&ends.client, bytes, 8 << 10);
            bytes += 8 << 10;
        } else if !has_room {
            receive_exactly(&ends.server, read, 16 << 10);
            read += 16 << 10;
        }
        calm == 10
    });
    finish(&ends.client);
    assert_silent(&ends.client, Duration::from_millis(20));
    assert!(unread(), "the end has come, and l4lb reads nothing");
    assert_eq!(receive(&ends.server, read), (bytes - read, Ending::Clean));
    drop(ends);
    assert_eq!(scene.end_of_one().letters, "--");
}

/// The same for more bytes, which end while both directions are blocked.
#[test]
fn both_sides_write_all_they_can_before_they_read() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    let up = send_until_stuck(&ends.client, 0);
    let down = send_until_stuck(&ends.server, 0);
    let more = size(4 << 20, 64 << 20);
    std::thread::scope(|scope| {
        for (stream, at) in [(&ends.client, up), (&ends.server, down)] {
            scope.spawn(move || {
                send(stream, at, more);
                finish(stream);
            });
        }
        let server = scope.spawn(|| receive(&ends.server, 0));
        assert_eq!(receive(&ends.client, 0), (down + more, Ending::Clean));
        assert_eq!(server.join().unwrap(), (up + more, Ending::Clean));
    });
    drop(ends);
    let line = scene.end_of_one();
    assert_eq!(
        (line.letters.as_str(), line.bytes),
        ("--", (up + more, down + more))
    );
}

/// A peer that has been told the end may go on sending until it is blocked, and be read later.
#[test]
fn a_half_closed_flow_may_block_and_go_on() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    finish(&ends.client);
    assert_eq!(receive(&ends.server, 0), (0, Ending::Clean));
    let mut bytes = send_until_blocked(&ends.server, 0);
    bytes += send_until_stuck(&ends.server, bytes);
    finish(&ends.server);
    assert_eq!(receive(&ends.client, 0), (bytes, Ending::Clean));
    drop(ends);
    assert_eq!(scene.end_of_one().bytes, (0, bytes));
}
