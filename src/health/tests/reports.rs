//! What a backend's report says of it.

use std::time::{Duration, SystemTime};

use super::backend::{Backend, answer, let_pass};
use super::scene::{Scene, eject, health, http, pool};
use super::{MS, PATIENCE};
use crate::config::{Check, HealthConfig};
use crate::pool::{Order, Report, State};

fn report(scene: &Scene, backend: usize) -> Report {
    scene.backends[backend].report.lock().unwrap().clone()
}

#[test]
fn a_report_has_the_state_since_when_and_the_last_check() {
    let backend = Backend::play(|client, before| {
        let_pass(30 * MS);
        let status = if before == 0 { 503 } else { 200 };
        answer(client, &format!("HTTP/1.1 {status} x\r\n\r\n"))
    });
    let before = SystemTime::now();
    let scene = Scene::start(pool(
        &[backend.address],
        Some(HealthConfig {
            interval: 400 * MS,
            ..health(http())
        }),
    ));
    let first = report(&scene, 0);
    assert_eq!((first.state, first.last_check), (State::Up, None));
    assert!(first.since >= before && first.since <= SystemTime::now());
    for (line, state, detail) in [
        (
            "app/a is down: status 503 (1 of 1)",
            State::Down,
            "status 503",
        ),
        ("app/a is up: status 200 (2 of 2)", State::Up, "status 200"),
    ] {
        let before = report(&scene, 0).since;
        scene.expect(line);
        let report = report(&scene, 0);
        let check = report.last_check.unwrap();
        assert_eq!((report.state, report.since > before), (state, true));
        assert_eq!(
            (check.passed, check.detail.as_str()),
            (state == State::Up, detail)
        );
        assert_eq!(check.at, report.since, "the check has changed the state");
        let took = 30 * MS..Duration::from_secs(10);
        assert!(took.contains(&check.took), "{:?}", check.took);
    }
}

#[test]
fn a_check_that_changes_nothing_is_reported_and_a_clients_connect_is_no_check() {
    let backend = Backend::quiet();
    let scene = Scene::start(pool(&[backend.address], Some(health(Check::Tcp))));
    let since = report(&scene, 0).since;
    backend.wait_for(3);
    let check = report(&scene, 0).last_check.unwrap();
    assert_eq!((check.passed, check.detail.as_str()), (true, "connected"));
    assert_eq!(report(&scene, 0).since, since, "it was up all the time");
    // A connect that lies in the future does instead of all probes that follow.
    let later = u64::try_from(PATIENCE.as_millis()).unwrap();
    scene.backends[0].load.connected(later, MS);
    let_pass(50 * MS);
    let last = report(&scene, 0);
    let_pass(200 * MS);
    assert_eq!(report(&scene, 0), last);
}

#[test]
fn orders_and_ejections_are_reported() {
    let backends = [Backend::quiet(), Backend::quiet()];
    let mut config = pool(&backends.each_ref().map(|it| it.address), None);
    config.eject = eject(50 * MS);
    let scene = Scene::start(config);
    scene.fail_connects(0, 5);
    scene.order(1, Order::Drain);
    scene.expect("app/a is ejected: 5 connects failed in a row: out for 50ms");
    scene.expect("app/b is drain: by an operator");
    assert_eq!(report(&scene, 1).state, State::Drain);
    scene.expect("app/a is up: back after 50ms");
    assert_eq!(report(&scene, 0).state, State::Up);
    assert_eq!(report(&scene, 0).last_check, None, "nobody is checked");
    scene.order(1, Order::Maint);
    scene.expect("app/b is maint: by an operator");
    assert_eq!(report(&scene, 1).state, State::Maint);
}
