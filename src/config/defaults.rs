//! What holds where neither a flag nor the file says anything. The checks of health and ejection have
//! theirs in their own types.

use std::time::Duration;

use log::LevelFilter;

/// Event loops.
pub const WORKERS: u8 = 1;
/// How long a stopping process lets sessions finish.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// What is logged.
pub const LOG_LEVEL: LevelFilter = LevelFilter::Info;
/// How long a session may be without a byte.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
/// For what is read of a client before a backend is chosen.
pub const PREAMBLE_TIMEOUT: Duration = Duration::from_secs(5);
/// For one attempt to connect.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Further attempts.
pub const RETRIES: u8 = 2;
