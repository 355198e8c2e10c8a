//! The overview, once and as a stream, and the history, of a running l4lb.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

use l4lb::requests::history::History;
use l4lb::requests::overview::{Level, Overview};
use test_backends::{Behaviour, Server};

use super::Scene;
use crate::harness::{Options, eventually};

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

fn exchange(scene: &Scene, bytes: usize) {
    let mut client = scene.l4lb.connect();
    client.write_all(&vec![b'x'; bytes]).unwrap();
    let mut back = vec![0; bytes];
    client.read_exact(&mut back).unwrap();
}

impl Scene {
    fn overview(&self) -> Overview {
        serde_json::from_value(self.json("/v1/overview")).unwrap()
    }

    fn history(&self, query: &str) -> History {
        serde_json::from_value(self.json(&format!("/v1/history?{query}"))).unwrap()
    }
}

#[test]
fn the_overview_agrees_with_what_clients_did() {
    let servers = [echo(), echo()];
    let scene = Scene::start(Options::new().backends(&servers).arg("--workers=2"));
    for _ in 0..20 {
        exchange(&scene, 1000);
    }
    let mut held = scene.l4lb.connect();
    held.write_all(b"x").unwrap();
    held.read_exact(&mut [0]).unwrap();
    let is_told = || {
        let now = scene.overview();
        now.counters.bytes_out_total == 20_001 && now.totals.sessions == 1
    };
    eventually("all to be told", is_told);
    eventually("a sample of it", || {
        scene.overview().pools[0].backends[0].share_now.is_some()
    });
    let now = scene.overview();
    assert_eq!(now.counters.connections_total, 21);
    assert_eq!(now.counters.bytes_in_total, 20_001);
    assert_eq!(now.counters.errors_total, 0);
    assert_eq!(now.sentence.level, Level::Good);
    assert!(
        now.sentence
            .text
            .starts_with("All 2 backends of 1 pool are up; "),
        "{:?}",
        now.sentence
    );
    assert_eq!((now.totals.backends_up, now.totals.backends), (2, 2));
    assert!(now.ready && now.capabilities.writes && !now.capabilities.token_required);
    let pool = &now.pools[0];
    let total: u64 = pool
        .backends
        .iter()
        .map(|it| it.backend.connections_total)
        .sum();
    assert_eq!((total, pool.sessions, pool.queue), (21, 1, 0));
    let shares: f64 = pool.backends.iter().filter_map(|it| it.share_now).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{pool:?}");
    for backend in &pool.backends {
        assert_eq!(backend.share_due, 0.5);
        assert!(
            backend.connect_p50_ms <= backend.connect_p99_ms,
            "{backend:?}"
        );
        assert!(backend.checks.iter().all(|it| it.passed) && !backend.checks.is_empty());
        assert!(backend.errors.is_empty());
    }
    let engine = &now.engine;
    assert_eq!(engine.workers.len(), 2);
    assert_eq!(engine.workers.iter().map(|it| it.sessions).sum::<u32>(), 1);
    assert!(
        engine.descriptors.used > 10 && engine.memory_bytes > 1 << 20,
        "{engine:?}"
    );
}

#[test]
fn the_history_has_every_connection_in_one_of_its_points() {
    let server = echo();
    let scene = Scene::start(Options::new().backend(server.addr()));
    for _ in 0..21 {
        exchange(&scene, 1000);
    }
    // Each connection is in one point of the history: rates of seconds that are a second long.
    let sum = |query: &str| {
        let columns = scene.history(query).columns;
        let points = columns.connections_per_second.iter().flatten();
        points.map(|it| f64::from(*it)).sum::<f64>()
    };
    eventually("the history to have them all", || {
        (sum("range=15m") - 21.0).abs() < 1.5
    });
    let of_pool = sum("range=15m&pool=app");
    assert!((of_pool - 21.0).abs() < 1.5, "{of_pool}");
    let history = scene.history("range=15m");
    assert_eq!(history.step_seconds, 1);
    let length = history.columns.sessions.len();
    assert_eq!(history.columns.connect_p99_ms.len(), length);
    assert_eq!(history.columns.backends_up.last(), Some(&Some(1.0)));
    assert!(history.columns.connect_p50_ms.iter().any(Option::is_some));
    assert!(
        scene.history("range=24h").columns.sessions.is_empty(),
        "no minute is over"
    );
    assert!(
        scene
            .answer("/v1/history?range=15m&pool=nobody")
            .0
            .contains("404")
    );
}

