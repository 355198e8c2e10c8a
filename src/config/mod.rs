//! What l4lb is told to do: valid by construction, immutable, shared by all threads.
//!
//! Text becomes these types in cli (flags); whoever holds one need not check anything again.
//! Imports nothing of ours.

mod address;
mod units;

pub use address::{AddressError, listen_address, resolve_backend};
pub use units::{UnitError, duration};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The whole configuration of a process.
#[derive(Clone, Debug)]
pub struct Config {
    /// The listeners, in order. Each names a pool by its place.
    pub listeners: Vec<ListenerConfig>,
    /// The pools.
    pub pools: Vec<PoolConfig>,
    /// Sessions at once over all listeners; `None` is as many as descriptors allow.
    pub max_connections: Option<usize>,
    /// How long a stopping process lets sessions finish.
    pub drain_timeout: Duration,
    /// Where the access log goes.
    pub access_log: AccessLogOutput,
}

/// A set of addresses that accept clients for one pool.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Its name in logs.
    pub name: Arc<str>,
    /// Where it listens; port 0 is a free one.
    pub addresses: Vec<SocketAddr>,
    /// The place of its pool in [`Config::pools`].
    pub pool: usize,
    /// A session in which no byte moves for this long is ended.
    pub idle_timeout: Duration,
}

/// Backends and how they are reached and watched.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Its name in logs.
    pub name: Arc<str>,
    /// At least one, each name once.
    pub backends: Vec<BackendConfig>,
    /// For one attempt to connect.
    pub connect_timeout: Duration,
    /// Further attempts, each on another backend where there is one.
    pub retries: u8,
    /// How backends are watched; `None` takes them all for live.
    pub health: Option<HealthConfig>,
}

/// One backend as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendConfig {
    /// Its name, or its address as it was written.
    pub name: Arc<str>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// How backends are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// For one probe.
    pub timeout: Duration,
    /// Consecutive passes that bring a backend up.
    pub rise: u32,
    /// Consecutive failures that bring a backend down.
    pub fall: u32,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogOutput {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Appended to this file, which is opened again on USR1.
    File(PathBuf),
}
