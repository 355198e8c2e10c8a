//! The sessions of a worker: each in a slot of a slab, each with its turn, one way out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mio::Registry;
use rustix::io::ioctl_fionread;
use slab::Slab;
use socket2::Socket;
use std::net::SocketAddr;

use super::clock::{Clock, millis};
use super::dialer::{self, Dialer};
use super::ledger::Ledger;
use super::relay::{Hold, Relay};
use super::run_queue::RunQueue;
use super::slot::{Slot, watch};
use super::timers::Timers;
use super::token::SessionKey;
use crate::config::ListenerConfig;
use crate::messages::Event;
use crate::session::{
    Cause, CloseReason, Deadline, DialError, Limits, Outcome, Readiness, Session, Side, Step,
    Tuning,
};

/// Steps and bytes of one session's turn; then the others have theirs.
const TURN_STEPS: usize = 64;
const TURN_BYTES: usize = 512 * 1024;

/// The pause before backends that were all tried are tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How soon a reset that waits for the delivery of bytes asks again: doubled up to 64 times that.
const DELIVERY_POLL: Duration = Duration::from_millis(2);

/// When a flow is bulk (docs/adr/0003).
const TUNING: Tuning = Tuning {
    scratch_bytes: super::buffers::BUFFER_BYTES,
    bulk_after_reads: 4,
    short_fill_bytes: 16 * 1024,
    copy_after_fills: 16,
};

pub(super) struct Sessions {
    slots: Slab<Slot>,
    timers: Timers,
    run_queue: RunQueue,
    relay: Relay,
    pub(super) dialer: Dialer,
    pub(super) ledger: Ledger,
    listeners: Vec<ListenerConfig>,
    registry: Registry,
    clock: Clock,
    next_id: u64,
    /// Sessions that wait for a descriptor, in order.
    starved: VecDeque<SessionKey>,
    /// Sessions closed since the last look: their descriptors are free.
    freed: usize,
    shortage_told: Option<Instant>,
}

