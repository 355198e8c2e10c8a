//! What /proc says of a process: proc(5).

use std::fs;
use std::net::SocketAddr;
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
