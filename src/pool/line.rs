//! The order of clients who wait for a backend below its limit: first come, first served over all
//! workers.
//!
//! Each worker keeps its own clients in order and publishes the ticket of its first one. Whoever
//! finds room serves its own first client if that has the lowest ticket of all, else wakes the worker
//! whose client has it. A worker publishes before it looks for room, and makes room before it looks
//! at tickets, so that one of the two always sees the other.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Gauge;

const NOBODY: u64 = u64::MAX;

/// The order of those who wait for a pool, as all workers see it.
#[derive(Debug)]
pub struct Line {
    /// All who wait, also those who do so out of order since they have tried a backend in vain.
    pub waiting: Gauge,
    next: AtomicU64,
    /// By worker: the ticket of its first client.
    first: Box<[AtomicU64]>,
}

impl Line {
    /// An empty line for so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            waiting: Gauge::default(),
            next: AtomicU64::new(0),
            first: (0..workers).map(|_| AtomicU64::new(NOBODY)).collect(),
        }
    }

    /// For a client that comes last.
    pub fn ticket(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// `ticket` is that of the first client of this worker.
    pub fn publish(&self, worker: usize, ticket: Option<u64>) {
        self.first[worker].store(ticket.unwrap_or(NOBODY), Ordering::SeqCst);
    }

    /// The worker whose client is first of all.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        let tickets = self.first.iter().map(|it| it.load(Ordering::SeqCst));
        let (ticket, worker) = tickets.zip(0..).min()?;
        (ticket != NOBODY).then_some(worker)
    }
}
