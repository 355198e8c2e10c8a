//! Writes down how each session ended, and how those are that live long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::clock::Clock;
use super::shared::Shared;
use super::slot::Slot;
use crate::access_log::{AccessLog, COMPLAINT_GAP};
use crate::messages::{Event, SessionRecord};
use crate::session::{CloseReason, Direction, Side};
use crate::sys::{self, TcpInfo};

pub(super) struct Ledger {
    /// The number of this worker.
    me: usize,
    shared: Arc<Shared>,
    access_log: Option<AccessLog>,
    /// When it was told last that lines were dropped.
    drops_told: Option<Instant>,
    events: Sender<Event>,
}

impl Ledger {
    pub(super) const fn new(
        me: usize,
        shared: Arc<Shared>,
        access_log: Option<AccessLog>,
        events: Sender<Event>,
    ) -> Self {
        Self {
            me,
            shared,
            drops_told: None,
            access_log,
            events,
        }
    }

    pub(super) const fn access_log(&self) -> Option<&AccessLog> {
        self.access_log.as_ref()
    }

    /// Writes sessions down there from now on, or nowhere.
    pub(super) fn log_to(&mut self, access_log: Option<AccessLog>) {
        self.access_log = access_log;
    }

    /// The session in `slot` has ended; it is still counted everywhere, and its sockets are open.
    pub(super) fn closed(&mut self, slot: &mut Slot, reason: CloseReason, clock: &Clock) {
        let listener = &slot.listener;
        if let Some(tally) = listener.tallies.get(self.me) {
            tally.ended(clock.moment().since(slot.accepted));
        }
        if let Some(tally) = slot.destination().ends.get(self.me) {
            tally.ended(reason.cause);
        }
        self.requested(slot, reason, clock);
    }

    /// The session in `slot`, or its request, is over.
    pub(super) fn requested(&mut self, slot: &mut Slot, reason: CloseReason, clock: &Clock) {
        if self.is_wanted(slot, reason != CloseReason::COMPLETED, clock) {
            let failed = slot.take_failed();
            let record = self.record(slot, clock);
            let tcp = self.tcp_infos(slot);
            self.write(SessionRecord {
                reason: Some(reason),
                failed,
                tcp,
                ..record
            });
        }
    }

    /// The session in `slot` has lived long, and lives on.
    pub(super) fn lives(&mut self, slot: &Slot, clock: &Clock) {
        if self.is_wanted(slot, false, clock) {
            let failed = slot.failed().cloned().map(Box::new);
            let record = self.record(slot, clock);
            let tcp = self.tcp_infos(slot);
            self.write(SessionRecord {
                failed,
                tcp,
                ..record
            });
        }
    }

    fn is_wanted(&self, slot: &Slot, is_error: bool, clock: &Clock) -> bool {
        let log = self.access_log.as_ref();
        log.zip(slot.untold_since()).is_some_and(|(log, since)| {
            let lasted = clock.moment().since(since);
            log.filter().keeps(is_error, lasted, slot.id)
        })
    }

    fn write(&mut self, record: SessionRecord) {
        let now = record.at;
        if let Some(log) = &self.access_log
            && !log.write(record)
            && self
                .drops_told
                .is_none_or(|told| now.saturating_duration_since(told) >= COMPLAINT_GAP)
        {
            self.drops_told = Some(now);
            self.tell(Event::AccessLogDropped(log.take_dropped()));
        }
    }

    /// What the kernel knows of a session's connections, where the log wants to know.
    fn tcp_infos(&self, slot: &Slot) -> Option<Box<[Option<TcpInfo>; 2]>> {
        let log = self.access_log.as_ref();
        log.is_some_and(AccessLog::wants_tcp_info)
            .then(|| Box::new(tcp_infos(slot)))
    }

    /// What there is to say of a session, or of its request, that has not ended, but for its failed
    /// attempts and what the kernel knows.
    pub(super) fn record(&self, slot: &Slot, clock: &Clock) -> SessionRecord {
        let now = clock.moment();
        let waiting = slot.lined_up.map_or(Duration::ZERO, |it| now.since(it));
        let waited = Duration::from_micros(slot.waited).saturating_add(waiting);
        let (upload, download) = (
            slot.session.flow(Direction::Upload),
            slot.session.flow(Direction::Download),
        );
        let mut record = SessionRecord {
            id: slot.id,
            at: clock.now(),
            client: slot.client_address,
            listener: Arc::clone(&slot.listener.config.name),
            pool: Arc::clone(&slot.destination().name),
            backend: slot.backend.clone(),
            queued: waited,
            connect: slot
                .connected
                .map(|at| at.since(slot.accepted).saturating_sub(waited)),
            first_byte: slot
                .first_byte
                .map(|at| at.map(|at| at.since(slot.accepted))),
            total: now.since(slot.accepted),
            bytes_in: upload.received(),
            bytes_out: download.received(),
            reason: None,
            ended_by: slot.session.ended_by(),
            retries: slot.session.attempts().saturating_sub(1),
            failed: None,
            active: [
                self.shared.sessions.count(),
                slot.listener.active.count(),
                slot.backend.as_ref().map_or(0, |it| it.load.active.count()),
            ],
            spliced: upload.spliced() || download.spliced(),
            tcp: None,
            request: None,
            tls: slot.front.as_ref().and_then(|it| it.tls.clone()),
        };
        slot.tell_request(&mut record, now);
        record
    }

    /// Tells the supervisor, unless its queue is full: the loop never waits.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.try_send(event);
    }
}

/// What the kernel knows of the connections of a session, where they were established.
fn tcp_infos(slot: &Slot) -> [Option<TcpInfo>; 2] {
    let info = |side| sys::tcp_info(slot.socket(side)?).ok();
    let backend = slot.connected.and_then(|_| info(Side::Backend));
    [info(Side::Client), backend]
}
