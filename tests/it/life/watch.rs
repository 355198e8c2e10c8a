//! Processes from outside: guarded, frozen, and watched while nothing happens to them.

use std::process::Child;
use std::time::Duration;

use crate::harness::{L4lb, cpu_time, eventually};

/// Stops the process, and waits until each of its threads stands still.
pub(super) fn freeze(l4lb: &L4lb) {
    l4lb.signal("STOP");
    let stands = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('T')
    };
    let tasks = format!("/proc/{}/task", l4lb.pid());
    eventually("a stop", || std::fs::read_dir(&tasks).unwrap().all(stands));
}

/// Lets time pass, where time itself is what is tested. Not for waiting until something happens.
pub(crate) fn let_pass(span: Duration) {
    std::thread::sleep(span);
}

/// Processor time that the process uses within `span`.
pub(super) fn cpu_time_within(pid: u32, span: Duration) -> Duration {
    let before = cpu_time(pid);
    let_pass(span);
    cpu_time(pid) - before
}

/// A process that is killed when the test is over.
pub(super) struct Guarded(pub(super) Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
