//! What is counted of listeners and of event loops, by each worker for itself.
//!
//! They go with a listener, over all plans, and with a worker; what goes with a backend is in
//! [`crate::pool::Tally`]. Workers count, the supervisor reads.

use std::array;
use std::time::Duration;

use rustix::io::Errno;

use crate::counts::{Count, Distribution, Durations, values};
use crate::session::Cause;

/// Why accepting has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// The client had gone.
    Gone,
    /// No descriptor was left, of the process or of the machine.
    Descriptors,
    /// No memory was left.
    Memory,
    /// Something else, as a firewall that forbids it.
    Other,
}

impl AcceptError {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gone, Self::Descriptors, Self::Memory, Self::Other];

    /// What an error of accept(2) is.
    #[must_use]
    pub const fn of(error: Errno) -> Self {
        match error {
            Errno::MFILE | Errno::NFILE => Self::Descriptors,
            Errno::NOBUFS | Errno::NOMEM => Self::Memory,
            _ => Self::Other,
        }
    }

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Descriptors => "descriptors",
            Self::Memory => "memory",
            Self::Other => "other",
        }
    }
}

/// How the handshake of a client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeEnd {
    /// A new session.
    Full,
    /// A session that goes on.
    Resumed,
    /// What came was no TLS.
    NotTls,
    /// There is no version, cipher or protocol in common.
    Incompatible,
    /// The client has no certificate, or a wrong one.
    Certificate,
    /// The client has said that something is wrong.
    Alert,
    /// The client broke the rules.
    Protocol,
    /// The client went away.
    Closed,
    /// It took too long.
    Timeout,
}

impl HandshakeEnd {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Full,
        Self::Resumed,
        Self::NotTls,
        Self::Incompatible,
        Self::Certificate,
        Self::Alert,
        Self::Protocol,
        Self::Closed,
        Self::Timeout,
    ];

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::NotTls => "not_tls",
            Self::Incompatible => "incompatible",
            Self::Certificate => "certificate",
            Self::Alert => "alert",
            Self::Protocol => "protocol",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
        }
    }

    /// A failure by its name.
    #[must_use]
    pub fn of(label: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.label() == label).unwrap_or(Self::Protocol)
    }
}

/// What one worker has counted of a listener. A cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ListenerTally {
    /// Clients that were accepted.
    pub accepted: Count,
    /// Bytes from clients.
    pub received: Count,
    /// Bytes to clients.
    pub sent: Count,
    durations: Durations,
    accept_errors: [Count; AcceptError::ALL.len()],
    handshakes: [Count; HandshakeEnd::ALL.len()],
}

impl ListenerTally {
    /// A connection has ended that lasted so long.
    pub fn ended(&self, lasted: Duration) {
        self.durations.record(lasted);
    }

    /// The handshake of a client has ended.
    pub fn shaken(&self, end: HandshakeEnd) {
        self.handshakes[end as usize].add(1);
    }

    /// A client could not be accepted.
    pub fn failed(&self, error: AcceptError) {
        self.accept_errors[error as usize].add(1);
    }
}

/// Listener tallies, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenerTotals {
    /// Clients that were accepted.
    pub accepted: u64,
    /// Bytes from clients.
    pub received: u64,
    /// Bytes to clients.
    pub sent: u64,
    /// How long connections have lasted.
    pub durations: Distribution<1000, 24>,
    /// By [`AcceptError`].
    pub accept_errors: [u64; AcceptError::ALL.len()],
    /// By [`HandshakeEnd`].
    pub handshakes: [u64; HandshakeEnd::ALL.len()],
}

impl ListenerTotals {
    /// All of `tallies` together.
    #[must_use]
    pub fn of(tallies: &[ListenerTally]) -> Self {
        let mut totals = Self::default();
        for tally in tallies {
            totals.accepted += tally.accepted.value();
            totals.received += tally.received.value();
            totals.sent += tally.sent.value();
            totals.durations.add(&tally.durations);
            let errors = values(&tally.accept_errors);
            let sums = totals.accept_errors.iter_mut();
            sums.zip(errors).for_each(|(sum, more)| *sum += more);
            let handshakes = values(&tally.handshakes);
            let sums = totals.handshakes.iter_mut();
            sums.zip(handshakes).for_each(|(sum, more)| *sum += more);
        }
        totals
    }
}

/// How many connections have ended, by [`Cause`].
pub type EndTotals = [u64; Cause::ALL.len()];

/// Why connections of a listener to a pool have ended, as one worker has counted it.
#[derive(Debug)]
#[repr(align(64))]
pub struct EndTally([Count; Cause::ALL.len()]);

impl Default for EndTally {
    fn default() -> Self {
        Self(array::from_fn(|_| Count::default()))
    }
}

impl EndTally {
    /// One more has ended.
    pub fn ended(&self, cause: Cause) {
        self.0[cause as usize].add(1);
    }

    /// All of `tallies` together.
    #[must_use]
    pub fn sum(tallies: &[Self]) -> EndTotals {
        let mut sums = EndTotals::default();
        for tally in tallies {
            let counts = values(&tally.0);
            sums.iter_mut().zip(counts).for_each(|(sum, it)| *sum += it);
        }
        sums
    }
}

/// What a worker counts of itself.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct WorkerTally {
    /// Times that its loop has woken.
    pub iterations: Count,
    /// How long it was awake, in nanoseconds.
    pub busy_nanos: Count,
    /// Bytes that it has written from memory, to either side.
    pub copied: Count,
    /// Bytes that it has spliced, to either side.
    pub spliced: Count,
    /// Its sessions.
    pub sessions: Count,
    /// Its pipes that have bytes in them.
    pub pipes_used: Count,
    /// Its empty pipes, kept for the next flow.
    pub pipes_idle: Count,
}
