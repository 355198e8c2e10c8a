//! The session machine: what is known of a session, and what to do next. Its phases are drawn in `phase`;
//! what an outcome makes of a state is said in `transitions` and `front`.

use super::phase::{Deadline, Handshake, Phase, Race};
use super::{Cause, CloseReason, DialError, Direction, Flow, Readiness, Side, Stage, Step, Tuning};

/// The numbers that a session obeys.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Further attempts to connect after the first one.
    pub retries: u8,
    /// Whether a connect that takes unusually long is raced by a second one.
    pub hedge: bool,
    /// Whether a connected backend has to be greeted.
    pub greets: bool,
    /// Whether the client can be told why it is not served.
    pub answers: bool,
    /// When to splice.
    pub tuning: Tuning,
}

/// One proxied connection: what is known and what to do next. A plain value without any resource.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    pub(super) phase: Phase,
    pub(super) flows: [Flow; 2],
    pub(super) ready: [Readiness; 2],
    /// The side that broke first.
    pub(super) broken: Option<Side>,
    /// The side whose stream ended or broke first.
    pub(super) ended_by: Option<Side>,
    pub(super) attempts: u8,
    /// Whose turn it is when both directions could move.
    pub(super) first: Direction,
    pub(super) handshake: Handshake,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A session whose client has just been accepted.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            phase: Phase::Choosing { last: None },
            flows: [Flow::new(); 2],
            ready: [Readiness::NONE; 2],
            broken: None,
            ended_by: None,
            attempts: 0,
            first: Direction::Upload,
            handshake: Handshake::Acknowledged,
        }
    }

    /// One direction.
    #[must_use]
    pub const fn flow(&self, way: Direction) -> &Flow {
        &self.flows[way.index()]
    }

    /// Attempts to connect so far.
    #[must_use]
    pub const fn attempts(&self) -> u8 {
        self.attempts
    }

    /// The side that ended its stream, or was reset, before the other one, if either was.
    #[must_use]
    pub const fn ended_by(&self) -> Option<Side> {
        self.ended_by
    }

    /// Whether a backend is connected.
    #[must_use]
    pub const fn is_relaying(&self) -> bool {
        matches!(self.phase, Phase::Relaying)
    }

    /// Whether the session has no backend's bytes yet and none of its own, so that its backend may still
    /// be another one.
    #[must_use]
    pub const fn is_unserved(&self) -> bool {
        match self.phase {
            Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Dialing { .. }
            | Phase::Queued { .. }
            | Phase::Paused { .. }
            | Phase::Starved
            | Phase::Greeting { .. } => true,
            Phase::Preamble { .. } => self.flow(Direction::Upload).received() == 0,
            Phase::Relaying | Phase::Rested | Phase::Answering { .. } | Phase::Closed(_) => false,
        }
    }

    /// Whether a connect is under way, or its backend is being greeted.
    #[must_use]
    pub const fn is_dialing(&self) -> bool {
        matches!(self.phase, Phase::Dialing { .. } | Phase::Greeting { .. })
    }

    /// Whether the session waits for a backend below its limit.
    #[must_use]
    pub const fn is_queued(&self) -> bool {
        matches!(self.phase, Phase::Queued { .. })
    }

    /// Whether the session waits for a descriptor.
    #[must_use]
    pub const fn is_starved(&self) -> bool {
        matches!(self.phase, Phase::Starved)
    }

    /// Whether the scratch buffer holds bytes of this session: its turn must go on.
    #[must_use]
    pub const fn in_scratch(&self) -> bool {
        self.flows[0].in_scratch() || self.flows[1].in_scratch()
    }

    /// Whether `side` was not told a clean end, so that its socket has to be closed by a reset:
    /// a plain close would make a stream that was cut short look whole.
    #[must_use]
    pub const fn ends_by_reset(&self, side: Side) -> bool {
        !self.flows[side.outbound().other().index()].complete()
    }

    /// Whether this side was reset.
    #[must_use]
    pub fn is_broken(&self, side: Side) -> bool {
        self.broken == Some(side)
    }

    /// An event says something of a socket. It may be stale: it is a hint, steps find out.
    pub fn hint(&mut self, side: Side, flags: Readiness) {
        self.ready[side.index()] |= flags;
    }

    /// Nothing is known of a socket any more: another one has taken its place.
    pub fn forget(&mut self, side: Side) {
        self.ready[side.index()] = Readiness::NONE;
    }

    /// The next thing to do.
    #[must_use]
    pub fn next_step(&self) -> Step {
        let client = self.ready[Side::Client.index()];
        let backend = self.ready[Side::Backend.index()];
        match self.phase {
            Phase::Preamble { wait, begun } => self.preamble_step(wait, begun),
            Phase::Choosing { .. } => Step::Choose,
            Phase::Connecting => Step::Connect,
            Phase::Dialing { .. }
            | Phase::Paused { .. }
            | Phase::Queued { .. }
            | Phase::Starved
            | Phase::Greeting { .. }
                if client.has(Readiness::SUSPECT) =>
            {
                Step::CheckError(Side::Client)
            }
            Phase::Dialing { .. } if backend.any(Readiness::WRITABLE | Readiness::SUSPECT) => {
                Step::FinishConnect
            }
            Phase::Dialing { race: Race::Due } => Step::Hedge,
            Phase::Dialing { .. }
            | Phase::Paused { .. }
            | Phase::Queued { .. }
            | Phase::Starved => Step::Wait,
            Phase::Greeting { wait } if backend.any(wait | Readiness::SUSPECT) => Step::Greet,
            Phase::Greeting { .. } => Step::Wait,
            Phase::Relaying => self.relay_step(),
            Phase::Rested => Step::Rest,
            Phase::Answering { wait, .. } if client.any(wait | Readiness::SUSPECT) => Step::Answer,
            Phase::Answering { .. } => Step::Wait,
            Phase::Closed(reason) => Step::Close(reason),
        }
    }

    fn relay_step(&self) -> Step {
        if self.handshake == Handshake::Due {
            return Step::Acknowledge;
        }
        // Whoever holds the scratch buffer goes on; else the directions take turns.
        let first = if self.flow(self.first.other()).in_scratch() {
            self.first.other()
        } else {
            self.first
        };
        for way in [first, first.other()] {
            let source = self.ready[way.source().index()];
            let sink = self.ready[way.sink().index()];
            if let Some(step) = self.flow(way).next(way, source, sink) {
                return step;
            }
        }
        // Nothing can be read or written now, so no read or write will find this error.
        Side::BOTH
            .into_iter()
            .find(|side| self.ready[side.index()].has(Readiness::SUSPECT))
            .map_or(Step::Wait, Step::CheckError)
    }

    /// The point in time that matters next.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        match self.phase {
            Phase::Dialing {
                race: Race::Expected,
            } => Deadline::Hedge {
                attempt: self.attempts,
            },
            Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Dialing { .. }
            | Phase::Greeting { .. } => Deadline::Connect {
                attempt: self.attempts,
            },
            Phase::Preamble { begun, .. } => Deadline::Preamble { begun },
            Phase::Answering { .. } => Deadline::Answer,
            Phase::Queued { .. } => Deadline::Queue,
            Phase::Paused { .. } => Deadline::Retry {
                attempt: self.attempts,
            },
            Phase::Starved => Deadline::Starved,
            Phase::Relaying if self.handshake == Handshake::Owed => Deadline::Acknowledge,
            Phase::Relaying => self
                .flows
                .iter()
                .find_map(Flow::delivery_polls)
                .map_or(Deadline::Idle, |polls| Deadline::Delivery { polls }),
            Phase::Rested | Phase::Closed(_) => Deadline::Never,
        }
    }

    /// The deadline has passed.
    pub fn expire(&mut self, limits: &Limits) {
        match self.deadline() {
            Deadline::Never => {}
            Deadline::Preamble { begun } => self.expire_preamble(begun, limits),
            Deadline::Answer => self.end_answer(),
            Deadline::Connect { .. } => self.dial_failed(DialError::TimedOut, limits),
            Deadline::Hedge { .. } => self.phase = Phase::Dialing { race: Race::Due },
            Deadline::Queue => self.refuse(Cause::QueueTimeout, limits),
            Deadline::Acknowledge => self.handshake = Handshake::Due,
            Deadline::Starved => self.refuse(Cause::LocalResource, limits),
            Deadline::Retry { .. } => self.resume(),
            Deadline::Idle => self.cut(Cause::IdleTimeout),
            Deadline::Delivery { .. } => {
                self.flows.iter_mut().for_each(Flow::on_delivery_deadline);
            }
        }
    }

    /// Ends a wait: tried backends may be tried again, one has room, or a descriptor was freed.
    pub fn resume(&mut self) {
        match self.phase {
            Phase::Paused { last } => self.phase = Phase::Choosing { last: Some(last) },
            Phase::Queued { last } => self.phase = Phase::Choosing { last },
            Phase::Starved => self.phase = Phase::Connecting,
            Phase::Preamble { .. }
            | Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Dialing { .. }
            | Phase::Greeting { .. }
            | Phase::Relaying
            | Phase::Rested
            | Phase::Answering { .. }
            | Phase::Closed(_) => {}
        }
    }

    /// The backend that is being dialed went down or was taken away: the session gets another one, and
    /// that attempt does not count.
    pub const fn forsake_backend(&mut self) {
        match self.phase {
            Phase::Dialing { .. } | Phase::Greeting { .. } => {
                self.attempts = self.attempts.saturating_sub(1);
            }
            Phase::Starved => {} // it has not begun
            Phase::Preamble { .. }
            | Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Paused { .. }
            | Phase::Queued { .. }
            | Phase::Relaying
            | Phase::Rested
            | Phase::Answering { .. }
            | Phase::Closed(_) => return,
        }
        self.phase = Phase::Choosing { last: None };
    }

    /// Ends the session from outside, wherever it is.
    pub fn cut(&mut self, cause: Cause) {
        let stage = match self.phase {
            Phase::Closed(_) => return,
            // What it is told for stays the reason.
            Phase::Answering { reason, .. } => {
                self.phase = Phase::Closed(reason);
                return;
            }
            Phase::Preamble { .. } => Stage::Preamble,
            Phase::Relaying | Phase::Rested => Stage::Data,
            Phase::Queued { .. } => Stage::Queued,
            Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Dialing { .. }
            | Phase::Greeting { .. }
            | Phase::Paused { .. }
            | Phase::Starved => Stage::Connecting,
        };
        self.phase = Phase::Closed(CloseReason { cause, stage });
    }
}
