//! Performs what the session machine asks for: a turn of steps, each with its outcome. Those of a
//! session without a backend are in `dialing`, those that move bytes in `relay`.

use std::array;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Registry;

use super::clock::Clock;
use super::connect::Connector;
use super::dialer::Dialer;
use super::front::{Handshakes, Workbench};
use super::ledger::Ledger;
use super::peers::Peers;
use super::relay::Relay;
use super::slot::Slot;
use crate::messages::Event;
use crate::metrics::WorkerTally;
use crate::plan::PlannedListener;
use crate::pool::Moved;
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
    pub(super) handshakes: Handshakes,
    pub(super) bench: Workbench,
    pub(super) peers: Peers,
    pub(super) ledger: Ledger,
    pub(super) registry: Registry,
    pub(super) clock: Clock,
    /// What this worker counts of itself.
    pub(super) counts: Arc<WorkerTally>,
    /// The listeners by name, as the newest plan has them.
    pub(super) listeners: HashMap<Arc<str>, Arc<PlannedListener>>,
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
            greets: slot
                .front
                .as_ref()
                .is_some_and(|it| it.greets(slot.backend.as_deref())),
            answers: slot.front.as_ref().is_some_and(|it| it.answers()),
            tuning: TUNING,
        }
    }

    /// Performs a session's steps until it waits, ends, or its turn is over.
    pub(super) fn turn(&mut self, slot: &mut Slot) -> TurnEnd {
        let mut limits = self.limits(slot);
        let (mut steps, mut bytes) = (0, 0);
        let mut before = moved(slot);
        let end = loop {
            let step = slot.session.next_step();
            match step {
                Step::Wait => break TurnEnd::Waiting,
                Step::Close(reason) => break TurnEnd::Closed(reason),
                Step::Preface | Step::Greet if self.is_put_off(slot, step) => break TurnEnd::Spent,
                _ => {}
            }
            // Not while the scratch buffer holds bytes of it: the next turn is another session's.
            if (steps >= TURN_STEPS || bytes >= TURN_BYTES) && !slot.session.in_scratch() {
                break TurnEnd::Spent;
            }
            if step == Step::Rest {
                // What moves from now on may be another backend's.
                self.count(slot, before);
                before = moved(slot);
            }
            let outcome = self.perform(slot, step);
            steps += 1;
            match outcome {
                Outcome::Moved(moved) => bytes += moved,
                Outcome::Edited(edit) => bytes += edit.read,
                // A peer that acknowledges is not idle, slow as it may be.
                Outcome::Queued(left) => {
                    let left = u32::try_from(left).unwrap_or(u32::MAX);
                    if left < slot.undelivered {
                        slot.undelivered = left;
                        slot.moved = self.clock.millis();
                    }
                }
                _ => {}
            }
            if slot.front.is_some() {
                limits = self.limits(slot); // what it may do changes as it goes
            }
            slot.session.record(step, outcome, &limits);
        };
        if bytes > 0 {
            slot.moved = self.clock.millis();
        }
        // What was heard in an earlier turn counts when it is known to belong to the stream.
        if bytes > 0 || slot.front.is_some() {
            self.count(slot, before);
        }
        end
    }

    /// Counts the bytes that have moved since there were so many.
    fn count(&self, slot: &mut Slot, before: [u64; 4]) {
        let after = moved(slot);
        let [received, bytes_sent, bytes_out, sent] = array::from_fn(|at| after[at] - before[at]);
        let bytes_in = if slot.connected.is_some() {
            received + u64::from(std::mem::take(&mut slot.unclaimed))
        } else {
            let received = u32::try_from(received).unwrap_or(u32::MAX);
            slot.unclaimed = slot.unclaimed.saturating_add(received);
            0
        };
        if let Some(tally) = slot.backend.as_ref().and_then(|it| self.dialer.tally(it)) {
            tally.moved(Moved {
                bytes_in,
                bytes_sent,
                bytes_out,
            });
        }
        if let Some(tally) = slot.listener.tallies.get(self.peers.me()) {
            tally.received.add(received);
            tally.sent.add(sent);
        }
    }

    #[inline]
    fn perform(&mut self, slot: &mut Slot, step: Step) -> Outcome {
        match step {
            Step::Preface => self.preface(slot),
            Step::Tend => self.tend(slot),
            Step::Greet => self.greet(slot),
            Step::Rest => self.rest(slot),
            Step::Answer => self.answer(slot),
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
            Step::CheckError(side) => self.check_error(slot, side),
            Step::Receive(way)
            | Step::Send(way)
            | Step::Keep(way)
            | Step::Fill(way)
            | Step::Drain(way)
            | Step::Unload(way)
            | Step::Shutdown(way)
            | Step::AwaitDelivery(way) => {
                if slot.front.is_some() {
                    self.pass(slot, step, way)
                } else {
                    self.relay_plain(slot, step, way)
                }
            }
            Step::Wait | Step::Close(_) => Outcome::Done,
        }
    }

    /// Performs a step of relaying: bytes go as they come.
    #[inline]
    pub(super) fn relay_plain(&mut self, slot: &mut Slot, step: Step, way: Direction) -> Outcome {
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
        match (step, outcome) {
            (Step::Send(_), Outcome::Moved(bytes)) => self.counts.copied.add(bytes as u64),
            (Step::Drain(_), Outcome::Moved(bytes)) => self.counts.spliced.add(bytes as u64),
            _ => {}
        }
        if flow.received() == 0 && matches!(outcome, Outcome::Moved(_)) {
            self.heard(slot, way.source());
        }
        outcome
    }

    /// The first bytes of a side have come.
    pub(super) fn heard(&mut self, slot: &mut Slot, side: Side) {
        slot.first_byte[side.index()] = Some(self.clock.moment());
        let other = side.outbound().other();
        if slot.session.flow(other).received() == 0 {
            let pool = slot.pool();
            self.dialer.heard_first(pool, side);
        }
    }

    /// Whether a step of a handshake has to let others go first.
    fn is_put_off(&self, slot: &Slot, step: Step) -> bool {
        let shakes = match step {
            Step::Greet => slot.backend.as_ref().is_some_and(|it| it.tls.is_some()),
            _ => slot.front.as_ref().is_some_and(|it| it.is_shaking()),
        };
        shakes && self.handshakes.are_put_off()
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

/// Bytes so far: from the client, to the backend, from the backend, to the client.
const fn moved(slot: &Slot) -> [u64; 4] {
    let upload = slot.session.flow(Direction::Upload);
    let download = slot.session.flow(Direction::Download);
    [
        upload.received(),
        upload.sent(),
        download.received(),
        download.sent(),
    ]
}
