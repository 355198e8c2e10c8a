//! What /proc says of a process: proc(5).

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// Open descriptors.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Processor time of all threads so far.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanos = tasks.map(|task| {
        let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
        text.split_whitespace()
            .next()
            .and_then(|word| word.parse().ok())
            .unwrap_or(0_u64)
    });
    Duration::from_nanos(nanos.sum())
}

/// Memory that is resident now.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

/// IPv4 TCP sockets of this network namespace in `state` (a number of net/tcp_states.h, such as 8
/// for CLOSE-WAIT) one of whose ends is `address`.
pub(crate) fn sockets_in_state(address: SocketAddr, state: u8) -> usize {
    let port = format!(":{:04X}", address.port());
    let text = fs::read_to_string("/proc/net/tcp").unwrap();
    let state = format!("{state:02X}");
    let matches = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words[3] == state && (words[1].ends_with(&port) || words[2].ends_with(&port))
    };
    text.lines().skip(1).filter(matches).count()
}

/// Open descriptors of one kind: `socket` or `pipe`.
pub(crate) fn descriptors_of_kind(pid: u32, kind: &str) -> usize {
    let prefix = format!("{kind}:");
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    links
        .filter_map(|link| fs::read_link(link.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with(&prefix))
        .count()
}

/// Whether a process was stopped by a signal: all its threads have halted.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.into_iter().all(|task| {
        let text = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        text.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('T'))
    })
}

/// Bytes that wait to be read in the TCP socket with these two ends, as ss(8) shows it.
pub(crate) fn unread_bytes(local: SocketAddr, remote: SocketAddr) -> u64 {
    let filter = format!("src {local} and dst {remote}");
    let output = Command::new("ss").args(["-Htn", &filter]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace()
        .nth(1)
        .map_or(0, |word| word.parse().unwrap())
}
