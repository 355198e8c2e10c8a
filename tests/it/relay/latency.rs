//! Nothing is held back: not by corks, not by delayed acknowledgements. Medians, as the machine may
//! have other things to do.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use test_backends::{Behaviour, Server};

use super::fragments::{BULK, bulk_session};
use super::scene::Scene;
use super::wire::{Ending, finish, receive, receive_exactly, reset, send, send_in};

/// Fact 5: `SPLICE_F_MORE` would hold a short message back for 200 ms.
#[test]
fn a_short_message_on_a_spliced_flow_is_not_corked() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let ends = bulk_session(&scene, &listener);
    let mut times: Vec<_> = (0..9)
        .map(|number| {
            let start = Instant::now();
            send_in(&ends.client, BULK + number * 10, [10]);
            receive_exactly(&ends.server, BULK + number * 10, 10);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    assert!(times[4].as_millis() < 100, "{times:?}");
    drop(ends);
    assert_eq!(scene.end_of_one().path, "splice");
}

/// A reset looks like an end at first; what is held back for an end to join it would wait 200 ms.
#[test]
fn bytes_before_a_reset_are_not_held_back() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let mut times: Vec<Duration> = (0..7)
        .map(|_| {
            let ends = scene.session(&listener);
            scene.freeze();
            send(&ends.client, 0, 100);
            reset(ends.client);
            let start = Instant::now();
            scene.thaw();
            assert_eq!(receive(&ends.server, 0), (100, Ending::Reset));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    assert!(times[3] < Duration::from_millis(100), "{times:?}");
    assert!(scene.end().iter().all(|line| line.letters == "CD"));
}

/// The handshake's last acknowledgement is held back for the request to carry it: where no request
/// comes, it must not take the kernel's 40 ms. Later ones may be served from experience.
#[test]
fn a_backend_that_speaks_first_is_heard_at_once() {
    let line = "welcome".to_owned();
    let backend = Server::start("127.0.0.1:0", Behaviour::Greet { line }).unwrap();
    let (mut first_times, mut later_times) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        let scene = Scene::before(&[backend.addr()], &[]);
        let greeted = || {
            let start = Instant::now();
            let mut client = scene.client();
            client.read_exact(&mut [0; 8]).unwrap();
            let time = start.elapsed();
            client.write_all(b"bye").unwrap();
            time
        };
        first_times.push(greeted());
        later_times.extend((0..5).map(|_| greeted()));
        drop(scene.end());
    }
    for mut times in [first_times, later_times] {
        times.sort_unstable();
        assert!(
            times[times.len() / 2] < Duration::from_millis(30),
            "{times:?}"
        );
    }
}

/// An end that was in the same batch as the last bytes takes them along; one that was not, does not
/// keep them waiting.
#[test]
fn requests_and_replies_take_no_time() {
    let (scene, listener) = Scene::with_own_backend(&[]);
    let mut times: Vec<Duration> = (0..41)
        .map(|_| {
            let start = Instant::now();
            let ends = scene.session(&listener);
            send(&ends.client, 0, 100);
            receive_exactly(&ends.server, 0, 100);
            send(&ends.server, 0, 1000);
            finish(&ends.server);
            assert_eq!(receive(&ends.client, 0), (1000, Ending::Clean));
            finish(&ends.client);
            assert_eq!(receive(&ends.server, 100), (0, Ending::Clean));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    assert!(times[20] < Duration::from_millis(25), "{times:?}");
    assert!(scene.end().iter().all(|line| line.letters == "--"));
}
