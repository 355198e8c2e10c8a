//! Speaks to a connected backend before the client's bytes do.

use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::Outcome;

impl Shell {
    /// Goes on with the greeting.
    pub(in crate::worker) fn greet(&mut self, slot: &mut Slot) -> Outcome {
        match &slot.backend {
            Some(backend) if backend.tls.is_some() => self.shake_backend(slot),
            Some(_) | None => Outcome::Done,
        }
    }
}
