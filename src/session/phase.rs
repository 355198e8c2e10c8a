//! The phases of a session, and the points in time that end them.
//! ```text
//! [Preamble] ----> [Answering] --> Closed
//!    v       picked             connected                both streams relayed
//!  Choosing --------> Dialing -------------> Relaying ----------------------> Closed(Completed)
//!    ^  |none live     |   |last try failed  |  | reset, idle, drain, backend down
//!    |  v              |   v                 |  v
//!    | Closed          | Closed(refused)     | Closed(reason)
//!    +--- Paused <-----+                     +--> [Rested] --> Preamble, after an exchange
//!    +--- Queued <----- all full (from Choosing); its time is over --> Closed(queue timeout)
//! ```
//! Those in brackets are in `front`; a backend that has to be greeted is Greeting after Dialing.

use super::{CloseReason, DialError, Readiness};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// What the client says first is awaited.
    Preamble {
        /// What its socket has to be for the next step.
        wait: Readiness,
        /// Whether it has begun to say it.
        begun: bool,
    },
    Choosing {
        last: Option<DialError>,
    },
    /// A backend is picked.
    Connecting,
    /// The connect is under way, perhaps two of them.
    Dialing {
        race: Race,
    },
    /// Every backend is at its limit: waits for its turn.
    Queued {
        last: Option<DialError>,
    },
    /// All live backends were tried: a brief wait before the same ones are tried again.
    Paused {
        last: DialError,
    },
    /// No descriptor for the backend's socket: waits for one to be freed.
    Starved,
    /// Connected, and about to be fit for the client's bytes.
    Greeting {
        /// What its socket has to be for the next step.
        wait: Readiness,
    },
    Relaying,
    /// Both messages of an exchange were relayed.
    Rested,
    /// The client is told why it is not served.
    Answering {
        reason: CloseReason,
        /// What its socket has to be for the next step.
        wait: Readiness,
    },
    Closed(CloseReason),
}

/// Whether a connect that takes long is raced by a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Race {
    /// No, or it is already.
    Off,
    /// If it takes unusually long.
    Expected,
    /// Now.
    Due,
}

/// The next point in time that matters to a session; the worker knows how far away it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// None: the session is over.
    Never,
    /// The end of waiting for what the client says first.
    Preamble {
        /// Whether it has begun to say it.
        begun: bool,
    },
    /// The end of telling the client why it is not served.
    Answer,
    /// The end of this attempt to connect.
    Connect {
        /// Counted from 1.
        attempt: u8,
    },
    /// When this attempt to connect takes unusually long.
    Hedge {
        /// Counted from 1.
        attempt: u8,
    },
    /// The end of waiting for a backend below its limit.
    Queue,
    /// The end of holding acknowledgements to the backend back.
    Acknowledge,
    /// The end of waiting for a descriptor.
    Starved,
    /// The end of the pause before tried backends are tried again.
    Retry {
        /// Attempts made so far.
        attempt: u8,
    },
    /// The idle timeout.
    Idle,
    /// Time to ask again whether the sink has acknowledged everything.
    Delivery {
        /// How often was asked so far.
        polls: u8,
    },
}

/// Whether acknowledgements to the backend are held back: the handshake's last one, so that the
/// client's first bytes carry it, and that of a short reply, so that the end carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    Acknowledged,
    /// Held back, for a moment.
    Owed,
    /// The moment has passed: from now on acknowledgements are sent as ever.
    Due,
}
