//! Fact 18: on loopback a connect to a port of the ephemeral range can connect to itself. In a
//! network of its own, where that range has two ports, it does so half of the time.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use super::available;
use crate::harness::{L4lb, Options};

/// The port of a backend that does not exist, the first of the two.
const PORT: u16 = 40_000;
const TIME_WAIT: u8 = 6;

/// Starts it in a network of its own; none where that cannot be had.
fn alone(flags: &[&str]) -> Option<L4lb> {
    let network = ["unshare", "--map-root-user", "--net"];
    let may = available("unshare") && available("nsenter") && available("ip") && available("curl");
    let mut command = Command::new(network[0]);
    let probe = command
        .args(&network[1..])
        .arg("true")
        .stderr(Stdio::null());
    if !may || !probe.status().is_ok_and(|it| it.success()) {
        eprintln!("skipped: no network of its own can be had here");
        return None;
    }
    let script = format!(
        "PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && \
         echo {PORT} {} >/proc/sys/net/ipv4/ip_local_port_range && exec \"$@\"",
        PORT + 1
    );
    let options = Options::new().wrapped_in(&[&network[..], &["sh", "-c", &script, "sh"]].concat());
    let options = options
        .arg("--listen=127.0.0.1:9000")
        .backend(([127, 0, 0, 1], PORT).into());
    Some(flags.iter().fold(options, |it, flag| it.arg(flag)).start())
}

/// Asks it from within its network.
fn curl(l4lb: &L4lb) -> Output {
    let target = format!("--target={}", l4lb.pid());
    let mut command = Command::new("nsenter");
    command.args([
        &target,
        "--user",
        "--net",
        "--preserve-credentials",
        "curl",
        "-sS",
        "-m",
        "20",
    ]);
    command
        .args(["--http0.9", "http://127.0.0.1:9000/"])
        .output()
        .unwrap()
}

/// Connections of its network between `PORT` and itself.
fn connected_to_themselves(l4lb: &L4lb, state: Option<u8>) -> usize {
    let text = fs::read_to_string(format!("/proc/{}/net/tcp", l4lb.pid())).unwrap();
    let own = format!("0100007F:{PORT:04X}");
    let is_one = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_in_state = state.is_none_or(|state| words[3] == format!("{state:02X}"));
        words[1] == own && words[2] == own && is_in_state
    };
    text.lines().filter(is_one).count()
}

#[test]
fn a_session_is_never_connected_to_itself() {
    let Some(l4lb) = alone(&["--health=off", "--retries=1"]) else {
        return;
    };
    for _ in 0..10 {
        let output = curl(&l4lb);
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{output:?}"
        );
    }
    let lines = l4lb.wait_for_access_log(10);
    assert!(
        lines.iter().all(|line| line.contains(" 0/0 SC ")),
        "{lines:?}"
    );
    // One in TIME_WAIT would keep the real backend from its port.
    assert_eq!(connected_to_themselves(&l4lb, Some(TIME_WAIT)), 0);
    assert_eq!(connected_to_themselves(&l4lb, None), 0);
}

#[test]
fn a_probe_that_connects_to_itself_has_found_nobody() {
    let Some(mut l4lb) = alone(&["--health-interval=10ms", "--fall=20", "--rise=1"]) else {
        return;
    };
    l4lb.wait_for_log("app/a is down: connection refused (20 of 20)");
    assert_eq!(connected_to_themselves(&l4lb, Some(TIME_WAIT)), 0);
    let _: SocketAddr = l4lb.address();
}
