//! The health thread: one event loop that probes backends, and posts live sets.
//!
//! A turn: sleep, read the clock once, then what probes have found, mail, who is late, what time
//! brings about, new probes. What has changed is posted at the end, once for each pool.

mod probing;
mod reports;
mod takeover;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender};
use mio::{Events, Poll, Token};
use slab::Slab;

use super::agenda::Agenda;
use super::probes::Probes;
use super::schedule::Schedule;
use super::ward::Ward;
use crate::balance::Snapshot;
use crate::held_up::HeldUp;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::plan::Plan;
use crate::pool::{Backend, BackendId, Order};

const EVENT_BATCH: usize = 1024;
const MAIL: Token = Token(usize::MAX);

/// Failures of epoll_wait in a row, a millisecond apart, after which the thread gives up.
const POLL_FAILURES: usize = 1000;

/// One backend under watch: its pool, and its place there.
struct Patient {
    backend: Arc<Backend>,
    ward: usize,
    at: usize,
}

/// The health thread's work, before it runs.
pub struct Prober {
    poll: Poll,
    mail: Receiver<ToHealth>,
    wards: Vec<Ward>,
    /// Places are given again when their patients have gone.
    patients: Slab<Patient>,
    /// Of each backend, its place among the patients.
    places: HashMap<BackendId, usize>,
    schedule: Schedule,
    probes: Probes,
    /// By patient: when its ejection is over.
    ejections: Agenda,
    /// By pool: when the next step of a slow start is due.
    slow_starts: Agenda,
    /// What the times of the workers' loads count from.
    epoch: Instant,
    /// What people's clocks showed when this turn began.
    today: SystemTime,
    /// Pools whose live sets are to be posted in this turn, and what is to be told then.
    changed: BTreeSet<usize>,
    news: Vec<Event>,
    shortage_told: Option<Instant>,
    events: Sender<Event>,
}

impl Prober {
    /// Watches the backends of `plan`, and probes those that have a health configuration. All begin
    /// as up. Times of their loads count from `epoch`.
    ///
    /// # Errors
    ///
    /// What the kernel says where it refuses an epoll instance or a waker.
    pub fn new(
        plan: &Plan,
        epoch: Instant,
        events: Sender<Event>,
    ) -> io::Result<(Self, Mailbox<ToHealth>)> {
        let poll = Poll::new()?;
        let (mailbox, mail) = Mailbox::open(poll.registry(), MAIL)?;
        let mut prober = Self {
            probes: Probes::new(poll.registry().try_clone()?),
            poll,
            mail,
            wards: Vec::new(),
            patients: Slab::new(),
            places: HashMap::new(),
            schedule: Schedule::new(0, std::process::id().into()),
            ejections: Agenda::new(0),
            slow_starts: Agenda::new(0),
            epoch,
            today: SystemTime::now(),
            changed: BTreeSet::new(),
            news: Vec::new(),
            shortage_told: None,
            events,
        };
        prober.watch(plan, epoch);
        Ok((prober, mailbox))
    }

