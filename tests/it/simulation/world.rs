//! One session and the fake kernel around it: what happens to them, and what the session makes of it.

mod checks;

use l4lb::session::{
    CloseReason, Deadline, DialError, Direction, Limits, Outcome, Readiness, Session, Side, Step,
    Tuning,
};

use super::chance::Chance;
use super::socket::Socket;

const SCRATCH: usize = 64;
pub(super) const LIMITS: Limits = Limits {
    retries: 2,
    hedge: true,
    greets: false,
    answers: false,
    tuning: Tuning {
        scratch_bytes: SCRATCH,
        bulk_after_reads: 2,
        short_fill_bytes: 16,
        copy_after_fills: 3,
    },
};

/// Steps without any change around the session, after which it counts as spinning.
const PATIENCE: usize = 20_000;

pub(super) struct World {
    chance: Chance,
    session: Session,
    sockets: [Socket; 2],
    connected: bool,
    scratch: [u8; SCRATCH],
    buffers: [Option<Vec<u8>>; 2],
    pipes: [Vec<u8>; 2],
    /// This flow's kernel refuses to splice.
    no_splice: bool,
    queued: bool,
    closed: Option<CloseReason>,
}

impl World {
    pub(super) fn new(mut chance: Chance) -> Self {
        let mut sockets = [(); 2].map(|()| Socket::new(chance.between(1, 300)));
        sockets[Side::Client.index()].edge = true; // registering tells what is ready already
        Self {
            session: Session::new(),
            sockets,
            connected: false,
            scratch: [0; SCRATCH],
            buffers: [None, None],
            pipes: [Vec::new(), Vec::new()],
            no_splice: chance.once_in(4),
            queued: true,
            closed: None,
            chance,
        }
    }

    /// A life: chance for a while, then both peers come to an end.
    pub(super) fn live(mut self) -> CloseReason {
        for _ in 0..self.chance.between(1, 400) {
            self.something_happens();
            self.go_on();
            if self.chance.once_in(200) {
                self.settle();
            }
        }
        self.one_finishes();
        for _ in 0..self.rounds() {
            if let Some(reason) = self.closed {
                self.check_end(reason);
                return reason;
            }
            self.everybody_finishes();
            self.go_on();
        }
        panic!("the session has stalled: {:?}", self.session);
    }

    /// Nothing new happens but that the peers read: then everything has to come to rest in its place
    /// without a spurious hint or the end of a stream to help it.
    fn settle(&mut self) {
        for _ in 0..self.rounds() {
            self.sockets
                .iter_mut()
                .for_each(|socket| socket.peer_reads(usize::MAX));
            self.pass_time();
            self.go_on();
            if self.is_at_rest() {
                break;
            }
        }
        if self.closed.is_some() || !self.connected {
            return;
        }
        assert!(
            !self.sockets.iter().any(|it| it.reset),
            "a reset was not relayed"
        );
        for way in Direction::BOTH {
            let (source, sink) = (
                &self.sockets[way.source().index()],
                &self.sockets[way.sink().index()],
            );
            assert_eq!(
                source.stream.len(),
                sink.written.len(),
                "{way:?} rests: {:?}",
                self.session
            );
            assert_eq!(source.ended, sink.shut, "{way:?}: an end was not relayed");
        }
    }

    /// Nothing can come of itself any more.
    fn is_at_rest(&self) -> bool {
        let quiet = |it: &Socket| !it.edge && (it.reset || it.unacknowledged() == 0);
        let waits = self.session.next_step() == Step::Wait && !self.queued;
        let idle = self.session.deadline() == Deadline::Idle;
        self.closed.is_some() || (waits && idle && self.sockets.iter().all(quiet))
    }

    /// Enough for sockets that take their bytes one by one, and tell of it late.
    fn rounds(&self) -> usize {
        1000 + 8 * self
            .sockets
            .iter()
            .map(|socket| socket.stream.len())
            .sum::<usize>()
    }

