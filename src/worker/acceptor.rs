//! Takes clients from the listeners, as long as there is room for them.
//!
//! An edge says only once that clients wait. So "may have clients" is remembered until accept says
//! that nobody waits, across a full house and a shortage of descriptors.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry};

use super::listener::{Accepted, Listener};
use super::sessions::Sessions;
use super::token::Target;
use crate::messages::Event;

/// Clients taken in one turn of the loop, from each listener.
const ACCEPT_BATCH: usize = 64;

/// How long accepting rests after the kernel refused, if no descriptor is freed before.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

struct Door {
    listener: Listener,
    /// The place of its configuration.
    place: usize,
    /// Clients may wait.
    ready: bool,
}

pub(super) struct Acceptor {
    doors: Vec<Door>,
    /// The most sessions at once.
    limit: usize,
    paused_until: Option<Instant>,
    crowded_told: usize,
}

impl Acceptor {
    /// Watches `listeners`, each with the place of its configuration.
    pub(super) fn new(
        registry: &Registry,
        listeners: Vec<(usize, Listener)>,
        limit: usize,
    ) -> io::Result<Self> {
        let mut doors = Vec::new();
        for (number, (place, listener)) in listeners.into_iter().enumerate() {
            let descriptor = listener.socket().as_raw_fd();
            let token = Target::Listener(number).into();
            registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE)?;
            doors.push(Door {
                listener,
                place,
                ready: true,
            });
        }
        Ok(Self {
            doors,
            limit,
            paused_until: None,
            crowded_told: 0,
        })
    }

    /// An event says that clients wait.
    pub(super) fn mark(&mut self, number: usize) {
        if let Some(door) = self.doors.get_mut(number) {
            door.ready = true;
        }
    }

    /// How long the loop may sleep for the sake of waiting clients.
    pub(super) fn sleep(&self, sessions: &Sessions) -> Option<Duration> {
        if let Some(until) = self.paused_until {
            return Some(until.saturating_duration_since(sessions.clock().now()));
        }
        let may_accept = sessions.len() < self.limit && self.doors.iter().any(|door| door.ready);
        may_accept.then_some(Duration::ZERO)
    }

    /// Takes a batch from each listener that may have clients.
    pub(super) fn accept(&mut self, sessions: &mut Sessions) {
        self.end_pause(sessions);
        for number in 0..self.doors.len() {
            for _ in 0..ACCEPT_BATCH {
                self.pause_if_starved(sessions);
                let full = sessions.len() >= self.limit;
                if !self.doors[number].ready || full || self.paused_until.is_some() {
                    break;
                }
                self.accept_one(number, sessions);
            }
        }
        self.pause_if_starved(sessions);
        self.tell_crowded(sessions);
    }

    fn accept_one(&mut self, number: usize, sessions: &mut Sessions) {
        let door = &mut self.doors[number];
        match door.listener.accept() {
            Accepted::Client(client, address) => sessions.open(client, address, door.place),
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
    fn end_pause(&mut self, sessions: &mut Sessions) {
        let freed = sessions.take_freed() > 0;
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
        let (count, limit) = (sessions.len(), self.limit);
        let level = match count {
            _ if count >= limit => 2,
            _ if count * 10 >= limit * 8 => 1,
            _ => 0,
        };
        if level > self.crowded_told {
            sessions.shell().ledger.tell(Event::Crowded {
                sessions: count,
                limit,
            });
        }
        if level > self.crowded_told || count * 10 < limit * 7 {
            self.crowded_told = level;
        }
    }

    /// Closes the listeners: clients that have connected already are served, later ones refused.
    pub(super) fn close(&mut self, registry: &Registry, sessions: &mut Sessions) {
        for mut door in self.doors.drain(..) {
            door.ready = true;
            while door.ready && sessions.len() < self.limit {
                match door.listener.accept() {
                    Accepted::Client(client, address) => sessions.open(client, address, door.place),
                    Accepted::Gone => {}
                    Accepted::Nobody | Accepted::Shortage(_) => door.ready = false,
                }
            }
            // Explicitly: another process may hold the socket too, and closing would not do it.
            let _ = registry.deregister(&mut SourceFd(&door.listener.socket().as_raw_fd()));
        }
    }
}
