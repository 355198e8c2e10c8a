//! Which backend a session is dialed to: one file per algorithm, pure.
//!
//! Imports pool. Called by worker::dialer.

mod round_robin;

pub use round_robin::RoundRobin;

/// What a pick has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The backend at this place of the live set's backends.
    Chosen(usize),
    /// No backend is live.
    NoneLive,
    /// Backends are live, but the session has tried each of them.
    AllTried,
}
