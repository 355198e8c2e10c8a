//! The loop: sleep, read the clock once, then events, mail, turns, deadlines, new clients.
//!
//! All events of a batch are noted before anything acts on one: nothing is closed or reused while
//! an event of the batch still speaks of it, and a session with two events has one turn.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::event::Event as IoEvent;
use mio::{Events, Poll};

use super::acceptor::Acceptor;
use super::clock::Clock;
use super::dialer::Dialer;
use super::ledger::Ledger;
use super::listener::Listener;
use super::relay::Relay;
use super::sessions::Sessions;
use super::shell::Shell;
use super::token::{MAX_SLOTS, Target};
use crate::access_log::AccessLog;
use crate::config::Config;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::pool::LiveSet;
use crate::session::Readiness;

/// Events taken from the kernel at once.
const EVENT_BATCH: usize = 1024;

/// Full batches in a row after which deadlines are seen to all the same.
const FULL_BATCHES: usize = 8;

/// Failures of epoll_wait in a row, a millisecond apart, after which the worker gives up.
const POLL_FAILURES: usize = 1000;

/// What a worker is made from.
pub struct WorkerSetup {
    /// The whole configuration.
    pub config: Arc<Config>,
    /// Bound sockets, each with the place of its listener's configuration.
    pub listeners: Vec<(usize, Listener)>,
    /// The first live set of each pool.
    pub live_sets: Vec<Arc<LiveSet>>,
    /// The most sessions at once.
    pub session_limit: usize,
    /// The most pipes at once.
    pub pipe_limit: usize,
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
    /// Makes a worker, and the handle by which other threads talk to it.
    ///
    /// # Errors
    ///
    /// What the kernel says where it refuses an epoll instance, a waker or a registration.
    pub fn new(setup: WorkerSetup) -> io::Result<(Self, Mailbox<ToWorker>)> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let (handle, mailbox) = Mailbox::open(&registry, Target::Mailbox.into())?;
        let limit = setup.session_limit.min(MAX_SLOTS);
        let acceptor = Acceptor::new(&registry, setup.listeners, limit)?;
        let config = &setup.config;
        let pools = config.pools.iter().cloned().zip(setup.live_sets).collect();
        let name = |pool: usize| Arc::clone(&config.pools[pool].name);
        let names = config
            .listeners
            .iter()
            .map(|it| (Arc::clone(&it.name), name(it.pool)));
        let sessions = Sessions::new(Shell {
            relay: Relay::new(setup.pipe_limit),
            dialer: Dialer::new(pools, setup.health),
            ledger: Ledger::new(names, setup.access_log, setup.events),
            listeners: config.listeners.clone(),
            registry,
            clock: Clock::new(Instant::now()),
            shortage_told: None,
        });
        Ok((
            Self {
                poll,
                mailbox,
                acceptor,
                sessions,
                drain_until: None,
            },
            handle,
        ))
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
        loop {
            match self.poll.poll(&mut events, self.sleep()) {
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
            self.sessions.set_time(Instant::now());
            let mail = self.note(&events);
            if mail && !self.read_mail() {
                return Ok(());
            }
            self.sessions.run_turns();
            // After a long stop the sign of life of a session may be in the next batch.
            let full = events.iter().count() == EVENT_BATCH && full_batches < FULL_BATCHES;
            full_batches = if full { full_batches + 1 } else { 0 };
            if !full {
                self.sessions.expire();
            }
            self.acceptor.accept(&mut self.sessions);
            if self.is_drained() {
                return Ok(());
            }
        }
    }

    fn sleep(&self) -> Option<Duration> {
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
            }
        }
        mail
    }

    /// Takes all messages; of several live sets of a pool the last one counts. False to stop.
    fn read_mail(&mut self) -> bool {
        while let Ok(message) = self.mailbox.try_recv() {
            match message {
                ToWorker::Live { pool, set } => self.sessions.shell().dialer.update(pool, set),
                ToWorker::Drain(time) => {
                    self.acceptor
                        .close(self.poll.registry(), &mut self.sessions);
                    self.drain_until = Some(self.sessions.clock().now() + time);
                }
                ToWorker::Stop => {
                    self.acceptor
                        .close(self.poll.registry(), &mut self.sessions);
                    self.sessions.cut_all();
                    return false;
                }
            }
        }
        true
    }

    /// Whether a drain has come to its end; past its deadline, it is brought there.
    fn is_drained(&mut self) -> bool {
        let Some(until) = self.drain_until else {
            return false;
        };
        if until <= self.sessions.clock().now() {
            self.sessions.cut_all();
        }
        self.sessions.len() == 0
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
