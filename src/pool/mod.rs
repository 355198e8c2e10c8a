//! Backends, what runs on them, and the live set: what health allows of a pool, as a snapshot.
//!
//! Imports config; used by every room that names a backend.

mod line;
mod live_set;
mod load;

pub use line::Line;
pub use live_set::{LiveSet, Member, State, WARM};
pub use load::{Gauge, Load};

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

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
    /// What all workers together have running on it.
    pub load: Load,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.name)
    }
}
