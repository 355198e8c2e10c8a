//! The session machine.
//!
//! ```text
//!            picked             connected                both streams relayed
//!  Choosing --------> Dialing -------------> Relaying ----------------------> Closed(Completed)
//!    ^  |none live     |   |                    | reset, idle, drain
//!    |  v              |   |last try failed     v
//!    | Closed          |   v                 Closed(reason)
//!    |                 | Closed(refused)
//!    +--- Paused <-----+  tries left, no byte of the client was sent yet
//! ```
//! Transitions happen in [`Session::record`], [`Session::expire`] and [`Session::cut`] alone.

use super::{
    Cause, CloseReason, DialError, Direction, Flow, Outcome, Readiness, Side, Stage, Step, Tuning,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Choosing {
        last: Option<DialError>,
    },
    /// A backend is picked.
    Connecting,
    /// The connect is under way.
    Dialing,
    /// All live backends were tried: a brief wait before the same ones are tried again.
    Paused {
        last: DialError,
    },
    /// No descriptor for the backend's socket: waits for one to be freed.
    Starved,
    Relaying,
    Closed(CloseReason),
}

/// The next point in time that matters to a session; the worker knows how far away it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// None: the session is over.
    Never,
    /// The end of this attempt to connect.
    Connect {
        /// Counted from 1.
        attempt: u8,
    },
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

/// The numbers that a session obeys.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Further attempts to connect after the first one.
    pub retries: u8,
    /// When to splice.
    pub tuning: Tuning,
}

