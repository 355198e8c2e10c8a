//! The sessions of a worker: each in a slot of a slab, each with its turn, one way out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slab::Slab;
use socket2::Socket;

use super::clock::{Clock, millis};
use super::relay::Hold;
use super::run_queue::RunQueue;
use super::shell::{Shell, TurnEnd};
use super::slot::{Slot, watch};
use super::timers::Timers;
use super::token::SessionKey;
use crate::session::{Cause, CloseReason, Deadline, DialError, Outcome, Readiness, Session, Side};

/// The pause before backends that were all tried are tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How long the client's first bytes may take to carry the backend's acknowledgement with them.
/// A backend that speaks first waits that long once; then worker::dialer knows its pool.
/// Not longer: a backend that sends its reply in two parts may wait for the first one's (Nagle).
const ACKNOWLEDGE_PAUSE: Duration = Duration::from_millis(5);

/// Unused pipes stay open that long for the next bulk flow.
const PIPE_REST: Duration = Duration::from_millis(500);

/// How soon a reset that waits for the delivery of bytes asks again: doubled up to a second.
const DELIVERY_POLL: Duration = Duration::from_millis(2);

pub(super) struct Sessions {
    slots: Slab<Slot>,
    timers: Timers,
    run_queue: RunQueue,
    shell: Shell,
    next_id: u64,
    /// Sessions that wait for a descriptor, in order.
    starved: VecDeque<SessionKey>,
    /// When unused pipes are closed, unless something is spliced before.
    shed_at: Option<u64>,
    /// Sessions closed since the last look: their descriptors are free.
    freed: usize,
}

impl Sessions {
    pub(super) fn new(shell: Shell) -> Self {
        Self {
            slots: Slab::new(),
            timers: Timers::new(),
            run_queue: RunQueue::default(),
            shell,
            next_id: 1,
            starved: VecDeque::new(),
            shed_at: None,
            freed: 0,
        }
    }

    /// What steps are performed with.
    pub(super) const fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn set_time(&mut self, now: Instant) {
        self.shell.clock.set(now);
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.shell.clock
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
        let watched = watch(&self.shell.registry, &client, key, Side::Client);
        let now = self.shell.clock.now();
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
            moved: self.shell.clock.millis(),
            acknowledgement_held: false,
            undelivered: usize::MAX,
            armed: Deadline::Never,
            queued: false,
        };
        self.slots.insert(slot);
        self.shell.ledger.opened(listener);
        if let Err(error) = watched {
            self.shell
                .tell_shortage("watch a client", &error.to_string());
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
        let now = self.shell.clock.millis();
        let next = [self.timers.next(), self.shed_at]
            .into_iter()
            .flatten()
            .min();
        next.map(|at| Duration::from_millis(at.saturating_sub(now)))
    }

    /// Sees to every deadline that has passed.
    pub(super) fn expire(&mut self) {
        let now = self.shell.clock.millis();
        while let Some(place) = self.timers.expired(now) {
            let slot = &mut self.slots[place];
            let armed = std::mem::replace(&mut slot.armed, Deadline::Never);
            let limits = self.shell.limits(slot);
            let idle = slot.moved + millis(self.shell.listeners[slot.listener].idle_timeout);
            match armed {
                Deadline::Idle if idle > now => {} // bytes have moved since: armed anew below
                Deadline::Delivery { .. } if idle <= now => slot.session.cut(Cause::IdleTimeout),
                Deadline::Connect { .. }
                | Deadline::Idle
                | Deadline::Delivery { .. }
                | Deadline::Retry { .. }
                | Deadline::Acknowledge
                | Deadline::Starved
                | Deadline::Never => {
                    if let (Deadline::Connect { .. }, Some(backend)) = (armed, &slot.backend) {
                        self.shell
                            .dialer
                            .judge(backend, Outcome::Failed(DialError::TimedOut));
                    }
                    slot.session.expire(&limits);
                }
            }
            self.turn(place);
        }
        self.shed_unused_pipes(now);
    }

    fn shed_unused_pipes(&mut self, now: u64) {
        if self.shell.relay.take_spliced() {
            self.shed_at = Some(now + millis(PIPE_REST));
        } else if self.shed_at.is_some_and(|at| at <= now) {
            self.shed_at = None;
            self.shell.relay.shed_pipes();
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
        while let Some(&key) = self.starved.front() {
            let waits = |slots: &Slab<Slot>| {
                slots
                    .get(key.slot)
                    .is_some_and(|it| it.key == key && it.session.is_starved())
            };
            if waits(&self.slots) {
                self.slots[key.slot].session.resume();
                self.turn(key.slot);
                if waits(&self.slots) {
                    return; // it keeps its place
                }
            }
            self.starved.pop_front();
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

    /// Gives a session its turn, and sees to what it asks for at its end.
    fn turn(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        match self.shell.turn(slot) {
            TurnEnd::Waiting => {}
            TurnEnd::Spent => enqueue(&mut self.run_queue, slot),
            TurnEnd::Closed(reason) => return self.close(place, reason),
        }
        if slot.session.is_starved() && slot.armed != Deadline::Starved {
            self.starved.push_back(slot.key);
        }
        self.arm(place);
    }

    /// Sets the session's timer, where what it waits for has changed.
    fn arm(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let deadline = slot.session.deadline();
        if deadline == slot.armed {
            return;
        }
        slot.armed = deadline;
        let listener = &self.shell.listeners[slot.listener];
        let connect_timeout = self.shell.dialer.config(listener.pool).connect_timeout;
        let now = self.shell.clock.millis();
        let due = match deadline {
            Deadline::Never => return self.timers.cancel(place),
            Deadline::Connect { .. } | Deadline::Starved => now + millis(connect_timeout),
            Deadline::Acknowledge => now + millis(ACKNOWLEDGE_PAUSE),
            Deadline::Retry { .. } => now + millis(RETRY_PAUSE),
            Deadline::Idle => slot.moved + millis(listener.idle_timeout),
            Deadline::Delivery { polls } => now + (millis(DELIVERY_POLL) << polls.min(9)),
        };
        // The clock counts whole milliseconds, rounded down: one more, and nothing is early.
        self.timers.arm(place, due + 1);
    }

    /// The only way out of a session.
    fn close(&mut self, place: usize, reason: CloseReason) {
        let active = self.slots.len();
        self.timers.cancel(place);
        let mut slot = self.slots.remove(place);
        slot.holds
            .iter_mut()
            .for_each(|hold| self.shell.relay.release(hold));
        for side in Side::BOTH {
            if let Some(socket) = slot.socket(side)
                && slot.session.ends_by_reset(side)
            {
                // A socket that refuses has no peer to reset any more.
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
        }
        self.shell.ledger.closed(&slot, reason, active);
        self.freed += 1;
    }
}

fn enqueue(queue: &mut RunQueue, slot: &mut Slot) {
    if !slot.queued {
        slot.queued = true;
        queue.push(slot.key);
    }
}
