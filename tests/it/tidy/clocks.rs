//! Time is read once per turn of a loop and passed down; nobody sleeps.

use super::paths::PathUse;
use super::source::Source;
use super::{Exempt, Violation, exempt, is_exempt};

const CLOCK_READERS: &[Exempt] = &[
    exempt("src/worker/event_loop.rs", "reads the clock once per turn"),
    exempt(
        "src/worker/front/http/request.rs",
        "a header may say what time it is, where the configuration wants that",
    ),
    exempt("src/health/prober.rs", "the loop of the health thread"),
    exempt(
        "src/supervisor/launch.rs",
        "the epoch that all loops count from",
    ),
    exempt(
        "src/access_log/writer.rs",
        "stamps a line when it writes it",
    ),
    exempt(
        "src/supervisor/answers.rs",
        "says how long it has run, and when something happened",
    ),
    exempt("src/discovery/asker.rs", "the loop of discovery"),
    exempt("src/scaling/runner.rs", "the loop of a running command"),
    exempt("src/supervisor/sessions.rs", "the pace of a paced drain"),
    exempt(
        "src/supervisor/overview.rs",
        "takes a sample when a second is over",
    ),
    exempt(
        "src/supervisor/certificates.rs",
        "says which certificates have expired",
    ),
    exempt("src/cli/file.rs", "says which certificates have expired"),
    exempt("src/demo.rs", "plays its visitors in real time"),
    exempt(
        "src/demo/certificate.rs",
        "a certificate says from when it is valid",
    ),
];

const SLEEPERS: &[Exempt] = &[
    exempt(
        "src/demo.rs",
        "paces what a person watches; off the data path",
    ),
    exempt(
        "src/access_log/writer.rs",
        "rests after a batch, so that lines gather",
    ),
    exempt(
        "src/worker/event_loop.rs",
        "only where epoll_wait itself fails",
    ),
    exempt("src/health/prober.rs", "only where epoll_wait itself fails"),
    exempt(
        "tests/it/harness/mod.rs",
        "polls a condition that has no event, with a deadline",
    ),
    exempt(
        "tests/it/harness/process.rs",
        "polls a process's log, with a deadline",
    ),
    exempt(
        "tests/it/life/watch.rs",
        "lets time pass where time is what is tested",
    ),
];

/// Reads of a clock that are paths; `.elapsed()` reads one too.
const CLOCK_READS: [&str; 2] = ["Instant::now", "SystemTime::now"];

fn only_loops_read_a_clock(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with("src/") || is_exempt(CLOCK_READERS, &source.path) {
        return Vec::new();
    }
    let advice = "only a loop reads the clock: take `now` as an argument";
    let paths = source.production_paths();
    let is_read = |path: &&PathUse<'_>| CLOCK_READS.iter().any(|read| path.ends_with(read));
    let reads = paths.iter().filter(is_read);
    let mut found: Vec<_> = reads
        .map(|path| source.violation(path.line, advice))
        .collect();
    let is_elapsed = |line: &str| line.contains(".elapsed()");
    found.extend(source.bad_lines(&source.production, is_elapsed, advice));
    found
}

fn nobody_sleeps(source: &Source) -> Vec<Violation> {
    let is_ours = source.path.starts_with("src/") || source.path.starts_with("tests/");
    if !is_ours || is_exempt(SLEEPERS, &source.path) {
        return Vec::new();
    }
    let advice = "do not sleep: wait for the event itself, with a deadline";
    let paths = super::paths::all(&source.code);
    let is_sleep = |path: &&PathUse<'_>| {
        path.ends_with("thread::sleep") || path.ends_with("thread::sleep_until")
    };
    let sleeps = paths.iter().filter(is_sleep);
    sleeps
        .map(|path| source.violation(path.line, advice))
        .collect()
}

#[test]
fn no_clock_is_read_outside_the_loops() {
    super::assert_tree_obeys(only_loops_read_a_clock);
}

#[test]
fn no_thread_sleeps() {
    super::assert_tree_obeys(nobody_sleeps);
}

#[test]
fn a_clock_read_is_caught() {
    let bad = [
        ("src/session/flow.rs", "let now = Instant::now();"),
        (
            "src/worker/timers.rs",
            "let now = std::time::SystemTime::now();",
        ),
        (
            "src/worker/timers.rs",
            "deadline.unwrap_or_else(Instant::now);",
        ),
        ("src/pool.rs", "if since.elapsed() > limit {}"),
    ];
    for (path, text) in bad {
        let caught = super::lines_caught(only_loops_read_a_clock, path, text);
        assert_eq!(caught, [1], "{path}: {text}");
    }
}

#[test]
fn loops_and_tests_may_read_a_clock() {
    let good = [
        ("src/worker/event_loop.rs", "let now = Instant::now();"),
        (
            "src/pool.rs",
            "// Instant::now()\n#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }",
        ),
        ("tests/it/relay.rs", "let start = Instant::now();"),
    ];
    for (path, text) in good {
        let caught = super::lines_caught(only_loops_read_a_clock, path, text);
        assert!(caught.is_empty(), "{path}: {text}");
    }
}

#[test]
fn a_sleep_is_caught_in_code_and_in_tests() {
    let bad = [
        ("src/worker/mailbox.rs", "std::thread::sleep(pause);"),
        (
            "src/pool.rs",
            "#[cfg(test)] mod tests { fn f() { thread::sleep(pause) } }",
        ),
        ("tests/it/relay.rs", "use std::thread::{self, sleep};"),
    ];
    for (path, text) in bad {
        assert_eq!(
            super::lines_caught(nobody_sleeps, path, text),
            [1],
            "{path}: {text}"
        );
    }
    assert!(super::lines_caught(nobody_sleeps, "src/demo.rs", "thread::sleep(beat);").is_empty());
}
