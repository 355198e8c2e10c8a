//! How backends are watched: checks, and ejection.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// How the backends of a pool are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// What a probe does.
    pub check: Check,
    /// Probes go to this port instead of the backend's own.
    pub port: Option<u16>,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// For one probe, from its start to its verdict.
    pub timeout: Duration,
    /// Consecutive passes that bring a backend up.
    pub rise: u32,
    /// Consecutive failures that bring a backend down.
    pub fall: u32,
}

impl Default for HealthConfig {
    /// The defaults of the interface contract.
    fn default() -> Self {
        Self {
            check: Check::Tcp,
            port: None,
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
        }
    }
}

/// What a probe does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// It connects.
    #[default]
    Tcp,
    /// It asks for a path and looks at the status.
    Http {
        /// Begins with a slash; has no space and no control character.
        path: Arc<str>,
        /// For the Host header; `None` is the address that is probed.
        host: Option<Arc<str>>,
        /// Statuses that pass, such as 200 to 399.
        status: Arc<[RangeInclusive<u16>]>,
    },
    /// It sends something, and expects something in the answer.
    SendExpect {
        /// May be empty, for a backend that speaks first.
        send: Arc<[u8]>,
        /// Passes as soon as the answer contains it.
        expect: Arc<[u8]>,
    },
}

/// When clients' failed connects take a backend out. After Envoy's outlier detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EjectConfig {
    /// So many failed connects in a row eject a backend.
    pub failures: u32,
    /// The first ejection lasts that long, the second one twice, and so on.
    pub base: Duration,
    /// No ejection lasts longer.
    pub max: Duration,
    /// Of the pool's backends, that share may be ejected at once, though always one.
    pub max_percent: u8,
}

impl Default for EjectConfig {
    /// The values of the interface contract.
    fn default() -> Self {
        Self {
            failures: 5,
            base: Duration::from_secs(30),
            max: Duration::from_secs(300),
            max_percent: 50,
        }
    }
}
