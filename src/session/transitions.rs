//! What outcomes make of a session: the transitions of the machine.

use super::phase::{Handshake, Phase, Race};
use super::{Cause, DialError, Direction, Limits, Outcome, Readiness, Session};
use super::{Side, Step};

impl Session {
    /// Takes what `step`, the last answer of [`Session::next_step`], has come to.
    pub fn record(&mut self, step: Step, outcome: Outcome, limits: &Limits) {
        match outcome {
            Outcome::Interrupted => return,
            Outcome::Gone => return self.ask_again(),
            _ => {}
        }
        match step {
            Step::Choose | Step::Connect | Step::Hedge | Step::FinishConnect => {
                self.record_dial(step, outcome, limits);
            }
            Step::Preface => self.record_preface(outcome, limits),
            Step::Tend => {
                self.ready[Side::Backend.index()].clear(Readiness::READABLE | Readiness::SUSPECT)
            }
            Step::Greet => self.record_greet(outcome, limits),
            Step::Rest => self.record_rest(outcome),
            Step::Answer => self.record_answer(outcome),
            Step::Acknowledge => self.handshake = Handshake::Acknowledged,
            Step::Receive(way) | Step::Fill(way) => self.record_read(step, way, outcome, limits),
            Step::Send(way) | Step::Drain(way) => self.record_write(step, way, outcome),
            Step::Unload(way) => match outcome {
                Outcome::Moved(bytes) => self.flows[way.index()].on_unloaded(bytes),
                _ => self.cut(Cause::Internal),
            },
            Step::Keep(way) => self.flows[way.index()].on_kept(),
            Step::Shutdown(way) => match outcome {
                Outcome::Done => self.flows[way.index()].on_shutdown(),
                Outcome::Full => {
                    self.ready[way.sink().index()].clear(Readiness::WRITABLE);
                    self.flows[way.index()].on_end_held();
                }
                _ => self.side_broke(way.sink()),
            },
            Step::CheckError(side) => self.record_error(side, outcome),
            Step::AwaitDelivery(way) => match outcome {
                Outcome::Queued(bytes) if bytes > 0 => self.flows[way.index()].on_undelivered(),
                _ => self.cut(aborted_by(way.source())),
            },
            Step::Wait | Step::Close(_) => {}
        }
        if self.is_relaying() {
            self.conclude();
        }
    }

    fn record_dial(&mut self, step: Step, outcome: Outcome, limits: &Limits) {
        if step == Step::Connect && outcome != Outcome::Shortage {
            self.attempts = self.attempts.saturating_add(1);
            self.ready[Side::Backend.index()] = Readiness::NONE;
        }
        match (step, outcome) {
            (Step::Choose, Outcome::Done) => self.phase = Phase::Connecting,
            (Step::Choose, Outcome::Kept) => self.relay(),
            (Step::Choose, Outcome::NoneLive) => self.refuse(self.no_backend_left(), limits),
            (Step::Choose, Outcome::AllTried) => {
                let last = self.last_error().unwrap_or(DialError::Refused);
                self.phase = Phase::Paused { last };
            }
            (Step::Choose, Outcome::AllFull) => {
                let last = self.last_error();
                self.phase = Phase::Queued { last };
            }
            (Step::Connect, Outcome::Done) => {
                let race = if limits.hedge {
                    Race::Expected
                } else {
                    Race::Off
                };
                self.phase = Phase::Dialing { race };
            }
            // Whether or not a second connect could be started: there is no third.
            (Step::Hedge, _) => self.phase = Phase::Dialing { race: Race::Off },
            (_, Outcome::Shortage) => self.phase = Phase::Starved,
            (Step::FinishConnect, Outcome::Done) => {
                self.connected(Handshake::Acknowledged, limits);
            }
            (Step::FinishConnect, Outcome::Unacknowledged) => {
                self.connected(Handshake::Owed, limits);
            }
            (Step::FinishConnect, Outcome::BrokenWith(_)) => {
                // It was connected and has been reset since: what it said is still the client's.
                self.connected(Handshake::Acknowledged, limits);
                if self.is_relaying() {
                    self.side_broke(Side::Backend);
                }
            }
            (Step::FinishConnect, Outcome::WouldBlock) => {
                // Whatever was known is of a socket that was not connected: more will come.
                self.ready[Side::Backend.index()] = Readiness::NONE;
            }
            (_, Outcome::Failed(error)) => self.dial_failed(error, limits),
            _ => self.cut(Cause::Internal),
        }
    }

