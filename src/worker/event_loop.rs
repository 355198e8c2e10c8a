//! The loop: sleep, read the clock once, then events, mail, turns, deadlines, new clients.
//!
//! All events of a batch are noted before anything acts on one: nothing is closed or reused while
//! an event of the batch still speaks of it, and a session with two events has one turn.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::event::Event as IoEvent;
use mio::{Events, Poll};

use super::acceptor::Acceptor;
use super::clock::Clock;
use super::connect::Connector;
use super::dialer::Dialer;
use super::front::{Handshakes, Workbench};
use super::ledger::Ledger;
use super::loads::Loads;
use super::peers::Peers;
use super::relay::Relay;
use super::sessions::Sessions;
use super::shared::Shared;
use super::shell::Shell;
use super::token::Target;
use crate::access_log::AccessLog;
use crate::balance::Snapshot;
use crate::held_up::HeldUp;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::metrics::WorkerTally;
use crate::plan::Plan;
use crate::session::{Cause, Readiness};

/// Events taken from the kernel at once.
const EVENT_BATCH: usize = 1024;

/// Full batches in a row after which deadlines are seen to all the same.
const FULL_BATCHES: usize = 8;

/// Failures of epoll_wait in a row, a millisecond apart, after which the worker gives up.
const POLL_FAILURES: usize = 1000;

/// What the workers of a process are made from.
#[derive(Clone)]
pub struct WorkerSetup {
    /// How many there are.
    pub workers: usize,
    /// What they serve at first, and of each pool what there is to pick from.
    pub plan: (Arc<Plan>, Vec<Snapshot>),
    /// Where each of them counts what it does.
    pub tallies: Arc<[Arc<WorkerTally>]>,
    /// The most pipes at once, of all workers.
    pub pipe_limit: usize,
    /// When time begins, for all loops.
    pub epoch: Instant,
    /// Where failed connects are reported.
    pub health: Mailbox<ToHealth>,
    /// Where ended sessions are written down.
    pub access_log: Option<AccessLog>,
    /// Where the supervisor listens.
    pub events: Sender<Event>,
}

/// One event loop, to be run in a thread of its own.
pub struct Worker {
    poll: Poll,
    mailbox: Receiver<ToWorker>,
    acceptor: Acceptor,
    sessions: Sessions,
    /// While draining: when the sessions that are left are ended.
    drain_until: Option<Instant>,
}

impl Worker {
    /// Makes as many workers as the configuration says, and the mailboxes by which others talk to
    /// them.
    ///
    /// # Errors
    ///
    /// What the kernel says where it refuses an epoll instance, a waker or a registration.
    pub fn crew(setup: &WorkerSetup) -> io::Result<(Vec<Self>, Vec<Mailbox<ToWorker>>)> {
        let mut desks = Vec::new();
        for _ in 0..setup.workers {
            let poll = Poll::new()?;
            let (handle, mailbox) = Mailbox::open(poll.registry(), Target::Mailbox.into())?;
            desks.push((poll, handle, mailbox));
        }
        let handles: Arc<[_]> = desks.iter().map(|(_, handle, _)| handle.clone()).collect();
        let shared = Arc::new(Shared::new(setup.workers));
        let doors = Loads::doors(setup.workers);
        let mut workers = Vec::new();
        for (me, ((poll, _, mailbox), loads)) in desks.into_iter().zip(doors).enumerate() {
            let peers = Peers::new(me, Arc::clone(&shared), Arc::clone(&handles));
            workers.push(Self::new(setup, poll, mailbox, peers, loads)?);
        }
        Ok((workers, handles.to_vec()))
    }

    fn new(
        setup: &WorkerSetup,
        poll: Poll,
        mailbox: Receiver<ToWorker>,
        peers: Peers,
        loads: Loads,
    ) -> io::Result<Self> {
        let (access_log, events) = (setup.access_log.clone(), setup.events.clone());
        let shell = Shell {
            relay: Relay::new((setup.pipe_limit / setup.workers).max(2)),
            dialer: Dialer::new(loads, setup.health.clone()),
            connector: Connector::new(),
            handshakes: Handshakes::default(),
            bench: Workbench::default(),
            ledger: Ledger::new(peers.me(), peers.shared_handle(), access_log, events),
            registry: poll.registry().try_clone()?,
            clock: Clock::new(setup.epoch),
            counts: Arc::clone(&setup.tallies[peers.me()]),
            peers,
            listeners: HashMap::new(),
            shortage_told: None,
        };
        let mut worker = Self {
            poll,
            mailbox,
            acceptor: Acceptor::default(),
            sessions: Sessions::new(shell),
            drain_until: None,
        };
        let (plan, snapshots) = &setup.plan;
        worker.take_over(plan, snapshots.clone())?;
        Ok(worker)
    }

    /// Serves from now on what `plan` says. What stays the same is not touched.
    fn take_over(&mut self, plan: &Plan, snapshots: Vec<Snapshot>) -> io::Result<()> {
        let registry = self.poll.registry();
        let taken_over = self.acceptor.take_over(plan, registry, &mut self.sessions);
        // Who waited at a listener that has closed picks while its pool is still there.
        self.sessions.run_turns();
        self.sessions.take_over(plan, snapshots);
        taken_over
    }

