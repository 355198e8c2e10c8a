//! Speaks to a connected backend before the client's bytes do.

use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::Outcome;

impl Shell {
    /// Goes on with the greeting.
    #[expect(
        clippy::unused_self,
        reason = "whatever greets performs it with the worker's buffers"
    )]
    pub(in crate::worker) const fn greet(&mut self, _slot: &mut Slot) -> Outcome {
        Outcome::Done
    }
}