    fn connected(&mut self, handshake: Handshake, limits: &Limits) {
        self.handshake = handshake;
        // The handshake's hints are used up; a real error shows itself again.
        self.ready[Side::Backend.index()].clear(Readiness::SUSPECT);
        if limits.greets {
            let wait = Readiness::WRITABLE | Readiness::READABLE;
            self.phase = Phase::Greeting { wait };
        } else {
            self.relay();
        }
    }

    /// Bytes are relayed from now on.
    pub(super) fn relay(&mut self) {
        self.phase = Phase::Relaying;
        // A client that reset after sending is relayed like any other: its bytes, then its reset.
        if let Some(side) = self.broken.take() {
            self.side_broke(side);
        }
    }

    pub(super) fn dial_failed(&mut self, error: DialError, limits: &Limits) {
        self.phase = Phase::Choosing { last: Some(error) };
        if self.attempts > limits.retries {
            self.refuse(self.no_backend_left(), limits);
        }
    }

    const fn last_error(&self) -> Option<DialError> {
        match self.phase {
            Phase::Choosing { last } => last,
            Phase::Paused { last } => Some(last),
            Phase::Preamble { .. }
            | Phase::Connecting
            | Phase::Dialing { .. }
            | Phase::Greeting { .. }
            | Phase::Queued { .. }
            | Phase::Starved
            | Phase::Relaying
            | Phase::Rested
            | Phase::Answering { .. }
            | Phase::Closed(_) => None,
        }
    }

    const fn no_backend_left(&self) -> Cause {
        match self.last_error() {
            None => Cause::NoBackend,
            Some(
                DialError::Refused | DialError::Unreachable | DialError::Reset | DialError::Tls,
            ) => Cause::BackendRefused,
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
            Outcome::Moved(bytes) => {
                flow.on_received(bytes, ready, &limits.tuning);
                if source_broken {
                    *ready |= Readiness::READABLE; // no edge will tell of the end
                }
            }
            // A broken socket may name its error only once, and answer "ended" from then on.
            Outcome::Ended | Outcome::WouldBlock if source_broken && !spliced => flow.on_reset(),
            Outcome::WouldBlock => flow.on_empty(ready),
            Outcome::Ended => {
                flow.on_ended(spliced);
                if !spliced {
                    self.ended_by.get_or_insert(source);
                }
            }
            Outcome::NoSplice => flow.on_no_splice(),
            Outcome::Edited(edit) => {
                flow.on_edited(edit, ready, &limits.tuning);
                if source_broken {
                    *ready |= Readiness::READABLE;
                }
            }
            Outcome::Denied(cause) => self.refuse(cause, limits),
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
            Outcome::BrokenWith(0) => {
                self.ended_by = Some(side);
                self.cut(Cause::ClientAborted);
            }
            Outcome::BrokenWith(_) => self.broken = Some(side),
            _ => {}
        }
    }

    /// One side is reset. What it sent before is still relayed; what was for it is lost.
    pub(super) fn side_broke(&mut self, side: Side) {
        match self.broken {
            Some(first) if first != side => self.cut(aborted_by(first)),
            Some(_) => self.lose_sink(side),
            None => {
                self.broken = Some(side);
                self.ended_by.get_or_insert(side);
                self.ready[side.index()] |= Readiness::READABLE;
                let flow = &mut self.flows[side.outbound().index()];
                // A response that is over was not cut short, though some of it may not have been sent yet.
                if side == Side::Client || !flow.has_message() {
                    flow.on_source_broken();
                }
                self.lose_sink(side);
            }
        }
    }

    /// What this side was to be sent is lost; not a request of which it has got all.
    fn lose_sink(&mut self, side: Side) {
        let flow = &mut self.flows[side.outbound().other().index()];
        if side == Side::Client || !flow.rests() {
            flow.on_sink_broken();
        }
    }
}

const fn aborted_by(side: Side) -> Cause {
    match side {
        Side::Client => Cause::ClientAborted,
        Side::Backend => Cause::BackendAborted,
    }
}
