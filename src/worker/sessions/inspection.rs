//! What operators see of sessions, and the end of one that they ask for.

use std::collections::HashMap;
use std::sync::Arc;

use super::Sessions;
use crate::messages::{Crowd, Outlook};
use crate::pool::BackendId;
use crate::requests::{Caller, Connection, First};
use crate::session::{Cause, Direction};
use crate::worker::slot::Slot;

impl Sessions {
    /// So many sessions from this end of all, in no order, how they are. All others are only glanced at.
    pub(in crate::worker) fn list(&self, limit: usize, first: First) -> Vec<Connection> {
        let rank = |slot: &Slot| match first {
            First::Oldest => slot.id,
            First::Biggest => u64::MAX - bytes(slot),
            First::Idlest => slot.moved,
        };
        let slots = self.slots.iter().map(|(_, slot)| slot);
        let mut slots: Vec<_> = slots.map(|slot| (rank(slot), slot)).collect();
        if limit < slots.len() {
            slots.select_nth_unstable_by_key(limit, |(rank, _)| *rank);
            slots.truncate(limit);
        }
        let slots = slots.into_iter();
        slots.map(|(_, slot)| self.describe(slot)).collect()
    }

    /// How many sessions there are, by what they have.
    pub(in crate::worker) fn census(&self) -> Vec<Crowd> {
        let mut crowds = HashMap::new();
        for (_, slot) in &self.slots {
            let has_backend = slot.leased && slot.session.is_relaying();
            let backend = slot.backend.as_ref().filter(|_| has_backend);
            let (listener, backend) = (&slot.listener, backend.map(|it| it.id));
            *crowds
                .entry((&listener.config.name, &slot.destination().name, backend))
                .or_default() += 1;
        }
        let crowds = crowds.into_iter();
        let crowds = crowds.map(|((listener, pool, backend), sessions)| Crowd {
            listener: Arc::clone(listener),
            pool: Arc::clone(pool),
            backend,
            sessions,
        });
        crowds.collect()
    }

    /// What the next client of this listener would get if it were that one. Nothing changes by it.
    pub(in crate::worker) fn explain(
        &mut self,
        listener: &str,
        caller: &Caller,
    ) -> Option<Outlook> {
        let listener = self.shell.listeners.get(listener)?;
        let offers = |protocol: &[u8]| caller.offers(protocol);
        let destination = listener.destination(caller.sni.as_deref(), offers)?;
        let pool = listener.destinations[usize::from(destination)].pool;
        let client = caller.client.to_canonical();
        let now = self.shell.clock.millis();
        Some(Outlook {
            worker: self.me(),
            waiting: self.waiting_for(pool),
            preview: self.shell.dialer.preview(pool, client, now),
        })
    }

    fn describe(&self, slot: &Slot) -> Connection {
        let clock = &self.shell.clock;
        let flow = |way| slot.session.flow(way);
        let (upload, download) = (flow(Direction::Upload), flow(Direction::Download));
        let (bytes_in, bytes_out) = (upload.received(), download.received());
        let path = match (upload.spliced() || download.spliced(), bytes_in + bytes_out) {
            (true, _) => "splice",
            (false, 0) => "-",
            (false, _) => "copy",
        };
        let idle = std::time::Duration::from_millis(clock.millis().saturating_sub(slot.moved));
        let backend = slot.backend.as_ref().filter(|_| slot.leased);
        Connection {
            id: format!("{:x}", slot.id),
            listener: slot.listener.config.name.to_string(),
            pool: slot.destination().name.to_string(),
            backend: backend.map(|it| it.name.to_string()),
            client: slot.client_address.to_string(),
            age_seconds: clock.moment().since(slot.accepted).as_secs_f64(),
            idle_seconds: idle.as_secs_f64(),
            bytes_in,
            bytes_out,
            path: path.to_owned(),
        }
    }

    /// Of so many sessions of a backend, the idlest first: when a byte moved last, and the id.
    pub(in crate::worker) fn idlest(&self, backend: BackendId, count: usize) -> Vec<(u64, u64)> {
        let is_meant = |slot: &&Slot| slot.has_backend(backend) && slot.session.is_relaying();
        let slots = self.slots.iter().map(|(_, slot)| slot).filter(is_meant);
        let mut idle: Vec<_> = slots.map(|slot| (slot.moved, slot.id)).collect();
        idle.sort_unstable();
        idle.truncate(count);
        idle
    }

    /// Ends the sessions with these ids. How many there were.
    pub(in crate::worker) fn retire(&mut self, ids: &[u64]) -> u32 {
        let is_meant = |slot: &Slot| ids.contains(&slot.id) && slot.session.is_relaying();
        let slots = self.slots.iter().filter(|(_, slot)| is_meant(slot));
        let places: Vec<usize> = slots.map(|(place, _)| place).collect();
        for &place in &places {
            self.slots[place].session.cut(Cause::Drained);
            self.turn(place);
        }
        u32::try_from(places.len()).unwrap_or(u32::MAX)
    }

    /// Ends the session with this id by a reset. Whether there was one.
    pub(in crate::worker) fn kill(&mut self, id: u64) -> bool {
        let place = self.slots.iter().find(|(_, slot)| slot.id == id);
        let Some(place) = place.map(|(place, _)| place) else {
            return false;
        };
        self.slots[place].session.cut(Cause::Killed);
        self.turn(place);
        true
    }
}

/// Bytes that have come from both sides.
fn bytes(slot: &Slot) -> u64 {
    let received = |way| slot.session.flow(way).received();
    received(Direction::Upload) + received(Direction::Download)
}
