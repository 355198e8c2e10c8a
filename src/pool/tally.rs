//! What has gone through a backend since the process began, counted by one worker.
//!
//! Each worker has a tally of its own in each backend, which it alone writes: a plain load and store, no
//! locked instruction, no cache line that two of them write. Whoever reads adds them up.

use std::time::Duration;

use crate::counts::{ConnectTimes, Count, Distribution, values};
use crate::session::DialError;

/// Counts of one worker. Cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Tally {
    bytes_in: Count,
    bytes_sent: Count,
    bytes_out: Count,
    attempts: Count,
    retries: Count,
    connects: ConnectTimes,
    errors: [Count; DialError::ALL.len()],
}

/// Bytes of one session that have moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// From the client.
    pub bytes_in: u64,
    /// To the backend.
    pub bytes_sent: u64,
    /// From the backend.
    pub bytes_out: u64,
}

/// Tallies, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connects that were begun.
    pub attempts: u64,
    /// Those among them that followed a failed one of the same connection.
    pub retries: u64,
    /// Connects that have succeeded, by the time they took.
    pub connects: Distribution<100, 19>,
    /// Connects that have failed, by [`DialError`].
    pub errors: [u64; DialError::ALL.len()],
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to the backend.
    pub bytes_sent: u64,
    /// Bytes from the backend.
    pub bytes_out: u64,
}

impl Totals {
    /// Connects that have succeeded.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connects.count()
    }

    /// Connects that have failed.
    #[must_use]
    pub fn connect_errors(&self) -> u64 {
        self.errors.iter().sum()
    }
}

impl Tally {
    /// A connect has begun.
    pub fn attempted(&self, is_retry: bool) {
        self.attempts.add(1);
        if is_retry {
            self.retries.add(1);
        }
    }

    /// A connect has succeeded, and taken so long.
    pub fn connected(&self, took: Duration) {
        self.connects.record(took);
    }

    /// A connect has failed.
    pub fn connect_failed(&self, error: DialError) {
        self.errors[error as usize].add(1);
    }

    /// So many bytes have moved.
    pub fn moved(&self, moved: Moved) {
        self.bytes_in.add(moved.bytes_in);
        self.bytes_sent.add(moved.bytes_sent);
        self.bytes_out.add(moved.bytes_out);
    }

    /// All of `tallies` together.
    pub fn sum<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Totals {
        let mut totals = Totals::default();
        for tally in tallies {
            totals.attempts += tally.attempts.value();
            totals.retries += tally.retries.value();
            totals.connects.add(&tally.connects);
            let errors = values(&tally.errors);
            let sums = totals.errors.iter_mut();
            sums.zip(errors).for_each(|(sum, more)| *sum += more);
            totals.bytes_in += tally.bytes_in.value();
            totals.bytes_sent += tally.bytes_sent.value();
            totals.bytes_out += tally.bytes_out.value();
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let tallies = [Tally::default(), Tally::default()];
        tallies[0].attempted(false);
        tallies[0].connected(Duration::from_millis(1));
        tallies[1].attempted(true);
        tallies[1].connect_failed(DialError::Reset);
        let [moved, more] = [3, 4].map(|bytes| Moved {
            bytes_in: bytes,
            bytes_sent: 2,
            bytes_out: bytes + 1,
        });
        tallies[0].moved(moved);
        tallies[1].moved(more);
        let sum = Tally::sum(&tallies);
        assert_eq!((sum.attempts, sum.retries), (2, 1));
        assert_eq!((sum.connections(), sum.connect_errors()), (1, 1));
        assert_eq!(sum.errors[DialError::Reset as usize], 1);
        assert_eq!((sum.bytes_in, sum.bytes_sent, sum.bytes_out), (7, 4, 9));
    }
}
