//! Every byte arrives once, in order, at its own peer: whatever the sizes of the writes.

use std::net::TcpStream;

use super::random::Random;
use super::scene::{Ends, Scene};
use super::wire::{Ending, finish, receive, send_in};
use crate::harness::size;

/// Sizes of writes that sum up to `total`.
fn pieces(random: &mut Random, total: u64, largest: u64) -> Vec<u64> {
    let mut left = total;
    let piece = || {
        let size = random.between(1, largest).min(left);
        left -= size;
        (size > 0).then_some(size)
    };
    std::iter::from_fn(piece).collect()
}

/// Where the stream of one end starts in the pattern: no two share a byte.
fn origin(session: usize, is_client: bool) -> u64 {
    (session as u64 * 2 + u64::from(is_client)) << 32
}

fn speak(stream: &TcpStream, at: u64, sizes: Vec<u64>) {
    send_in(stream, at, sizes);
    finish(stream);
}

#[test]
fn sixty_four_sessions_talk_both_ways_at_once_and_nothing_is_lost_or_mixed_up() {
    let mut random = Random::seeded();
    let (scene, listener) = Scene::with_own_backend(&[]);
    let sessions: Vec<Ends> = (0..64).map(|_| scene.session(&listener)).collect();
    let largest = size(400_000, 20 << 20);
    let mut total = 0;
    std::thread::scope(|scope| {
        for (number, ends) in sessions.iter().enumerate() {
            for (source, sink, is_client) in [
                (&ends.client, &ends.server, true),
                (&ends.server, &ends.client, false),
            ] {
                let at = origin(number, is_client);
                let count = random.between(1, largest);
                total += count;
                let sizes = pieces(&mut random, count, 70_000);
                scope.spawn(move || speak(source, at, sizes));
                scope.spawn(move || assert_eq!(receive(sink, at), (count, Ending::Clean)));
            }
        }
    });
    drop(sessions);
    let lines = scene.end();
    assert!(lines.iter().all(|line| line.letters == "--"), "{lines:?}");
    assert_eq!(
        lines
            .iter()
            .map(|line| line.bytes.0 + line.bytes.1)
            .sum::<u64>(),
        total
    );
}

#[test]
fn writes_of_one_byte_arrive_in_order() {
    const BYTES: usize = 5000;
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    std::thread::scope(|scope| {
        for (source, sink, is_client) in [
            (&ends.client, &ends.server, true),
            (&ends.server, &ends.client, false),
        ] {
            let at = origin(0, is_client);
            scope.spawn(move || speak(source, at, vec![1; BYTES]));
            scope.spawn(move || assert_eq!(receive(sink, at), (BYTES as u64, Ending::Clean)));
        }
    });
    drop(ends);
    let line = scene.end_of_one();
    assert_eq!(
        (line.bytes, line.path.as_str()),
        ((5000, 5000), "copy"),
        "{line:?}"
    );
}

/// A flow that is bulk in bursts takes and gives back its pipe all the time.
#[test]
fn bursts_of_all_sizes_share_the_pipes_and_stay_whole() {
    let mut random = Random::seeded();
    let (scene, listener) = Scene::with_own_backend(&[]);
    let sessions: Vec<Ends> = (0..8).map(|_| scene.session(&listener)).collect();
    std::thread::scope(|scope| {
        for (number, ends) in sessions.iter().enumerate() {
            let at = origin(number, true);
            let mut own = random.fork();
            let bursts = (0..size(12, 500)).flat_map(|_| {
                let small = (0..own.between(0, 30)).map(|_| 300).collect::<Vec<_>>();
                let large = own.between(1, 300_000);
                small.into_iter().chain([large])
            });
            let sizes: Vec<u64> = bursts.collect();
            let count = sizes.iter().sum::<u64>();
            scope.spawn(move || speak(&ends.client, at, sizes));
            scope.spawn(move || assert_eq!(receive(&ends.server, at), (count, Ending::Clean)));
        }
    });
    drop(sessions);
    assert!(scene.end().iter().all(|line| line.letters == "--"));
}