/// One proxied connection: what is known and what to do next. A plain value without any resource.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    phase: Phase,
    flows: [Flow; 2],
    ready: [Readiness; 2],
    /// The side that broke first.
    broken: Option<Side>,
    attempts: u8,
    first: Direction,
    acknowledgement_owed: bool,
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
            attempts: 0,
            first: Direction::Upload,
            acknowledgement_owed: false,
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

    /// Whether a backend is connected.
    #[must_use]
    pub const fn is_relaying(&self) -> bool {
        matches!(self.phase, Phase::Relaying)
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

    /// An event says something of a socket. It may be stale: it is a hint, steps find out.
    pub fn hint(&mut self, side: Side, flags: Readiness) {
        self.ready[side.index()] |= flags;
    }

    /// The next thing to do.
    #[must_use]
    pub fn next_step(&self) -> Step {
        let client = self.ready[Side::Client.index()];
        let backend = self.ready[Side::Backend.index()];
        match self.phase {
            Phase::Choosing { .. } => Step::Choose,
            Phase::Connecting => Step::Connect,
            Phase::Dialing | Phase::Paused { .. } | Phase::Starved
                if client.has(Readiness::SUSPECT) =>
            {
                Step::CheckError(Side::Client)
            }
            Phase::Dialing if backend.any(Readiness::WRITABLE | Readiness::SUSPECT) => {
                Step::FinishConnect
            }
            Phase::Dialing | Phase::Paused { .. } | Phase::Starved => Step::Wait,
            Phase::Relaying => self.relay_step(),
            Phase::Closed(reason) => Step::Close(reason),
        }
    }

    fn relay_step(&self) -> Step {
        let client_silent = !self.ready[Side::Client.index()].has(Readiness::READABLE);
        if self.acknowledgement_owed && client_silent {
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
            Phase::Choosing { .. } | Phase::Connecting | Phase::Dialing => Deadline::Connect {
                attempt: self.attempts,
            },
            Phase::Paused { .. } => Deadline::Retry {
                attempt: self.attempts,
            },
            Phase::Starved => Deadline::Starved,
            Phase::Relaying => self
                .flows
                .iter()
                .find_map(Flow::delivery_polls)
                .map_or(Deadline::Idle, |polls| Deadline::Delivery { polls }),
            Phase::Closed(_) => Deadline::Never,
        }
    }

    /// The deadline has passed.
    pub fn expire(&mut self, limits: &Limits) {
        match self.deadline() {
            Deadline::Never => {}
            Deadline::Connect { .. } => self.dial_failed(DialError::TimedOut, limits),
            Deadline::Starved => self.cut(Cause::LocalResource),
            Deadline::Retry { .. } => self.resume(),
            Deadline::Idle => self.cut(Cause::IdleTimeout),
            Deadline::Delivery { .. } => {
                self.flows.iter_mut().for_each(Flow::on_delivery_deadline);
            }
        }
    }

    /// Ends a pause: tried backends may be tried again, or a descriptor was freed.
    pub fn resume(&mut self) {
        match self.phase {
            Phase::Paused { last } => self.phase = Phase::Choosing { last: Some(last) },
            Phase::Starved => self.phase = Phase::Connecting,
            Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Dialing
            | Phase::Relaying
            | Phase::Closed(_) => {}
        }
    }

    /// Ends the session from outside, wherever it is.
    pub fn cut(&mut self, cause: Cause) {
        let stage = match self.phase {
            Phase::Closed(_) => return,
            Phase::Relaying => Stage::Data,
            Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Dialing
            | Phase::Paused { .. }
            | Phase::Starved => Stage::Connecting,
        };
        self.phase = Phase::Closed(CloseReason { cause, stage });
    }

    /// Takes what `step`, the last answer of [`Session::next_step`], has come to.
    pub fn record(&mut self, step: Step, outcome: Outcome, limits: &Limits) {
        if outcome == Outcome::Interrupted {
            return;
        }
        match step {
            Step::Choose | Step::Connect | Step::FinishConnect => {
                self.record_dial(step, outcome, limits);
            }
            Step::Acknowledge => self.acknowledgement_owed = false,
            Step::Receive(way) | Step::Fill(way) => self.record_read(step, way, outcome, limits),
            Step::Send(way) | Step::Drain(way) => self.record_write(step, way, outcome),
            Step::Unload(way) => match outcome {
                Outcome::Moved(bytes) => self.flows[way.index()].on_unloaded(bytes),
                _ => self.cut(Cause::Internal),
            },
            Step::Keep(way) => self.flows[way.index()].on_kept(),
            Step::Shutdown(way) => match outcome {
                Outcome::Done => self.flows[way.index()].on_shutdown(),
                _ => self.side_broke(way.sink()),
            },
            Step::CheckError(side) => self.record_error(side, outcome),
            Step::AwaitDelivery(way) => match outcome {
                Outcome::Queued(bytes) if bytes > 0 => self.flows[way.index()].on_undelivered(),
                _ => self.cut(aborted_by(way.source())),
            },
            Step::Wait | Step::Close(_) => {}
        }
        if self.is_relaying() && self.flows.iter().all(Flow::complete) {
            self.phase = Phase::Closed(CloseReason::COMPLETED);
        }
    }

    fn record_dial(&mut self, step: Step, outcome: Outcome, limits: &Limits) {
        if step == Step::Connect && outcome != Outcome::Shortage {
            self.attempts = self.attempts.saturating_add(1);
            self.ready[Side::Backend.index()] = Readiness::NONE;
        }
        match (step, outcome) {
            (Step::Choose, Outcome::Done) => self.phase = Phase::Connecting,
            (Step::Choose, Outcome::NoneLive) => self.cut(self.no_backend_left()),
            (Step::Choose, Outcome::AllTried) => {
                let last = self.last_error().unwrap_or(DialError::Refused);
                self.phase = Phase::Paused { last };
            }
            (Step::Connect, Outcome::Done) => self.phase = Phase::Dialing,
            (Step::Connect, Outcome::Shortage) => self.phase = Phase::Starved,
            (Step::FinishConnect, Outcome::Done) => self.connected(),
            (Step::FinishConnect, Outcome::WouldBlock) => {
                let stale = Readiness::WRITABLE | Readiness::SUSPECT;
                self.ready[Side::Backend.index()].clear(stale);
            }
            (_, Outcome::Failed(error)) => self.dial_failed(error, limits),
            _ => self.cut(Cause::Internal),
        }
    }

    fn connected(&mut self) {
        self.phase = Phase::Relaying;
        self.acknowledgement_owed = true;
        // The handshake's hints are used up; a real error shows itself again.
        self.ready[Side::Backend.index()].clear(Readiness::SUSPECT);
        // A client that reset after sending is relayed like any other: its bytes, then its reset.
        if let Some(side) = self.broken.take() {
            self.side_broke(side);
        }
    }

    fn dial_failed(&mut self, error: DialError, limits: &Limits) {
        self.phase = Phase::Choosing { last: Some(error) };
        if self.attempts > limits.retries {
            self.cut(self.no_backend_left());
        }
    }

    const fn last_error(&self) -> Option<DialError> {
        match self.phase {
            Phase::Choosing { last } => last,
            Phase::Paused { last } => Some(last),
            Phase::Connecting
            | Phase::Dialing
            | Phase::Starved
            | Phase::Relaying
            | Phase::Closed(_) => None,
        }
    }

    const fn no_backend_left(&self) -> Cause {
        match self.last_error() {
            None => Cause::NoBackend,
            Some(DialError::Refused) => Cause::BackendRefused,
            Some(DialError::TimedOut) => Cause::ConnectTimeout,
            Some(DialError::Local) => Cause::LocalResource,
        }
    }

    fn record_read(&mut self, step: Step, way: Direction, outcome: Outcome, limits: &Limits) {
        let spliced = matches!(step, Step::Fill(_));
        let source = way.source();
        let source_broken = self.broken == Some(source);
        let flow = &mut self.flows[way.index()];
        let ready = &mut self.ready[source.index()];
        match outcome {
            Outcome::Moved(bytes) if spliced => flow.on_filled(bytes, &limits.tuning),
            Outcome::Moved(bytes) => flow.on_received(bytes, ready, &limits.tuning),
            // A broken socket may name its error only once, and answer "ended" from then on.
            Outcome::Ended | Outcome::WouldBlock if source_broken && !spliced => flow.on_reset(),
            Outcome::WouldBlock => flow.on_empty(ready),
            Outcome::Ended => flow.on_ended(spliced),
            Outcome::NoSplice => flow.on_no_splice(),
            Outcome::Broken => {
                // recv names the error after the last byte, splice perhaps before an urgent mark.
                if !spliced {
                    flow.on_reset();
                }
                ready.clear(Readiness::SUSPECT);
                self.side_broke(source);
            }
            _ => self.cut(Cause::Internal),
        }
    }

    fn record_write(&mut self, step: Step, way: Direction, outcome: Outcome) {
        let sink = &mut self.ready[way.sink().index()];
        let flow = &mut self.flows[way.index()];
        match outcome {
            Outcome::Moved(bytes) => {
                if step == Step::Drain(way) {
                    flow.on_drained(bytes);
                } else {
                    flow.on_sent(bytes, sink);
                }
                self.first = way.other();
                if way == Direction::Upload {
                    self.acknowledgement_owed = false; // it went with these bytes
                }
            }
            Outcome::WouldBlock => sink.clear(Readiness::WRITABLE),
            Outcome::NoSplice => flow.on_no_splice(),
            Outcome::Broken => self.side_broke(way.sink()),
            _ => self.cut(Cause::Internal),
        }
    }

    fn record_error(&mut self, side: Side, outcome: Outcome) {
        self.ready[side.index()].clear(Readiness::SUSPECT);
        match outcome {
            Outcome::BrokenWith(_) if self.is_relaying() => self.side_broke(side),
            Outcome::BrokenWith(0) => self.cut(Cause::ClientAborted),
            Outcome::BrokenWith(_) => self.broken = Some(side),
            _ => {}
        }
    }

    /// One side is reset. What it sent before is still relayed; what was for it is lost.
    fn side_broke(&mut self, side: Side) {
        match self.broken {
            Some(first) if first != side => self.cut(aborted_by(first)),
            Some(_) => {}
            None => {
                self.broken = Some(side);
                self.ready[side.index()] |= Readiness::READABLE;
                self.flows[side.outbound().index()].on_source_broken();
                self.flows[side.outbound().other().index()].on_sink_broken();
            }
        }
    }
}

const fn aborted_by(side: Side) -> Cause {
    match side {
        Side::Client => Cause::ClientAborted,
        Side::Backend => Cause::BackendAborted,
    }
}
