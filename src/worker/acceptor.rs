//! Takes clients from the listeners, as long as there is room for them.
//!
//! An edge says only once that clients wait. So "may have clients" is remembered until accept says
//! that nobody waits, across a full house and a shortage of descriptors.
//!
//! Workers share their listeners. The kernel wakes one of those who sleep for a new client
//! (EPOLLEXCLUSIVE); where that makes them uneven, the client is handed over.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Registry, Token};
use rustix::event::epoll::{self, EventData, EventFlags};

use super::sessions::Sessions;
use super::token::Target;
use crate::listener::{Accepted, Listener};
use crate::messages::Event;
use crate::metrics::AcceptError;
use crate::plan::{Plan, PlannedListener};

/// Clients taken in one turn of the loop, from each listener.
const ACCEPT_BATCH: usize = 64;

/// How long accepting rests after the kernel refused, if no descriptor is freed before.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

struct Door {
    socket: Arc<Listener>,
    planned: Arc<PlannedListener>,
    /// Tells events of it from those of others.
    number: usize,
    /// Clients may wait.
    ready: bool,
}

impl Door {
    /// Whether its listener may have another session.
    fn has_room(&self) -> bool {
        self.planned.active.count() < self.limit()
    }

    fn limit(&self) -> u32 {
        self.planned.config.max_connections.unwrap_or(u32::MAX)
    }
}

#[derive(Default)]
pub(super) struct Acceptor {
    doors: Vec<Door>,
    /// Doors so far.
    numbers: usize,
    /// The most sessions at once, of all workers.
    limit: u32,
    paused_until: Option<Instant>,
}

impl Acceptor {
    /// Opens the doors that a plan has and closes those that it has no more. A door that stays open
    /// is not touched.
    pub(super) fn take_over(
        &mut self,
        plan: &Plan,
        registry: &Registry,
        sessions: &mut Sessions,
    ) -> io::Result<()> {
        self.limit = plan.session_limit;
        let mut failed = Ok(());
        let mut old = std::mem::take(&mut self.doors);
        for (planned, sockets) in &plan.listeners {
            for socket in sockets {
                let known = old.iter().position(|it| Arc::ptr_eq(&it.socket, socket));
                let door = match known {
                    Some(place) => Door {
                        planned: Arc::clone(planned),
                        ..old.swap_remove(place)
                    },
                    None => match self.open(socket, planned, registry) {
                        Ok(door) => door,
                        Err(error) => {
                            failed = Err(error); // the others are served all the same
                            continue;
                        }
                    },
                };
                self.doors.push(door);
            }
        }
        let kept = std::mem::replace(&mut self.doors, old);
        self.close(registry, sessions);
        self.doors = kept;
        failed
    }

    fn open(
        &mut self,
        socket: &Arc<Listener>,
        planned: &Arc<PlannedListener>,
        registry: &Registry,
    ) -> io::Result<Door> {
        self.numbers += 1;
        let Token(token) = Target::Listener(self.numbers).into();
        let flags = EventFlags::IN | EventFlags::ET | EventFlags::EXCLUSIVE;
        let data = EventData::new_u64(token as u64);
        epoll::add(registry, socket.socket(), data, flags)?;
        Ok(Door {
            socket: Arc::clone(socket),
            planned: Arc::clone(planned),
            number: self.numbers,
            ready: true,
        })
    }

    /// An event says that clients wait.
    pub(super) fn mark(&mut self, number: usize) {
        let door = self.doors.iter_mut().find(|it| it.number == number);
        if let Some(door) = door {
            door.ready = true;
        }
    }

    /// How long the loop may sleep for the sake of waiting clients.
    pub(super) fn sleep(&self, sessions: &Sessions) -> Option<Duration> {
        if let Some(until) = self.paused_until {
            return Some(until.saturating_duration_since(sessions.clock().now()));
        }
        let mut ready = self.doors.iter().filter(|door| door.ready);
        let is_full = sessions.shared().sessions.count() >= self.limit;
        if !is_full && ready.clone().any(Door::has_room) {
            return Some(Duration::ZERO);
        }
        // A place that another worker tries in vain, for a client who has gone, is given back silently.
        let is_shared = sessions.shared().workers.len() > 1;
        (is_shared && ready.next().is_some()).then_some(SHORTAGE_PAUSE)
    }

