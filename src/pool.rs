//! Backends and the live set: what health allows of a pool, as an immutable snapshot.
//!
//! Imports nothing of ours; used by every room that names a backend.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Identifies one backend for as long as the process runs; never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

/// A server that sessions can be dialed to.
#[derive(Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its identity.
    pub id: BackendId,
    /// The name of its pool.
    pub pool: Arc<str>,
    /// Its own name, unique in the pool.
    pub name: Arc<str>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.name)
    }
}

/// The backends of a pool, in the order of the configuration.
pub type Members = Arc<[Arc<Backend>]>;

/// The backends of a pool and which of them are live. A new one is made for every change.
#[derive(Clone, Debug)]
pub struct LiveSet {
    backends: Members,
    live: Vec<usize>,
}

impl LiveSet {
    /// All of `backends`, those with `is_live` being live.
    #[must_use]
    pub fn new(backends: Members, is_live: impl Fn(&Backend) -> bool) -> Self {
        let live = (0..backends.len())
            .filter(|&place| is_live(&backends[place]))
            .collect();
        Self { backends, live }
    }

    /// All backends of the pool, live or not, in the order of the configuration.
    #[must_use]
    pub fn backends(&self) -> &Members {
        &self.backends
    }

    /// Places in [`LiveSet::backends`] of those that are live, in ascending order.
    #[must_use]
    pub fn live(&self) -> &[usize] {
        &self.live
    }
}
