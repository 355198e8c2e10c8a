//! The sessions of a worker: each in a slot of a slab, each with its turn, one way out.
//!
//! `deadlines` sees to what time ends, `interims` writes down those that live long, `inspection` shows them, `queue` serves those who wait for a
//! backend, `downed` sees to those whose backend went down.

mod deadlines;
mod downed;
mod handshakes;
mod inspection;
mod interims;
mod queue;
mod takeover;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;
use socket2::Socket;

use crate::balance::Snapshot;
use crate::plan::PlannedListener;
use crate::session::{Cause, CloseReason, Deadline, Readiness, Session, Side};
use crate::worker::clock::{Clock, millis};
use crate::worker::front::Front;
use crate::worker::relay::Hold;
use crate::worker::run_queue::RunQueue;
use crate::worker::shared::Shared;
use crate::worker::shell::{Shell, TurnEnd};
use crate::worker::slot::{Slot, watch};
use crate::worker::timers::Timers;
use crate::worker::token::{SessionKey, Target};
use crate::worker::waiting::Waiting;
use downed::Doomed;
use interims::Interims;

/// Unused pipes stay open that long for the next bulk flow.
const PIPE_REST: Duration = Duration::from_millis(500);

/// An accepted socket, its address and its listener.
pub(in crate::worker) type Client = (Socket, SocketAddr, Arc<PlannedListener>);

pub(in crate::worker) struct Sessions {
    slots: Slab<Slot>,
    timers: Timers,
    /// Where the log wants lines of sessions that live on.
    interims: Option<Interims>,
    run_queue: RunQueue,
    shell: Shell,
    next_id: u64,
    /// By pool.
    waiting: Vec<Waiting>,
    /// Backends that are down and whose sessions are to be ended, with the time.
    doomed: Vec<Doomed>,
    drain_timeout: Duration,
    /// The number of the plan that is served.
    plan: u64,
    /// Clients from a worker that serves a newer plan already.
    early: Vec<Client>,
    /// Sessions that wait for a descriptor, in order.
    starved: VecDeque<SessionKey>,
    /// When unused pipes are closed, unless something is spliced before.
    shed_at: Option<u64>,
    /// Sessions closed since the last look: their descriptors are free.
    freed: usize,
}

impl Sessions {
    pub(in crate::worker) fn new(shell: Shell) -> Self {
        Self {
            slots: Slab::new(),
            timers: Timers::new(),
            interims: Interims::wanted(&shell.ledger),
            run_queue: RunQueue::default(),
            shell,
            next_id: 1,
            waiting: Vec::new(),
            doomed: Vec::new(),
            drain_timeout: Duration::ZERO,
            plan: 0,
            early: Vec::new(),
            starved: VecDeque::new(),
            shed_at: None,
            freed: 0,
        }
    }

