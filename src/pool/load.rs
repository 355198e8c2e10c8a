//! What all workers together have running on a backend, and what they have learnt of it.
//!
//! Plain atomics, each changed by whoever knows better: nobody waits for anybody.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// After this time without a connect, a latency counts for 1/e of what it was.
const LATENCY_DECAY: Duration = Duration::from_secs(10);

/// A number of things that exist at once, over all workers.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU32);

impl Gauge {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// One more, unless there are `limit` already: then nothing changes. How many there are now.
    pub fn enter(&self, limit: u32) -> Option<u32> {
        let more = |count| (count < limit).then(|| count + 1);
        let before = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        before.ok().map(|count| count + 1)
    }

    /// One less. How many there are now.
    pub fn leave(&self) -> u32 {
        self.0.fetch_sub(1, Ordering::SeqCst) - 1
    }
}

/// What all workers together have running on one backend. Times are milliseconds since the epoch
/// that all loops count from.
#[derive(Debug, Default)]
pub struct Load {
    /// Sessions that have it, from before the connect to after the close.
    pub active: Gauge,
    /// Failed connects since the last one that succeeded.
    failures: AtomicU32,
    /// When a connect succeeded last, plus one; 0 is never.
    connected: AtomicU64,
    /// Peak EWMA of the time that a connect takes, in seconds as the bits of an f64, as of `connected`.
    latency: AtomicU64,
    /// Of each worker, a bit: it knows, or has been told, that `active` has changed.
    told: AtomicU64,
}

impl Load {
    /// A connect has taken `took`, and succeeded.
    pub fn connected(&self, now: u64, took: Duration) {
        let took = took.as_secs_f64();
        let (known, age) = self.known_latency(now);
        // Peak EWMA, after Finagle's balancer: a worse time counts at once, a better one by and by.
        let old = decayed(1.0, age);
        let latency = took.max(known * old + took * (1.0 - old));
        self.latency.store(latency.to_bits(), Ordering::Relaxed);
        self.connected.store(now + 1, Ordering::Relaxed);
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// A connect has failed, by the backend's own doing. How many have since the last success.
    pub fn connect_failed(&self) -> u32 {
        self.failures.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Failed connects since the last one that succeeded.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Failures so far are forgiven.
    pub fn forgive(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// When a connect succeeded last.
    #[must_use]
    pub fn last_connected(&self) -> Option<u64> {
        self.connected.load(Ordering::Relaxed).checked_sub(1)
    }

    /// What a connect takes, in seconds: the peak EWMA, decayed to `now`; 0 is not known.
    #[must_use]
    pub fn latency(&self, now: u64) -> f64 {
        let (known, age) = self.known_latency(now);
        decayed(known, age)
    }

    fn known_latency(&self, now: u64) -> (f64, u64) {
        let age = now.saturating_sub(self.last_connected().unwrap_or(0));
        (f64::from_bits(self.latency.load(Ordering::Relaxed)), age)
    }

    /// Marks the worker with this number as told that `active` has changed. Whether it had to be.
    pub fn tell(&self, worker: u32) -> bool {
        let bit = 1 << worker;
        self.told.load(Ordering::SeqCst) & bit == 0
            && self.told.fetch_or(bit, Ordering::SeqCst) & bit == 0
    }

    /// The worker with this number looks at `active` now: the next change has to be told again.
    pub fn look(&self, worker: u32) -> u32 {
        self.told.fetch_and(!(1 << worker), Ordering::SeqCst);
        self.active.count()
    }
}

fn decayed(value: f64, age: u64) -> f64 {
    value * (-Duration::from_millis(age).div_duration_f64(LATENCY_DECAY)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_gauge_never_goes_over_its_limit() {
        let gauge = Gauge::default();
        assert_eq!([(); 3].map(|()| gauge.enter(2)), [Some(1), Some(2), None]);
        assert_eq!(gauge.leave(), 1);
        assert_eq!(gauge.enter(2), Some(2));
        assert_eq!(gauge.enter(0), None);
    }

    #[test]
    fn latency_jumps_up_to_a_peak_and_comes_down_slowly() {
        let load = Load::default();
        assert_eq!(load.latency(0), 0.0);
        load.connected(0, MS);
        load.connected(10, 9 * MS);
        assert_eq!(load.latency(10), 9e-3);
        load.connected(1010, MS);
        let after = load.latency(1010);
        assert!(after > 8e-3 && after < 9e-3, "{after}");
        assert!(load.latency(1010 + 10_000) < after * 0.37, "it fades");
    }

    #[test]
    fn a_success_ends_the_count_of_failures() {
        let load = Load::default();
        assert_eq!([load.connect_failed(), load.connect_failed()], [1, 2]);
        assert_eq!(load.last_connected(), None);
        load.connected(7, MS);
        assert_eq!((load.failures(), load.last_connected()), (0, Some(7)));
    }

    #[test]
    fn a_worker_is_told_once_until_it_looks() {
        let load = Load::default();
        assert_eq!(
            [load.tell(3), load.tell(3), load.tell(63)],
            [true, false, true]
        );
        load.active.enter(5);
        assert_eq!(load.look(3), 1);
        assert_eq!([load.tell(3), load.tell(63)], [true, false]);
    }
}
