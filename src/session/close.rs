//! Why a session ended: as data, with its two letters and its metric label in one place.

use std::fmt;

/// Who or what ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Both streams ended and were relayed to the last byte.
    Completed,
    /// The client reset its connection.
    ClientAborted,
    /// The backend reset its connection.
    BackendAborted,
    /// Every attempt to connect was refused or found no way.
    BackendRefused,
    /// The last attempt to connect was not answered in time.
    ConnectTimeout,
    /// No backend of the pool is live.
    NoBackend,
    /// No backend came below its limit in time.
    QueueTimeout,
    /// The backend went down, and its pool ends the sessions of such a one.
    BackendDown,
    /// This machine ran out of descriptors, memory or ports.
    LocalResource,
    /// No byte went either way for the idle timeout.
    IdleTimeout,
    /// What the client said first could not be understood.
    BadPreamble,
    /// What the client said first was understood, and a rule forbids it.
    Denied,
    /// The client did not say in time what it has to say first.
    PreambleTimeout,
    /// The backend did not begin its response in time.
    ResponseTimeout,
    /// An operator closed it.
    Killed,
    /// The drain deadline, or a second stop signal.
    Drained,
    /// A fault of l4lb itself.
    Internal,
}

/// How far the session had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reading what the client says before a backend is picked.
    Preamble,
    /// Waiting for a backend below its limit.
    Queued,
    /// Choosing or dialing a backend.
    Connecting,
    /// Relaying bytes.
    Data,
    /// After both streams had ended.
    End,
}

/// Why and when a session ended. Displays as the two letters of the access log, such as `SC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseReason {
    /// Who or what.
    pub cause: Cause,
    /// When.
    pub stage: Stage,
}

impl CloseReason {
    /// The clean end.
    pub const COMPLETED: Self = Self {
        cause: Cause::Completed,
        stage: Stage::End,
    };

    /// The name of the cause in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.cause.label()
    }
}

impl Cause {
    /// All of them, each in its own place.
    pub const ALL: [Self; 17] = [
        Self::Completed,
        Self::ClientAborted,
        Self::BackendAborted,
        Self::BackendRefused,
        Self::ConnectTimeout,
        Self::NoBackend,
        Self::QueueTimeout,
        Self::BackendDown,
        Self::LocalResource,
        Self::IdleTimeout,
        Self::BadPreamble,
        Self::Denied,
        Self::PreambleTimeout,
        Self::ResponseTimeout,
        Self::Killed,
        Self::Drained,
        Self::Internal,
    ];

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.row().1
    }

    /// Whether a client was not served as it should have been: by a backend's fault or by ours, not by
    /// the client's, by an operator's, or by a silence.
    #[must_use]
    pub const fn is_error(self) -> bool {
        match self {
            Self::Completed
            | Self::ClientAborted
            | Self::IdleTimeout
            | Self::BadPreamble
            | Self::Denied
            | Self::PreambleTimeout
            | Self::Killed
            | Self::Drained => false,
            Self::BackendAborted
            | Self::BackendRefused
            | Self::ConnectTimeout
            | Self::NoBackend
            | Self::QueueTimeout
            | Self::BackendDown
            | Self::LocalResource
            | Self::ResponseTimeout
            | Self::Internal => true,
        }
    }

    /// Whether l4lb itself turned the client away: no backend was live, none had room in time, this
    /// machine lacked something, or what the client said first was not what it may say.
    #[must_use]
    pub const fn is_rejection(self) -> bool {
        match self {
            Self::NoBackend
            | Self::QueueTimeout
            | Self::LocalResource
            | Self::BadPreamble
            | Self::Denied
            | Self::PreambleTimeout => true,
            Self::Completed
            | Self::ClientAborted
            | Self::BackendAborted
            | Self::BackendRefused
            | Self::ConnectTimeout
            | Self::BackendDown
            | Self::ResponseTimeout
            | Self::IdleTimeout
            | Self::Killed
            | Self::Drained
            | Self::Internal => false,
        }
    }

    /// The letter of the access log and the label of the metrics.
    const fn row(self) -> (char, &'static str) {
        match self {
            Self::Completed => ('-', "completed"),
            Self::ClientAborted => ('C', "client_aborted"),
            Self::BackendAborted => ('S', "backend_aborted"),
            Self::BackendRefused => ('S', "backend_refused"),
            Self::ConnectTimeout => ('s', "connect_timeout"),
            Self::NoBackend => ('S', "no_backend"),
            Self::QueueTimeout => ('s', "queue_timeout"),
            Self::BackendDown => ('D', "backend_down"),
            Self::LocalResource => ('R', "local_resource"),
            Self::IdleTimeout => ('c', "idle_timeout"),
            Self::BadPreamble => ('P', "bad_preamble"),
            Self::Denied => ('P', "denied"),
            Self::PreambleTimeout => ('c', "preamble_timeout"),
            Self::ResponseTimeout => ('s', "response_timeout"),
            Self::Killed => ('K', "killed"),
            Self::Drained => ('L', "drained"),
            Self::Internal => ('I', "internal"),
        }
    }
}

impl Stage {
    const fn letter(self) -> char {
        match self {
            Self::Preamble => 'R',
            Self::Queued => 'Q',
            Self::Connecting => 'C',
            Self::Data => 'D',
            Self::End => '-',
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.cause.row().0, self.stage.letter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::DialError;

    #[test]
    fn all_are_in_their_own_places() {
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place, "{cause:?}");
        }
        for (place, error) in DialError::ALL.into_iter().enumerate() {
            assert_eq!(error as usize, place, "{error:?}");
        }
    }

    #[test]
    fn letters_are_those_of_the_access_log() {
        let table = [
            (Cause::Completed, Stage::End, "--"),
            (Cause::BackendRefused, Stage::Connecting, "SC"),
            (Cause::ConnectTimeout, Stage::Connecting, "sC"),
            (Cause::NoBackend, Stage::Connecting, "SC"),
            (Cause::QueueTimeout, Stage::Queued, "sQ"),
            (Cause::ClientAborted, Stage::Queued, "CQ"),
            (Cause::BackendDown, Stage::Data, "DD"),
            (Cause::ClientAborted, Stage::Connecting, "CC"),
            (Cause::ClientAborted, Stage::Data, "CD"),
            (Cause::BackendAborted, Stage::Data, "SD"),
            (Cause::IdleTimeout, Stage::Data, "cD"),
            (Cause::LocalResource, Stage::Connecting, "RC"),
            (Cause::BadPreamble, Stage::Preamble, "PR"),
            (Cause::Denied, Stage::Preamble, "PR"),
            (Cause::PreambleTimeout, Stage::Preamble, "cR"),
            (Cause::ResponseTimeout, Stage::Data, "sD"),
            (Cause::Killed, Stage::Data, "KD"),
            (Cause::Drained, Stage::Data, "LD"),
            (Cause::Internal, Stage::Data, "ID"),
        ];
        for (cause, stage, letters) in table {
            assert_eq!(
                CloseReason { cause, stage }.to_string(),
                letters,
                "{cause:?} {stage:?}"
            );
        }
    }
}
