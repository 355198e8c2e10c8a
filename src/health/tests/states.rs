//! Orders, slow start, and what is posted when.

use std::sync::Arc;
use std::time::Instant;

use super::backend::{Backend, closed_port, let_pass};
use super::scene::{Scene, health, pool, warmth};
use super::{MS, PATIENCE};
use crate::config::{Balance, Check, HealthConfig, PoolConfig};
use crate::messages::ToHealth;
use crate::pool::Order;
use crate::pool::WARM;

#[test]
fn an_operator_drains_and_maintains_and_only_who_is_maintained_is_not_probed() {
    let backend = Backend::quiet();
    let scene = Scene::start(pool(&[backend.address], Some(health(Check::Tcp))));
    scene.order(0, Order::Drain);
    scene.expect("app/a is drain: by an operator");
    assert_eq!(scene.posted_states(), "drain");
    backend.wait_for(backend.accepted() + 5);
    scene.order(0, Order::Maint);
    scene.expect("app/a is maint: by an operator");
    assert_eq!(scene.posted_states(), "maint");
    let_pass(30 * MS); // for the probe that was under way
    let probes = backend.accepted();
    let_pass(300 * MS);
    assert_eq!(backend.accepted(), probes, "thirty intervals and no probe");
    scene.order(0, Order::Ready);
    scene.expect("app/a is up: by an operator");
    assert_eq!(scene.posted_states(), "up");
    backend.wait_for(probes + 5);
}

#[test]
fn who_was_down_before_maintenance_is_up_after_it_and_probed_at_once() {
    let address = closed_port();
    let patient = HealthConfig {
        interval: PATIENCE * 10,
        ..health(Check::Tcp)
    };
    let scene = Scene::start(pool(&[address], Some(patient)));
    scene.expect("app/a is down: connection refused (1 of 1)");
    scene.order(0, Order::Maint);
    scene.order(0, Order::Ready);
    scene.expect("app/a is maint: by an operator");
    scene.expect("app/a is up: by an operator");
    scene.expect("app/a is down: connection refused (1 of 1)");
}

#[test]
fn all_that_changes_in_one_turn_is_one_live_set() {
    let backends = [Backend::quiet(), Backend::quiet(), Backend::quiet()];
    let config = pool(&backends.each_ref().map(|it| it.address), None);
    let scene = Scene::start_with(config, |mailbox, backends| {
        for (backend, order) in [(0, Order::Drain), (1, Order::Maint), (0, Order::Maint)] {
            mailbox.send(ToHealth::Order(backends[backend].id, order));
        }
    });
    assert_eq!(scene.posted_states(), "maint maint up");
    for line in [
        "app/a is drain: by an operator",
        "app/b is maint: by an operator",
        "app/a is maint: by an operator",
    ] {
        scene.expect(line);
    }
    assert_eq!(scene.posts_waiting(), 0);
}

#[test]
fn a_backend_that_comes_back_warms_up_in_live_sets_of_their_own_and_then_there_are_no_more() {
    let backends = [Backend::quiet(), Backend::quiet()];
    let config = pool(&backends.each_ref().map(|it| it.address), None);
    let slow_start = 380 * MS;
    let scene = Scene::start(PoolConfig {
        slow_start,
        ..config
    });
    assert_eq!(warmth(&scene.first), [WARM; 2], "not at the start");
    scene.order(0, Order::Drain);
    scene.order(0, Order::Ready);
    scene.order(1, Order::Maint);
    scene.expect("app/a is drain: by an operator");
    scene.expect("app/a is up: by an operator");
    scene.expect("app/b is maint: by an operator");
    while scene.posts_waiting() > 0 {
        assert_eq!(warmth(&scene.posted())[0], WARM, "not after a drain");
    }
    let began = Instant::now();
    scene.order(1, Order::Ready);
    let mut last = 0;
    let mut sets = 0;
    while last < WARM {
        let set = warmth(&scene.posted());
        assert_eq!(set[0], WARM);
        assert!(set[1] > last || set[1] == 1, "{set:?} after {last}");
        last = set[1];
        sets += 1;
    }
    let took = began.elapsed();
    assert!(took >= slow_start, "{took:?}");
    assert!((5..=20).contains(&sets), "{sets} live sets");
    let_pass(100 * MS);
    assert_eq!(scene.posts_waiting(), 0, "nothing warms up any more");
}

#[test]
fn the_table_of_a_source_hash_pool_is_built_once() {
    let backend = Backend::quiet();
    let config = pool(&[backend.address], None);
    let scene = Scene::start(PoolConfig {
        balance: Balance::SourceHash,
        ..config
    });
    scene.order(0, Order::Maint);
    let (first, second) = (&scene.first.table, &scene.posted().table);
    assert!(Arc::ptr_eq(
        first.as_ref().unwrap(),
        second.as_ref().unwrap()
    ));
}

#[test]
fn without_a_health_configuration_nobody_is_probed() {
    let backend = Backend::quiet();
    let scene = Scene::start(pool(&[backend.address], None));
    for order in [Order::Maint, Order::Ready, Order::Drain] {
        scene.order(0, order);
        scene.posted();
    }
    scene.fail_connects(0, 9);
    let_pass(200 * MS);
    assert_eq!(backend.accepted(), 0);
}
