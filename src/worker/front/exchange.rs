//! What follows an exchange of two messages, and how the backend's connection fares meanwhile.

use super::super::connect;
use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::{Outcome, Side};

impl Shell {
    /// Both messages were relayed: `Done` where another request may follow, `Moved` where it has begun, `Ended`
    /// where none does, and `WouldBlock` where the client may still be speaking.
    pub(in crate::worker) fn rest(&mut self, slot: &mut Slot) -> Outcome {
        self.end_exchange(slot)
    }

    /// Something has happened to a backend's connection that is kept: it is closed if it has ended.
    pub(in crate::worker) fn tend(&mut self, slot: &mut Slot) -> Outcome {
        self.tend_backend(slot)
    }

    /// Sees what is wrong with a socket, of which no read or write has told.
    pub(in crate::worker) fn check_error(&mut self, slot: &mut Slot, side: Side) -> Outcome {
        let Some(socket) = slot.socket(side) else {
            return Outcome::Done;
        };
        let outcome = match socket.take_error() {
            Ok(None) => return Outcome::Done,
            Ok(Some(_)) | Err(_) => Outcome::BrokenWith(connect::unread(socket)),
        };
        match (side, outcome) {
            (Side::Backend, Outcome::BrokenWith(0)) if slot.may_repeat() => self.repeat(slot),
            (_, outcome) => outcome,
        }
    }
}