impl Sessions {
    pub(super) fn new(
        registry: Registry,
        listeners: Vec<ListenerConfig>,
        dialer: Dialer,
        ledger: Ledger,
        pipe_limit: usize,
        start: Instant,
    ) -> Self {
        Self {
            slots: Slab::new(),
            timers: Timers::new(),
            run_queue: RunQueue::default(),
            relay: Relay::new(pipe_limit),
            dialer,
            ledger,
            listeners,
            registry,
            clock: Clock::new(start),
            next_id: 1,
            starved: VecDeque::new(),
            freed: 0,
            shortage_told: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn set_time(&mut self, now: Instant) {
        self.clock.set(now);
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A client was accepted: it gets a slot and its first turn.
    pub(super) fn open(&mut self, client: Socket, client_address: SocketAddr, listener: usize) {
        let id = self.next_id;
        self.next_id += 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the generation is the lower half"
        )]
        let key = SessionKey {
            slot: self.slots.vacant_key(),
            generation: id as u32,
        };
        let watched = watch(&self.registry, &client, key, Side::Client);
        let now = self.clock.now();
        let slot = Slot {
            session: Session::new(),
            key,
            id,
            client,
            client_address,
            listener,
            backend: None,
            backend_socket: None,
            tried: Vec::new(),
            holds: [Hold::default(), Hold::default()],
            accepted: now,
            connected: None,
            now,
            moved: self.clock.millis(),
            armed: Deadline::Never,
            queued: false,
        };
        self.slots.insert(slot);
        self.ledger.opened(listener);
        if let Err(error) = watched {
            self.tell_shortage("watch a client", &error.to_string());
            self.slots[key.slot].session.cut(Cause::LocalResource);
        }
        self.turn(key.slot);
    }

    /// An event says something of a session's socket: it gets a turn. A stale one says nothing.
    pub(super) fn mark(&mut self, key: SessionKey, side: Side, flags: Readiness) {
        if let Some(slot) = self.slots.get_mut(key.slot).filter(|slot| slot.key == key) {
            slot.session.hint(side, flags);
            enqueue(&mut self.run_queue, slot);
        }
    }

    /// Gives a turn to everybody who stands in the run queue now.
    pub(super) fn run_turns(&mut self) {
        for _ in 0..self.run_queue.len() {
            let Some(key) = self.run_queue.pop() else {
                break;
            };
            if let Some(slot) = self.slots.get_mut(key.slot).filter(|slot| slot.key == key) {
                slot.queued = false;
                self.turn(key.slot);
            }
        }
    }

    /// How long the loop may sleep for the sake of sessions.
    pub(super) fn sleep(&self) -> Option<Duration> {
        if !self.run_queue.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = self.clock.millis();
        self.timers
            .next()
            .map(|at| Duration::from_millis(at.saturating_sub(now)))
    }

    /// Sees to every deadline that has passed.
    pub(super) fn expire(&mut self) {
        let now = self.clock.millis();
        while let Some(place) = self.timers.expired(now) {
            let slot = &mut self.slots[place];
            let armed = std::mem::replace(&mut slot.armed, Deadline::Never);
            let idle = slot.moved + millis(self.listeners[slot.listener].idle_timeout);
            let limits = limits(
                self.dialer
                    .pool(self.listeners[slot.listener].pool)
                    .config
                    .retries,
            );
            match armed {
                Deadline::Idle if idle > now => {} // bytes have moved since: armed anew below
                Deadline::Delivery { .. } if idle <= now => slot.session.cut(Cause::IdleTimeout),
                Deadline::Connect { .. } => {
                    if let Some(backend) = &slot.backend {
                        self.dialer.report_failure(backend);
                    }
                    slot.session.expire(&limits);
                }
                Deadline::Idle
                | Deadline::Delivery { .. }
                | Deadline::Retry { .. }
                | Deadline::Starved
                | Deadline::Never => slot.session.expire(&limits),
            }
            self.turn(place);
        }
    }

    /// How many descriptors' worth of sessions have ended since the last call.
    pub(super) fn take_freed(&mut self) -> usize {
        std::mem::take(&mut self.freed)
    }

    /// Whether any session waits for a descriptor.
    pub(super) fn any_starved(&self) -> bool {
        !self.starved.is_empty()
    }

    /// Lets waiting sessions try again to get a descriptor, in order, until one has to wait again.
    pub(super) fn feed_starved(&mut self) {
        for _ in 0..self.starved.len() {
            let Some(key) = self.starved.pop_front() else {
                break;
            };
            let Some(slot) = self.slots.get_mut(key.slot).filter(|slot| slot.key == key) else {
                continue;
            };
            slot.session.resume();
            self.turn(key.slot);
            let again = self.starved.back() == Some(&key);
            if again {
                self.starved.rotate_right(1); // it keeps its place
                break;
            }
        }
    }

    /// Ends all sessions: the drain deadline has passed.
    pub(super) fn cut_all(&mut self) {
        let places: Vec<usize> = self.slots.iter().map(|(place, _)| place).collect();
        for place in places {
            self.slots[place].session.cut(Cause::Drained);
            self.turn(place);
        }
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

    /// Performs a session's steps until it waits, ends, or its turn is over.
    fn turn(&mut self, place: usize) {
        let retries = {
            let slot = &mut self.slots[place];
            slot.now = self.clock.now();
            self.dialer
                .pool(self.listeners[slot.listener].pool)
                .config
                .retries
        };
        let limits = limits(retries);
        let (mut steps, mut bytes) = (0, 0);
        loop {
            let session = &self.slots[place].session;
            let step = session.next_step();
            match step {
                Step::Wait => break,
                Step::Close(reason) => return self.close(place, reason),
                _ => {}
            }
            if (steps >= TURN_STEPS || bytes >= TURN_BYTES) && !session.in_scratch() {
                enqueue(&mut self.run_queue, &mut self.slots[place]);
                break;
            }
            let outcome = self.perform(place, step);
            steps += 1;
            if let Outcome::Moved(moved) = outcome {
                bytes += moved;
            }
            self.slots[place].session.record(step, outcome, &limits);
        }
        if bytes > 0 {
            self.slots[place].moved = self.clock.millis();
        }
        self.arm(place);
    }

    fn perform(&mut self, place: usize, step: Step) -> Outcome {
        match step {
            Step::Choose => self.choose(place),
            Step::Connect => self.connect(place),
            Step::FinishConnect => self.finish_connect(place),
            Step::Acknowledge => {
                if let Some(socket) = &self.slots[place].backend_socket {
                    // A socket that refuses is broken, and says so when it is used.
                    let _ = socket.set_tcp_quickack(true);
                }
                Outcome::Done
            }
            Step::CheckError(side) => self.check_error(place, side),
            Step::Receive(way)
            | Step::Send(way)
            | Step::Keep(way)
            | Step::Fill(way)
            | Step::Drain(way)
            | Step::Unload(way)
            | Step::Shutdown(way)
            | Step::AwaitDelivery(way) => {
                let slot = &mut self.slots[place];
                let mut hold = std::mem::take(&mut slot.holds[way.index()]);
                let outcome = match slot.ends() {
                    Some(ends) => {
                        let flow = slot.session.flow(way);
                        self.relay.perform(step, way, &ends, flow, &mut hold)
                    }
                    None => Outcome::Broken,
                };
                slot.holds[way.index()] = hold;
                outcome
            }
            Step::Wait | Step::Close(_) => Outcome::Done,
        }
    }

    fn choose(&mut self, place: usize) -> Outcome {
        let slot = &mut self.slots[place];
        slot.backend_socket = None; // of an earlier attempt, perhaps still connecting
        let pool = self.listeners[slot.listener].pool;
        match self.dialer.choose(pool, &slot.tried) {
            Ok(backend) => {
                slot.tried.push(backend.id);
                self.ledger.assigned(slot.backend_id(), backend.id);
                slot.backend = Some(backend);
                Outcome::Done
            }
            Err(outcome) => {
                slot.tried.clear(); // after the pause each of them may be tried again
                outcome
            }
        }
    }

    fn connect(&mut self, place: usize) -> Outcome {
        let slot = &mut self.slots[place];
        let Some(backend) = &slot.backend else {
            return Outcome::Shortage;
        };
        let mut dialed = dialer::connect(backend.address);
        if matches!(dialed, Err(Outcome::Shortage)) && self.relay.shed_pipes() {
            dialed = dialer::connect(backend.address);
        }
        let watched = dialed.and_then(|socket| {
            match watch(&self.registry, &socket, slot.key, Side::Backend) {
                Ok(()) => Ok(socket),
                Err(_) => Err(Outcome::Shortage),
            }
        });
        match watched {
            Ok(socket) => {
                slot.backend_socket = Some(socket);
                Outcome::Done
            }
            Err(Outcome::Shortage) => {
                self.starved.push_back(slot.key);
                self.tell_shortage("connect to a backend", "no descriptor or memory");
                Outcome::Shortage
            }
            Err(outcome) => {
                self.dial_failed(place, outcome);
                outcome
            }
        }
    }

    fn finish_connect(&mut self, place: usize) -> Outcome {
        let slot = &mut self.slots[place];
        let (Some(socket), Some(backend)) = (&slot.backend_socket, &slot.backend) else {
            return Outcome::Failed(DialError::Local);
        };
        let outcome = self.dialer.finish_connect(socket, backend);
        if outcome == Outcome::Done {
            slot.connected = Some(self.clock.now());
            slot.moved = self.clock.millis();
            slot.tried = Vec::new();
        }
        self.dial_failed(place, outcome);
        outcome
    }

    /// A backend that refuses is probed at once; a fault of this machine says nothing of it.
    fn dial_failed(&self, place: usize, outcome: Outcome) {
        let faulty = Outcome::Failed(DialError::Local);
        if let (Outcome::Failed(_), Some(backend)) = (outcome, &self.slots[place].backend)
            && outcome != faulty
        {
            self.dialer.report_failure(backend);
        }
    }

    fn check_error(&self, place: usize, side: Side) -> Outcome {
        let Some(socket) = self.slots[place].socket(side) else {
            return Outcome::Done;
        };
        match socket.take_error() {
            Ok(None) => Outcome::Done,
            Ok(Some(_)) | Err(_) => {
                let unread = ioctl_fionread(socket).unwrap_or(0);
                Outcome::BrokenWith(usize::try_from(unread).unwrap_or(0))
            }
        }
    }

    /// Sets the session's timer, where what it waits for has changed.
    fn arm(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let deadline = slot.session.deadline();
        if deadline == slot.armed {
            return;
        }
        slot.armed = deadline;
        let listener = &self.listeners[slot.listener];
        let connect_timeout = self.dialer.pool(listener.pool).config.connect_timeout;
        let now = self.clock.millis();
        let due = match deadline {
            Deadline::Never => return self.timers.cancel(place),
            Deadline::Connect { .. } | Deadline::Starved => now + millis(connect_timeout),
            Deadline::Retry { .. } => now + millis(RETRY_PAUSE),
            Deadline::Idle => slot.moved + millis(listener.idle_timeout),
            Deadline::Delivery { polls } => now + (millis(DELIVERY_POLL) << polls.min(6)),
        };
        self.timers.arm(place, due);
    }

    /// The only way out of a session.
    fn close(&mut self, place: usize, reason: CloseReason) {
        let active = self.slots.len();
        self.timers.cancel(place);
        let mut slot = self.slots.remove(place);
        slot.holds
            .iter_mut()
            .for_each(|hold| self.relay.release(hold));
        for side in Side::BOTH {
            if let Some(socket) = slot.socket(side)
                && slot.session.ends_by_reset(side)
            {
                // A socket that refuses has no peer to reset any more.
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
        }
        self.ledger.closed(&slot, reason, active);
        self.freed += 1;
    }
}

const fn limits(retries: u8) -> Limits {
    Limits {
        retries,
        tuning: TUNING,
    }
}

fn enqueue(queue: &mut RunQueue, slot: &mut Slot) {
    if !slot.queued {
        slot.queued = true;
        queue.push(slot.key);
    }
}
