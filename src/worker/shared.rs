//! What the workers of a process have in common: how many sessions there are.

use std::sync::atomic::{AtomicBool, AtomicU32};

use crate::pool::Gauge;

/// The counts of a whole process. A worker changes its own share of them; nobody waits for anybody.
pub(super) struct Shared {
    /// Sessions in all.
    pub(super) sessions: Gauge,
    /// Sessions by worker, clients that are on their way to it among them.
    pub(super) workers: Box<[Gauge]>,
    /// Clients were left in the accept queue, as there were as many sessions as there can be.
    pub(super) left_waiting: AtomicBool,
    /// How crowded it was when the supervisor was told last.
    pub(super) crowded_told: AtomicU32,
    /// From now on no worker hands clients over: the others may be gone.
    pub(super) draining: AtomicBool,
}

impl Shared {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            sessions: Gauge::default(),
            workers: (0..workers).map(|_| Gauge::default()).collect(),
            left_waiting: AtomicBool::new(false),
            crowded_told: AtomicU32::new(0),
            draining: AtomicBool::new(false),
        }
    }
}
