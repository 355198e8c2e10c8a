//! Performs the steps of a session that has no backend yet: choose, connect, race, find out.

use std::net::SocketAddr;
use std::sync::Arc;

use socket2::Socket;

use super::clock::Moment;
use super::connect::{self, Origin};
use super::shell::Shell;
use super::slot::{Rival, Slot, ask_again, watch};
use super::token::Target;
use crate::balance::Request;
use crate::config::DialFrom;
use crate::pool::Backend;
use crate::session::{DialError, Outcome, Side};

impl Shell {
    pub(super) fn choose(&mut self, slot: &mut Slot) -> Outcome {
        if let Some(kept) = self.keep_backend(slot) {
            return kept;
        }
        if let (true, Some(backend)) = (slot.leased, &slot.backend) {
            let id = backend.id;
            slot.note_tried(id);
            self.let_go(slot); // perhaps still connecting
        }
        let pool = slot.pool();
        // Whoever is new comes after those who wait.
        let is_new = slot.session.attempts() == 0 && slot.lined_up.is_none();
        if is_new && self.dialer.line(pool).first().is_some() {
            return Outcome::AllFull;
        }
        match self.take_backend(slot) {
            Ok(backend) => {
                slot.backend = Some(Arc::clone(&backend));
                slot.leased = true;
                self.unpark(slot, &backend).unwrap_or(Outcome::Done)
            }
            Err(outcome) => {
                if outcome == Outcome::AllTried {
                    slot.forget_tried(); // after the pause each of them may be tried again
                }
                outcome
            }
        }
    }

    /// Picks a backend that the session has not tried, and has it counted there.
    fn take_backend(&mut self, slot: &Slot) -> Result<Arc<Backend>, Outcome> {
        let request = Request {
            client: slot.client_address.ip(),
            tried: slot.tried(),
            now: self.clock.millis(),
        };
        self.dialer.choose(slot.pool(), &request)
    }

    pub(super) fn connect(&mut self, slot: &mut Slot) -> Outcome {
        let Some(backend) = slot.backend.as_ref().map(Arc::clone) else {
            return Outcome::Failed(DialError::Local);
        };
        slot.acknowledgement_held = self.dialer.holds_acknowledgement(slot.pool());
        slot.dialed = self.clock.moment();
        let is_retry = slot.session.attempts() > 0;
        match self.dial(slot, &backend, is_retry) {
            Ok(socket) => {
                slot.backend_socket = Some(socket);
                Outcome::Done
            }
            Err(outcome) => outcome,
        }
    }

    /// Starts to connect to a second backend, where there is one and the pool's allowance is not spent.
    pub(super) fn hedge(&mut self, slot: &mut Slot) -> Outcome {
        let pool = slot.pool();
        if self.dialer.line(pool).first().is_some() {
            return Outcome::AllFull; // what room there is belongs to those who wait
        }
        if let Some(first) = slot.backend.as_ref().map(|backend| backend.id) {
            slot.note_tried(first);
        }
        let backend = match self.take_backend(slot) {
            Ok(backend) => backend,
            Err(outcome) => return outcome,
        };
        slot.note_tried(backend.id);
        if !self.dialer.begin_race(pool) {
            self.dialer.release(pool, &backend);
            return Outcome::Failed(DialError::Local);
        }
        match self.dial(slot, &backend, false) {
            Ok(socket) => {
                let dialed = self.clock.moment();
                slot.rival = Some(Box::new(Rival {
                    backend,
                    socket,
                    dialed,
                }));
                Outcome::Done
            }
            Err(outcome) => {
                self.dialer.release(pool, &backend);
                outcome
            }
        }
    }

    /// A socket that connects to `backend` and is watched.
    fn dial(
        &mut self,
        slot: &mut Slot,
        backend: &Arc<Backend>,
        is_retry: bool,
    ) -> Result<Socket, Outcome> {
        let mut dialed = self.start(slot, backend.address);
        if matches!(dialed, Err(Outcome::Shortage)) && self.relay.shed_pipes() {
            dialed = self.start(slot, backend.address);
        }
        let target = Target::Session(slot.key, Side::Backend);
        let watched = dialed.and_then(|socket| match watch(&self.registry, &socket, target) {
            Ok(()) => Ok(socket),
            Err(_) => Err(Outcome::Shortage),
        });
        if !matches!(watched, Err(Outcome::Shortage))
            && let Some(tally) = self.dialer.tally(backend)
        {
            tally.attempted(is_retry);
        }
        let now = self.clock.moment();
        watched.inspect_err(|outcome| self.judge(slot, backend, now, *outcome))
    }

    /// A socket that connects to `address`, from where its pool is to be dialed from.
    fn start(&mut self, slot: &Slot, address: SocketAddr) -> Result<Socket, Outcome> {
        let (pool, hold) = (slot.pool(), slot.acknowledgement_held);
        let own = match &self.dialer.config(pool).source {
            None => return connect::start(address, hold, Origin::Anywhere),
            Some(DialFrom::Client) => {
                return connect::start(address, hold, Origin::Client(slot.client_address.ip()));
            }
            Some(DialFrom::Addresses(own)) => Arc::clone(own),
        };
        let fitting = || own.iter().filter(|it| it.is_ipv4() == address.is_ipv4());
        let turn = self.dialer.next_source(pool) % fitting().count().max(1);
        for &ip in fitting().cycle().skip(turn).take(fitting().count()) {
            match connect::start(address, hold, Origin::Own(ip)) {
                // It has no port left, or is no address of this machine any more: the next one.
                Err(Outcome::Failed(DialError::Local)) => {}
                other => return other,
            }
        }
        Err(Outcome::Failed(DialError::Local))
    }

