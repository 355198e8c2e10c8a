//! Performs what the session machine asks for: a turn of steps, each with its outcome. Those of a
//! session without a backend are in `dialing`, those that move bytes in `relay`.

use std::time::{Duration, Instant};

use mio::Registry;

use super::clock::Clock;
use super::connect::{self, Connector};
use super::dialer::Dialer;
use super::ledger::Ledger;
use super::peers::Peers;
use super::relay::Relay;
use super::slot::Slot;
use crate::messages::Event;
use crate::pool::Tally;
use crate::session::{CloseReason, Direction, Limits, Outcome, Side, Step, Tuning};

/// Steps and bytes of one session's turn; then the others have theirs.
const TURN_STEPS: usize = 64;
const TURN_BYTES: usize = 512 * 1024;

/// When a flow is bulk (docs/adr/0003).
const TUNING: Tuning = Tuning {
    scratch_bytes: super::buffers::BUFFER_BYTES,
    bulk_after_reads: 4,
    short_fill_bytes: 16 * 1024,
    copy_after_fills: 16,
};

/// How a turn has ended.
pub(super) enum TurnEnd {
    /// The session waits for an event or its deadline.
    Waiting,
    /// It could go on, but it is the others' turn.
    Spent,
    /// It is over.
    Closed(CloseReason),
}

/// Everything that steps are performed with.
pub(super) struct Shell {
    pub(super) relay: Relay,
    pub(super) dialer: Dialer,
    pub(super) connector: Connector,
    pub(super) peers: Peers,
    pub(super) ledger: Ledger,
    pub(super) registry: Registry,
    pub(super) clock: Clock,
    /// When a shortage was told last.
    pub(super) shortage_told: Option<Instant>,
}

impl Shell {
    /// The numbers that this session obeys.
    pub(super) fn limits(&self, slot: &Slot) -> Limits {
        let pool = slot.pool();
        Limits {
            retries: self.dialer.config(pool).retries,
            hedge: self.dialer.hedge_delay(pool).is_some(),
            tuning: TUNING,
        }
    }

    /// Performs a session's steps until it waits, ends, or its turn is over.
    pub(super) fn turn(&mut self, slot: &mut Slot) -> TurnEnd {
        let limits = self.limits(slot);
        let (mut steps, mut bytes) = (0, 0);
        let before = received(slot);
        let end = loop {
            let step = slot.session.next_step();
            match step {
                Step::Wait => break TurnEnd::Waiting,
                Step::Close(reason) => break TurnEnd::Closed(reason),
                _ => {}
            }
            // Not while the scratch buffer holds bytes of it: the next turn is another session's.
            if (steps >= TURN_STEPS || bytes >= TURN_BYTES) && !slot.session.in_scratch() {
                break TurnEnd::Spent;
            }
            let outcome = self.perform(slot, step);
            steps += 1;
            match outcome {
                Outcome::Moved(moved) => bytes += moved,
                // A peer that acknowledges is not idle, slow as it may be.
                Outcome::Queued(left) if left < slot.undelivered => {
                    slot.undelivered = left;
                    slot.moved = self.clock.millis();
                }
                _ => {}
            }
            slot.session.record(step, outcome, &limits);
        };
        if bytes > 0 {
            slot.moved = self.clock.millis();
            if let Some(tally) = self.tally(slot) {
                let now = received(slot);
                tally.moved(now[0] - before[0], now[1] - before[1]);
            }
        }
        end
    }

    /// Where this worker counts what goes through the session's backend.
    pub(super) fn tally<'a>(&self, slot: &'a Slot) -> Option<&'a Tally> {
        slot.backend.as_ref()?.tallies.get(self.peers.me())
    }

    fn perform(&mut self, slot: &mut Slot, step: Step) -> Outcome {
        match step {
            Step::Choose => self.choose(slot),
            Step::Connect => self.connect(slot),
            Step::Hedge => self.hedge(slot),
            Step::FinishConnect => self.finish_connect(slot),
            Step::Acknowledge => {
                if let Some(socket) = &slot.backend_socket {
                    // A socket that refuses is broken, and says so when it is used.
                    let _ = socket.set_tcp_quickack(true);
                }
                Outcome::Done
            }
            Step::CheckError(side) => check_error(slot, side),
            Step::Receive(way)
            | Step::Send(way)
            | Step::Keep(way)
            | Step::Fill(way)
            | Step::Drain(way)
            | Step::Unload(way)
            | Step::Shutdown(way)
            | Step::AwaitDelivery(way) => self.relay(slot, step, way),
            Step::Wait | Step::Close(_) => Outcome::Done,
        }
    }

    fn relay(&mut self, slot: &mut Slot, step: Step, way: Direction) -> Outcome {
        let Some(backend) = &slot.backend_socket else {
            return Outcome::Broken;
        };
        let (source, sink) = match way {
            Direction::Upload => (&slot.client, backend),
            Direction::Download => (backend, &slot.client),
        };
        let flow = slot.session.flow(way);
        let outcome = self
            .relay
            .perform(step, source, sink, flow, &mut slot.holds[way.index()]);
        if flow.received() == 0 && matches!(outcome, Outcome::Moved(_)) {
            slot.first_byte[way.source().index()] = Some(self.clock.moment());
            if slot.session.flow(way.other()).received() == 0 {
                let pool = slot.pool();
                self.dialer.heard_first(pool, way.source());
            }
        }
        outcome
    }

    /// Tells the supervisor, at most once a second, that this machine lacks something.
    pub(super) fn tell_shortage(&mut self, what: &'static str, error: &str) {
        let now = self.clock.now();
        if self
            .shortage_told
            .is_none_or(|told| now - told >= Duration::from_secs(1))
        {
            self.shortage_told = Some(now);
            self.ledger.tell(Event::Shortage {
                what,
                error: error.to_owned(),
            });
        }
    }
}

/// Bytes read from the client and from the backend so far.
fn received(slot: &Slot) -> [u64; 2] {
    Direction::BOTH.map(|way| slot.session.flow(way).received())
}

fn check_error(slot: &Slot, side: Side) -> Outcome {
    let Some(socket) = slot.socket(side) else {
        return Outcome::Done;
    };
    match socket.take_error() {
        Ok(None) => Outcome::Done,
        Ok(Some(_)) | Err(_) => Outcome::BrokenWith(connect::unread(socket)),
    }
}
