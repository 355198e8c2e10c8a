//! How long the admin API waits, for whom. The other bounds stand where they hold.

use std::time::Duration;

/// How long the admin API waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the head of a request, also on a connection that is kept open between two.
    pub head: Duration,
    /// For a whole request, from its head to its answer.
    pub request: Duration,
    /// For the supervisor's answer.
    pub supervisor: Duration,
    /// For a client that takes nothing of its answer.
    pub reader: Duration,
    /// Between two comments in a stream of events in which nothing happens.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            request: Duration::from_secs(30),
            supervisor: Duration::from_secs(10),
            reader: Duration::from_secs(30),
            silence: Duration::from_secs(15),
        }
    }
}