    /// Finds out whether a connect under way has come to something; of two, the first that has wins.
    pub(super) fn finish_connect(&mut self, slot: &mut Slot) -> Outcome {
        loop {
            let (Some(socket), Some(backend)) = (&slot.backend_socket, &slot.backend) else {
                return Outcome::Failed(DialError::Local);
            };
            let outcome = self.connector.finish(socket, backend.address);
            match outcome {
                Outcome::Done | Outcome::BrokenWith(_) => return self.connected(slot, outcome),
                Outcome::WouldBlock => {
                    let outcome = self.finish_rival(slot);
                    if outcome == Outcome::WouldBlock {
                        return outcome;
                    }
                    self.promote_rival(slot);
                    return self.connected(slot, outcome);
                }
                _ => {
                    let backend = Arc::clone(backend);
                    self.judge(slot, &backend, slot.dialed, outcome);
                    if slot.rival.is_none() {
                        slot.backend_socket = None;
                        return outcome;
                    }
                    self.promote_rival(slot);
                }
            }
        }
    }

    /// Whether the second connect has succeeded. One that has failed is given up.
    fn finish_rival(&mut self, slot: &mut Slot) -> Outcome {
        let Some(rival) = &slot.rival else {
            return Outcome::WouldBlock;
        };
        let outcome = self.connector.finish(&rival.socket, rival.backend.address);
        match outcome {
            Outcome::Done | Outcome::BrokenWith(_) | Outcome::WouldBlock => outcome,
            _ => {
                let (backend, dialed) = (Arc::clone(&rival.backend), rival.dialed);
                self.judge(slot, &backend, dialed, outcome);
                self.give_up_rival(slot);
                Outcome::WouldBlock
            }
        }
    }

    /// The second connect takes the place of the first one, which is closed before any byte.
    pub(super) fn promote_rival(&mut self, slot: &mut Slot) {
        if let Some(rival) = slot.rival.take() {
            self.let_go(slot);
            slot.backend = Some(rival.backend);
            slot.leased = true;
            slot.backend_socket = Some(rival.socket);
            slot.dialed = rival.dialed;
            self.forget_loser(slot);
        }
    }

    /// Two sockets have told of themselves under one name: what is true of the one that is left has to
    /// be told anew.
    fn forget_loser(&self, slot: &mut Slot) {
        slot.session.forget(Side::Backend);
        if let Some(socket) = &slot.backend_socket {
            let target = Target::Session(slot.key, Side::Backend);
            // A socket that refuses is broken; its deadline ends it.
            let _ = ask_again(&self.registry, socket, target);
        }
    }

    /// Closes the second of two connects, before any byte. Whether there was one.
    pub(super) fn give_up_rival(&mut self, slot: &mut Slot) -> bool {
        let Some(rival) = slot.rival.take() else {
            return false;
        };
        let Rival {
            backend, socket, ..
        } = *rival;
        drop(socket);
        self.dialer.release(slot.pool(), &backend);
        true
    }

    fn connected(&mut self, slot: &mut Slot, outcome: Outcome) -> Outcome {
        let pool = slot.pool();
        if self.give_up_rival(slot) {
            self.forget_loser(slot);
        }
        if let Some(backend) = &slot.backend {
            let took = self.clock.moment().since(slot.dialed);
            let now = self.clock.millis();
            self.dialer.connected(pool, backend, now, took);
            if let Some(tally) = self.dialer.tally(backend) {
                tally.connected(took);
            }
        }
        slot.connected = Some(self.clock.moment());
        slot.moved = self.clock.millis();
        slot.forget_tried();
        self.introduce(slot);
        match outcome {
            Outcome::Done if slot.acknowledgement_held => Outcome::Unacknowledged,
            other => other,
        }
    }

    /// The session gives its backend up, and whatever connects: sockets are closed before the counts
    /// say so.
    pub(super) fn let_go(&mut self, slot: &mut Slot) {
        let pool = slot.pool();
        slot.backend_socket = None;
        if let Some(front) = slot.front.as_deref_mut() {
            front.forget_backend();
        }
        if let (true, Some(backend)) = (std::mem::take(&mut slot.leased), &slot.backend) {
            self.dialer.release(pool, backend);
        }
        self.give_up_rival(slot);
    }

    /// An attempt to connect to `backend`, which began at `dialed`, has come to nothing.
    pub(super) fn judge(
        &mut self,
        slot: &mut Slot,
        backend: &Arc<Backend>,
        dialed: Moment,
        outcome: Outcome,
    ) {
        if let Outcome::Failed(error) = outcome {
            let now = self.clock.moment();
            slot.note_failed(Arc::clone(backend), error, dialed, now);
        }
        if outcome == Outcome::Shortage {
            self.tell_shortage("connect to a backend", "no descriptor or memory");
        }
        self.dialer.judge(backend, outcome);
    }
}
