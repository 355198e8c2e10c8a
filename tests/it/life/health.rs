//! A backend's ups and downs as people see them: what is logged, when, and how often.

use std::time::{Duration, Instant};

use test_backends::{Behaviour, Server};

use super::{available, echo, site, whoami};
use crate::harness::{L4lb, Options, descriptors, eventually, size};

const FAST: &str = "--health-interval=50ms";

/// The log's lines on ups and downs of `app/name`, without time and level.
fn changes(l4lb: &L4lb, name: &str) -> Vec<String> {
    let start = format!("backend app/{name} is ");
    let log = l4lb.log();
    let found = log
        .iter()
        .filter_map(|line| Some(&line[line.find(&start)?..]));
    found.map(str::to_owned).collect()
}

#[test]
fn a_backend_goes_down_and_comes_back_and_each_is_logged_once_with_its_reason() {
    let (a, mut b) = (site("a"), site("b"));
    let options = Options::new().arg(FAST).arg("--rise=4");
    let mut l4lb = options.backend(a.addr()).backend(b.addr()).start();
    let serving = || [(); 2].map(|()| whoami(l4lb.address()).unwrap());
    assert_eq!(serving(), ["a", "b"]);
    b.stop();
    eventually("b is down", || changes(&l4lb, "b").len() == 1);
    assert_eq!(serving(), ["a", "a"]);
    b.start_again().unwrap();
    eventually("b is up", || changes(&l4lb, "b").len() == 2);
    let mut names = serving();
    names.sort();
    assert_eq!(names, ["a", "b"]);
    l4lb.signal("TERM");
    l4lb.wait();
    let down = "backend app/b is down: connection refused (3 of 3)";
    let up = "backend app/b is up: connected (4 of 4)";
    assert_eq!(changes(&l4lb, "b"), [down, up]);
    assert!(changes(&l4lb, "a").is_empty());
}

/// strace refuses the connects for which `when` stands; only probes connect here.
fn with_refused_probes(when: &str, fall: u32, backend: &Server) -> L4lb {
    let inject = format!("connect:error=ECONNREFUSED:when={when}");
    let options = Options::new().injecting("connect", &inject);
    options
        .arg("--health-interval=20ms")
        .arg(&format!("--fall={fall}"))
        .backend(backend.addr())
        .start()
}

#[test]
fn one_failure_less_than_fall_changes_nothing_and_fall_failures_do() {
    if !available("strace") {
        return;
    }
    let backend = echo();
    let l4lb = with_refused_probes("3..5", 4, &backend);
    eventually("probes that pass", || backend.accepted() >= 10);
    assert!(
        changes(&l4lb, "a").is_empty(),
        "three failures, four were allowed"
    );
    drop(l4lb);
    // Every second one fails: never two in a row.
    let before = backend.accepted();
    let l4lb = with_refused_probes("2+2", 2, &backend);
    eventually("probes that pass", || backend.accepted() >= before + 6);
    assert!(changes(&l4lb, "a").is_empty(), "a pass resets the count");
    drop(l4lb);
    let l4lb = with_refused_probes("3..5", 3, &backend);
    eventually("down and up", || changes(&l4lb, "a").len() >= 2);
    let lines = changes(&l4lb, "a");
    assert!(
        lines[0].ends_with("is down: connection refused (3 of 3)"),
        "{lines:?}"
    );
    assert!(lines[1].ends_with("is up: connected (2 of 2)"), "{lines:?}");
}

#[test]
fn a_return_is_waited_for_at_half_the_pace_and_confirmed_in_a_hurry() {
    let mut a = echo();
    let options = Options::new()
        .arg("--health-interval=400ms")
        .arg("--rise=4");
    let mut l4lb = options.arg("--fall=1").backend(a.addr()).start();
    a.stop();
    l4lb.wait_for_log("app/a is down");
    a.start_again().unwrap();
    let back = Instant::now();
    l4lb.wait_for_log("app/a is up");
    // Two whole intervals and three quarters of one, each up to a tenth shorter than it is said,
    // though none shorter than 100 ms. Whole intervals all the way would be 1800 ms.
    let took = back.elapsed();
    assert!(took >= Duration::from_millis(800), "{took:?}");
    assert!(took < Duration::from_millis(1700), "{took:?}");
}

#[test]
fn a_flapping_backend_is_followed_and_never_costs_a_client_its_answer() {
    let up = Duration::from_millis(150);
    let inner = Box::new(Behaviour::Discard);
    let flapping = Behaviour::Flapping {
        up,
        down: up,
        inner,
    };
    let (a, b) = (site("a"), Server::start("127.0.0.1:0", flapping).unwrap());
    let options = Options::new().arg("--health-interval=10ms").arg("--fall=1");
    let l4lb = options
        .arg("--rise=1")
        .backend(a.addr())
        .backend(b.addr())
        .start();
    eventually("three returns", || changes(&l4lb, "b").len() >= 6);
    for (place, line) in changes(&l4lb, "b").iter().enumerate() {
        let state = ["is down", "is up"][place % 2];
        assert!(line.contains(state), "{:?}", changes(&l4lb, "b"));
    }
    assert!(changes(&l4lb, "a").is_empty());
}

#[test]
fn hundreds_of_flaps_leak_no_descriptor() {
    let spell = Duration::from_millis(5);
    let inner = Box::new(Behaviour::Echo);
    let flapping = Behaviour::Flapping {
        up: spell,
        down: spell,
        inner,
    };
    let mut a = Server::start("127.0.0.1:0", flapping).unwrap();
    let options = Options::new().arg("--health-interval=2ms").arg("--fall=1");
    let mut l4lb = options.arg("--rise=1").backend(a.addr()).start();
    a.stop();
    l4lb.wait_for_log("app/a is down");
    let baseline = descriptors(l4lb.pid());
    a.start_again().unwrap();
    let flaps = usize::try_from(size(150, 1000)).unwrap();
    eventually("hundreds of changes", || {
        changes(&l4lb, "a").len() >= 2 * flaps
    });
    a.stop();
    eventually("descriptors at their baseline", || {
        descriptors(l4lb.pid()) <= baseline
    });
}

#[test]
fn without_health_checks_nobody_is_probed_and_nobody_goes_down() {
    let (a, mut b) = (site("a"), site("b"));
    let options = Options::new()
        .arg("--health=off")
        .arg("--health-interval=5ms");
    let l4lb = options.backend(a.addr()).backend(b.addr()).start();
    b.stop();
    for _ in 0..20 {
        assert_eq!(whoami(l4lb.address()).unwrap(), "a");
    }
    assert_eq!(a.accepted(), 20, "each connection was a client's");
    b.start_again().unwrap();
    let names = [(); 2].map(|()| whoami(l4lb.address()).unwrap());
    assert!(names.contains(&"b".to_owned()), "it was never out of turn");
    assert!(changes(&l4lb, "b").is_empty());
}