    fn something_happens(&mut self) {
        let side = if self.chance.once_in(2) {
            Side::Client
        } else {
            Side::Backend
        };
        if side == Side::Backend && !self.connected {
            return self.pass_time();
        }
        let socket = &mut self.sockets[side.index()];
        match self.chance.below(16) {
            0..6 => {
                let length = self.chance.between(1, 400);
                let start = socket.stream.len();
                let bytes: Vec<u8> = (start..start + length).map(pattern).collect();
                socket.peer_writes(&bytes, self.chance.once_in(12));
            }
            6..11 => socket.peer_reads(self.chance.between(1, 400)),
            11 if self.chance.once_in(6) => socket.peer_ends(),
            12 if self.chance.once_in(12) => socket.peer_resets(),
            // Stale or spurious readiness, though never of an error that is none.
            13 => self
                .session
                .hint(side, Readiness::READABLE | Readiness::WRITABLE),
            _ => self.pass_time(),
        }
    }

    /// One peer ends its stream or resets, perhaps both, and what that means has to settle.
    fn one_finishes(&mut self) {
        let side = if self.chance.once_in(2) {
            Side::Client
        } else {
            Side::Backend
        };
        if side == Side::Client || self.connected {
            let choice = self.chance.below(3);
            let socket = &mut self.sockets[side.index()];
            if choice < 2 {
                socket.peer_ends();
            }
            self.go_on();
            if choice > 0 {
                self.sockets[side.index()].peer_resets();
            }
        }
        self.settle();
    }

    /// Both peers read all, and each ends its stream or resets.
    fn everybody_finishes(&mut self) {
        for side in Side::BOTH {
            if side == Side::Backend && !self.connected {
                continue;
            }
            let socket = &mut self.sockets[side.index()];
            socket.peer_reads(usize::MAX);
            if !socket.ended && !socket.reset {
                if self.chance.once_in(3) {
                    socket.peer_resets()
                } else {
                    socket.peer_ends()
                }
            }
        }
        self.pass_time();
    }

    /// Every deadline but the idle one may pass: only a stalled session would need that.
    fn pass_time(&mut self) {
        if !matches!(self.session.deadline(), Deadline::Idle | Deadline::Never) {
            if self.session.deadline() == Deadline::Queue && !self.chance.once_in(4) {
                self.session.resume(); // a backend has room
                self.queued = true;
                return;
            }
            if matches!(self.session.deadline(), Deadline::Connect { .. }) {
                // The connect comes to something most of the time.
                self.session.hint(Side::Backend, Readiness::WRITABLE);
                if !self.chance.once_in(4) {
                    self.queued = true;
                    return;
                }
            }
            self.session.expire(&LIMITS);
            self.queued = true;
        }
    }

    /// Tells of some edges, and gives the session its turn.
    fn go_on(&mut self) {
        if self.closed.is_some() {
            return;
        }
        for side in Side::BOTH {
            let socket = &mut self.sockets[side.index()];
            if socket.edge && !self.chance.once_in(3) {
                socket.edge = false;
                self.session.hint(side, socket.flags());
                self.queued = true;
            }
        }
        if std::mem::take(&mut self.queued) || self.chance.once_in(4) {
            self.turn();
        }
    }

    fn turn(&mut self) {
        let budget = self.chance.between(1, 30);
        for steps in 0..PATIENCE {
            let step = self.session.next_step();
            match step {
                Step::Wait => return,
                Step::Close(reason) => {
                    self.closed = Some(reason);
                    return;
                }
                _ => {}
            }
            if steps >= budget && !self.session.in_scratch() {
                self.queued = true;
                return;
            }
            let outcome = self.perform(step);
            self.session.record(step, outcome, &LIMITS);
            self.check_conservation();
        }
        panic!("the session spins: {:?}", self.session);
    }

