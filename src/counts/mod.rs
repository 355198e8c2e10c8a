//! Numbers that one thread adds to, and others read.
//!
//! No locked instruction: whoever counts loads and stores. Whoever reads adds up what several have
//! counted. Imports nothing of ours; used by everything that counts.

mod histogram;

pub use histogram::{ConnectTimes, Distribution, Durations, Histogram};

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread writes, and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// So many more. Only one thread may ever call this, or [`Count::set`].
    pub fn add(&self, more: u64) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now.wrapping_add(more), Ordering::Relaxed);
    }

    /// So many, from now on: for what goes up and down.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// How many.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The values of several counts.
#[must_use]
pub fn values<const N: usize>(counts: &[Count; N]) -> [u64; N] {
    std::array::from_fn(|at| counts[at].value())
}
