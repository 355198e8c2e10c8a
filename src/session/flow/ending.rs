//! How a flow ends where a side is broken: a reset is relayed once everything before it was delivered.

use super::{End, Flow, Gear, Memory};

impl Flow {
    /// The source was reset and nothing can be read from it any more.
    pub(in crate::session) const fn on_reset(&mut self) {
        self.end = End::Reset {
            polls: 0,
            waiting: false,
        };
    }

    /// The source was reset. If its stream is still open, reading goes on to its last byte first.
    pub(in crate::session) const fn on_source_broken(&mut self) {
        match self.end {
            End::Rested | End::Ended | End::Untold | End::Finished => self.on_reset(),
            End::Open => self.gear = Gear::CopyOnly,
            End::Reset { .. } | End::Aborted => {}
        }
    }

    /// The sink takes nothing any more: what is held for it is lost.
    pub(in crate::session) const fn on_sink_broken(&mut self) {
        self.end = End::Aborted;
        self.memory = Memory::Nothing;
        self.piped = 0;
    }

    /// The sink has not acknowledged everything: ask again later.
    pub(in crate::session) const fn on_undelivered(&mut self) {
        if let End::Reset { polls, .. } = self.end {
            self.end = End::Reset {
                polls: polls.saturating_add(1),
                waiting: true,
            };
        }
    }

    /// It is time to ask again.
    pub(in crate::session) const fn on_delivery_deadline(&mut self) {
        if let End::Reset { polls, .. } = self.end {
            self.end = End::Reset {
                polls,
                waiting: false,
            };
        }
    }
}
