//! The time of this turn of the loop: read once when it wakes, the same for all that happens in it.

use std::num::NonZeroU64;
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

    /// Now, as sessions keep it.
    pub(super) fn moment(&self) -> Moment {
        let micros = u64::try_from((self.now - self.start).as_micros());
        Moment(NonZeroU64::MIN.saturating_add(micros.unwrap_or(u64::MAX)))
    }
}

/// A point in time in a word, as a session keeps several: microseconds since the start, plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(NonZeroU64);

impl Moment {
    /// The time since `earlier`.
    pub(super) const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// In the milliseconds of the timers.
    pub(super) const fn millis(self) -> u64 {
        self.0.get() / 1000
    }
}

/// A duration as the timers count it.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
