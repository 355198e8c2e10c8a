//! What `promtool check metrics` asks, and what INTERFACE promises: names, kinds, help, buckets.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use l4lb::metrics::{
    BackendScrape, CertificateScrape, FAMILIES, Kind, ListenerScrape, Scrape, text,
};
use l4lb::pool::{State, Totals};
use tempfile::TempDir;

use super::Scene;
use super::exposition::{Exposition, Metric};
use crate::harness::{Options, eventually};
use crate::life::site;

#[test]
fn every_metric_has_help_and_type_before_it_has_a_series() {
    let empty = Exposition::parse(&text(Scrape::default())).unwrap();
    for family in FAMILIES {
        let metric = &empty.0[family.name];
        assert_eq!(metric.help, family.help);
        let kind = format!("{:?}", family.kind).to_lowercase();
        assert_eq!(metric.kind, kind, "{}", family.name);
    }
    assert_eq!(empty.0.len(), FAMILIES.len());
    assert!(empty.0["l4lb_backend_up"].samples.is_empty());
}

#[test]
fn names_say_their_kind_and_their_base_unit() {
    for family in FAMILIES {
        let name = family.name;
        let is_total = name.ends_with("_total");
        assert_eq!(is_total, family.kind == Kind::Counter, "{name}");
        for unit in ["milli", "micro", "minute", "kilo", "_ms", "percent"] {
            assert!(!name.contains(unit), "{name}");
        }
        for end in ["_count", "_sum", "_bucket", "_info"] {
            assert!(!name.ends_with(end) || name == "l4lb_build_info", "{name}");
        }
        assert!(
            name.starts_with("l4lb_") || name.starts_with("process_"),
            "{name}"
        );
        assert!(
            !family.help.ends_with('.') && !family.help.contains(['\n', '\\']),
            "{name}"
        );
        assert!(!family.labels.contains(&"le"), "{name}");
        assert!(
            !family.labels.contains(&"client"),
            "{name}: no address of a client is a label"
        );
    }
}

#[test]
fn a_name_with_anything_in_it_is_escaped() {
    let odd = "a\"b\\c\nd},{e=\u{1f600}";
    let scrape = Scrape {
        backends: vec![BackendScrape {
            pool: odd.into(),
            name: "b".into(),
            state: State::Up,
            weight: 1,
            active: 0,
            totals: Totals::default(),
            checks: [0; 2],
            transitions: [0; 5],
        }],
        listeners: vec![ListenerScrape {
            speaks_tls: true,
            name: Arc::from(odd),
            active: 3,
            totals: l4lb::metrics::ListenerTotals::default(),
        }],
        certificates: vec![CertificateScrape {
            listener: Arc::from(odd),
            file: odd.to_owned(),
            not_after: -7,
            is_stapled: true,
        }],
        ..Scrape::default()
    };
    let read = Exposition::parse(&text(scrape)).unwrap();
    assert_eq!(
        read.sum("l4lb_backend_up", &[("pool", odd), ("backend", "b")]),
        1.0
    );
    assert_eq!(
        read.sum("l4lb_listener_connections_active", &[("listener", odd)]),
        3.0
    );
    let file = [("listener", odd), ("file", odd)];
    let expiry = "l4lb_tls_certificate_expiry_timestamp_seconds";
    assert_eq!(read.sum(expiry, &file), -7.0);
    assert_eq!(read.sum("l4lb_tls_certificate_ocsp_stapled", &file), 1.0);
    assert_eq!(
        read.sum(
            "l4lb_backend_connect_duration_seconds_count",
            &[("pool", odd)]
        ),
        0.0
    );
}

