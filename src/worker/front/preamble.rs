//! Hears what a client says before a backend is picked: one thing after the other, each in a file of its own.

use std::time::Duration;

use super::super::clock::millis;
use super::super::shell::Shell;
use super::super::slot::Slot;
use super::Front;
use crate::config::ListenerConfig;
use crate::session::{Direction, Outcome, Side};
use rustix::net::RecvFlags;

/// What a client says first, it has said whole after that time.
const PREAMBLE_TIMEOUT: Duration = Duration::from_secs(5);

/// So many bytes may wait to be understood: a ClientHello or a request head, and what came with it.
const INBOX_BYTES: usize = 96 * 1024;

/// What the client has to say next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaiting {
    /// Nothing more: a backend is picked.
    Nothing,
    /// The head of an HTTP request; after its exchange, of another one.
    Request,
}

impl Awaiting {
    /// What a client of this listener has to say first.
    pub(super) const fn of(listener: &ListenerConfig) -> Self {
        if listener.http.is_some() {
            Self::Request
        } else {
            Self::Nothing
        }
    }
}

impl Slot {
    /// When the client has to have said what is awaited, in the milliseconds of the timers.
    pub(in crate::worker) fn preamble_due(&self) -> u64 {
        let front = self.front.as_deref();
        let since = front.map_or(self.accepted, Front::since);
        let patience = front.and_then(Front::patience);
        since.millis() + millis(patience.unwrap_or(PREAMBLE_TIMEOUT))
    }
}

impl Shell {
    /// Goes on to hear what the client says first. `Interrupted` is another step of the same kind.
    pub(in crate::worker) fn preface(&mut self, slot: &mut Slot) -> Outcome {
        match slot.front.as_deref().map(|it| it.awaiting) {
            None | Some(Awaiting::Nothing) => self.end_preamble(slot),
            Some(Awaiting::Request) => self.hear_request(slot),
        }
    }

    /// Reads once more from the client into the inbox.
    pub(super) fn hear(&mut self, slot: &mut Slot) -> Outcome {
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let room = INBOX_BYTES.saturating_sub(front.inbox.len());
        let (outcome, heard) = self.relay.receive(&slot.client, room, RecvFlags::empty());
        front.inbox.extend_from_slice(heard);
        outcome
    }

    /// All was said: what came behind it is the first of the stream.
    fn end_preamble(&mut self, slot: &mut Slot) -> Outcome {
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Done;
        };
        let rest = std::mem::take(&mut front.inbox);
        if !rest.is_empty() {
            slot.session
                .preface(Direction::Upload, rest.len(), rest.len());
            slot.first_byte[Side::Client.index()] = Some(self.clock.moment());
            front.prefaces[Direction::Upload.index()] = rest;
        }
        if front.is_spent() {
            slot.front = None;
        }
        Outcome::Done
    }
}
