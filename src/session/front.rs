//! What a session does before, between and instead of relaying: the preamble of the client, the
//! greeting of the backend, the rest between two exchanges, an answer of l4lb's own.

use super::phase::{Handshake, Phase};
use super::{Cause, CloseReason, Direction, Flow, Limits, Outcome, Readiness, Session, Side, Step};

impl Session {
    /// A session whose client has just been accepted, and has something to say before a backend is picked.
    #[must_use]
    pub const fn expecting() -> Self {
        let mut session = Self::new();
        session.phase = Phase::Preamble {
            wait: Readiness::READABLE,
            begun: false,
        };
        session
    }

    /// Whether the client has not said yet what comes first.
    #[must_use]
    pub const fn is_expecting(&self) -> bool {
        matches!(self.phase, Phase::Preamble { .. })
    }

    /// So many bytes more wait to be sent before all that is read of this direction from now on; `read`
    /// of its source's bytes went into them.
    pub fn preface(&mut self, way: Direction, read: usize, held: usize) {
        self.flows[way.index()].on_prefaced(read, held);
    }

    /// The message of this direction is whole with what it holds.
    pub fn end_message(&mut self, way: Direction) {
        self.flows[way.index()].end_message();
    }

    /// Bytes of this session are nothing that can be spliced.
    pub fn copy_only(&mut self) {
        self.flows.iter_mut().for_each(Flow::on_no_splice);
    }

    /// This side has to be told of the end of what it reads in words: closing its socket is not enough.
    pub const fn make_formal(&mut self, side: Side) {
        self.flows[side.outbound().other().index()].make_formal();
    }

    /// Why the client is not served, while it is told.
    #[must_use]
    pub const fn refusal(&self) -> Option<CloseReason> {
        match self.phase {
            Phase::Answering { reason, .. } => Some(reason),
            Phase::Preamble { .. }
            | Phase::Choosing { .. }
            | Phase::Connecting
            | Phase::Dialing { .. }
            | Phase::Queued { .. }
            | Phase::Paused { .. }
            | Phase::Starved
            | Phase::Greeting { .. }
            | Phase::Relaying
            | Phase::Rested
            | Phase::Closed(_) => None,
        }
    }

    /// Whether nothing has happened to a socket that was not looked at.
    #[must_use]
    pub fn is_quiet(&self, side: Side) -> bool {
        let news = Readiness::READABLE | Readiness::SUSPECT | Readiness::ENDING;
        !self.ready[side.index()].any(news)
    }

    /// The backend, or the client, has been silent for too long in the midst of an exchange.
    pub fn give_up(&mut self, cause: Cause, limits: &Limits) {
        self.refuse(cause, limits);
    }

    /// All that the client has said was heard, and what it says next is awaited.
    pub fn hear_anew(&mut self) {
        if let Phase::Preamble { begun, .. } = &mut self.phase {
            *begun = false;
        }
    }

    /// What was to be sent before all else in this direction is not: nothing of it was.
    pub fn take_back(&mut self, way: Direction) {
        self.flows[way.index()].begin_again();
    }

    /// Ends a session whose client is silent between two exchanges. Whether it is one.
    pub fn leave(&mut self) -> bool {
        let is_between = matches!(self.phase, Phase::Preamble { begun: false, .. })
            && self.flow(Direction::Upload).received() > 0
            && self.is_quiet(Side::Client);
        if is_between {
            self.complete();
        }
        is_between
    }

    /// The kept backend had gone before it heard of the message: another one is asked from the beginning.
    pub(super) fn ask_again(&mut self) {
        self.flows[Direction::Upload.index()].begin_again();
        self.broken = self.broken.filter(|side| *side != Side::Backend);
        self.ready[Side::Backend.index()] = Readiness::NONE;
        self.handshake = Handshake::Acknowledged;
        self.phase = Phase::Choosing { last: None };
    }

    /// What follows in both directions is no message with an end, but bytes as ever.
    pub fn unbind(&mut self) {
        self.flows.iter_mut().for_each(Flow::reopen);
        if let Some(side) = self.broken.take() {
            self.side_broke(side); // of a message that was over nothing was lost by it; of a stream all is
        }
    }

    pub(super) fn preamble_step(&self, wait: Readiness, begun: bool) -> Step {
        let [client, backend] = self.ready;
        let news = Readiness::READABLE | Readiness::SUSPECT;
        if client.any(wait | Readiness::SUSPECT) {
            Step::Preface
        } else if !begun && backend.any(news) {
            Step::Tend
        } else {
            Step::Wait
        }
    }

