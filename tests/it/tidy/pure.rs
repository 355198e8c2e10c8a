//! Pure rooms decide and touch nothing: what they need of the world is passed in.

use super::Violation;
use super::paths::PathUse;
use super::source::Source;

/// A file or, with a trailing slash, a folder that is pure, and the few names of the outside world
/// that it may hold as plain data.
struct Pure {
    path: &'static str,
    may_name: &'static [&'static str],
}

const fn pure(path: &'static str, may_name: &'static [&'static str]) -> Pure {
    Pure { path, may_name }
}

const ADDRESSES: &[&str] = &[
    "std::net::SocketAddr",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
];

/// What a configuration is made of.
const CONFIGURED: &[&str] = &[
    "std::net::SocketAddr",
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "log::LevelFilter",
];

const PURE: &[Pure] = &[
    pure("src/session/", &[]),
    pure("src/balance/", ADDRESSES),
    pure("src/counts/", &[]),
    pure("src/metrics/", &["rustix::io::Errno"]),
    pure("src/history/", &[]),
    pure("src/http/", CONFIGURED),
    pure("src/supervisor/sentence.rs", &[]),
    pure("src/held_up.rs", &[]),
    pure("src/foresight.rs", CONFIGURED),
    pure("src/health/verdict.rs", &[]),
    pure("src/health/agenda.rs", &[]),
    pure("src/health/schedule.rs", &[]),
    pure("src/health/answer.rs", ADDRESSES),
    pure("src/health/approach.rs", ADDRESSES),
    pure("src/health/ejection.rs", &[]),
    pure("src/health/standing.rs", &[]),
    pure("src/scaling/answer.rs", &[]),
    pure("src/scaling/leave.rs", &[]),
    pure("src/scaling/rule.rs", &[]),
    pure("src/config/", CONFIGURED),
    pure("src/proxy_protocol/", CONFIGURED),
    pure("src/discovery/answers.rs", CONFIGURED),
    pure("src/discovery/outcome.rs", ADDRESSES),
    pure("src/discovery/book.rs", ADDRESSES),
    pure("src/discovery/expand.rs", ADDRESSES),
    pure("src/access_log/filter.rs", &[]),
    pure("src/access_log/escape.rs", &[]),
    pure("src/tls/x509.rs", &[]),
    pure("src/tls/pem.rs", &[]),
    pure("src/tls/wire.rs", &[]),
    pure("src/tls/failure.rs", &[]),
    pure("src/tls/terminal.rs", &[]),
    pure("src/tls/terms.rs", &[]),
    pure("src/log_stats/entry.rs", ADDRESSES),
    pure("src/log_stats/busiest.rs", ADDRESSES),
    pure("src/log_stats/tally.rs", &[]),
    pure("src/log_stats/report.rs", &[]),
    pure("src/client_hello/", ADDRESSES),
    pure("src/client/table.rs", &[]),
    pure("src/client/words.rs", &[]),
];

/// The world outside. A clock read is caught by `clocks`, everywhere.
const OUTSIDE: &[&str] = &[
    "std::net",
    "std::io",
    "std::fs",
    "std::os",
    "std::env",
    "std::process",
    "std::thread",
    "std::sync::mpsc",
    "std::time::SystemTime",
    "core::net",
    "mio",
    "socket2",
    "rustix",
    "libc",
    "crossbeam_channel",
    "signal_hook",
    "log",
    "simple_logger",
];

fn pure_rooms_touch_nothing(source: &Source) -> Vec<Violation> {
    let covers = |pure: &&Pure| {
        source.path == pure.path || (pure.path.ends_with('/') && source.path.starts_with(pure.path))
    };
    let Some(pure) = PURE.iter().find(covers) else {
        return Vec::new();
    };
    let paths = source.production_paths();
    let is_bad = |path: &&PathUse<'_>| {
        OUTSIDE.iter().any(|outside| path.starts_with(outside))
            && !pure
                .may_name
                .iter()
                .any(|allowed| path.starts_with(allowed))
    };
    paths
        .iter()
        .filter(is_bad)
        .map(|path| source.violation(path.line, advice(&path.text())))
        .collect()
}

fn advice(path: &str) -> String {
    format!(
        "this room is pure and may not name `{path}`: return what to do, and let the shell do it"
    )
}

#[test]
fn pure_rooms_name_nothing_of_the_outside_world() {
    super::assert_tree_obeys(pure_rooms_touch_nothing);
}

#[test]
fn a_touch_of_the_outside_world_is_caught() {
    let bad = [
        ("src/session/flow.rs", "use std::io;"),
        ("src/session/phase.rs", "use std::{fmt, net::TcpStream};"),
        ("src/session/mod.rs", "fn f() { std::thread::yield_now() }"),
        ("src/session/mod.rs", "use std::net::SocketAddr;"),
        (
            "src/balance/first.rs",
            "use std::net::{SocketAddr, TcpStream};",
        ),
        ("src/balance/first.rs", "fn f() { log::warn!() }"),
        ("src/health/verdict.rs", "use mio::Token;"),
        (
            "src/health/schedule.rs",
            "use std::time::{Duration, SystemTime};",
        ),
        ("src/config/diff.rs", "use std::fs;"),
    ];
    for (path, text) in bad {
        let caught = super::lines_caught(pure_rooms_touch_nothing, path, text);
        assert_eq!(caught, [1], "{path}: {text}");
    }
}

#[test]
fn addresses_are_data_and_impure_rooms_are_free() {
    let good = [
        (
            "src/balance/source_hash.rs",
            "use std::net::{IpAddr, SocketAddr};",
        ),
        ("src/session/flow.rs", "use std::time::{Duration, Instant};"),
        (
            "src/session/flow.rs",
            "#[cfg(test)]\nmod tests { use std::io; }",
        ),
        ("src/health/prober.rs", "use std::net::TcpStream;"),
    ];
    for (path, text) in good {
        let caught = super::lines_caught(pure_rooms_touch_nothing, path, text);
        assert!(caught.is_empty(), "{path}: {text}");
    }
}