    /// What steps are performed with.
    pub(in crate::worker) const fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }

    /// What all workers have in common.
    pub(in crate::worker) fn shared(&self) -> &Shared {
        self.shell.peers.shared()
    }

    /// The number of this worker.
    pub(in crate::worker) const fn me(&self) -> usize {
        self.shell.peers.me()
    }

    pub(in crate::worker) fn len(&self) -> usize {
        self.slots.len()
    }

    /// A turn of the loop has begun and ended.
    pub(in crate::worker) fn count_turn(&self, began: Instant, ended: Instant) {
        let Shell { counts, relay, .. } = &self.shell;
        let busy = ended.saturating_duration_since(began).as_nanos();
        counts.iterations.add(1);
        counts
            .busy_nanos
            .add(u64::try_from(busy).unwrap_or(u64::MAX));
        counts.sessions.set(self.slots.len() as u64);
        let (used, idle) = relay.pipes();
        counts.pipes_used.set(used as u64);
        counts.pipes_idle.set(idle as u64);
    }

    pub(in crate::worker) fn set_time(&mut self, now: Instant) {
        self.shell.clock.set(now);
    }

    pub(in crate::worker) const fn clock(&self) -> &Clock {
        &self.shell.clock
    }

    /// Health has something new to say of a pool.
    pub(in crate::worker) fn update(&mut self, pool: usize, snapshot: Snapshot) {
        let lost = self.shell.dialer.update(pool, snapshot);
        self.spare_recovered();
        self.lost_backends(pool, &lost);
        self.look_at_line(pool);
    }

    /// Another worker has accepted a client, and counted it here. That one, or this one, may know a
    /// newer plan than the other.
    pub(in crate::worker) fn receive(&mut self, client: Client) {
        let (socket, address, listener) = client;
        if listener.number > self.plan {
            return self.early.push((socket, address, listener)); // the plan is on its way
        }
        let newest = self
            .shell
            .listeners
            .get(&listener.config.name)
            .map(Arc::clone);
        self.open(socket, address, newest.unwrap_or(listener));
    }

    /// A client was accepted, and counted: it gets a slot and its first turn.
    pub(in crate::worker) fn open(
        &mut self,
        client: Socket,
        client_address: SocketAddr,
        listener: Arc<PlannedListener>,
    ) {
        let peers = &self.shell.peers;
        // No two workers give the same id.
        let id = self.next_id * peers.count() as u64 + peers.me() as u64;
        self.next_id += 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the generation is the lower half"
        )]
        let key = SessionKey {
            slot: self.slots.vacant_key(),
            generation: id as u32,
        };
        let watched = watch(
            &self.shell.registry,
            &client,
            Target::Session(key, Side::Client),
        );
        let accepted = self.shell.clock.moment();
        let front = Front::of(&listener, accepted);
        let slot = Slot {
            session: front.as_ref().map_or_else(Session::new, |front| {
                front.session(&listener, client_address.ip())
            }),
            front,
            destination: 0,
            unclaimed: 0,
            key,
            id,
            client,
            client_address,
            listener,
            backend: None,
            leased: false,
            backend_socket: None,
            dialed: accepted,
            rival: None,
            holds: [Hold::default(), Hold::default()],
            accepted,
            connected: None,
            first_byte: [None; 2],
            trials: None,
            lined_up: None,
            waited: 0,
            moved: self.shell.clock.millis(),
            acknowledgement_held: false,
            undelivered: u32::MAX,
            armed: Deadline::Never,
            queued: false,
        };
        self.slots.insert(slot);
        if let Some(interims) = &mut self.interims {
            interims.arm(key.slot, &self.slots[key.slot], &self.shell.clock);
        }
        if let Err(error) = watched {
            self.shell
                .tell_shortage("watch a client", &error.to_string());
            self.slots[key.slot].session.cut(Cause::LocalResource);
        }
        self.turn(key.slot);
    }

    /// An event says something of a session's socket: it gets a turn. A stale one says nothing.
    pub(in crate::worker) fn mark(&mut self, key: SessionKey, side: Side, flags: Readiness) {
        if let Some(slot) = self.slots.get_mut(key.slot).filter(|slot| slot.key == key) {
            slot.session.hint(side, flags);
            enqueue(&mut self.run_queue, slot);
        }
    }

    /// Something has happened to a connection that a session has parked.
    pub(in crate::worker) fn look_at_parked(&mut self, key: SessionKey) {
        if let Some(slot) = self.slots.get_mut(key.slot).filter(|slot| slot.key == key) {
            self.shell.look_at_parked(slot);
        }
    }

    /// Ends the sessions whose clients are silent between two exchanges.
    pub(in crate::worker) fn dismiss_idle(&mut self) {
        for (_, slot) in &mut self.slots {
            if slot.session.leave() {
                enqueue(&mut self.run_queue, slot);
            }
        }
    }

    /// Gives a turn to everybody who stands in the run queue now.
    pub(in crate::worker) fn run_turns(&mut self) {
        self.shell.handshakes.begin_turn();
        if self.shell.handshakes.has_waiting() {
            self.admit_handshakes();
        }
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
    pub(in crate::worker) fn sleep(&mut self) -> Option<Duration> {
        if !self.run_queue.is_empty() || self.is_line_due() {
            return Some(Duration::ZERO);
        }
        let shell = &mut self.shell;
        let waits = shell.handshakes.has_waiting();
        let gate = waits.then(|| shell.handshakes.sleep(shell.clock.moment()));
        let now = self.shell.clock.millis();
        let doom = self.doomed.iter().map(|it| it.at);
        let interim = self.interims.as_ref().and_then(Interims::next);
        let next = doom.chain(self.timers.next()).chain(self.shed_at);
        let next = next.chain(interim).min();
        let next = next.map(|at| Duration::from_millis(at.saturating_sub(now)));
        next.into_iter().chain(gate.flatten()).min()
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
    pub(in crate::worker) fn take_freed(&mut self) -> usize {
        std::mem::take(&mut self.freed)
    }

    /// Whether any session waits for a descriptor.
    pub(in crate::worker) fn any_starved(&self) -> bool {
        !self.starved.is_empty()
    }

    /// Lets waiting sessions try again to get a descriptor, in order, until one has to wait again.
    pub(in crate::worker) fn feed_starved(&mut self) {
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
    pub(in crate::worker) fn cut_all(&mut self) {
        for (socket, address, listener) in std::mem::take(&mut self.early) {
            if let Some(known) = self.shell.listeners.get(&listener.config.name) {
                self.open(socket, address, Arc::clone(known));
            }
        }
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
        if slot.session.is_queued() != slot.lined_up.is_some() {
            self.change_line(place);
        }
        self.arm(place);
    }

    /// The only way out of a session.
    fn close(&mut self, place: usize, reason: CloseReason) {
        self.shell
            .count_unfinished(&self.slots[place], reason.cause);
        self.timers.cancel(place);
        if let Some(interims) = &mut self.interims {
            interims.cancel(place);
        }
        let mut slot = self.slots.remove(place);
        slot.holds
            .iter_mut()
            .for_each(|hold| self.shell.relay.release(hold));
        self.shell.take_leave(&mut slot);
        for side in Side::BOTH {
            if let Some(socket) = slot.socket(side)
                && slot.session.ends_by_reset(side)
            {
                // A socket that refuses has no peer to reset any more.
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
        }
        let line = self.shell.dialer.line(slot.pool());
        slot.leave_line(line, self.shell.clock.moment());
        self.shell
            .ledger
            .closed(&mut slot, reason, &self.shell.clock);
        let pool = slot.pool();
        slot.listener.active.leave();
        // Whoever gets the room that is made here may come right after.
        self.shell.let_go(&mut slot);
        drop(slot);
        let peers = &self.shell.peers;
        peers.shared().workers[peers.me()].leave();
        peers.shared().sessions.leave();
        self.look_at_line(pool);
        self.freed += 1;
    }
}

fn enqueue(queue: &mut RunQueue, slot: &mut Slot) {
    if !slot.queued {
        slot.queued = true;
        queue.push(slot.key);
    }
}
