//! New plans with other settings: weights, checks, ejection, and what follows from them.

use std::sync::Arc;

use super::backend::{Backend, closed_port, confidant, let_pass, mute};
use super::scene::{Scene, eject, health, http, pool, rare, some, states};
use super::{MS, PATIENCE};
use crate::config::{AllDown, Balance, Check, HealthConfig, PoolConfig};
use crate::pool::{Order, State};

#[test]
fn what_is_not_health_comes_from_the_plan() {
    let addresses = [closed_port(), closed_port(), closed_port()];
    let mut config = pool(&addresses, None);
    let mut scene = Scene::start(config.clone());
    config.backends[0].weight = 7;
    config.backends[1].max_connections = Some(5);
    config.backends[2].backup = true;
    let snapshot = scene.reload(vec![config.clone()]).remove(0);
    let members = snapshot.set.members().iter();
    let terms: Vec<_> = members.map(|it| (it.weight, it.limit, it.backup)).collect();
    let none = u32::MAX;
    assert_eq!(terms, [(7, none, false), (1, 5, false), (1, none, true)]);
    assert_eq!(snapshot.set.eligible(), [0, 1]);
    config.all_down = AllDown::TryAll;
    scene.reload(vec![config]);
    for backend in 0..3 {
        scene.order(backend, Order::Drain);
    }
    while scene.posted_states() != "drain drain drain" {}
}

#[test]
fn whether_a_backend_is_the_last_one_is_judged_by_the_weights_of_the_plan() {
    let addresses = [closed_port(), closed_port()];
    let of = |weight| {
        let mut config = pool(&addresses, None);
        config.backends[1].weight = weight;
        config.eject = eject(PATIENCE);
        config
    };
    let mut scene = Scene::start(of(1));
    scene.reload(vec![of(0)]);
    scene.fail_connects(0, 7);
    scene.reload(vec![of(1)]);
    scene.fail_connects(0, 1);
    scene.expect("app/a is ejected: 8 connects failed in a row: out for 20s");
}

