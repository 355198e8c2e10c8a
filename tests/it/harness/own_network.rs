//! Runs a test in a network namespace of its own: there it may narrow ports, drop packets and forbid
//! routes, and all of it is gone when the test has ended.
//!
//! The test program starts itself again, for this one test, under unshare(1).

use std::process::Command;

const MARK: &str = "L4LB_OWN_NETWORK";

/// Runs `body`, the whole of the test that is called `name` in module `module`, in there.
#[track_caller]
pub(crate) fn run(module: &str, name: &str, body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        command("ip", &["link", "set", "lo", "up"]);
        return body();
    }
    let module = module
        .split_once("::")
        .map_or(module, |(_crate, path)| path);
    let mut words = vec!["--net"];
    if !rustix::process::geteuid().is_root() {
        words.extend(["--user", "--map-root-user"]);
    }
    let test = format!("{module}::{name}");
    let output = Command::new("unshare")
        .args(words)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let texts = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    assert!(output.status.success(), "{}\n{}", texts[0], texts[1]);
    assert!(
        texts[0].contains("1 passed"),
        "{test} is not the name of the test"
    );
}

/// Runs a program to its end.
#[track_caller]
pub(crate) fn command(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {text}");
}

/// Sets a number, or several, of /proc/sys/net/ipv4 in there, such as `tcp_wmem`.
#[track_caller]
pub(crate) fn set(name: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
}
