//! Pipes run out of slots before they run out of bytes, and a flow changes between copy and splice.

use std::net::TcpListener;

use super::scene::{Ends, Scene};
use super::wire::{
    Ending, finish, receive, receive_exactly, send, send_in, send_until_blocked, send_until_stuck,
};
use crate::harness::size;

/// Enough for a flow to be spliced.
pub(super) const BULK: u64 = 1 << 20;

/// A session that moves its upload by splice now; `BULK` bytes went up.
pub(super) fn bulk_session(scene: &Scene, listener: &TcpListener) -> Ends {
    let ends = scene.session(listener);
    std::thread::scope(|scope| {
        scope.spawn(|| send(&ends.client, 0, BULK));
        receive_exactly(&ends.server, 0, BULK);
    });
    ends
}

/// Fact 1: a pipe takes one fragment a slot. Round robin over many connections keeps the kernel from
/// joining neighbouring fragments, so that a fill stops early with the socket far from empty.
#[test]
fn fragments_that_fill_a_pipe_after_few_bytes_leave_nothing_behind() {
    const FRAGMENT: u64 = 100;
    const FRAGMENTS: u64 = 200;
    let (scene, listener) = Scene::with_own_backend(&[]);
    let sessions: Vec<Ends> = (0..16).map(|_| bulk_session(&scene, &listener)).collect();
    for round in 0..size(3, 100) {
        let start = BULK + round * FRAGMENTS * FRAGMENT;
        scene.freeze();
        for number in 0..FRAGMENTS {
            for ends in &sessions {
                send_in(&ends.client, start + number * FRAGMENT, [FRAGMENT]);
            }
        }
        scene.thaw();
        for ends in &sessions {
            receive_exactly(&ends.server, start, FRAGMENTS * FRAGMENT);
        }
    }
    drop(sessions);
    for line in scene.end() {
        assert_eq!(line.path, "splice", "{line:?}");
    }
}

/// Fact 15: what is in the pipe goes before what is read after it.
#[test]
fn a_flow_that_goes_from_splice_to_copy_and_back_keeps_its_order() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = bulk_session(&scene, &listener);
    let mut at = BULK;
    for _ in 0..size(3, 50) {
        // Each in a fill of its own: more of them than a spliced flow puts up with.
        for _ in 0..40 {
            send_in(&ends.client, at, [300]);
            receive_exactly(&ends.server, at, 300);
            at += 300;
        }
        // All at once: the change to copying falls among bytes that are there already.
        scene.freeze();
        send_in(&ends.client, at, [900; 40]);
        scene.thaw();
        receive_exactly(&ends.server, at, 900 * 40);
        at += 900 * 40;
        std::thread::scope(|scope| {
            scope.spawn(|| send(&ends.client, at, BULK));
            receive_exactly(&ends.server, at, BULK);
        });
        at += BULK;
    }
    finish(&ends.client);
    assert_eq!(receive(&ends.server, at), (0, Ending::Clean));
    drop(ends);
    let line = scene.end_of_one();
    assert_eq!(
        (line.letters.as_str(), line.bytes),
        ("--", (at, 0)),
        "{line:?}"
    );
}

/// Fact 15, towards a sink that does not read meanwhile: small pieces are held where the bulk was.
#[test]
fn small_pieces_behind_bulk_that_waits_for_its_sink_stay_behind_it() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = bulk_session(&scene, &listener);
    let smalls = BULK + send_until_stuck(&ends.client, BULK);
    let bulk = smalls + 200 * 700;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            send_in(&ends.client, smalls, [700; 200]);
            send(&ends.client, bulk, BULK);
            finish(&ends.client);
        });
        assert_eq!(receive(&ends.server, BULK), (bulk, Ending::Clean));
    });
    drop(ends);
    assert_eq!(scene.end_of_one().letters, "--");
}

/// Fact 8: a turn ends by its budget, and no edge says again that there is more.
#[test]
fn what_piled_up_while_l4lb_stood_still_is_relayed_without_another_edge() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    let warm_up = size(16 << 20, 256 << 20); // the windows grow to some megabytes meanwhile
    std::thread::scope(|scope| {
        scope.spawn(|| send(&ends.client, 0, warm_up));
        receive_exactly(&ends.server, 0, warm_up);
    });
    scene.freeze();
    let piled = send_until_blocked(&ends.client, warm_up);
    scene.thaw();
    receive_exactly(&ends.server, warm_up, piled);
    drop(ends);
    assert_eq!(scene.end_of_one().bytes, (warm_up + piled, 0));
}