    /// Takes a batch from each listener that may have clients.
    pub(super) fn accept(&mut self, sessions: &mut Sessions) {
        let freed = sessions.take_freed() > 0;
        self.end_pause(freed, sessions);
        if freed && sessions.shared().left_waiting.swap(false, Ordering::SeqCst) {
            // Another worker may have left them.
            self.doors.iter_mut().for_each(|door| door.ready = true);
        }
        for number in 0..self.doors.len() {
            for _ in 0..ACCEPT_BATCH {
                self.pause_if_starved(sessions);
                let may_accept = self.doors[number].ready && self.paused_until.is_none();
                if !may_accept || !self.enter(number, sessions) {
                    break;
                }
                self.accept_one(number, sessions);
            }
        }
        self.pause_if_starved(sessions);
        self.tell_crowded(sessions);
    }

    /// Counts one session more, unless there are as many as there can be: then clients are left
    /// waiting, and whoever ends a session next sees to them.
    fn enter(&self, number: usize, sessions: &Sessions) -> bool {
        if self.count_in(number, sessions) {
            return true;
        }
        sessions.shared().left_waiting.store(true, Ordering::SeqCst);
        // One may have ended before that was said.
        self.count_in(number, sessions)
    }

    fn count_in(&self, number: usize, sessions: &Sessions) -> bool {
        let (door, all) = (&self.doors[number], &sessions.shared().sessions);
        if all.enter(self.limit).is_none() {
            return false;
        }
        let counted = door.planned.active.enter(door.limit()).is_some();
        if !counted {
            all.leave();
        }
        counted
    }

    /// Takes a client, for whom a session is counted already.
    fn accept_one(&mut self, number: usize, sessions: &mut Sessions) {
        let door = &mut self.doors[number];
        let accepted = door.socket.accept();
        if !matches!(accepted, Accepted::Client(..)) {
            sessions.shared().sessions.leave();
            door.planned.active.leave();
        }
        if let Some(tally) = door.planned.tallies.get(sessions.me()) {
            match &accepted {
                Accepted::Client(..) => tally.accepted.add(1),
                Accepted::Gone => tally.failed(AcceptError::Gone),
                Accepted::Shortage(error) => tally.failed(AcceptError::of(*error)),
                Accepted::Nobody => {}
            }
        }
        match accepted {
            Accepted::Client(client, address) => {
                let planned = Arc::clone(&door.planned);
                let kept = sessions.shell().peers.place(client, address, &planned);
                if let Some((client, address)) = kept {
                    sessions.open(client, address, planned);
                }
            }
            Accepted::Nobody => door.ready = false,
            Accepted::Gone => {}
            Accepted::Shortage(error) => {
                self.paused_until = Some(sessions.clock().now() + SHORTAGE_PAUSE);
                sessions
                    .shell()
                    .tell_shortage("accept a client", &error.to_string());
            }
        }
    }

    /// A freed descriptor ends the pause, and so does time. Waiting sessions are served before new
    /// ones are let in.
    fn end_pause(&mut self, freed: bool, sessions: &mut Sessions) {
        let Some(until) = self.paused_until else {
            return;
        };
        if freed || until <= sessions.clock().now() {
            self.paused_until = None;
            sessions.feed_starved();
            self.pause_if_starved(sessions);
        }
    }

    /// Nobody is let in while a session waits for a descriptor.
    fn pause_if_starved(&mut self, sessions: &Sessions) {
        if sessions.any_starved() && self.paused_until.is_none() {
            self.paused_until = Some(sessions.clock().now() + SHORTAGE_PAUSE);
        }
    }

    /// Says so once when 80 % of the limit is passed, and once when it is reached.
    fn tell_crowded(&mut self, sessions: &mut Sessions) {
        let (count, limit) = (sessions.shared().sessions.count(), self.limit);
        let part = u64::from(count) * 10 / u64::from(limit.max(1));
        let level = u32::from(part >= 8) + u32::from(count >= limit);
        let told = &sessions.shared().crowded_told;
        if level > told.load(Ordering::Relaxed) {
            told.store(level, Ordering::Relaxed);
            let (sessions_now, limit) = (count as usize, limit as usize);
            sessions.shell().ledger.tell(Event::Crowded {
                sessions: sessions_now,
                limit,
            });
        } else if part < 7 && told.load(Ordering::Relaxed) > 0 {
            told.store(0, Ordering::Relaxed);
        }
    }

    /// Closes the listeners: clients that have connected already are served, later ones refused.
    pub(super) fn close(&mut self, registry: &Registry, sessions: &mut Sessions) {
        self.doors.iter_mut().for_each(|door| door.ready = true);
        for number in 0..self.doors.len() {
            while self.doors[number].ready && self.enter(number, sessions) {
                self.accept_one(number, sessions);
                if self.paused_until.take().is_some() {
                    break;
                }
            }
        }
        for door in self.doors.drain(..) {
            // Explicitly: another process may hold the socket too, and closing would not do it.
            let _ = registry.deregister(&mut SourceFd(&door.socket.socket().as_raw_fd()));
        }
    }
}
