//! When a pool has too few or too many backends, and the command that is run then.

use std::sync::Arc;
use std::time::Duration;

/// How many backends a pool is to have for its sessions, and what starts and stops them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleConfig {
    /// Sessions that one backend is to have, at least 1.
    pub target: u32,
    /// The program, and its arguments.
    pub command: Arc<[String]>,
    /// For how long without a break there have to be too few or too many.
    pub after: Duration,
    /// From the end of a run to the next one.
    pub cool_down: Duration,
    /// The fewest backends in service, at least 1.
    pub min: u32,
    /// The most backends, whatever their state; not fewer than `min`.
    pub max: u32,
    /// For one run.
    pub timeout: Duration,
}

impl ScaleConfig {
    /// `after` where nothing is said of it.
    pub const AFTER: Duration = Duration::from_secs(30);
    /// `cool_down` where nothing is said of it.
    pub const COOL_DOWN: Duration = Duration::from_secs(120);
    /// `min` where nothing is said of it.
    pub const MIN: u32 = 1;
    /// `max` where nothing is said of it.
    pub const MAX: u32 = 10;
    /// `timeout` where nothing is said of it.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
}
