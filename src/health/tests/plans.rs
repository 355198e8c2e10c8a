//! New plans: who stays, who comes, who goes.

use std::sync::Arc;
use std::time::Instant;

use super::backend::{Backend, answer, closed_port, confidant, let_pass, mute};
use super::scene::{Scene, eject, health, http, plan_of, pool, rare, some, states, warmth};
use super::{MS, PATIENCE};
use crate::config::{Check, HealthConfig, PoolConfig};
use crate::messages::ToHealth;
use crate::pool::{Order, State, WARM};

#[test]
fn a_backend_that_is_added_is_up_and_probed_at_once_and_the_others_are_not() {
    let backends = [Backend::quiet(), Backend::quiet()];
    let mut addresses = backends.each_ref().map(|it| it.address).to_vec();
    addresses.push(closed_port());
    let mut scene = Scene::start(some("a", &addresses, Some(rare(Check::Tcp))));
    backends[0].wait_for(1);
    let snapshots = scene.reload(vec![some("b c a", &addresses, Some(rare(Check::Tcp)))]);
    assert_eq!(states(&snapshots[0]), "up up up");
    scene.expect("app/c is down: connection refused (1 of 1)");
    assert_eq!(scene.posted_states(), "up down up", "in the plan's order");
    backends[1].wait_for(1);
    let since = scene.backends[1].report.lock().unwrap().since;
    assert!(since >= scene.backends[0].report.lock().unwrap().since);
    assert_eq!(backends.map(|it| it.accepted()), [1, 1]);
}

#[test]
fn a_backend_that_is_added_starts_slowly_but_not_one_of_a_pool_that_is_new() {
    let addresses = [closed_port(), closed_port()];
    let slow = |names: &str, name: &str| PoolConfig {
        name: name.into(),
        slow_start: 190 * MS,
        ..some(names, &addresses, None)
    };
    let mut scene = Scene::start(slow("a", "app"));
    let snapshots = scene.reload(vec![slow("b a", "app"), slow("a b", "new")]);
    assert_eq!(warmth(&snapshots[0]), [1, WARM]);
    assert_eq!(warmth(&snapshots[1]), [WARM; 2]);
    let mut last = 1;
    while last < WARM {
        let now = warmth(&scene.posted());
        assert!(now[0] > last && now[1] == WARM, "{now:?} after {last}");
        last = now[0];
    }
    let slower = PoolConfig {
        slow_start: PATIENCE * 10,
        ..slow("b a", "app")
    };
    let snapshots = scene.reload(vec![slower, slow("a b", "new")]);
    assert_eq!(warmth(&snapshots[0]), [WARM; 2], "who is warm stays warm");
    let_pass(50 * MS);
    assert_eq!(scene.posts_waiting(), 0);
}

#[test]
fn a_slow_start_goes_on_through_a_plan() {
    let addresses = [closed_port(), closed_port()];
    let slow = |names: &str| PoolConfig {
        slow_start: 380 * MS,
        ..some(names, &addresses, None)
    };
    let mut scene = Scene::start(slow("a"));
    scene.reload(vec![slow("a b")]);
    let mut before = 1;
    while before < 10 {
        before = warmth(&scene.posted())[1];
    }
    let after = warmth(&scene.reload(vec![slow("b a")])[0]);
    assert!(after[0] >= before && after[1] == WARM, "{before} {after:?}");
    while warmth(&scene.posted()) != [WARM; 2] {}
}

#[test]
fn a_shorter_slow_start_holds_at_once() {
    let addresses = [closed_port(), closed_port()];
    let slow = |names: &str, slow_start| PoolConfig {
        slow_start,
        ..some(names, &addresses, None)
    };
    let mut scene = Scene::start(slow("a", PATIENCE * 20));
    let began = Instant::now();
    scene.reload(vec![slow("a b", PATIENCE * 20)]);
    scene.reload(vec![slow("a b", 500 * MS)]);
    while warmth(&scene.posted()) != [WARM; 2] {}
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
}

#[test]
fn the_probe_of_a_backend_that_is_gone_ends_and_nothing_is_heard_of_it_any_more() {
    let (silent, ended) = mute();
    let addresses = [silent.address, Backend::quiet().address, closed_port()];
    let mut scene = Scene::start(some("a b", &addresses, Some(rare(http()))));
    silent.wait_for(1);
    let mut config = some("b", &addresses, Some(rare(http())));
    config.eject = eject(PATIENCE);
    let snapshots = scene.reload(vec![config]);
    assert_eq!(states(&snapshots[0]), "up");
    ended.recv_timeout(PATIENCE).unwrap();
    scene.order(0, Order::Drain);
    scene.fail_connects(0, 9);
    // Whoever has its place is somebody else.
    scene.reload(vec![some("c b", &addresses, Some(rare(Check::Tcp)))]);
    scene.expect("app/c is down: connection refused (1 of 1)");
    scene.order(0, Order::Maint);
    scene.order(1, Order::Drain);
    scene.expect("app/b is drain: by an operator");
    scene.expect_nothing_more();
    assert_eq!(silent.accepted(), 1);
}

#[test]
fn a_place_that_stays_empty_is_never_due() {
    let backends = [Backend::quiet(), Backend::quiet()];
    let addresses = backends.each_ref().map(|it| it.address);
    for checks in [Some(health(Check::Tcp)), None] {
        let of = |names| PoolConfig {
            eject: eject(50 * MS),
            ..some(names, &addresses, checks.clone())
        };
        let mut scene = Scene::start(of("a b"));
        if checks.is_none() {
            scene.fail_connects(0, 5);
            scene.expect("app/a is ejected: 5 connects failed in a row: out for 50ms");
            assert_eq!(scene.posted_states(), "ejected up");
        }
        scene.reload(vec![of("b")]);
        let_pass(150 * MS);
        scene.order(1, Order::Drain);
        scene.expect("app/b is drain: by an operator");
    }
}

