//! What time ends: the one deadline of each session, and the few of all.

use std::sync::Arc;
use std::time::Duration;

use super::Sessions;
use crate::session::{Cause, Deadline, DialError, Outcome};
use crate::worker::clock::{Moment, millis};

/// The pause before backends that were all tried are tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How long the client's first bytes may take to carry the backend's acknowledgement with them.
/// A backend that speaks first waits that long once; then worker::dialer knows its pool.
/// Not longer: a backend that sends its reply in two parts may wait for the first one's (Nagle).
const ACKNOWLEDGE_PAUSE: Duration = Duration::from_millis(5);

/// How soon a reset that waits for the delivery of bytes asks again: doubled up to a second.
const DELIVERY_POLL: Duration = Duration::from_millis(2);

impl Sessions {
    /// Sees to every deadline that has passed.
    pub(in crate::worker) fn expire(&mut self) {
        let now = self.shell.clock.millis();
        while let Some(place) = self.timers.expired(now) {
            let slot = &mut self.slots[place];
            let armed = std::mem::replace(&mut slot.armed, Deadline::Never);
            let limits = self.shell.limits(slot);
            let (silence, cause) = slot.silence();
            let idle = slot.moved + millis(silence);
            match armed {
                Deadline::Idle if idle > now => {} // bytes have moved since: armed anew below
                Deadline::Idle => slot.session.give_up(cause, &limits),
                Deadline::Preamble { .. } if slot.preamble_due() > now => {} // another one has begun
                Deadline::Answer if slot.answer_due(now) > now => {}         // it goes on to speak
                Deadline::Connect { .. } => self.end_dialing(place, now),
                Deadline::Queue => self.end_waiting(place, now),
                Deadline::Delivery { .. } if idle <= now => slot.session.cut(Cause::IdleTimeout),
                Deadline::Preamble { .. }
                | Deadline::Answer
                | Deadline::Hedge { .. }
                | Deadline::Delivery { .. }
                | Deadline::Retry { .. }
                | Deadline::Acknowledge
                | Deadline::Starved
                | Deadline::Never => slot.session.expire(&limits),
            }
            self.turn(place);
        }
        self.end_doomed(now);
        self.shed_unused_pipes(now);
        self.write_interims(now);
    }

    /// The time of a connect is over; a second one that races it has its own.
    fn end_dialing(&mut self, place: usize, now: u64) {
        let slot = &mut self.slots[place];
        let timeout = self.shell.dialer.config(slot.pool()).connect_timeout;
        if slot.dialed.millis() + millis(timeout) > now {
            return; // the second one has taken the first one's place: armed anew
        }
        if let Some(backend) = &slot.backend {
            let outcome = Outcome::Failed(DialError::TimedOut);
            let (backend, dialed) = (Arc::clone(backend), slot.dialed);
            self.shell.judge(slot, &backend, dialed, outcome);
        }
        if slot.rival.is_some() {
            self.shell.promote_rival(slot);
        } else {
            let limits = self.shell.limits(slot);
            slot.session.expire(&limits);
        }
    }

    /// A session has waited in line long enough, or it has tried a backend in vain and asks again.
    fn end_waiting(&mut self, place: usize, now: u64) {
        let slot = &mut self.slots[place];
        let since = slot.lined_up.map_or(now, Moment::millis);
        let timeout = self.shell.dialer.config(slot.pool()).queue_timeout;
        let is_over = since + millis(timeout) <= now;
        if is_over && slot.tried().is_empty() {
            let limits = self.shell.limits(slot);
            slot.session.expire(&limits);
        } else {
            if is_over {
                slot.forget_tried(); // as a last resort, what it has tried
            }
            slot.session.resume();
        }
    }

    /// Sets the session's timer, where what it waits for has changed.
    pub(super) fn arm(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let deadline = slot.session.deadline();
        if deadline == slot.armed {
            return;
        }
        slot.armed = deadline;
        let dialer = &self.shell.dialer;
        let pool = dialer.config(slot.pool());
        let dialed = slot.dialed.millis();
        let now = self.shell.clock.millis();
        let due = match deadline {
            Deadline::Never => return self.timers.cancel(place),
            Deadline::Preamble { .. } => slot.preamble_due(),
            Deadline::Answer => slot.answer_due(now),
            Deadline::Connect { .. } => dialed + millis(pool.connect_timeout),
            Deadline::Hedge { .. } => {
                let delay = dialer.hedge_delay(slot.pool());
                dialed + delay.map_or(0, millis)
            }
            Deadline::Queue => {
                let since = slot.lined_up.map_or(now, Moment::millis);
                let end = since + millis(pool.queue_timeout);
                if slot.tried().is_empty() {
                    end
                } else {
                    end.min(now + millis(RETRY_PAUSE))
                }
            }
            Deadline::Starved => now + millis(pool.connect_timeout),
            Deadline::Acknowledge => now + millis(ACKNOWLEDGE_PAUSE),
            Deadline::Retry { .. } => now + millis(RETRY_PAUSE),
            Deadline::Idle => slot.moved + millis(slot.silence().0),
            Deadline::Delivery { polls } => now + (millis(DELIVERY_POLL) << polls.min(9)),
        };
        // The clock counts whole milliseconds, rounded down: one more, and nothing is early.
        self.timers.arm(place, due + 1);
    }
}