    fn perform(&mut self, step: Step) -> Outcome {
        if self.chance.once_in(20) && !matches!(step, Step::Choose | Step::Keep(_)) {
            return Outcome::Interrupted;
        }
        match step {
            Step::Choose | Step::Connect | Step::Hedge | Step::FinishConnect => self.dial(step),
            Step::Acknowledge => Outcome::Done,
            Step::CheckError(side) => self.sockets[side.index()].take_error(),
            Step::Receive(way) => self.sockets[way.source().index()].receive(&mut self.scratch),
            Step::Send(way) => self.send(way),
            Step::Keep(way) => {
                let kept = self.buffers[way.index()].replace(self.scratch.to_vec());
                assert!(kept.is_none(), "two buffers for one flow");
                Outcome::Done
            }
            Step::Fill(_) if self.no_splice => Outcome::NoSplice,
            Step::Fill(way) => {
                let pipe = &mut self.pipes[way.index()];
                assert!(pipe.is_empty(), "a fill of a pipe with bytes in it");
                self.sockets[way.source().index()].fill(pipe, &mut self.chance)
            }
            Step::Drain(_) if self.chance.once_in(50) => Outcome::NoSplice,
            Step::Drain(way) => {
                let pipe = &mut self.pipes[way.index()];
                let part = self.chance.between(1, pipe.len());
                let outcome = self.sockets[way.sink().index()].send(&pipe[..part]);
                if let Outcome::Moved(bytes) = outcome {
                    pipe.drain(..bytes);
                }
                outcome
            }
            Step::Unload(way) => {
                let pipe = &mut self.pipes[way.index()];
                let bytes = pipe.len().min(SCRATCH);
                self.scratch[..bytes].copy_from_slice(&pipe[..bytes]);
                pipe.drain(..bytes);
                Outcome::Moved(bytes)
            }
            Step::Shutdown(way) => self.sockets[way.sink().index()].shutdown(),
            Step::AwaitDelivery(way) => {
                Outcome::Queued(self.sockets[way.sink().index()].unacknowledged())
            }
            Step::Preface | Step::Tend | Step::Greet | Step::Rest | Step::Answer => {
                unreachable!("{step:?} is not of a plain session")
            }
            Step::Wait | Step::Close(_) => unreachable!("{step:?} is not performed"),
        }
    }

    fn dial(&mut self, step: Step) -> Outcome {
        assert!(!self.connected, "dialed again with a backend connected");
        assert_eq!(
            self.sockets[0].read, 0,
            "dialed after a byte of the client was read"
        );
        let failure = [DialError::Refused, DialError::TimedOut, DialError::Local];
        match (step, self.chance.below(12)) {
            (Step::Choose, 0) => Outcome::NoneLive,
            (Step::Choose, 1) => Outcome::AllTried,
            (Step::Choose, 2) => Outcome::AllFull,
            (Step::Connect | Step::Hedge, 0) => Outcome::Shortage,
            (Step::Hedge, 2..5) => {
                [Outcome::NoneLive, Outcome::AllTried, Outcome::AllFull][self.chance.below(3)]
            }
            (Step::Connect | Step::Hedge | Step::FinishConnect, 1) => {
                Outcome::Failed(failure[self.chance.below(3)])
            }
            (Step::FinishConnect, 2..5) => Outcome::WouldBlock,
            (Step::FinishConnect, 5) => {
                self.connected = true;
                let socket = &mut self.sockets[Side::Backend.index()];
                socket.peer_writes(&[pattern(0), pattern(1)][..self.chance.below(3)], false);
                socket.peer_resets();
                socket.take_error()
            }
            (Step::FinishConnect, choice) => {
                self.connected = true;
                self.sockets[Side::Backend.index()].edge = true;
                if choice % 2 == 0 {
                    Outcome::Unacknowledged
                } else {
                    Outcome::Done
                }
            }
            _ => Outcome::Done,
        }
    }

    fn send(&mut self, way: Direction) -> Outcome {
        let range = self.session.flow(way).held_range();
        let sink = &mut self.sockets[way.sink().index()];
        let buffer = &mut self.buffers[way.index()];
        let outcome = match buffer {
            Some(bytes) => sink.send(&bytes[range.clone()]),
            None => sink.send(&self.scratch[range.clone()]),
        };
        if outcome == Outcome::Moved(range.len()) {
            *buffer = None;
        }
        outcome
    }
}

fn pattern(place: usize) -> u8 {
    u8::try_from((place * 31 + place / 251) % 256).unwrap()
}
