//! Lets clients begin their handshakes of TLS that had to wait.

use super::{Sessions, enqueue};
use crate::session::{Readiness, Side};

/// So many handshakes that waited begin in one turn of the loop.
const MOST_ADMITTED: usize = 64;

impl Sessions {
    /// Clients whose handshake had to wait go on where there is room now.
    pub(super) fn admit_handshakes(&mut self) {
        let now = self.shell.clock.moment();
        for _ in 0..MOST_ADMITTED {
            let Some((key, permit)) = self.shell.handshakes.next(now) else {
                return;
            };
            let slot = self.slots.get_mut(key.slot).filter(|it| it.key == key);
            if let Some(slot) = slot
                && let Some(front) = &mut slot.front
            {
                front.let_in(permit);
                slot.session.hint(Side::Client, Readiness::READABLE);
                enqueue(&mut self.run_queue, slot);
            }
        }
    }
}
