//! Three things that must not slip in: `unsafe` outside the one room for it, a log call on the hot
//! path, and a test that is skipped without saying why.

use super::Violation;
use super::source::{Source, has_word};

const UNSAFE_ROOM: [&str; 2] = ["src/sys/", "src/sys.rs"];

fn unsafe_stays_in_sys(source: &Source) -> Vec<Violation> {
    if UNSAFE_ROOM.iter().any(|room| source.path.starts_with(room)) {
        return Vec::new();
    }
    let advice = "`unsafe` lives in src/sys alone: wrap the call there, behind a safe signature";
    source.bad_lines(&source.code, |line| has_word(line, "unsafe"), advice)
}

fn workers_log_nothing(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with("src/worker") {
        return Vec::new();
    }
    let advice = "the hot path logs nothing: count it, or send it to the supervisor as a message";
    let paths = source.production_paths();
    let logs = paths.iter().filter(|path| path.starts_with("log"));
    logs.map(|path| source.violation(path.line, advice))
        .collect()
}

fn skipped_tests_say_why(source: &Source) -> Vec<Violation> {
    let advice = "say why and when to run it: `#[ignore = \"reason\"]`";
    let is_bare = |line: &str| line.replace(' ', "").contains("#[ignore]");
    source.bad_lines(&source.code, is_bare, advice)
}

#[test]
fn unsafe_code_is_only_in_sys() {
    super::assert_tree_obeys(unsafe_stays_in_sys);
}

#[test]
fn the_hot_path_logs_nothing() {
    super::assert_tree_obeys(workers_log_nothing);
}

#[test]
fn every_skipped_test_has_a_reason() {
    super::assert_tree_obeys(skipped_tests_say_why);
}

#[test]
fn unsafe_outside_sys_is_caught() {
    let text = "fn f() {\n    unsafe { g() }\n}\n";
    let caught = |path, text| super::lines_caught(unsafe_stays_in_sys, path, text);
    assert_eq!(caught("src/worker/listener.rs", text), [2]);
    assert_eq!(caught("test-backends/src/lib.rs", text), [2]);
    assert_eq!(caught("src/system.rs", text), [2]);
    assert!(caught("src/sys/splice.rs", text).is_empty());
    assert!(
        caught(
            "src/pool.rs",
            "// unsafe\n#![deny(unsafe_code)]\nf(\"unsafe\");"
        )
        .is_empty()
    );
}

#[test]
fn a_log_call_on_the_hot_path_is_caught() {
    let caught = |path, text| super::lines_caught(workers_log_nothing, path, text);
    assert_eq!(
        caught("src/worker/listener.rs", "\nlog::warn!(\"no\");"),
        [2]
    );
    assert_eq!(
        caught("src/worker/mod.rs", "use log::{debug,\n    warn};"),
        [1, 2]
    );
    assert!(caught("src/supervisor.rs", "log::warn!(\"yes\");").is_empty());
    assert!(caught("src/worker/mod.rs", "crate::access_log::Record; logs::x()").is_empty());
}

#[test]
fn a_bare_ignore_is_caught() {
    let caught = |text| super::lines_caught(skipped_tests_say_why, "tests/it/relay.rs", text);
    assert_eq!(caught("#[test]\n#[ignore]\nfn f() {}"), [2]);
    assert!(caught("#[ignore = \"an hour long: ./test repeat\"]\nfn f() {}").is_empty());
}