    /// Of each pool what there is to pick from at the start.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.snapshots_at(self.epoch)
    }

    fn snapshots_at(&self, now: Instant) -> Vec<Snapshot> {
        self.wards.iter().map(|it| it.snapshot(now)).collect()
    }

    /// Probes until it is told to stop; posts every change to all `workers`.
    ///
    /// # Errors
    ///
    /// Says why the kernel would not let it go on.
    pub fn run(mut self, workers: &[Mailbox<ToWorker>]) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENT_BATCH);
        let mut failures = 0;
        let mut held_up = HeldUp::default();
        loop {
            let last = Instant::now();
            let sleep = self.sleep(last);
            match self.poll.poll(&mut events, sleep) {
                // Stopped and resumed (signal(7)): answers that came meanwhile are not known yet.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    failures += 1;
                    if failures >= POLL_FAILURES {
                        return Err(format!("epoll_wait failed: {error}"));
                    }
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Ok(()) => failures = 0,
            }
            let now = Instant::now();
            let is_held_up = held_up.notes(last, sleep, now);
            self.today = SystemTime::now();
            for event in events.iter().filter(|it| it.token() != MAIL) {
                if let Some((place, finding)) = self.probes.look(event.token(), now) {
                    self.found(place, finding, now);
                }
            }
            if !self.read_mail(now, workers) {
                return Ok(());
            }
            // After a long stop the answers come first: only who has still not answered is late.
            if events.iter().count() < EVENT_BATCH && !is_held_up {
                self.give_up_late_ones(now);
            }
            self.see_to_time(now);
            self.begin_due_ones(now);
            self.post(now, workers);
        }
    }

    fn sleep(&self, now: Instant) -> Option<Duration> {
        let moments = [
            self.schedule.next(),
            self.probes.next(),
            self.ejections.next(),
            self.slow_starts.next(),
        ];
        let at = moments.into_iter().flatten().min()?;
        // Rounded up, so that the moment has passed when the loop wakes.
        Some(at.saturating_duration_since(now) + Duration::from_millis(1))
    }

    /// Takes all messages. False to stop.
    fn read_mail(&mut self, now: Instant, workers: &[Mailbox<ToWorker>]) -> bool {
        while let Ok(message) = self.mail.try_recv() {
            match message {
                ToHealth::Stop => return false,
                ToHealth::DialFailed(id) => {
                    if let Some(&place) = self.places.get(&id) {
                        self.schedule.hasten(place, now);
                        let Patient { ward, at, .. } = self.patients[place];
                        let event = self.wards[ward].dial_failed(at, now);
                        self.note(place, event);
                    }
                }
                ToHealth::Plan(plan) => self.take_over(&plan, now, workers),
                ToHealth::Ping(reply) => reply.send(()),
                ToHealth::Order(id, order) => {
                    if let Some(&place) = self.places.get(&id) {
                        self.obey(place, order, now);
                    }
                }
            }
        }
        true
    }

    fn obey(&mut self, place: usize, order: Order, now: Instant) {
        let Patient { ward, at, .. } = self.patients[place];
        let ward = &mut self.wards[ward];
        let was_probed = ward.is_probed(at);
        let event = ward.obey(at, order, now);
        match (was_probed, ward.is_probed(at)) {
            (true, false) => {
                self.schedule.cancel(place);
                self.probes.end(place);
            }
            (false, true) => self.schedule.resume(place, now),
            (true, true) | (false, false) => {}
        }
        self.note(place, event);
    }

    /// Ends ejections, and takes steps of slow starts.
    fn see_to_time(&mut self, now: Instant) {
        while let Some(place) = self.ejections.take(now) {
            let Patient { ward, at, .. } = self.patients[place];
            let event = self.wards[ward].end_ejection(at, now);
            self.note(place, event);
        }
        while let Some(pool) = self.slow_starts.take(now) {
            self.changed.insert(pool);
        }
    }

    /// Takes note of what has become of a patient.
    fn note(&mut self, place: usize, event: Option<Event>) {
        let Patient { ward, at, .. } = self.patients[place];
        match self.wards[ward].out_until(at) {
            Some(until) => self.ejections.set(place, until),
            None => self.ejections.clear(place),
        }
        if let Some(event) = event {
            self.changed.insert(ward);
            self.tell(event);
        }
    }

    /// Has the supervisor told of it at the end of the turn.
    fn tell(&mut self, event: Event) {
        reports::transition(&event, self.today);
        self.news.push(event);
    }

    /// Posts the newest live sets to every worker, then tells what has happened.
    fn post(&mut self, now: Instant, workers: &[Mailbox<ToWorker>]) {
        while let Some(pool) = self.changed.pop_first() {
            let ward = &self.wards[pool];
            let snapshot = ward.snapshot(now);
            for worker in workers {
                let snapshot = snapshot.clone();
                worker.send(ToWorker::Live { pool, snapshot });
            }
            self.time_slow_start(pool, now);
        }
        for event in self.news.drain(..) {
            let _ = self.events.try_send(event);
        }
    }
    /// Has the next live set of a pool follow, while someone in it warms up.
    fn time_slow_start(&mut self, pool: usize, now: Instant) {
        let step = self.wards[pool].slow_start_step(now);
        match (self.slow_starts.moment(pool), step) {
            (None, Some(step)) => self.slow_starts.set(pool, now + step),
            (Some(_), None) => self.slow_starts.clear(pool),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}
