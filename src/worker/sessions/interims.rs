//! Lines for sessions that live long: one each time the interval has passed since they were accepted.
//!
//! They have a timing wheel of their own: a session's one timer is its deadline's. Where nobody wants
//! such lines, there is no wheel.

use super::Sessions;
use crate::access_log::AccessLog;
use crate::worker::clock::{Clock, millis};
use crate::worker::ledger::Ledger;
use crate::worker::slot::Slot;
use crate::worker::timers::Timers;

/// Lines written in one turn of the loop.
const LINES: usize = 256;

pub(super) struct Interims {
    timers: Timers,
    /// In milliseconds.
    interval: u64,
}

impl Interims {
    /// Nobody is watched yet. `None` where the log wants no such lines.
    pub(super) fn wanted(ledger: &Ledger) -> Option<Self> {
        let interval = ledger.access_log().and_then(AccessLog::interval)?;
        Some(Self {
            timers: Timers::new(),
            interval: millis(interval).max(1),
        })
    }

    /// Sets the timer to the session's next line.
    pub(super) fn arm(&mut self, place: usize, slot: &Slot, clock: &Clock) {
        let accepted = slot.accepted.millis();
        let lines = clock.millis().saturating_sub(accepted) / self.interval;
        // The clock counts whole milliseconds, rounded down: one more, and nothing is early.
        let due = accepted + (lines + 1).saturating_mul(self.interval) + 1;
        self.timers.arm(place, due);
    }

    pub(super) fn cancel(&mut self, place: usize) {
        self.timers.cancel(place);
    }

    /// When a line is due.
    pub(super) fn next(&self) -> Option<u64> {
        self.timers.next()
    }
}

impl Sessions {
    /// Writes the lines that are due. What is too much for one turn is left for the next one.
    pub(super) fn write_interims(&mut self, now: u64) {
        let Some(interims) = &mut self.interims else {
            return;
        };
        let shell = &mut self.shell;
        for _ in 0..LINES {
            let Some(place) = interims.timers.expired(now) else {
                return;
            };
            let slot = &self.slots[place];
            shell.ledger.lives(slot, &shell.clock);
            interims.arm(place, slot, &shell.clock);
        }
    }

    /// Writes sessions down in this log from now on, or nowhere.
    pub(in crate::worker) fn log_to(&mut self, log: Option<AccessLog>) {
        self.shell.ledger.log_to(log);
        self.interims = Interims::wanted(&self.shell.ledger);
        if let Some(interims) = &mut self.interims {
            for (place, slot) in &self.slots {
                interims.arm(place, slot, &self.shell.clock);
            }
        }
    }
}
