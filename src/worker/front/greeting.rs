//! Speaks to a connected backend before the client's bytes do.

use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::Outcome;

impl Shell {
    /// Goes on with the greeting.
    pub(in crate::worker) fn greet(&mut self, slot: &mut Slot) -> Outcome {
        if slot.backend.as_ref().is_some_and(|it| it.tls.is_some()) {
            match self.shake_backend(slot) {
                Outcome::Done => {}
                other => return other,
            }
        }
        if slot.front.as_ref().is_some_and(|it| it.http.is_some()) {
            return self.tell_request(slot);
        }
        Outcome::Done
    }
}
