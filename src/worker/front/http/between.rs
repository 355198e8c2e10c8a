//! Keeps connections to backends from one exchange to the next: the one that the client has, or, where each request is
//! balanced anew, a few that are parked for this client alone.

use std::sync::Arc;

use rustix::net::RecvFlags;
use socket2::Socket;

use super::super::secure::Secure;
use super::Sent;
use crate::config::Per;
use crate::http::request::Reader;
use crate::pool::{Backend, BackendId};
use crate::session::{CloseReason, Direction, Outcome, Side};
use crate::worker::connect;
use crate::worker::shell::Shell;
use crate::worker::slot::{Slot, ask_again};
use crate::worker::token::Target;

/// Connections that are parked for one client.
const PARKED: usize = 4;

/// Reads of a connection that nothing is asked on: more than that has nobody to say.
const LATE_READS: usize = 8;

/// A connection that nobody uses, and that goes as soon as it ends.
pub(super) struct Parked {
    backend: BackendId,
    socket: Option<Socket>,
    /// TLS with it, where it is spoken.
    secure: Option<Box<Secure>>,
}

impl Shell {
    /// Both messages are over: says what becomes of the two connections.
    pub(in crate::worker::front) fn end_exchange(&mut self, slot: &mut Slot) -> Outcome {
        let is_whole = slot.session.flow(Direction::Upload).rests();
        self.ledger
            .requested(slot, CloseReason::COMPLETED, &self.clock);
        let (now, is_draining) = (self.clock.moment(), self.peers.is_draining());
        let losses = self.dialer.losses();
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Ended;
        };
        let Some(http) = front.http.as_deref_mut() else {
            return Outcome::Ended;
        };
        let Some(exchange) = http.exchange.take() else {
            return Outcome::Ended;
        };
        let [client, backend] = exchange.persists;
        (http.reader, http.began, http.is_kept) = (Reader::default(), now, false);
        let (per, is_known) = (http.config.per, http.losses == losses);
        http.losses = losses;
        front.since = now;
        let waiting = front.inbox.len();
        let has_more = waiting > 0 || front.has_read_ahead(Side::Client);
        let goes_on = if waiting > 0 {
            Outcome::Moved(0) // the next request has begun
        } else {
            Outcome::Done
        };
        let backend = backend && !slot.session.is_broken(Side::Backend);
        if !is_whole || !client || is_draining {
            self.forget_backend(slot);
            // Whatever the client still says would reset what it has not read yet, and TLS has an end of its own.
            let is_plain = !slot.is_secure(Side::Client);
            let is_over = is_plain && is_whole && !has_more && connect::unread(&slot.client) == 0;
            return if is_over {
                Outcome::Ended
            } else {
                Outcome::WouldBlock
            };
        }
        if !backend || !(is_known || self.serves(slot)) {
            self.forget_backend(slot);
            return goes_on;
        }
        match per {
            Per::Connection => {
                if let Some(http) = slot.http_mut() {
                    http.is_kept = true;
                }
            }
            Per::Request => self.park(slot),
        }
        goes_on
    }

    /// Whether the session's backend may be given requests still.
    fn serves(&self, slot: &Slot) -> bool {
        let backend = slot.backend.as_ref();
        backend.is_some_and(|it| self.dialer.serves(slot.pool(), it.id))
    }

    /// Parks the backend's connection for this client. Whoever limits its connections wants none that rest.
    fn park(&mut self, slot: &mut Slot) {
        let backend = slot.backend.as_ref().map(Arc::clone);
        let front = slot.front.as_deref_mut();
        let secure = front.and_then(|it| it.secure[Side::Backend.index()].take());
        if secure.as_ref().is_none_or(|it| !it.has_read_ahead())
            && let (Some(backend), Some(socket)) = (backend, slot.backend_socket.take())
            && !self.dialer.is_limited(slot.pool(), &backend.name)
            && ask_again(&self.registry, &socket, Target::Parked(slot.key)).is_ok()
            && let Some(http) = slot.http_mut()
        {
            if http.parked.len() == PARKED {
                http.parked.remove(0);
            }
            http.parked.push(Parked {
                backend: backend.id,
                socket: Some(socket),
                secure,
            });
        }
        self.forget_backend(slot);
    }

    /// The session has no backend any more, and begins with none.
    pub(in crate::worker) fn forget_backend(&mut self, slot: &mut Slot) {
        self.let_go(slot);
        slot.session.forget(Side::Backend);
        slot.connected = None; // what comes now is no longer its
        if let Some(http) = slot.http_mut() {
            http.is_kept = false;
        }
    }

    /// The backend that the client has already, if it lives: `Kept`.
    pub(in crate::worker) fn keep_backend(&mut self, slot: &mut Slot) -> Option<Outcome> {
        let http = slot.http_mut()?;
        if !std::mem::take(&mut http.is_kept) {
            return None;
        }
        if slot.session.is_quiet(Side::Backend) && !has_spoken(slot) || self.is_alive(slot) {
            return Some(self.reuse(slot));
        }
        self.forget_backend(slot);
        None
    }

    /// A parked connection to the backend that was just picked, if one lives: `Kept`.
    pub(in crate::worker) fn unpark(
        &mut self,
        slot: &mut Slot,
        backend: &Backend,
    ) -> Option<Outcome> {
        loop {
            let front = slot.front.as_deref_mut()?;
            let parked = &mut front.http.as_deref_mut()?.parked;
            let place = parked.iter().rposition(|it| it.backend == backend.id)?;
            let Parked { socket, secure, .. } = parked.remove(place);
            slot.exchange_backend(socket, secure);
            if self.is_alive(slot)
                && let Some(socket) = &slot.backend_socket
                && ask_again(
                    &self.registry,
                    socket,
                    Target::Session(slot.key, Side::Backend),
                )
                .is_ok()
            {
                slot.session.forget(Side::Backend);
                slot.connected = Some(self.clock.moment());
                return Some(self.reuse(slot));
            }
            slot.backend_socket = None;
            if let Some(front) = slot.front.as_deref_mut() {
                front.forget_backend();
            }
        }
    }

    /// Something has happened to a parked connection: those that have ended, or say what nobody asked, go.
    pub(in crate::worker) fn look_at_parked(&mut self, slot: &mut Slot) {
        let Some(http) = slot.http_mut() else {
            return;
        };
        let mut parked = std::mem::take(&mut http.parked);
        let in_use = slot.exchange_backend(None, None);
        parked.retain_mut(|it| {
            slot.exchange_backend(it.socket.take(), it.secure.take());
            let is_alive = self.is_alive(slot);
            (it.socket, it.secure) = slot.exchange_backend(None, None);
            is_alive
        });
        slot.exchange_backend(in_use.0, in_use.1);
        if let Some(http) = slot.http_mut() {
            http.parked = parked;
        }
    }

    /// A parked connection to a backend that is lost goes.
    pub(in crate::worker) fn unpark_lost(
        &mut self,
        slot: &mut Slot,
        is_lost: impl Fn(&BackendId) -> bool,
    ) {
        if let Some(http) = slot.http_mut() {
            http.parked.retain(|it| !is_lost(&it.backend));
        }
    }

    fn reuse(&mut self, slot: &mut Slot) -> Outcome {
        slot.take_back_upload(); // of an attempt to connect that was given up
        match self.write_request(slot, Sent::Kept) {
            Outcome::Done => Outcome::Kept,
            other => other,
        }
    }

    /// Something has happened to the kept connection: it is given up if it has ended, or says what nobody asked.
    pub(in crate::worker::front) fn tend_backend(&mut self, slot: &mut Slot) -> Outcome {
        if !self.is_alive(slot) {
            self.forget_backend(slot);
        }
        Outcome::Done
    }

    /// Whether the backend's connection can be used again: it has neither ended nor said what nobody has asked for. What
    /// TLS says for itself, such as a late ticket, is heard here.
    fn is_alive(&mut self, slot: &mut Slot) -> bool {
        if slot.is_secure(Side::Backend) {
            for _ in 0..LATE_READS {
                match self.open_secure(slot, Side::Backend) {
                    Outcome::Interrupted => {}
                    Outcome::WouldBlock => return !has_spoken(slot),
                    _ => return false,
                }
            }
            return false;
        }
        let Some(socket) = &slot.backend_socket else {
            return false;
        };
        let peeked = rustix::net::recv(socket, &mut [0], RecvFlags::PEEK);
        peeked.is_err_and(|it| it == rustix::io::Errno::AGAIN)
    }
}

impl Slot {
    /// Puts this connection in the place of the backend's, which is returned.
    fn exchange_backend(
        &mut self,
        socket: Option<Socket>,
        secure: Option<Box<Secure>>,
    ) -> (Option<Socket>, Option<Box<Secure>>) {
        let before = std::mem::replace(&mut self.backend_socket, socket);
        let front = self.front.as_deref_mut();
        let secure =
            front.and_then(|it| std::mem::replace(&mut it.secure[Side::Backend.index()], secure));
        (before, secure)
    }
}

/// Whether something of what the backend says in TLS was read and belongs to no response.
fn has_spoken(slot: &Slot) -> bool {
    let front = slot.front.as_deref();
    front.is_some_and(|it| it.has_read_ahead(Side::Backend))
}
