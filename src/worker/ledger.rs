//! Counts sessions and writes down how each one ended.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::slot::Slot;
use crate::access_log::{AccessLog, COMPLAINT_GAP};
use crate::messages::{Event, SessionRecord};
use crate::pool::BackendId;
use crate::session::{CloseReason, Direction};

/// A listener and its pool by name, and its sessions.
pub(super) struct ListenerAccount {
    pub(super) name: Arc<str>,
    pub(super) pool: Arc<str>,
    active: usize,
}

pub(super) struct Ledger {
    listeners: Vec<ListenerAccount>,
    /// Sessions by backend id.
    backends: Vec<usize>,
    access_log: Option<AccessLog>,
    /// When it was told last that lines were dropped.
    drops_told: Option<Instant>,
    events: Sender<Event>,
}

impl Ledger {
    pub(super) fn new(
        names: impl Iterator<Item = (Arc<str>, Arc<str>)>,
        access_log: Option<AccessLog>,
        events: Sender<Event>,
    ) -> Self {
        let listeners = names
            .map(|(name, pool)| ListenerAccount {
                name,
                pool,
                active: 0,
            })
            .collect();
        Self {
            listeners,
            backends: Vec::new(),
            drops_told: None,
            access_log,
            events,
        }
    }

    pub(super) fn opened(&mut self, listener: usize) {
        self.listeners[listener].active += 1;
    }

    /// A session has this backend from now on, instead of the one it had before.
    pub(super) fn assigned(&mut self, before: Option<BackendId>, now: BackendId) {
        self.unassigned(before);
        let place = now.0 as usize;
        if place >= self.backends.len() {
            self.backends.resize(place + 1, 0);
        }
        self.backends[place] += 1;
    }

    fn unassigned(&mut self, before: Option<BackendId>) {
        if let Some(id) = before {
            self.backends[id.0 as usize] -= 1;
        }
    }

    /// The session in `slot` has ended; `active` sessions there were, it included.
    pub(super) fn closed(&mut self, slot: &Slot, reason: CloseReason, active: usize) {
        if let Some(log) = &self.access_log
            && !log.write(self.record(slot, reason, active))
            && self
                .drops_told
                .is_none_or(|told| slot.now - told >= COMPLAINT_GAP)
        {
            self.drops_told = Some(slot.now);
            self.tell(Event::AccessLogDropped(log.take_dropped()));
        }
        self.listeners[slot.listener].active -= 1;
        self.unassigned(slot.backend_id());
    }

    fn record(&self, slot: &Slot, reason: CloseReason, active: usize) -> SessionRecord {
        let account = &self.listeners[slot.listener];
        let (upload, download) = (
            slot.session.flow(Direction::Upload),
            slot.session.flow(Direction::Download),
        );
        SessionRecord {
            id: slot.id,
            ended: slot.now,
            client: slot.client_address,
            listener: Arc::clone(&account.name),
            pool: Arc::clone(&account.pool),
            backend: slot.backend.clone(),
            connect: slot.connected.map(|at| at - slot.accepted),
            total: slot.now - slot.accepted,
            bytes_in: upload.received(),
            bytes_out: download.received(),
            reason,
            retries: slot.session.attempts().saturating_sub(1),
            active: [
                active,
                account.active,
                slot.backend_id()
                    .map_or(0, |id| self.backends[id.0 as usize]),
            ],
            spliced: upload.spliced() || download.spliced(),
        }
    }

    /// Tells the supervisor, unless its queue is full: the loop never waits.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.try_send(event);
    }
}
