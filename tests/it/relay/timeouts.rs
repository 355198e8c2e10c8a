//! Deadlines come when they are due, whatever is outstanding, and not while bytes flow.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use test_backends::{Behaviour, Server};

use super::scene::{Ends, Scene, crowded_listener};
use super::wire::{
    Ending, assert_silent, fill_the_way, finish, receive, receive_exactly, reset, send,
};

const TIMEOUT: Duration = Duration::from_millis(400);

/// A deadline may be late by this much on a machine under load.
const LATE: Duration = Duration::from_millis(1500);

/// And early by this much: timers count in milliseconds.
const EARLY: Duration = Duration::from_millis(1);

#[track_caller]
fn assert_on_time(time: Duration) {
    assert!(TIMEOUT - EARLY <= time && time < TIMEOUT + LATE, "{time:?}");
}

#[test]
fn a_session_in_which_no_byte_moves_ends_when_its_time_is_over() {
    let (scene, listener) = Scene::with_own_backend(&["--idle-timeout=400ms"]);
    let silent = scene.session(&listener);
    let spoken = scene.session(&listener);
    send(&spoken.client, 0, 10);
    receive_exactly(&spoken.server, 0, 10);
    for ends in [silent, spoken] {
        assert_eq!(receive(&ends.client, 0), (0, Ending::Reset));
        assert_eq!(receive(&ends.server, 10), (0, Ending::Reset));
    }
    for line in scene.end() {
        assert_eq!(line.letters, "cD", "{line:?}");
        assert_on_time(line.total);
    }
}

/// Whoever has ended its stream has been told nothing but the truth: it is closed with no reset.
#[test]
fn half_closed_sessions_idle_out_too() {
    let (scene, listener) = Scene::with_own_backend(&["--idle-timeout=400ms"]);
    let by_client = scene.session(&listener);
    let by_server = scene.session(&listener);
    finish(&by_client.client);
    finish(&by_server.server);
    assert_eq!(receive(&by_client.server, 0), (0, Ending::Clean));
    assert_eq!(receive(&by_server.client, 0), (0, Ending::Clean));
    assert_eq!(receive(&by_client.client, 0), (0, Ending::Reset));
    assert_eq!(receive(&by_server.server, 0), (0, Ending::Reset));
    drop((by_client, by_server));
    for line in scene.end() {
        assert_eq!(line.letters, "cD", "{line:?}");
        assert_on_time(line.total);
    }
}

#[test]
fn bytes_outstanding_to_a_peer_that_does_not_read_keep_no_session_alive() {
    let (scene, listener) = Scene::with_own_backend(&["--idle-timeout=400ms"]);
    for downwards in [false, true] {
        let Ends { client, server } = scene.session(&listener);
        let (mut source, _sink) = if downwards {
            (server, client)
        } else {
            (client, server)
        };
        let broken = loop {
            if let Err(error) = source.write(&[0; 1 << 16]) {
                break error;
            }
        };
        assert_eq!(broken.kind(), ErrorKind::ConnectionReset);
    }
    for line in scene.end() {
        assert_eq!(line.letters, "cD", "{line:?}");
        assert_on_time(line.total); // to fill the buffers takes a moment only
    }
}

/// Its client is gone, its bytes wait for a backend that does not read: not for ever.
#[test]
fn a_reset_that_waits_for_its_bytes_to_be_delivered_waits_no_longer_than_the_idle_timeout() {
    let (scene, listener) = Scene::with_own_backend(&["--idle-timeout=1500ms"]);
    // All of it in the kernel's hands; then some of it in a buffer or pipe of l4lb.
    let delivering = scene.session(&listener);
    send(&delivering.client, 0, 1 << 20);
    reset(delivering.client);
    let holding = scene.session(&listener);
    fill_the_way(&holding.client, &holding.server);
    reset(holding.client);
    scene.l4lb.wait_for_access_log(2);
    drop((delivering.server, holding.server));
    for line in scene.end() {
        assert!(["cD", "CD"].contains(&line.letters.as_str()), "{line:?}");
        assert!(line.total >= Duration::from_millis(1499), "{line:?}");
        assert!(
            line.total < Duration::from_millis(1500) + LATE + LATE,
            "{line:?}"
        );
    }
}

#[test]
fn a_byte_now_and_then_in_either_direction_keeps_a_session_alive() {
    let (scene, listener) = Scene::with_own_backend(&["--idle-timeout=400ms"]);
    let up = scene.session(&listener);
    let down = scene.session(&listener);
    for beat in 0..8 {
        send(&up.client, beat, 1);
        send(&down.server, beat, 1);
        receive_exactly(&up.server, beat, 1);
        receive_exactly(&down.client, beat, 1);
        assert_silent(&up.client, Duration::from_millis(100));
    }
    drop((up, down));
    for line in scene.end() {
        assert_eq!(line.letters, "--", "{line:?}");
        assert!(line.total > TIMEOUT, "{line:?}");
    }
}

#[test]
fn a_backend_that_does_not_answer_costs_the_connect_timeout_and_no_more() {
    let (listener, fillers) = crowded_listener();
    let mute = listener.local_addr().unwrap();
    let alone = Scene::before(&[mute], &["--connect-timeout=400ms", "--retries=0"]);
    let client = alone.client();
    assert_eq!(receive(&client, 0), (0, Ending::Reset));
    let line = alone.end_of_one();
    assert_eq!((line.letters.as_str(), line.retries), ("sC", 0), "{line:?}");
    assert_on_time(line.total);

    let echo = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let pair = Scene::before(&[mute, echo.addr()], &["--connect-timeout=400ms"]);
    let client = pair.client();
    send(&client, 0, 100);
    finish(&client);
    assert_eq!(receive(&client, 0), (100, Ending::Clean));
    drop((client, listener, fillers));
    let line = pair.end_of_one();
    assert_eq!((line.letters.as_str(), line.retries), ("--", 1), "{line:?}");
    assert_on_time(line.total);
}
