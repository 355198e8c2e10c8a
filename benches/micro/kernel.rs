//! The least that can stand in for the kernel: it counts bytes, and moves none.

use std::hint::black_box;

use l4lb::session::{
    CloseReason, Deadline, Direction, Limits, Outcome, Readiness, Session, Side, Step, Tuning,
};

/// What workers go by (worker::shell keeps it to itself), so that flows shift gears here as there.
const LIMITS: Limits = Limits {
    hedge: false,
    greets: false,
    answers: false,
    retries: 2,
    tuning: Tuning {
        scratch_bytes: 32 * 1024,
        bulk_after_reads: 4,
        short_fill_bytes: 16 * 1024,
        copy_after_fills: 16,
    },
};

/// What one `Fill` moves at most.
pub(crate) const FILL_BYTES: usize = 256 * 1024;

/// A session, and what its two sockets have to offer.
pub(crate) struct World {
    pub(crate) session: Session,
    queued: [usize; 2],
    ended: [bool; 2],
    steps: usize,
}

impl World {
    /// A client that was just accepted.
    pub(crate) const fn new() -> Self {
        Self {
            session: Session::new(),
            queued: [0; 2],
            ended: [false; 2],
            steps: 0,
        }
    }

    /// A backend is connected and nothing was said yet.
    pub(crate) fn connected() -> Self {
        let mut world = Self::new();
        world.session.hint(Side::Client, Readiness::WRITABLE);
        world.turn();
        world.session.hint(Side::Backend, Readiness::WRITABLE);
        world.turn();
        assert!(world.session.is_relaying());
        world
    }

    /// A peer has written: the event tells of it, and the session gets its turn.
    pub(crate) fn says(&mut self, side: Side, bytes: usize) {
        self.queued[side.index()] += bytes;
        self.session.hint(side, Readiness::READABLE);
        self.turn();
    }

    /// A peer has ended its stream.
    pub(crate) fn ends(&mut self, side: Side) {
        self.ended[side.index()] = true;
        let flags = Readiness::READABLE | Readiness::ENDING;
        self.session.hint(side, flags);
        self.turn();
    }

    /// The session's steps until it waits or closes.
    fn turn(&mut self) {
        loop {
            let step = self.session.next_step();
            self.steps += 1;
            if matches!(step, Step::Wait | Step::Close(_)) {
                return;
            }
            // Nobody knows what the kernel will answer, so the optimizer must not either.
            let outcome = black_box(self.perform(step));
            self.session.record(step, outcome, &LIMITS);
        }
    }

    /// Steps so far, each Wait and the Close counted too: what figures are divided by.
    pub(crate) const fn steps(&self) -> usize {
        self.steps
    }

    fn perform(&mut self, step: Step) -> Outcome {
        match step {
            // As with a client that speaks first: its bytes carry the last acknowledgement.
            Step::FinishConnect => Outcome::Unacknowledged,
            Step::Receive(way) => self.read(way, LIMITS.tuning.scratch_bytes),
            Step::Fill(way) => self.read(way, FILL_BYTES),
            Step::Send(way) => Outcome::Moved(self.session.flow(way).held_range().len()),
            Step::Drain(way) => Outcome::Moved(self.session.flow(way).piped()),
            _ => Outcome::Done,
        }
    }

    fn read(&mut self, way: Direction, at_most: usize) -> Outcome {
        let source = way.source().index();
        let bytes = self.queued[source].min(at_most);
        self.queued[source] -= bytes;
        match bytes {
            0 if self.ended[source] => Outcome::Ended,
            0 => Outcome::WouldBlock,
            _ => Outcome::Moved(bytes),
        }
    }

    /// Whether everything was relayed and nothing but silence is to be expected.
    pub(crate) fn is_idle(&self) -> bool {
        self.session.next_step() == Step::Wait && self.session.deadline() == Deadline::Idle
    }

    /// Whether the session has come to the clean end.
    pub(crate) fn is_completed(&self) -> bool {
        self.session.next_step() == Step::Close(CloseReason::COMPLETED)
    }
}
