//! l4lb is stopped, peers act, l4lb goes on: all that they did comes upon it in one batch.

use std::net::TcpStream;

use super::scene::{Scene, accept};
use super::wire::{Ending, await_arrival, finish, receive, reset, reset_at_once, send, send_in};

/// Sizes around those of the buffer, of a default pipe and of ours, and the smallest.
fn sizes() -> Vec<u64> {
    let round = [1 << 15, 1 << 16, 1 << 18, 5 << 15];
    let near = round.iter().flat_map(|&size| [size - 1, size, size + 1]);
    [0, 1, 2, 100, 4096].into_iter().chain(near).collect()
}

/// Facts 2, 6 and 7: the read that empties the socket is a short one, and no edge follows.
#[test]
fn bytes_and_end_in_one_instant_arrive_whole_whatever_their_number() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for size in sizes() {
        let up = scene.session(&listener);
        let down = scene.session(&listener);
        scene.freeze();
        std::thread::scope(|scope| {
            // Beyond 64 KiB the window is closed until l4lb goes on.
            for stream in [&up.client, &down.server] {
                scope.spawn(move || {
                    send(stream, 0, size);
                    finish(stream);
                });
            }
            if size < 60_000 {
                await_arrival(&up.client);
                await_arrival(&down.server);
            }
            scene.thaw();
            assert_eq!(receive(&up.server, 0), (size, Ending::Clean), "up");
            assert_eq!(receive(&down.client, 0), (size, Ending::Clean), "down");
        });
    }
    for line in scene.end() {
        assert_eq!(line.letters, "--", "{line:?}");
    }
}

/// Facts 2, 6 and 7 for a flow that is spliced.
#[test]
fn a_spliced_flow_ends_after_its_last_byte_whatever_their_number() {
    const BULK: u64 = 1 << 20;
    let (scene, listener) = Scene::with_own_backend(&[]);
    for size in sizes() {
        let ends = scene.session(&listener);
        std::thread::scope(|scope| {
            scope.spawn(|| send(&ends.server, 0, BULK));
            super::wire::receive_exactly(&ends.client, 0, BULK);
        });
        scene.freeze();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                send(&ends.server, BULK, size);
                finish(&ends.server);
            });
            if size < 60_000 {
                await_arrival(&ends.server);
            }
            scene.thaw();
            assert_eq!(receive(&ends.client, BULK), (size, Ending::Clean));
        });
    }
    for line in scene.end() {
        assert_eq!(
            (line.letters.as_str(), line.path.as_str()),
            ("--", "splice"),
            "{line:?}"
        );
    }
}

/// Facts 10 and 13: bytes are readable and the socket is broken, in one event.
#[test]
fn bytes_and_reset_in_one_instant_arrive_as_bytes_and_reset() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for size in [0, 1, 100, 32_767, 32_768, 32_769, 60_000] {
        let up = scene.session(&listener);
        let down = scene.session(&listener);
        // A byte each way first: both are surely relaying.
        for ends in [&up, &down] {
            send(&ends.client, 0, 1);
            super::wire::receive_exactly(&ends.server, 0, 1);
        }
        scene.freeze();
        send(&up.client, 1, size);
        reset(up.client);
        send(&down.server, 0, size);
        reset(down.server);
        scene.thaw();
        assert_eq!(receive(&up.server, 1), (size, Ending::Reset), "up");
        assert_eq!(receive(&down.client, 0), (size, Ending::Reset), "down");
    }
    let lines = scene.end();
    let count = |letters| lines.iter().filter(|line| line.letters == letters).count();
    assert_eq!((count("CD"), count("SD")), (7, 7), "{lines:?}");
}

/// Facts 2 and 9: accepted, readable and at its end in the first turn.
#[test]
fn a_client_that_has_come_and_gone_before_it_is_accepted_is_served() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for size in [0, 1, 1000, 32_768, 50_000] {
        scene.freeze();
        for _ in 0..10 {
            let client = scene.client();
            send(&client, 0, size);
        }
        scene.thaw();
        for _ in 0..10 {
            assert_eq!(receive(&accept(&listener), 0), (size, Ending::Clean));
        }
    }
    for line in scene.end() {
        assert_eq!(line.letters, "--", "{line:?}");
    }
}

/// Facts 9 and 10: reset before it is accepted. With bytes, they are delivered and the reset
/// follows; without, nobody needs a backend.
#[test]
fn a_client_that_has_come_and_reset_before_it_is_accepted_leaves_nothing() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    scene.freeze();
    for _ in 0..20 {
        let talker = scene.client();
        send_in(&talker, 0, [500]);
        reset(talker);
        reset_at_once(scene.client());
    }
    scene.thaw();
    for _ in 0..20 {
        let server = loop {
            let server = accept(&listener);
            // A mute client's backend connection may have been opened before its reset was seen.
            if peeks_a_byte(&server) {
                break server;
            }
        };
        assert_eq!(receive(&server, 0), (500, Ending::Reset));
    }
    drop(listener);
    for line in scene.end() {
        assert!(line.letters.starts_with('C'), "{line:?}");
    }
}

fn peeks_a_byte(stream: &TcpStream) -> bool {
    matches!(stream.peek(&mut [0]), Ok(1))
}

/// Both ends in one batch: neither waits for the other.
#[test]
fn both_sides_that_end_in_one_instant_end_cleanly() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for _ in 0..20 {
        let ends = scene.session(&listener);
        scene.freeze();
        for stream in [&ends.client, &ends.server] {
            send(stream, 0, 5000);
            finish(stream);
        }
        scene.thaw();
        assert_eq!(receive(&ends.server, 0), (5000, Ending::Clean));
        assert_eq!(receive(&ends.client, 0), (5000, Ending::Clean));
    }
    for line in scene.end() {
        assert_eq!(
            (line.letters.as_str(), line.bytes),
            ("--", (5000, 5000)),
            "{line:?}"
        );
    }
}
