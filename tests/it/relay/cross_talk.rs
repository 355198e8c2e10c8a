//! No byte of one session is ever seen by another, however sessions end and slots are reused.

use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};

use super::random::Random;
use super::scene::{Ends, Scene, accept};
use super::wire::{
    Ending, finish, receive, receive_exactly, reset_at_once, send, send_until_stuck,
};
use crate::harness::own_network;
use crate::harness::size;

/// Fact 14: a backend resets while a pipe is full of bytes for it. The next one who gets a pipe must
/// not find them in it.
#[test]
fn bytes_left_in_a_pipe_are_shown_to_nobody() {
    const BULK: u64 = 1 << 20;
    let (scene, listener) = Scene::with_own_backend(&[]);
    for round in 1..=size(4, 100) {
        let abandoned: Vec<Ends> = (0..4).map(|_| scene.session(&listener)).collect();
        for ends in &abandoned {
            send_until_stuck_in_a_pipe(ends);
        }
        for ends in abandoned {
            reset_at_once(ends.server);
            assert_eq!(receive(&ends.client, 0), (0, Ending::Reset));
        }
        let ends = scene.session(&listener);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                send(&ends.client, round << 40, BULK);
                finish(&ends.client);
            });
            assert_eq!(receive(&ends.server, round << 40), (BULK, Ending::Clean));
        });
    }
    let lines = scene.end();
    let aborted = lines.iter().filter(|line| line.letters == "SD");
    assert!(aborted.clone().count() > 0);
    assert!(
        aborted.into_iter().all(|line| line.path == "splice"),
        "{lines:?}"
    );
}

fn send_until_stuck_in_a_pipe(ends: &Ends) {
    std::thread::scope(|scope| {
        scope.spawn(|| send(&ends.client, 0, 1 << 20));
        receive_exactly(&ends.server, 0, 1 << 20);
    });
    send_until_stuck(&ends.client, 1 << 20);
}

/// No byte of any pattern that is verified: its first eight bytes would be its offset.
const NOISE: &[u8] = &[0xee; 40_000];

/// Sessions that come and go as fast as they can, in every way there is, until `over`.
fn churn(scene: &Scene, over: &AtomicBool, random: &mut Random) {
    while !over.load(Ordering::Relaxed) {
        let Some(client) = scene.doomed_client() else {
            continue;
        };
        let bytes = random.between(0, 1) * random.between(1, 40_000);
        // The backend may have reset it by now: then these fail, and it makes no difference.
        let _ = (&client).write_all(&NOISE[..usize::try_from(bytes).unwrap()]);
        match random.between(0, 2) {
            0 => reset_at_once(client),
            1 => drop(client.shutdown(Shutdown::Write)),
            _ => drop(client),
        }
    }
}

/// Takes whatever `churn` sends, and closes without reading it: the kernel makes a reset of it.
fn slam(listener: &TcpListener, over: &AtomicBool) {
    listener.set_nonblocking(true).unwrap();
    while !over.load(Ordering::Relaxed) {
        drop(listener.accept());
    }
}

/// Fact 9: slots are reused as fast as sessions can be opened and aborted.
#[test]
fn verified_sessions_stay_whole_while_slots_are_reused_as_fast_as_possible() {
    // Its ports in TIME-WAIT, thousands of them, are gone with that network.
    own_network::run(
        module_path!(),
        "verified_sessions_stay_whole_while_slots_are_reused_as_fast_as_possible",
        verify_while_slots_are_reused,
    );
}

fn verify_while_slots_are_reused() {
    let mut random = Random::seeded();
    let (good, noise) = (super::scene::listener(), super::scene::listener());
    // Two backends in turn: the verified sessions are opened first, each with the first of them.
    let scene = Scene::before(
        &[good.local_addr().unwrap(), noise.local_addr().unwrap()],
        &[],
    );
    let sessions: Vec<Ends> = (0..8)
        .map(|_| {
            let ends = scene.session(&good);
            drop((scene.client(), accept(&noise)));
            ends
        })
        .collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let mut own = random.fork();
            let (scene, over) = (&scene, &over);
            scope.spawn(move || churn(scene, over, &mut own));
        }
        for listener in [&good, &noise] {
            let over = &over;
            scope.spawn(move || slam(listener, over));
        }
        let count = size(4 << 20, 200 << 20);
        let verified: Vec<_> = (0_u64..)
            .zip(&sessions)
            .map(|(number, ends)| {
                let at = number << 40;
                scope.spawn(move || {
                    send(&ends.client, at, count);
                    finish(&ends.client);
                });
                scope.spawn(move || receive(&ends.server, at))
            })
            .collect();
        let results: Vec<_> = verified.into_iter().map(|it| it.join()).collect();
        over.store(true, Ordering::Relaxed);
        for result in results {
            assert_eq!(result.unwrap(), (count, Ending::Clean));
        }
    });
    drop((sessions, good, noise));
    let lines = scene.end();
    assert!(lines.len() > 100, "{} sessions", lines.len());
}
