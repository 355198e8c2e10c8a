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

/// How many connections have ended, by [`Cause`], and how many responses there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndTotals {
    /// Connections that have ended.
    pub causes: [u64; Cause::ALL.len()],
    /// HTTP responses by the first digit of their status, from 1 on, that backends have made.
    pub responses: [u64; CLASSES.len()],
    /// Those that l4lb has made.
    pub own_responses: [u64; CLASSES.len()],
}

/// The classes of statuses.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Why connections of a listener to a pool have ended, and what was answered, as one worker has counted it.
#[derive(Debug)]
#[repr(align(64))]
pub struct EndTally {
    causes: [Count; Cause::ALL.len()],
    responses: [Count; CLASSES.len()],
    own_responses: [Count; CLASSES.len()],
}

impl Default for EndTally {
    fn default() -> Self {
        Self {
            causes: array::from_fn(|_| Count::default()),
            responses: array::from_fn(|_| Count::default()),
            own_responses: array::from_fn(|_| Count::default()),
        }
    }
}

impl EndTally {
    /// One more has ended.
    pub fn ended(&self, cause: Cause) {
        self.causes[cause as usize].add(1);
    }

    /// A response with this status was passed on, or was l4lb's own. Above 599 is what nobody knows: the
    /// last class has it.
    pub fn answered(&self, status: u16, is_own: bool) {
        let counts = if is_own {
            &self.own_responses
        } else {
            &self.responses
        };
        let class = usize::from(status / 100).clamp(1, CLASSES.len());
        counts[class - 1].add(1);
    }

    /// All of `tallies` together.
    #[must_use]
    pub fn sum(tallies: &[Self]) -> EndTotals {
        let mut sums = EndTotals::default();
        for tally in tallies {
            add(&mut sums.causes, &tally.causes);
            add(&mut sums.responses, &tally.responses);
            add(&mut sums.own_responses, &tally.own_responses);
        }
        sums
    }
}

fn add<const N: usize>(sums: &mut [u64; N], counts: &[Count; N]) {
    let pairs = sums.iter_mut().zip(values(counts));
    pairs.for_each(|(sum, it)| *sum += it);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_counted_by_class_and_by_who_made_them() {
        let tallies = [EndTally::default(), EndTally::default()];
        for (status, is_own) in [(200, false), (204, false), (101, false), (999, false)] {
            tallies[0].answered(status, is_own);
        }
        tallies[1].answered(200, false);
        tallies[1].answered(503, true);
        tallies[1].ended(Cause::NoBackend);
        let sum = EndTally::sum(&tallies);
        assert_eq!(sum.responses, [1, 3, 0, 0, 1]);
        assert_eq!(sum.own_responses, [0, 0, 0, 0, 1]);
        assert_eq!(sum.causes[Cause::NoBackend as usize], 1);
    }
}