    pub(super) fn record_preface(&mut self, outcome: Outcome, limits: &Limits) {
        let Phase::Preamble { begun, .. } = self.phase else {
            return;
        };
        match outcome {
            Outcome::Moved(_) => {
                let wait = Readiness::READABLE;
                self.phase = Phase::Preamble { wait, begun: true };
            }
            Outcome::WouldBlock | Outcome::Full => {
                let wait = self.await_more(Side::Client, outcome);
                self.phase = Phase::Preamble { wait, begun };
            }
            Outcome::Done => self.phase = Phase::Choosing { last: None },
            Outcome::Denied(cause) => self.refuse(cause, limits),
            // Between two exchanges the client may go; before the first one nothing is cut short by it.
            Outcome::Ended if !begun => {
                self.ended_by.get_or_insert(Side::Client);
                if self.flow(Direction::Upload).received() > 0 {
                    self.complete();
                } else {
                    self.flows.iter_mut().for_each(Flow::finish);
                    self.cut(Cause::ClientAborted);
                }
            }
            Outcome::Ended | Outcome::Broken => {
                self.ended_by.get_or_insert(Side::Client);
                self.cut(Cause::ClientAborted);
            }
            _ => self.cut(Cause::Internal),
        }
    }

    pub(super) fn record_greet(&mut self, outcome: Outcome, limits: &Limits) {
        match outcome {
            Outcome::Moved(_) => {}
            Outcome::WouldBlock | Outcome::Full => {
                let wait = self.await_more(Side::Backend, outcome);
                self.phase = Phase::Greeting { wait };
            }
            Outcome::Done => self.relay(),
            Outcome::Failed(error) => self.dial_failed(error, limits),
            _ => self.cut(Cause::Internal),
        }
    }

    /// `Moved` is `Done` where some of the next message was read along with the last one.
    pub(super) fn record_rest(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Done | Outcome::Moved(_) => {
                let begun = outcome != Outcome::Done;
                self.flows.iter_mut().for_each(Flow::reopen);
                self.broken = None; // whoever it was, it is not kept
                self.ended_by = None;
                // What was read behind the last message may be the next one.
                self.ready[Side::Client.index()] |= Readiness::READABLE;
                let wait = Readiness::READABLE;
                self.phase = Phase::Preamble { wait, begun };
                self.attempts = 0;
            }
            Outcome::Ended => self.complete(),
            // The client may still be speaking: it hears the end before its socket is closed.
            Outcome::WouldBlock => {
                let (reason, wait) = (CloseReason::COMPLETED, Readiness::WRITABLE);
                self.ready[Side::Client.index()] |= wait;
                self.phase = Phase::Answering { reason, wait };
            }
            _ => self.cut(Cause::Internal),
        }
    }

    pub(super) fn record_answer(&mut self, outcome: Outcome) {
        let Phase::Answering { reason, .. } = self.phase else {
            return;
        };
        match outcome {
            Outcome::Moved(bytes) => self.flows[Direction::Download.index()].on_own(bytes),
            Outcome::WouldBlock | Outcome::Full => {
                let wait = self.await_more(Side::Client, outcome);
                self.phase = Phase::Answering { reason, wait };
            }
            Outcome::Done => self.end_answer(),
            _ => self.phase = Phase::Closed(reason),
        }
    }

    /// The client was told, or does not listen: its socket is closed without a reset.
    pub(super) fn end_answer(&mut self) {
        if let Phase::Answering { reason, .. } = self.phase {
            self.flows[Direction::Download.index()].finish();
            self.phase = Phase::Closed(reason);
        }
    }

    pub(super) fn expire_preamble(&mut self, begun: bool, limits: &Limits) {
        if !begun && self.flow(Direction::Upload).received() > 0 {
            // Between two exchanges: nothing is cut short by it.
            self.flows.iter_mut().for_each(Flow::finish);
            self.cut(Cause::IdleTimeout);
        } else {
            self.refuse(Cause::PreambleTimeout, limits);
        }
    }

    /// Ends a session whose client is not served, and tells it why where that can be told.
    pub(super) fn refuse(&mut self, cause: Cause, limits: &Limits) {
        self.cut(cause);
        if let (true, Phase::Closed(reason)) = (limits.answers, self.phase) {
            let wait = Readiness::WRITABLE;
            self.ready[Side::Client.index()] |= wait; // a write finds out
            self.phase = Phase::Answering { reason, wait };
        }
    }

    /// Sees whether there is nothing more to relay: both streams are over, or both messages.
    pub(super) fn conclude(&mut self) {
        let [upload, download] = self.flows;
        let is_over = |flow: Flow| flow.complete() || flow.rests();
        if upload.complete() && download.complete() {
            self.phase = Phase::Closed(CloseReason::COMPLETED);
        } else if download.rests() {
            self.phase = Phase::Rested; // what is left of the request is nobody's
        } else if is_over(upload) && is_over(download) {
            self.complete(); // a message that ends with its stream has no next one
        }
    }

    fn complete(&mut self) {
        self.flows.iter_mut().for_each(Flow::finish);
        self.phase = Phase::Closed(CloseReason::COMPLETED);
    }

    /// A socket can do no more now; what it has to be for the next step.
    fn await_more(&mut self, side: Side, outcome: Outcome) -> Readiness {
        let wait = if outcome == Outcome::Full {
            Readiness::WRITABLE
        } else {
            Readiness::READABLE
        };
        let ready = &mut self.ready[side.index()];
        ready.clear(wait);
        ready.clear(Readiness::SUSPECT);
        wait
    }
}
