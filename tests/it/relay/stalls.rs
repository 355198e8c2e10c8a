//! Peers that do not read: they cost a bounded amount of memory and no processor time.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use super::scene::{Ends, Scene};
use super::wire::{
    Ending, assert_silent, fill_the_way, finish, receive, receive_exactly, send, send_in,
};
use crate::harness::own_network;
use crate::harness::size;
use crate::harness::{cpu_time, eventually, resident_bytes};

/// What l4lb may use of the processor in half a second in which nothing needs doing. A loop would
/// use all of it.
const NEXT_TO_NOTHING: Duration = Duration::from_millis(60);

/// Processor time that l4lb uses while `watched` stays silent for half a second.
fn cpu_time_at_rest(scene: &Scene, watched: &TcpStream) -> Duration {
    let pid = scene.l4lb.pid();
    let before = cpu_time(pid);
    assert_silent(watched, Duration::from_millis(500));
    cpu_time(pid) - before
}

/// Writes zeros for as long as anybody takes them; whether it could.
fn gush(mut stream: &TcpStream) -> bool {
    let mut took = false;
    loop {
        match stream.write(&[0; 1 << 16]) {
            Ok(_) => took = true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return took,
            Err(error) => panic!("{error}"),
        }
    }
}

fn gush_until_stuck(sessions: &[Ends]) {
    let mut calm = 0;
    for ends in sessions {
        ends.server.set_nonblocking(true).unwrap();
    }
    eventually("every session is stuck", || {
        let took = sessions.iter().filter(|ends| gush(&ends.server)).count();
        calm = if took == 0 { calm + 1 } else { 0 };
        calm == 20
    });
}

#[test]
fn hundreds_of_clients_that_never_read_from_endless_sources_cost_little_memory_and_no_time() {
    own_network::run(
        module_path!(),
        "hundreds_of_clients_that_never_read_from_endless_sources_cost_little_memory_and_no_time",
        || {
            // The kernel's own queues are not the question: small ones fill sooner.
            own_network::set("tcp_wmem", "4096 16384 131072");
            let count = size(200, 500);
            let (scene, listener) = Scene::with_own_backend(&[]);
            let sessions: Vec<Ends> = (0..count).map(|_| scene.session(&listener)).collect();
            let before = resident_bytes(scene.l4lb.pid());
            gush_until_stuck(&sessions);
            let grown = resident_bytes(scene.l4lb.pid()).saturating_sub(before);
            assert!(grown < count * (64 << 10) + (8 << 20), "{grown} bytes");
            let quiet = scene.session(&listener);
            let used = cpu_time_at_rest(&scene, &quiet.client);
            assert!(used < NEXT_TO_NOTHING, "{used:?}");
            send(&quiet.client, 0, 1000); // and whoever is well is served
            receive_exactly(&quiet.server, 0, 1000);
            drop((sessions, quiet));
            drop(scene.end());
        },
    );
}

#[test]
fn a_blocked_sink_and_a_trickling_source_make_no_loop() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = scene.session(&listener);
    let (sent, read) = fill_the_way(&ends.client, &ends.server);
    let pid = scene.l4lb.pid();
    let before = cpu_time(pid);
    for beat in 0..100 {
        send_in(&ends.client, sent + beat, [1]);
        assert_silent(&ends.client, Duration::from_millis(4));
    }
    let used = cpu_time(pid) - before;
    assert!(used < NEXT_TO_NOTHING, "{used:?}");
    // The other direction is not held up meanwhile.
    send(&ends.server, 0, 100_000);
    receive_exactly(&ends.client, 0, 100_000);
    finish(&ends.client);
    assert_eq!(
        receive(&ends.server, read),
        (sent + 100 - read, Ending::Clean)
    );
    drop(ends);
    assert_eq!(scene.end_of_one().letters, "--");
}

/// An end that waits behind bytes which nobody takes, and a peer that has ended and waits: nothing to do.
#[test]
fn ends_and_urgent_marks_that_wait_make_no_loop() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let half_closed = scene.session(&listener);
    finish(&half_closed.client);
    assert_eq!(receive(&half_closed.server, 0), (0, Ending::Clean));
    let blocked = scene.session(&listener);
    let (sent, read) = fill_the_way(&blocked.client, &blocked.server);
    SockRef::from(&blocked.client)
        .send_out_of_band(&[0])
        .unwrap();
    finish(&blocked.client);
    let reset = scene.session(&listener);
    fill_the_way(&reset.client, &reset.server);
    super::wire::reset(reset.client);
    let used = cpu_time_at_rest(&scene, &half_closed.client);
    assert!(used < NEXT_TO_NOTHING, "{used:?}");
    receive_exactly(&blocked.server, read, sent - read);
    drop((half_closed, blocked, reset.server));
    drop(scene.end());
}
