//! Hears what a client says before a backend is picked: one thing after the other, each in a file of its own.

use std::sync::Arc;

use super::super::clock::millis;
use super::super::shell::Shell;
use super::super::slot::Slot;
use super::Front;
use crate::config::ListenerConfig;
use crate::plan::PlannedListener;
use crate::session::{Direction, Outcome, Side};

/// So many bytes may wait to be understood: a ClientHello or a request head, and what came with it. None
/// of these may need more, since the room for a read would be none.
pub(super) const INBOX_BYTES: usize = 96 * 1024;

/// What the client has to say next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaiting {
    /// A PROXY header, of a proxy.
    Proxy,
    /// The first message of TLS, which says where the client wants to go.
    Hello,
    /// A handshake of TLS, which begins with that message.
    Tls,
    /// Nothing more: a backend is picked.
    Nothing,
    /// The head of an HTTP request; after its exchange, of another one.
    Request,
}

impl Awaiting {
    /// What a client of this listener has to say first.
    pub(super) const fn of(listener: &ListenerConfig) -> Self {
        match listener.accept_proxy {
            Some(_) => Self::Proxy,
            None => Self::after_proxy(listener),
        }
    }

    /// What a client says whose proxy has said who it is.
    pub(super) const fn after_proxy(listener: &ListenerConfig) -> Self {
        if listener.tls.is_some() || listener.routes.is_some() {
            Self::Hello
        } else {
            Self::after_tls(listener)
        }
    }

    /// What a client says in the stream itself, before it may have a backend.
    pub(super) const fn after_tls(listener: &ListenerConfig) -> Self {
        match listener.http {
            Some(_) => Self::Request,
            None => Self::Nothing,
        }
    }
}

impl Slot {
    /// When the client has to have said what is awaited, in the milliseconds of the timers.
    pub(in crate::worker) fn preamble_due(&self) -> u64 {
        let front = self.front.as_deref();
        let since = front.map_or(self.accepted, Front::since);
        let listener = &self.listener.config;
        let patience = front.map_or(listener.preamble_timeout, |it| it.patience(listener));
        since.millis() + millis(patience)
    }
}

impl Slot {
    /// Whether that plan of its listener is one for it, too: who came to other protocols stays with them.
    pub(in crate::worker) fn may_go_by(&self, newest: &PlannedListener) -> bool {
        protocols(newest) == protocols(&self.listener)
    }

    /// Goes by another plan of its listener from now on.
    pub(in crate::worker) fn go_by(&mut self, newest: Arc<PlannedListener>, destination: u16) {
        let http = self
            .front
            .as_deref_mut()
            .and_then(|it| it.http.as_deref_mut());
        if let (Some(http), Some(config)) = (http, &newest.config.http) {
            http.renew(config);
        }
        (self.listener, self.destination) = (newest, destination);
    }
}

impl Shell {
    /// Has a client that is to say where it goes, or what it wants, go by its listener as it is now; one whose
    /// protocols have changed stays what it was for those who have come to it.
    pub(in crate::worker) fn renew(&mut self, slot: &mut Slot) {
        let Some(newest) = self.listeners.get(&slot.listener.config.name) else {
            return;
        };
        let newest = Arc::clone(newest);
        if Arc::ptr_eq(&newest, &slot.listener) || !slot.may_go_by(&newest) {
            return;
        }
        let front = slot.front.as_deref();
        let Some(destination) = front.map_or(Some(0), |it| it.destination(&newest)) else {
            return;
        };
        let is_other = newest.destinations[usize::from(destination)].pool != slot.pool();
        if slot.leased && is_other {
            self.forget_backend(slot); // kept from its last exchange
        }
        slot.go_by(newest, destination);
    }

    /// Goes on to hear what the client says first. `Interrupted` is another step of the same kind.
    pub(in crate::worker) fn preface(&mut self, slot: &mut Slot) -> Outcome {
        match slot.front.as_deref().map(|it| it.awaiting) {
            Some(Awaiting::Proxy) => self.hear_proxy(slot),
            Some(Awaiting::Hello) => self.hello(slot),
            Some(Awaiting::Tls) => self.shake_client(slot),
            None | Some(Awaiting::Nothing) => self.end_preamble(slot),
            Some(Awaiting::Request) => self.hear_request(slot),
        }
    }

    /// Reads once more from the client into the inbox.
    pub(super) fn hear(&mut self, slot: &mut Slot) -> Outcome {
        let held = slot.front.as_ref().map_or(0, |it| it.inbox.len());
        let outcome = self.read_side(slot, Side::Client, INBOX_BYTES.saturating_sub(held));
        if let (Outcome::Moved(bytes), Some(front)) = (outcome, slot.front.as_deref_mut()) {
            front
                .inbox
                .extend_from_slice(&self.relay.scratch()[..bytes]);
        }
        outcome
    }

    /// All was said: what came behind it is the first of the stream.
    pub(super) fn end_preamble(&mut self, slot: &mut Slot) -> Outcome {
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
        // What a proxy has said may be wanted when a backend is connected.
        if front.is_spent() && front.header.is_empty() {
            slot.front = None;
        }
        Outcome::Done
    }
}

/// What is spoken before the stream of a client, and in it.
fn protocols(listener: &PlannedListener) -> [bool; 3] {
    let config = &listener.config;
    let (proxy, http) = (&config.accept_proxy, &config.http);
    [proxy.is_some(), config.tls.is_some(), http.is_some()]
}
