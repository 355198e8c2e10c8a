//! Clients' connects in place of probes, and their failures: ejection.

use std::time::Instant;

use super::backend::{Backend, closed_port, let_pass};
use super::scene::{Scene, health, pool};
use super::{MS, PATIENCE};
use crate::config::{Check, EjectConfig, HealthConfig, PoolConfig};
use crate::pool::Order;

fn eject(config: PoolConfig) -> PoolConfig {
    PoolConfig {
        eject: Some(EjectConfig {
            base: 400 * MS,
            ..EjectConfig::default()
        }),
        ..config
    }
}

#[test]
fn a_backend_that_clients_connect_to_is_hardly_probed_and_is_again_without_them() {
    let backend = Backend::quiet();
    let mut health = health(Check::Tcp);
    health.interval = 60 * MS;
    let scene = Scene::start(pool(&[backend.address], Some(health)));
    let began = Instant::now();
    while began.elapsed() < 1200 * MS {
        scene.connect(0);
        let_pass(MS);
    }
    let probes = backend.accepted();
    assert!((1..=6).contains(&probes), "{probes} in twenty intervals");
    let deadline = Instant::now() + PATIENCE;
    while backend.accepted() < probes + 5 {
        assert!(Instant::now() < deadline, "no more probes");
        std::thread::yield_now();
    }
    scene.expect_nothing_more();
}

#[test]
fn connects_count_for_nothing_where_one_has_failed_since() {
    let backend = Backend::quiet();
    let scene = Scene::start(pool(&[backend.address], Some(health(Check::Tcp))));
    let deadline = Instant::now() + PATIENCE;
    // A connect that has succeeded sets the failures back: always fewer than it takes to count.
    let load = &scene.backends[0].load;
    let later = u64::try_from(PATIENCE.as_millis()).unwrap();
    load.connected(later, MS);
    load.connect_failed();
    while backend.accepted() < 10 {
        assert!(Instant::now() < deadline, "it is not probed");
        std::thread::yield_now();
    }
}

#[test]
fn connects_bring_a_backend_up_that_is_down() {
    let backend = Backend::quiet();
    let mut health = health(Check::Tcp);
    health.rise = 3;
    let address = closed_port();
    let scene = Scene::start(pool(&[address, backend.address], Some(health)));
    scene.expect("app/a is down: connection refused (1 of 1)");
    let deadline = Instant::now() + PATIENCE;
    while scene.posts_waiting() < 2 {
        scene.connect(0);
        assert!(Instant::now() < deadline, "it is not up");
        let_pass(MS);
    }
    scene.expect("app/a is up: connected (3 of 3)");
}

#[test]
fn five_failed_connects_in_a_row_eject_for_longer_each_time() {
    let backends = [Backend::quiet(), Backend::quiet(), Backend::quiet()];
    let scene = Scene::start(eject(pool(&backends.each_ref().map(|it| it.address), None)));
    scene.fail_connects(0, 4);
    scene.connect(0);
    scene.fail_connects(0, 4);
    scene.order(2, Order::Drain);
    scene.expect("app/c is drain: by an operator");
    assert_eq!(scene.posted_states(), "up up drain");
    scene.order(2, Order::Ready);
    scene.expect("app/c is up: by an operator");
    assert_eq!(scene.posted_states(), "up up up");
    for span in ["400ms", "800ms"] {
        scene.backends[0].load.forgive();
        let began = Instant::now();
        scene.fail_connects(0, 5);
        scene.expect(&format!(
            "app/a is ejected: 5 connects failed in a row: out for {span}"
        ));
        assert_eq!(scene.posted_states(), "ejected up up");
        // One of three is half of them, rounded down.
        scene.fail_connects(1, 9);
        scene.expect(&format!("app/a is up: back after {span}"));
        assert!(began.elapsed() >= humantime::parse_duration(span).unwrap());
        assert_eq!(scene.posted_states(), "up up up");
        assert_eq!(scene.backends[0].load.failures(), 0, "forgiven");
    }
    assert_eq!(backends.map(|it| it.accepted()), [0; 3], "nobody is probed");
}

#[test]
fn the_last_backend_that_may_get_sessions_is_never_ejected() {
    let backends = [Backend::quiet(), Backend::quiet()];
    let scene = Scene::start(eject(pool(&backends.each_ref().map(|it| it.address), None)));
    scene.order(1, Order::Maint);
    scene.expect("app/b is maint: by an operator");
    scene.fail_connects(0, 9);
    scene.order(1, Order::Ready);
    scene.expect("app/b is up: by an operator");
    scene.fail_connects(0, 1);
    scene.expect("app/a is ejected: 10 connects failed in a row: out for 400ms");
}

#[test]
fn a_check_that_passes_ends_an_ejection() {
    let backends = [Backend::quiet(), Backend::quiet()];
    let health = HealthConfig {
        interval: PATIENCE * 10,
        ..health(Check::Tcp)
    };
    let mut config = pool(&backends.each_ref().map(|it| it.address), Some(health));
    config.eject = Some(EjectConfig::default());
    let scene = Scene::start(config);
    let deadline = Instant::now() + PATIENCE;
    while backends.iter().any(|it| it.accepted() == 0) {
        assert!(Instant::now() < deadline, "no first probe");
        std::thread::yield_now();
    }
    scene.fail_connects(0, 5);
    scene.expect("app/a is ejected: 5 connects failed in a row: out for 30s");
    scene.expect("app/a is up: a check passed");
    assert_eq!(scene.posted_states(), "ejected up");
    assert_eq!(scene.posted_states(), "up up");
    assert_eq!(scene.backends[0].load.failures(), 0, "forgiven");
}