#[test]
fn the_ejection_of_a_backend_that_is_gone_neither_ends_nor_counts() {
    let addresses = [(); 3].map(|()| closed_port());
    let of = |names: &str, base| PoolConfig {
        eject: eject(base),
        ..some(names, &addresses, None)
    };
    let mut scene = Scene::start(of("a b", 100 * MS));
    scene.fail_connects(0, 5);
    scene.expect("app/a is ejected: 5 connects failed in a row: out for 100ms");
    assert_eq!(scene.posted_states(), "ejected up");
    let snapshots = scene.reload(vec![of("c b", PATIENCE)]);
    assert_eq!(states(&snapshots[0]), "up up");
    // One of two may be out.
    scene.fail_connects(1, 5);
    scene.expect("app/b is ejected: 5 connects failed in a row: out for 20s");
    let_pass(200 * MS);
    scene.expect_nothing_more();
}

#[test]
fn a_hundred_plans_in_a_row_disturb_no_probe_no_count_and_no_standing() {
    let (backend, questions, statuses) = confidant();
    let mut addresses = vec![backend.address; 4];
    addresses[1..].fill_with(|| Backend::play(|it, _| answer(it, "HTTP/1.1 200 x\r\n")).address);
    let mut config = pool(
        &addresses,
        Some(HealthConfig {
            interval: 400 * MS,
            timeout: PATIENCE,
            fall: 3,
            ..health(http())
        }),
    );
    config.eject = eject(PATIENCE * 10);
    let mut scene = Scene::start(config.clone());
    let ask = || questions.recv_timeout(PATIENCE).unwrap();
    for _ in 0..2 {
        ask();
        statuses.send(500).unwrap();
    }
    ask();
    scene.order(1, Order::Drain);
    scene.order(2, Order::Maint);
    scene.expect("app/b is drain: by an operator");
    scene.expect("app/c is maint: by an operator");
    while scene.posted_states() != "up drain maint up" {}
    let since = scene.backends[1].report.lock().unwrap().since;
    for _ in 0..100 {
        config.backends.rotate_left(1);
        let snapshot = scene.reload(vec![config.clone()]).remove(0);
        for member in snapshot.set.members() {
            let expected = match &*member.backend.name {
                "b" => State::Drain,
                "c" => State::Maint,
                _ => State::Up,
            };
            assert_eq!(member.state, expected, "{}", member.backend);
        }
    }
    assert_eq!(scene.posts_waiting(), 0, "a plan needs no live set as well");
    statuses.send(500).unwrap();
    scene.expect("app/a is down: status 500 (3 of 3)");
    assert_eq!(backend.accepted(), 3, "the probe was the same");
    assert_eq!(scene.backends[1].report.lock().unwrap().since, since);
}

#[test]
fn a_pool_that_is_gone_keeps_its_place_and_a_new_one_gets_the_next() {
    let backends = [Backend::quiet(), Backend::quiet()];
    let addresses = backends.each_ref().map(|it| it.address);
    let mut scene = Scene::start(some("a", &addresses, Some(health(Check::Tcp))));
    backends[0].wait_for(2);
    let gone = PoolConfig {
        backends: Vec::new(),
        ..pool(&[], Some(health(Check::Tcp)))
    };
    let new = PoolConfig {
        name: "new".into(),
        ..some("b", &addresses, Some(health(Check::Tcp)))
    };
    let snapshots = scene.reload(vec![gone, new.clone()]);
    let sizes = snapshots.iter().map(|it| it.set.members().len());
    assert_eq!(sizes.collect::<Vec<_>>(), [0, 1]);
    backends[1].wait_for(2);
    let_pass(30 * MS); // for the connection of the last probe
    let probes = backends[0].accepted();
    let_pass(200 * MS);
    assert_eq!(backends[0].accepted(), probes);
    let back = PoolConfig {
        slow_start: PATIENCE,
        ..some("a", &addresses, Some(health(Check::Tcp)))
    };
    let snapshots = scene.reload(vec![back, new]);
    assert_eq!(warmth(&snapshots[0]), [WARM], "as at the start");
    backends[0].wait_for(probes + 2);
}

#[test]
fn a_plan_has_what_came_before_it_and_a_live_set_what_came_after() {
    let addresses = [closed_port(), closed_port()];
    let config = pool(&addresses, None);
    for is_followed in [false, true] {
        let mut plan = None;
        let scene = Scene::start_with(config.clone(), |mailbox, backends| {
            let new = Arc::new(plan_of(vec![config.clone()], &mut backends.to_vec()));
            mailbox.send(ToHealth::Order(backends[0].id, Order::Maint));
            mailbox.send(ToHealth::Plan(Arc::clone(&new)));
            if is_followed {
                mailbox.send(ToHealth::Order(backends[1].id, Order::Maint));
            }
            plan = Some(new);
        });
        let snapshots = scene.planned(&plan.unwrap());
        assert_eq!(states(&snapshots[0]), "maint up");
        scene.expect("app/a is maint: by an operator");
        if is_followed {
            scene.expect("app/b is maint: by an operator");
            assert_eq!(scene.posted_states(), "maint maint");
        }
        assert_eq!(scene.posts_waiting(), 0);
    }
}
