//! Runs the real program in front of real backends, and watches it from outside.
//!
//! Ports are free ones, waiting has a deadline, and every process that is started is ended, by its
//! own id, whatever happens to the test.

mod embedded;
pub(crate) mod own_network;
mod proc_fs;
mod process;

use std::time::{Duration, Instant};

pub(crate) use embedded::{Embedded, pool_over, tcp_checks};
pub(crate) use proc_fs::{
    cpu_time, descriptors, descriptors_of_kind, is_stopped, resident_bytes, sockets_in_state,
    unread_bytes,
};
pub(crate) use process::{L4lb, Options};

/// How long anything may take before a test gives up: long, for machines under load.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
///
/// # Panics
///
/// When it has not come true within [`PATIENCE`]; `what` says what was waited for.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sizes for the gate, and those for a long night: `L4LB_TORTURE=1`.
pub(crate) fn size(gate: u64, torture: u64) -> u64 {
    if std::env::var_os("L4LB_TORTURE").is_some() {
        torture
    } else {
        gate
    }
}
