//! What follows an exchange of two messages, and how the backend's connection fares meanwhile.

use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::Outcome;

impl Shell {
    /// Both messages were relayed: `Done` where another request may follow, `Ended` where none does.
    #[expect(
        clippy::unused_self,
        reason = "whatever keeps connections does it with the worker's registry"
    )]
    pub(in crate::worker) const fn rest(&mut self, _slot: &mut Slot) -> Outcome {
        Outcome::Ended
    }

    /// Something has happened to a backend's connection that is kept: it is closed if it has ended.
    #[expect(
        clippy::unused_self,
        reason = "whatever keeps connections does it with the worker's registry"
    )]
    pub(in crate::worker) const fn tend(&mut self, _slot: &mut Slot) -> Outcome {
        Outcome::Done
    }
}
