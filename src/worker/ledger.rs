//! Writes down how each session ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::clock::Clock;
use super::shared::Shared;
use super::slot::Slot;
use crate::access_log::{AccessLog, COMPLAINT_GAP};
use crate::messages::{Event, SessionRecord};
use crate::session::{CloseReason, Direction};

pub(super) struct Ledger {
    shared: Arc<Shared>,
    access_log: Option<AccessLog>,
    /// When it was told last that lines were dropped.
    drops_told: Option<Instant>,
    events: Sender<Event>,
}

impl Ledger {
    pub(super) fn new(
        shared: Arc<Shared>,
        access_log: Option<AccessLog>,
        events: Sender<Event>,
    ) -> Self {
        Self {
            shared,
            drops_told: None,
            access_log,
            events,
        }
    }

    /// The session in `slot` has ended; it is still counted everywhere.
    pub(super) fn closed(&mut self, slot: &Slot, reason: CloseReason, clock: &Clock) {
        if let Some(log) = &self.access_log
            && !log.write(self.record(slot, reason, clock))
            && self
                .drops_told
                .is_none_or(|told| clock.now() - told >= COMPLAINT_GAP)
        {
            self.drops_told = Some(clock.now());
            self.tell(Event::AccessLogDropped(log.take_dropped()));
        }
    }

    fn record(&self, slot: &Slot, reason: CloseReason, clock: &Clock) -> SessionRecord {
        let waited = Duration::from_micros(slot.waited);
        let (upload, download) = (
            slot.session.flow(Direction::Upload),
            slot.session.flow(Direction::Download),
        );
        SessionRecord {
            id: slot.id,
            ended: clock.now(),
            client: slot.client_address,
            listener: Arc::clone(&slot.listener.config.name),
            pool: Arc::clone(&slot.listener.pool),
            backend: slot.backend.clone(),
            queued: waited,
            connect: slot
                .connected
                .map(|at| at.since(slot.accepted).saturating_sub(waited)),
            total: clock.moment().since(slot.accepted),
            bytes_in: upload.received(),
            bytes_out: download.received(),
            reason,
            retries: slot.session.attempts().saturating_sub(1),
            active: [
                self.shared.sessions.count(),
                slot.listener.active.count(),
                slot.backend.as_ref().map_or(0, |it| it.load.active.count()),
            ],
            spliced: upload.spliced() || download.spliced(),
        }
    }

    /// Tells the supervisor, unless its queue is full: the loop never waits.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.try_send(event);
    }
}