/// Buckets by the labels of their histogram: each holds those before it, the last one all.
fn check_histogram(name: &str, metric: &Metric) {
    let mut buckets = BTreeMap::<String, Vec<(f64, f64)>>::new();
    let mut counts = BTreeMap::new();
    for sample in &metric.samples {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le");
        let key = format!("{labels:?}");
        match bound {
            Some(bound) => {
                let bound = bound.parse().unwrap();
                buckets.entry(key).or_default().push((bound, sample.value));
            }
            None if sample.name.ends_with("_count") => _ = counts.insert(key, sample.value),
            None => {}
        }
    }
    assert!(
        !buckets.is_empty() && buckets.len() == counts.len(),
        "{name}"
    );
    for (key, buckets) in buckets {
        assert!(
            buckets.is_sorted_by(|a, b| a.0 < b.0),
            "{name} {key}: {buckets:?}"
        );
        assert!(
            buckets.is_sorted_by(|a, b| a.1 <= b.1),
            "{name} {key}: {buckets:?}"
        );
        let last = buckets.last().unwrap();
        assert_eq!(*last, (f64::INFINITY, counts[&key]), "{name} {key}");
    }
}

fn check(read: &Exposition) {
    assert_eq!(read.duplicates(), Vec::<String>::new());
    for (name, metric) in &read.0 {
        if metric.kind == "histogram" {
            check_histogram(name, metric);
        }
    }
}

/// No counter, and no bucket, has fallen.
fn assert_not_fallen(before: &Exposition, after: &Exposition) {
    for (name, metric) in before.0.iter().filter(|(_, it)| it.kind != "gauge") {
        for was in &metric.samples {
            let mut now = after.0[name].samples.iter();
            let now = now.find(|it| it.name == was.name && it.labels == was.labels);
            let is_gone = now.is_none() && was.labels.contains_key("backend");
            assert!(
                is_gone || now.is_some_and(|now| now.value >= was.value),
                "{was:?} became {now:?}"
            );
        }
    }
}

fn file(backends: &[String]) -> String {
    format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nbackends = {backends:?}\n"
    )
}

#[test]
fn counters_never_fall_under_load_and_over_a_reload_that_takes_a_backend_away() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("l4lb.toml");
    let sites = ["a", "b"].map(site);
    let mut backends = sites.each_ref().map(|it| it.addr().to_string()).to_vec();
    std::fs::write(&path, file(&backends)).unwrap();
    let options = Options::new().arg("--config").arg(path.to_str().unwrap());
    let scene = Scene::start(options.arg("--workers=2"));
    let load = || {
        for _ in 0..20 {
            let mut client = scene.l4lb.connect();
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client.read_to_end(&mut Vec::new()).unwrap();
        }
    };
    let mut before = scene.metrics();
    let gone = backends[1].clone();
    for round in 0..6 {
        load();
        if round == 3 {
            backends.pop();
            std::fs::write(&path, file(&backends)).unwrap();
            scene.l4lb.signal("HUP");
            let generation = || scene.metrics().sum("l4lb_config_generation", &[]);
            eventually("the reload", || generation() == 2.0);
        }
        let after = scene.metrics();
        check(&after);
        assert_not_fallen(&before, &after);
        before = after;
    }
    assert_eq!(before.sum("l4lb_listener_connections_total", &[]), 120.0);
    let weights = &before.0["l4lb_backend_weight"].samples;
    assert!(
        weights.iter().all(|it| it.labels["backend"] != gone),
        "its series go with it"
    );
    // The file is watched as well: it may have been read again once more.
    let done = before.sum("l4lb_config_reloads_total", &[("result", "success")]);
    assert!(done >= 1.0, "{done}");
}

#[test]
fn a_reload_that_fails_is_counted_and_leaves_the_generation() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("l4lb.toml");
    let site = site("a");
    std::fs::write(&path, file(&[site.addr().to_string()])).unwrap();
    let options = Options::new().arg("--config").arg(path.to_str().unwrap());
    let scene = Scene::start(options);
    let stamp = "l4lb_config_last_reload_success_timestamp_seconds";
    let before = scene.metrics().sum(stamp, &[]);
    std::fs::write(&path, "workers = \"many\"").unwrap();
    let failures = || {
        scene
            .metrics()
            .sum("l4lb_config_reloads_total", &[("result", "failure")])
    };
    eventually("the failure", || failures() >= 1.0);
    let after = scene.metrics();
    assert_eq!(after.sum("l4lb_config_generation", &[]), 1.0);
    assert_eq!(after.sum(stamp, &[]), before);
}