#[test]
fn the_table_is_built_anew_only_where_members_order_or_weights_have_changed() {
    let addresses = [closed_port(), closed_port(), closed_port()];
    let start = PoolConfig {
        balance: Balance::SourceHash,
        ..some("a b", &addresses, None)
    };
    let mut scene = Scene::start(start.clone());
    let mut table = scene.first.table.clone();
    let weight = |config: &mut PoolConfig| config.backends[1].weight = 3;
    let limit = |config: &mut PoolConfig| config.backends[1].max_connections = Some(1);
    let backup = |config: &mut PoolConfig| config.backends[1].backup = true;
    let order = |config: &mut PoolConfig| config.backends.swap(0, 1);
    let other = |config: &mut PoolConfig| {
        config.backends[0] = some("c", &addresses, None).backends.remove(0);
    };
    let slow_start = |config: &mut PoolConfig| config.slow_start = PATIENCE;
    type Change<'a> = &'a dyn Fn(&mut PoolConfig);
    let changes: [(&str, Change<'_>, bool); 6] = [
        ("limit", &limit, false),
        ("weight", &weight, true),
        ("backup", &backup, true),
        ("order", &order, true),
        ("member", &other, true),
        ("slow start", &slow_start, false),
    ];
    let mut config = start;
    for (what, change, is_new) in changes {
        change(&mut config);
        let next = scene.reload(vec![config.clone()]).remove(0).table;
        let is_same = Arc::ptr_eq(next.as_ref().unwrap(), table.as_ref().unwrap());
        assert_eq!(is_same, !is_new, "{what}");
        table = next;
    }
    config.balance = Balance::First;
    assert!(scene.reload(vec![config.clone()])[0].table.is_none());
    config.balance = Balance::SourceHash;
    assert!(scene.reload(vec![config])[0].table.is_some());
}

#[test]
fn with_checks_off_all_are_up_and_nobody_is_probed_and_with_checks_on_all_are_at_once() {
    let backend = Backend::quiet();
    let addresses = [closed_port(), backend.address, closed_port()];
    let on = |health| pool(&addresses, health);
    let mut scene = Scene::start(on(Some(HealthConfig {
        interval: 10 * MS,
        ..health(Check::Tcp)
    })));
    scene.expect("app/a is down: connection refused (1 of 1)");
    scene.expect("app/c is down: connection refused (1 of 1)");
    scene.order(2, Order::Drain);
    scene.expect("app/c is drain: by an operator");
    while scene.posted_states() != "down up drain" {}
    let snapshots = scene.reload(vec![on(None)]);
    assert_eq!(states(&snapshots[0]), "up up drain");
    scene.expect("app/a is up: health checks are off");
    assert_eq!(scene.backends[0].report.lock().unwrap().state, State::Up);
    let_pass(30 * MS); // for the connection of the last probe
    let probes = backend.accepted();
    let_pass(300 * MS);
    assert_eq!(backend.accepted(), probes, "thirty intervals and no probe");
    assert_eq!(scene.posts_waiting(), 0);
    scene.expect_nothing_more();
    scene.order(2, Order::Ready);
    scene.expect("app/c is up: by an operator");
    assert_eq!(
        scene.posted_states(),
        "up up up",
        "what probes said is void"
    );
    let snapshots = scene.reload(vec![on(Some(rare(Check::Tcp)))]);
    assert_eq!(states(&snapshots[0]), "up up up");
    scene.expect("app/a is down: connection refused (1 of 1)");
    scene.expect("app/c is down: connection refused (1 of 1)");
    backend.wait_for(probes + 1);
}

#[test]
fn with_checks_off_the_probe_under_way_ends_and_what_clients_did_until_then_is_no_check() {
    let (silent, ended) = mute();
    let on = |check| pool(&[silent.address], check);
    let mut scene = Scene::start(on(Some(rare(Check::Tcp))));
    ended.recv_timeout(PATIENCE).unwrap();
    let_pass(5 * MS);
    scene.connect(0);
    scene.reload(vec![on(None)]);
    scene.reload(vec![on(Some(rare(Check::Tcp)))]);
    silent.wait_for(2);
    ended.recv_timeout(PATIENCE).unwrap();
    scene.reload(vec![on(Some(rare(http())))]);
    silent.wait_for(3);
    scene.reload(vec![on(None)]);
    ended.recv_timeout(PATIENCE).unwrap();
    scene.expect_nothing_more();
}

#[test]
fn with_ejection_off_nobody_is_ejected() {
    let addresses = [closed_port(), closed_port()];
    let mut config = pool(&addresses, None);
    config.eject = eject(100 * MS);
    let mut scene = Scene::start(config.clone());
    scene.fail_connects(0, 5);
    scene.expect("app/a is ejected: 5 connects failed in a row: out for 100ms");
    assert_eq!(scene.posted_states(), "ejected up");
    config.eject = None;
    assert_eq!(states(&scene.reload(vec![config])[0]), "up up");
    scene.expect("app/a is up: ejection is off");
    assert_eq!(scene.backends[0].load.failures(), 0, "forgiven");
    scene.fail_connects(0, 9);
    let_pass(200 * MS);
    scene.expect_nothing_more();
}

#[test]
fn another_check_ends_the_probe_under_way_and_begins_one_at_once() {
    let (silent, ended) = mute();
    let mut scene = Scene::start(pool(&[silent.address], Some(rare(http()))));
    silent.wait_for(1);
    let other = HealthConfig {
        check: Check::SendExpect {
            send: b"PING"[..].into(),
            expect: b"PONG"[..].into(),
        },
        ..rare(Check::Tcp)
    };
    scene.reload(vec![pool(&[silent.address], Some(other.clone()))]);
    ended.recv_timeout(PATIENCE).unwrap();
    silent.wait_for(2);
    let port = HealthConfig {
        port: Some(closed_port().port()),
        ..other
    };
    scene.reload(vec![pool(&[silent.address], Some(port))]);
    ended.recv_timeout(PATIENCE).unwrap();
    scene.expect("app/a is down: connection refused (1 of 1)");
    assert_eq!(silent.accepted(), 2);
}

#[test]
fn another_interval_holds_from_the_next_probe_and_leaves_the_one_under_way_alone() {
    let (backend, questions, statuses) = confidant();
    let mut scene = Scene::start(pool(&[backend.address], Some(rare(http()))));
    questions.recv_timeout(PATIENCE).unwrap();
    let often = HealthConfig {
        interval: 10 * MS,
        fall: 3,
        ..rare(http())
    };
    scene.reload(vec![pool(&[backend.address], Some(often))]);
    let_pass(100 * MS);
    assert_eq!(backend.accepted(), 1);
    statuses.send(500).unwrap();
    statuses.send(500).unwrap();
    statuses.send(500).unwrap();
    scene.expect("app/a is down: status 500 (3 of 3)");
}

#[test]
fn a_shorter_interval_does_not_wait_for_the_longer_one_to_end() {
    let (backend, questions, statuses) = confidant();
    let mut scene = Scene::start(pool(&[backend.address], Some(rare(http()))));
    questions.recv_timeout(PATIENCE).unwrap();
    statuses.send(200).unwrap();
    let_pass(50 * MS);
    let often = HealthConfig {
        interval: 10 * MS,
        ..rare(http())
    };
    scene.reload(vec![pool(&[backend.address], Some(often))]);
    questions.recv_timeout(PATIENCE).unwrap();
    statuses.send(200).unwrap();
}
