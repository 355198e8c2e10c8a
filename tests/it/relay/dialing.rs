//! What clients do before their backend is connected, and backends as soon as they are.

use std::time::Duration;

use socket2::SockRef;

use super::scene::{Scene, accept, crowded_listener};
use super::wire::{Ending, assert_silent, finish, receive, reset, reset_at_once, send};

/// Fact 11: an end alone neither cancels the connect nor gets lost before it has succeeded.
#[test]
fn an_end_before_the_backend_is_connected_waits_for_it() {
    let (listener, fillers) = crowded_listener();
    let scene = Scene::before(
        &[listener.local_addr().unwrap()],
        &["--connect-timeout=15s"],
    );
    let clients = [1, 500, 20_000].map(|bytes| {
        let client = scene.client();
        send(&client, 0, bytes);
        finish(&client);
        client
    });
    assert_silent(&clients[0], Duration::from_millis(100));
    drop(fillers);
    SockRef::from(&listener).listen(128).unwrap();
    let counts = std::iter::from_fn(|| Some(receive(&accept(&listener), 0)));
    let mut counts: Vec<_> = counts.filter(|&(count, _)| count > 0).take(3).collect();
    counts.sort_unstable_by_key(|&(count, _)| count);
    assert_eq!(counts, [1, 500, 20_000].map(|count| (count, Ending::Clean)));
    drop(clients);
    drop(listener);
    for line in scene.end() {
        assert_eq!((line.letters.as_str(), line.retries), ("--", 0), "{line:?}");
    }
}

#[test]
fn a_client_that_resets_while_its_backend_is_dialed_ends_the_dialing() {
    let (listener, fillers) = crowded_listener();
    let scene = Scene::before(
        &[listener.local_addr().unwrap()],
        &["--connect-timeout=15s"],
    );
    let client = scene.client();
    assert_silent(&client, Duration::from_millis(20));
    reset_at_once(client);
    let line = scene.end_of_one();
    assert_eq!(
        (line.letters.as_str(), line.bytes, line.path.as_str()),
        ("CC", (0, 0), "-")
    );
    drop(fillers);
}

/// What a client had sent before its reset may not outlive the attempt to connect.
#[test]
fn a_client_that_sends_and_resets_while_its_backend_is_dialed_does_not_stay() {
    let (listener, fillers) = crowded_listener();
    let scene = Scene::before(
        &[listener.local_addr().unwrap()],
        &["--connect-timeout=300ms", "--retries=0"],
    );
    let client = scene.client();
    send(&client, 0, 100);
    reset(client);
    let line = scene.end_of_one();
    assert!(["CC", "sC"].contains(&line.letters.as_str()), "{line:?}");
    drop(fillers);
}

/// Fact 10: such a socket has no peer any more, and only its error tells it from a refused one. The
/// backend was connected, so what it said and that it broke off are the client's to know.
#[test]
fn a_backend_that_speaks_and_resets_before_l4lb_looks_is_heard_and_seen_to_reset() {
    let (listener, fillers) = crowded_listener();
    let scene = Scene::before(
        &[listener.local_addr().unwrap()],
        &["--connect-timeout=15s"],
    );
    let clients = [(3, scene.client())];
    assert_silent(&clients[0].1, Duration::from_millis(100)); // the SYNs are sent, and dropped
    scene.freeze();
    SockRef::from(&listener).listen(128).unwrap();
    for _ in &fillers {
        accept(&listener);
    }
    for (bytes, _) in &clients {
        let server = accept(&listener);
        send(&server, 0, *bytes);
        reset(server);
    }
    scene.thaw();
    let mut counts = clients.each_ref().map(|(_, client)| receive(client, 0));
    counts.sort_unstable_by_key(|&(count, _)| count);
    assert_eq!(counts, [(3, Ending::Reset)]);
    drop((clients, fillers, listener));
    for line in scene.end() {
        assert_eq!((line.letters.as_str(), line.retries), ("SD", 0), "{line:?}");
    }
}
