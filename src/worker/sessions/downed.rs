//! What becomes of the sessions of a backend that went down, or was taken away.

use std::sync::Arc;

use super::{Sessions, enqueue};
use crate::config::OnDown;
use crate::pool::{Backend, BackendId};
use crate::session::Cause;
use crate::worker::clock::{Moment, millis};
use crate::worker::dialer::Lost;
use crate::worker::slot::Slot;

/// A backend that is down, and whose sessions are to be ended.
pub(super) struct Doomed {
    pool: usize,
    backend: BackendId,
    /// Sessions that came later, as the pool tries backends that are down, are not meant.
    since: Moment,
    /// In the milliseconds of the timers.
    pub(super) at: u64,
}

impl Sessions {
    /// Backends of a pool went down or were taken away. Whoever is still dialing one of them goes
    /// elsewhere; whoever has one that went down is treated as the pool says.
    pub(super) fn lost_backends(&mut self, pool: usize, lost: &Lost) {
        if lost.down.is_empty() && lost.withdrawn.is_empty() {
            return;
        }
        self.forsake(lost);
        match self.shell.dialer.config(pool).on_down {
            OnDown::Keep => {}
            OnDown::Reset => {
                for &backend in &lost.down {
                    self.end_all(backend, Cause::BackendDown);
                }
            }
            OnDown::Drain => {
                let since = self.shell.clock.moment();
                let at = self.shell.clock.millis() + millis(self.drain_timeout);
                let doomed = lost.down.iter().map(|&backend| Doomed {
                    pool,
                    backend,
                    since,
                    at,
                });
                self.doomed.extend(doomed);
            }
        }
    }

    /// Health has said something: a backend that is up again keeps its sessions.
    pub(super) fn spare_recovered(&mut self) {
        let dialer = &self.shell.dialer;
        self.doomed.retain(|it| !dialer.is_up(it.pool, it.backend));
    }

    /// Ends the sessions of those whose time is over.
    pub(super) fn end_doomed(&mut self, now: u64) {
        let is_due = |it: &mut Doomed| it.at <= now;
        for Doomed { backend, since, .. } in self.doomed.extract_if(.., is_due).collect::<Vec<_>>()
        {
            self.end(Cause::BackendDown, |slot| {
                slot.has_backend(backend) && slot.accepted <= since
            });
        }
    }

    /// Has nobody dial a lost backend any longer. Of two connects, one may be left.
    fn forsake(&mut self, lost: &Lost) {
        let is_lost = |id: &BackendId| lost.down.contains(id) || lost.withdrawn.contains(id);
        for (_, slot) in &mut self.slots {
            self.shell.unpark_lost(slot, is_lost);
            let is_lost_to = |it: &Arc<Backend>| is_lost(&it.id);
            if slot.session.is_expecting()
                && slot.leased
                && slot.backend.as_ref().is_some_and(is_lost_to)
            {
                self.shell.forget_backend(slot); // kept from its last exchange
                continue;
            }
            // One that waits for a descriptor holds its backend too.
            let holds_one = slot.session.is_dialing() || slot.session.is_starved();
            if !(slot.leased && holds_one) {
                continue;
            }
            let first = slot.backend.as_ref().is_some_and(|it| is_lost(&it.id));
            let second = slot.rival.as_ref().map(|it| is_lost(&it.backend.id));
            match (first, second) {
                (false, None | Some(false)) => continue,
                (false, Some(true)) => _ = self.shell.give_up_rival(slot),
                (true, Some(false)) => self.shell.promote_rival(slot),
                (true, None | Some(true)) => slot.session.forsake_backend(),
            }
            enqueue(&mut self.run_queue, slot);
        }
    }

    /// Resets every session that has this backend.
    pub(in crate::worker) fn end_all(&mut self, backend: BackendId, cause: Cause) {
        for (_, slot) in &mut self.slots {
            self.shell.unpark_lost(slot, |it| *it == backend);
        }
        self.end(cause, |slot| slot.has_backend(backend));
    }

    fn end(&mut self, cause: Cause, is_meant: impl Fn(&Slot) -> bool) {
        for (_, slot) in &mut self.slots {
            if !is_meant(slot) {
                continue;
            }
            if slot.session.is_relaying() {
                slot.session.cut(cause);
                enqueue(&mut self.run_queue, slot);
            } else if slot.session.is_expecting() && slot.leased {
                self.shell.forget_backend(slot); // kept from its last exchange
            }
        }
    }
}
