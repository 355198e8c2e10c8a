//! What health knows of a backend, for people: the health thread writes it, the admin API reads it.

use std::time::{Duration, SystemTime};

use super::State;

/// How a backend stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it is now.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// The last check, if there was one.
    pub last_check: Option<LastCheck>,
}

impl Default for Report {
    /// Up, as every backend is at first; since when is for health to say.
    fn default() -> Self {
        Self {
            state: State::Up,
            since: SystemTime::UNIX_EPOCH,
            last_check: None,
        }
    }
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCheck {
    /// Whether it has passed.
    pub passed: bool,
    /// When it was over.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What it found: `connected`, `status 503`.
    pub detail: String,
}
