//! What was read of all counts at one time: plain data, which takes its time to be written out elsewhere.

use std::sync::Arc;

use super::{EndTotals, ListenerTotals};
use crate::pool::{State, Totals};
use crate::vitals::Vitals;

/// All that is told to Prometheus.
#[derive(Debug, Default)]
pub struct Scrape {
    /// `0.1.0`, and the revision.
    pub version: [&'static str; 2],
    /// Whether every pool can take sessions and nothing is draining.
    pub ready: bool,
    /// Whether it is draining.
    pub draining: bool,
    /// Counts the configurations that were applied.
    pub generation: u64,
    /// Reloads that were done, and that were refused.
    pub reloads: [u64; 2],
    /// When a configuration was last read without an error, in seconds since 1970.
    pub reloaded_at: f64,
    /// The listeners.
    pub listeners: Vec<ListenerScrape>,
    /// Why connections have ended, by listener and pool.
    pub ends: Vec<EndScrape>,
    /// The pools.
    pub pools: Vec<PoolScrape>,
    /// The backends of all pools.
    pub backends: Vec<BackendScrape>,
    /// The workers, by number.
    pub workers: Vec<WorkerScrape>,
    /// The certificates that clients are shown.
    pub certificates: Vec<CertificateScrape>,
    /// Lines of the access log that were written, and that were dropped.
    pub access_log: [u64; 2],
    /// What the kernel says of the process.
    pub vitals: Option<Vitals>,
}

/// A listener.
#[derive(Debug)]
pub struct ListenerScrape {
    /// Its name.
    pub name: Arc<str>,
    /// Its sessions.
    pub active: u32,
    /// Whether it speaks TLS.
    pub speaks_tls: bool,
    /// What its workers have counted.
    pub totals: ListenerTotals,
}

/// Why connections of a listener to a pool have ended.
#[derive(Debug)]
pub struct EndScrape {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The pool's name.
    pub pool: Arc<str>,
    /// By cause.
    pub totals: EndTotals,
}

/// A certificate that the clients of a listener are shown.
#[derive(Debug)]
pub struct CertificateScrape {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The file that it is in.
    pub file: String,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    /// Whether its authority's word on it goes along.
    pub is_stapled: bool,
}

/// A pool.
#[derive(Debug)]
pub struct PoolScrape {
    /// Its name.
    pub name: Arc<str>,
    /// Clients who wait for one of its backends.
    pub queue: u32,
}

/// A backend.
#[derive(Debug)]
pub struct BackendScrape {
    /// The name of its pool.
    pub pool: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// How it stands.
    pub state: State,
    /// Its weight.
    pub weight: u16,
    /// Its sessions.
    pub active: u32,
    /// What workers have counted.
    pub totals: Totals,
    /// Health checks that have passed, and that have failed.
    pub checks: [u64; 2],
    /// How often it has become each state.
    pub transitions: [u64; State::ALL.len()],
}

/// What a worker has counted of itself.
#[derive(Clone, Copy, Debug)]
pub struct WorkerScrape {
    /// Times that its loop has woken.
    pub iterations: u64,
    /// How long it was awake.
    pub busy_seconds: f64,
    /// Bytes that it has written from memory.
    pub copied: u64,
    /// Bytes that it has spliced.
    pub spliced: u64,
    /// Its sessions.
    pub sessions: u64,
    /// Its pipes that have bytes in them.
    pub pipes_used: u64,
    /// Its empty pipes.
    pub pipes_idle: u64,
}