#[test]
fn rates_of_all_listeners_and_backends_are_those_of_the_process() {
    let servers = [echo(), echo()];
    let scene = Scene::start(Options::new().backends(&servers));
    eventually("a rate of each", || {
        exchange(&scene, 10_000);
        let now = scene.overview();
        let backends = &now.pools[0].backends;
        backends.iter().all(|it| it.connections_per_second > 0.0)
    });
    eventually("all of it to be sampled", || {
        let now = scene.overview();
        let (all, listener) = (&now.totals, &now.listeners[0]);
        let backends = &now.pools[0].backends;
        let of_backends: f64 = backends.iter().map(|it| it.bytes_in_per_second).sum();
        let is_near = |rate: f64, other: f64| rate > 0.0 && (rate - other).abs() < 1e-6 * rate;
        is_near(all.bytes_in_per_second, listener.bytes_in_per_second)
            && is_near(all.bytes_in_per_second, of_backends)
            && is_near(
                all.bytes_in_per_second,
                all.connections_per_second * 10_000.0,
            )
            && is_near(all.bytes_out_per_second, listener.bytes_out_per_second)
            && is_near(all.connections_per_second, listener.connections_per_second)
            && now.engine.relay.copy_bytes_per_second > 0.0
    });
}

#[test]
fn the_stream_tells_a_new_overview_every_second() {
    let server = echo();
    let scene = Scene::start(Options::new().backend(server.addr()));
    let mut lines = BufReader::new(scene.ask("/v1/overview/stream")).lines();
    let mut times = Vec::new();
    let mut ids = Vec::new();
    while times.len() < 3 {
        let line = lines.next().unwrap().unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            let overview: Overview = serde_json::from_str(data).unwrap();
            times.push(humantime::parse_rfc3339(&overview.at).unwrap());
        } else if let Some(id) = line.strip_prefix("id: ") {
            ids.push(humantime::parse_rfc3339(id).unwrap());
        }
    }
    ids.truncate(3);
    assert_eq!(times, ids, "each has its time as its id");
    assert!(
        times.is_sorted_by(|one, next| one < next),
        "none is told twice: {times:?}"
    );
    let span = times[2].duration_since(times[0]).unwrap();
    assert!(span > Duration::from_secs(1), "{span:?}");
}

#[test]
fn a_backend_that_goes_is_told_in_a_sentence_with_where_its_traffic_went() {
    let mut servers = [echo(), echo(), echo()];
    let options = Options::new()
        .backends(&servers)
        .arg("--health-interval=50ms");
    let scene = Scene::start(options);
    servers[1].stop();
    eventually("the sentence", || {
        scene.overview().sentence.level == Level::Warning
    });
    let now = scene.overview();
    let since = &now.pools[0].backends[1].backend.since[11..19];
    let wanted =
        format!("b refuses connections since {since}Z; its 33 % of the traffic moved to a and c.");
    assert_eq!(now.sentence.text, wanted);
    let due: Vec<f64> = now.pools[0]
        .backends
        .iter()
        .map(|it| it.share_due)
        .collect();
    assert_eq!(due, [0.5, 0.0, 0.5]);
    assert_eq!(now.totals.backends_up, 2);
    servers[0].stop();
    servers[2].stop();
    eventually("the worst", || {
        scene.overview().sentence.level == Level::Bad
    });
    let text = scene.overview().sentence.text;
    assert!(
        text.starts_with("No backend of pool app is up since "),
        "{text}"
    );
    let errors = || scene.overview().counters.errors_total;
    let _ = scene.l4lb.connect().read(&mut [0]);
    eventually("a client without a backend to be an error", || {
        errors() == 1
    });
    assert_eq!(scene.overview().listeners[0].rejected_total, 1);
}