    /// Turns until it is stopped, or drained to the last session.
    ///
    /// # Errors
    ///
    /// Says why the kernel would not let it go on.
    pub fn run(mut self) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENT_BATCH);
        let mut full_batches = 0;
        let mut failures = 0;
        let mut held_up = HeldUp::default();
        loop {
            let sleep = self.sleep();
            let last = self.sessions.clock().now();
            match self.poll.poll(&mut events, sleep) {
                // Stopped and resumed (signal(7)): what came meanwhile is not known yet, and no
                // deadline may pass before it is.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.sessions.set_time(Instant::now());
                    continue;
                }
                Err(error) => {
                    failures += 1;
                    if failures >= POLL_FAILURES {
                        self.sessions.cut_all(); // none of them may end as if it were whole
                        return Err(format!("epoll_wait failed: {error}"));
                    }
                    std::thread::sleep(Duration::from_millis(1));
                    self.sessions.set_time(Instant::now());
                    continue;
                }
                Ok(()) => failures = 0,
            }
            let now = Instant::now();
            self.sessions.set_time(now);
            let is_held_up = held_up.notes(last, sleep, now);
            let mail = self.note(&events);
            if mail {
                self.read_mail();
            }
            self.sessions.run_turns();
            self.sessions.serve_lines();
            // After a long stop the sign of life of a session may be in the next batch.
            let full = events.iter().count() == EVENT_BATCH && full_batches < FULL_BATCHES;
            full_batches = if full { full_batches + 1 } else { 0 };
            if !full && !is_held_up {
                self.sessions.expire();
            }
            self.acceptor.accept(&mut self.sessions);
            self.sessions.count_turn(now, Instant::now());
            if self.is_drained() {
                return Ok(());
            }
        }
    }

    fn sleep(&mut self) -> Option<Duration> {
        let now = self.sessions.clock().now();
        let drain = self
            .drain_until
            .map(|until| until.saturating_duration_since(now));
        [
            self.sessions.sleep(),
            self.acceptor.sleep(&self.sessions),
            drain,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Notes every event where it belongs. Whether there is mail.
    fn note(&mut self, events: &Events) -> bool {
        let mut mail = false;
        for event in events {
            match Target::from(event.token()) {
                Target::Session(key, side) => self.sessions.mark(key, side, readiness(event)),
                Target::Listener(number) => self.acceptor.mark(number),
                Target::Mailbox => mail = true,
                Target::Parked(key) => self.sessions.look_at_parked(key),
            }
        }
        mail
    }

    /// Takes all messages.
    fn read_mail(&mut self) {
        while let Ok(message) = self.mailbox.try_recv() {
            match message {
                ToWorker::Live { pool, snapshot } => {
                    self.sessions.update(pool, snapshot);
                }
                ToWorker::Plan(plan, snapshots) => {
                    let taken_over = match self.drain_until {
                        None => self.take_over(&plan, snapshots),
                        Some(_) => Ok(()),
                    };
                    let taken_over =
                        taken_over.map_err(|error| format!("cannot watch a listener: {error}"));
                    // Nobody may be waiting for it any more.
                    let _ = plan.taken_over.try_send(taken_over);
                }
                ToWorker::Reset(backend) => self.sessions.end_all(backend, Cause::Killed),
                ToWorker::List(limit, first, reply) => {
                    reply.send(self.sessions.list(limit, first));
                }
                ToWorker::Kill(id, reply) => reply.send(self.sessions.kill(id)),
                ToWorker::Census(reply) => reply.send(self.sessions.census()),
                ToWorker::Explain(listener, caller, reply) => {
                    reply.send(self.sessions.explain(&listener, &caller));
                }
                ToWorker::Idlest(backend, count, reply) => {
                    reply.send(self.sessions.idlest(backend, count));
                }
                ToWorker::Retire(ids, reply) => reply.send(self.sessions.retire(&ids)),
                ToWorker::Ping(reply) => reply.send(()),
                ToWorker::Room(pool) => self.sessions.look_at_line(pool),
                ToWorker::Client {
                    socket,
                    address,
                    listener,
                } => self.sessions.receive((socket, address, listener)),
                ToWorker::Log(log) => self.sessions.log_to(log),
                ToWorker::Drain(time) => self.drain(time),
                ToWorker::Stop => self.drain(Duration::ZERO),
            }
        }
        self.sessions.look_at_lines();
    }

    /// Closes the listeners, and gives sessions so much time to finish.
    fn drain(&mut self, time: Duration) {
        let draining = &self.sessions.shared().draining;
        draining.store(true, Ordering::SeqCst);
        self.acceptor
            .close(self.poll.registry(), &mut self.sessions);
        self.sessions.dismiss_idle();
        self.drain_until = Some(self.sessions.clock().now() + time);
    }

    /// Whether a drain has come to its end; past its deadline, it is brought there.
    fn is_drained(&mut self) -> bool {
        let Some(until) = self.drain_until else {
            return false;
        };
        if until <= self.sessions.clock().now() {
            self.sessions.cut_all();
        }
        // Somebody may be on the way from another worker, who counts him here first.
        let shared = self.sessions.shared();
        let is_empty = self.sessions.len() == 0 && !self.sessions.is_line_due();
        is_empty && shared.workers[self.sessions.me()].count() == 0
    }
}

/// What an event says of a socket, in the words of the session machine.
fn readiness(event: &IoEvent) -> Readiness {
    let mut flags = Readiness::NONE;
    if event.is_readable() || event.is_read_closed() {
        flags |= Readiness::READABLE;
    }
    if event.is_writable() || event.is_write_closed() {
        flags |= Readiness::WRITABLE;
    }
    if event.is_read_closed() {
        flags |= Readiness::ENDING;
    }
    if event.is_priority() {
        flags |= Readiness::URGENT;
    }
    if event.is_error() {
        flags |= Readiness::SUSPECT;
    }
    flags
}
