//! Backends, what runs on them, and the live set: what health allows of a pool, as a snapshot.
//!
//! Imports config, counts and session; used by every room that names a backend.

mod line;
mod live_set;
mod load;
mod report;
mod tally;

pub use line::Line;
pub use live_set::{LiveSet, Member, Order, State, WARM};
pub use load::{Gauge, Load};
pub use report::{LastCheck, Mark, RECENT_CHECKS, Report};
pub use tally::{Moved, Tally, Totals};

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// Identifies one backend for as long as the process runs; never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

/// A server that sessions can be dialed to, for as long as the process knows it. What of it can be
/// changed (weight, limit, state) is in [`Member`].
#[derive(Debug)]
pub struct Backend {
    /// Its identity.
    pub id: BackendId,
    /// The name of its pool.
    pub pool: Arc<str>,
    /// Its own name, unique in the pool.
    pub name: Arc<str>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The name that it has to show with TLS; `None` is no TLS.
    pub tls: Option<Arc<str>>,
    /// What all workers together have running on it.
    pub load: Load,
    /// What has gone through it, by worker.
    pub tallies: Box<[Tally]>,
    /// How it stands. Not for the data plane: it never waits for a lock.
    pub report: Mutex<Report>,
}

impl Backend {
    /// A backend that nothing is known of yet, for so many workers.
    #[must_use]
    pub fn new(
        id: BackendId,
        pool: Arc<str>,
        name: Arc<str>,
        address: SocketAddr,
        workers: usize,
    ) -> Self {
        Self {
            id,
            pool,
            name,
            address,
            tls: None,
            load: Load::default(),
            tallies: (0..workers).map(|_| Tally::default()).collect(),
            report: Mutex::default(),
        }
    }

    /// With TLS, in which it has to show that name, if there is one.
    #[must_use]
    pub fn speaking(self, tls: Option<Arc<str>>) -> Self {
        Self { tls, ..self }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.name)
    }
}
