//! What has gone through a backend since the process began, counted by one worker.
//!
//! Each worker has a tally of its own in each backend, which it alone writes: a plain load and store, no
//! locked instruction, no cache line that two of them write. Whoever reads adds them up.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one worker. A cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Tally {
    connections: Count,
    connect_errors: Count,
    bytes_in: Count,
    bytes_out: Count,
}

/// Tallies, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connects that have succeeded.
    pub connections: u64,
    /// Connects that have failed.
    pub connect_errors: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes from the backend.
    pub bytes_out: u64,
}

/// A number that one thread adds to, and others read.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, more: u64) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now.wrapping_add(more), Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    /// A connect has succeeded.
    pub fn connected(&self) {
        self.connections.add(1);
    }

    /// A connect has failed.
    pub fn connect_failed(&self) {
        self.connect_errors.add(1);
    }

    /// So many bytes have come from a client, and from the backend.
    pub fn moved(&self, bytes_in: u64, bytes_out: u64) {
        if bytes_in > 0 {
            self.bytes_in.add(bytes_in);
        }
        if bytes_out > 0 {
            self.bytes_out.add(bytes_out);
        }
    }

    /// All of `tallies` together.
    pub fn sum<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Totals {
        let mut totals = Totals::default();
        for tally in tallies {
            totals.connections += tally.connections.value();
            totals.connect_errors += tally.connect_errors.value();
            totals.bytes_in += tally.bytes_in.value();
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
        tallies[0].connected();
        tallies[1].connected();
        tallies[1].connect_failed();
        tallies[0].moved(3, 0);
        tallies[1].moved(4, 5);
        let expected = Totals {
            connections: 2,
            connect_errors: 1,
            bytes_in: 7,
            bytes_out: 5,
        };
        assert_eq!(Tally::sum(&tallies), expected);
    }
}
