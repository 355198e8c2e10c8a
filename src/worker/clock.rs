//! The time of this turn of the loop: read once when it wakes, the same for all that happens in it.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    now: Instant,
}

impl Clock {
    pub(super) const fn new(start: Instant) -> Self {
        Self { start, now: start }
    }

    pub(super) const fn set(&mut self, now: Instant) {
        self.now = now;
    }

    pub(super) const fn now(&self) -> Instant {
        self.now
    }

    /// Milliseconds since the start: the time of the timers.
    pub(super) fn millis(&self) -> u64 {
        millis(self.now - self.start)
    }
}

/// A duration as the timers count it.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
