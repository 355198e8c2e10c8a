//! Urgent bytes stay in their place in the stream, and the mark before them stops nothing (fact 3).

use std::net::TcpStream;

use socket2::SockRef;
use test_backends::pattern;

use super::scene::{Ends, Scene};
use super::wire::{Ending, await_arrival, finish, receive, receive_exactly, send, send_in};

/// Enough for a flow to be spliced.
const BULK: u64 = 1 << 20;

/// Sends one byte of the pattern as urgent.
fn send_urgent(stream: &TcpStream, offset: u64) {
    let mut byte = [0];
    pattern::fill(offset, &mut byte);
    assert_eq!(SockRef::from(stream).send_out_of_band(&byte).unwrap(), 1);
}

/// Sends `before` bytes, an urgent one, `after` more, and perhaps the end.
fn send_around_a_mark(stream: &TcpStream, at: u64, [before, after]: [u64; 2]) -> u64 {
    send_in(stream, at, [before].into_iter().filter(|&count| count > 0));
    send_urgent(stream, at + before);
    send_in(
        stream,
        at + before + 1,
        [after].into_iter().filter(|&count| count > 0),
    );
    at + before + 1 + after
}

/// Places of the mark: in front, in the middle, behind; beyond the buffer.
const AROUND: [[u64; 2]; 6] = [
    [0, 0],
    [0, 700],
    [700, 0],
    [700, 700],
    [32_768, 10],
    [10, 40_000],
];

/// The four kinds of flow: up and down, copied and spliced.
fn flow(scene: &Scene, listener: &std::net::TcpListener, up: bool, bulk: bool) -> (Ends, u64) {
    let ends = scene.session(listener);
    let at = if bulk { BULK } else { 1 };
    let (source, sink) = ends_of(&ends, up);
    std::thread::scope(|scope| {
        scope.spawn(|| send(source, 0, at));
        receive_exactly(sink, 0, at);
    });
    (ends, at)
}

fn ends_of(ends: &Ends, up: bool) -> (&TcpStream, &TcpStream) {
    if up {
        (&ends.client, &ends.server)
    } else {
        (&ends.server, &ends.client)
    }
}

const KINDS: [(bool, bool); 4] = [(true, false), (true, true), (false, false), (false, true)];

/// With the end right behind, splice says "at the end" in front of the mark.
#[test]
fn an_urgent_byte_and_the_end_in_one_instant_lose_nothing() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for (up, bulk) in KINDS {
        for around in AROUND {
            let (ends, start) = flow(&scene, &listener, up, bulk);
            let (source, sink) = ends_of(&ends, up);
            scene.freeze();
            let end = send_around_a_mark(source, start, around);
            finish(source);
            await_arrival(source);
            scene.thaw();
            let expected = (end - start, Ending::Clean);
            assert_eq!(
                receive(sink, start),
                expected,
                "up {up}, bulk {bulk}, {around:?}"
            );
        }
    }
    for line in scene.end() {
        assert_eq!(line.letters, "--", "{line:?}");
    }
}

/// Without an end, splice says "empty" in front of the mark.
#[test]
fn an_urgent_byte_in_mid_stream_holds_nothing_up() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    for (up, bulk) in KINDS {
        let (ends, mut at) = flow(&scene, &listener, up, bulk);
        let (source, sink) = ends_of(&ends, up);
        for around in AROUND.into_iter().chain(AROUND) {
            scene.freeze();
            let end = send_around_a_mark(source, at, around);
            await_arrival(source);
            scene.thaw();
            receive_exactly(sink, at, end - at);
            at = end;
        }
    }
    for line in scene.end() {
        assert_eq!(line.letters, "--", "{line:?}");
    }
}

#[test]
fn a_bulk_stream_full_of_urgent_bytes_arrives_whole() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    let count = 200 * (20_000 + 1 + 3);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let rounds = (0..200).map(|_| [20_000, 3]);
            let mut at = 0;
            for around in rounds {
                at = send_around_a_mark(&ends.client, at, around);
            }
            finish(&ends.client);
        });
        assert_eq!(receive(&ends.server, 0), (count, Ending::Clean));
    });
    drop(ends);
    assert_eq!(scene.end_of_one().bytes, (count, 0));
}
