//! Serves the clients who wait for a backend below its limit, in their order.
//!
//! A session that has tried a backend in vain, and finds all others full, does not stand in line: it
//! could not use the room that whoever comes after it can. It asks again now and then.

use super::Sessions;
use crate::worker::shell::Shell;
use crate::worker::token::SessionKey;

/// Clients served in one look at a line.
const SERVED: usize = 256;

impl Sessions {
    /// A session has begun to wait for a backend below its limit, or has ceased to.
    pub(super) fn change_line(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        let now = self.shell.clock.moment();
        let pool = slot.pool();
        let Shell { dialer, peers, .. } = &self.shell;
        let line = dialer.line(pool);
        if slot.lined_up.is_some() {
            return slot.leave_line(line, now); // whoever serves the line finds its place empty
        }
        slot.lined_up = Some(now);
        line.waiting.enter(u32::MAX);
        if slot.tried().is_empty() {
            self.waiting[pool].join(slot.key, line, peers.me());
        }
    }

    /// Something may have changed for those who wait for this pool.
    pub(in crate::worker) fn look_at_line(&mut self, pool: usize) {
        if let Some(waiting) = self.waiting.get_mut(pool) {
            waiting.is_due = true;
        }
    }

    /// There was mail: what it said of a line may have been lost in a full mailbox.
    pub(in crate::worker) fn look_at_lines(&mut self) {
        for waiting in &mut self.waiting {
            waiting.is_due |= waiting.first().is_some();
        }
    }

    /// Whether it is to be looked who can be served.
    pub(in crate::worker) fn is_line_due(&self) -> bool {
        self.shell.dialer.is_room_made() || self.waiting.iter().any(|it| it.is_due)
    }

    /// Serves whoever can be served.
    pub(in crate::worker) fn serve_lines(&mut self) {
        for pool in 0..self.waiting.len() {
            let room_made = self.shell.dialer.take_room_made(pool);
            if std::mem::take(&mut self.waiting[pool].is_due) || room_made {
                self.serve(pool);
            }
        }
    }

    fn serve(&mut self, pool: usize) {
        for _ in 0..SERVED {
            self.drop_gone(pool);
            let Some(worker) = self.shell.dialer.line(pool).first() else {
                return;
            };
            if !self.shell.dialer.can_serve(pool) {
                return;
            }
            if worker != self.me() {
                return self.shell.peers.wake(worker, pool);
            }
            let Some(key) = self.waiting[pool].first() else {
                return;
            };
            self.slots[key.slot].session.resume();
            self.turn(key.slot);
        }
        self.waiting[pool].is_due = true;
    }

    /// Takes those who wait no more from the head of the line.
    fn drop_gone(&mut self, pool: usize) {
        while let Some(key) = self.waiting[pool].first()
            && !self.waits(key, pool)
        {
            let Shell { dialer, peers, .. } = &self.shell;
            self.waiting[pool].drop_first(dialer.line(pool), peers.me());
        }
    }

    /// How many of this worker's clients stand in the line of a pool.
    pub(super) fn waiting_for(&self, pool: usize) -> usize {
        let keys = self.waiting[pool].keys();
        keys.filter(|key| self.waits(*key, pool)).count()
    }

    /// Whether this one waits for this pool: a reload may have moved it to another one's line.
    fn waits(&self, key: SessionKey, pool: usize) -> bool {
        let slot = self.slots.get(key.slot).filter(|it| it.key == key);
        slot.is_some_and(|it| it.lined_up.is_some() && it.pool() == pool)
    }
}
