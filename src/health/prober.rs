//! The health thread: one event loop that probes backends, and posts live sets.
//!
//! A turn: sleep, read the clock once, then what probes have found, mail, who is late, what time
//! brings about, new probes. What has changed is posted at the end, once for each pool.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::{Events, Poll, Token};

use super::agenda::Agenda;
use super::answer::Finding;
use super::probes::Probes;
use super::schedule::Schedule;
use super::standing::Sign;
use super::ward::Ward;
use crate::balance::Snapshot;
use crate::config::{Check, HealthConfig};
use crate::messages::{Event, Mailbox, Order, ToHealth, ToWorker};
use crate::plan::{Plan, PlannedPool};
use crate::pool::{Backend, BackendId};

const EVENT_BATCH: usize = 1024;
const MAIL: Token = Token(usize::MAX);

/// Probes begun in one turn: the rest follows in the next, after the events that have come.
const PROBE_BATCH: usize = 256;

/// Failures of epoll_wait in a row, a millisecond apart, after which the thread gives up.
const POLL_FAILURES: usize = 1000;

/// Between two events that tell of the same lack.
const SHORTAGE_GAP: Duration = Duration::from_secs(1);

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
    patients: Vec<Patient>,
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
        let mut patients = Vec::new();
        for (ward, pool) in plan.pools.iter().enumerate() {
            patients.extend(
                pool.backends
                    .iter()
                    .enumerate()
                    .map(|(at, backend)| Patient {
                        backend: Arc::clone(backend),
                        ward,
                        at,
                    }),
            );
        }
        let ids = patients.iter().enumerate();
        let places = ids.map(|(place, it)| (it.backend.id, place)).collect();
        let ward = |it: &Arc<PlannedPool>| Ward::new(it.config.clone(), it.backends.clone(), epoch);
        let wards: Vec<_> = plan.pools.iter().map(ward).collect();
        let prober = Self {
            probes: Probes::new(poll.registry().try_clone()?, patients.len()),
            poll,
            mail,
            places,
            schedule: Schedule::new(patients.len(), std::process::id().into()),
            ejections: Agenda::new(patients.len()),
            slow_starts: Agenda::new(wards.len()),
            wards,
            patients,
            epoch,
            changed: BTreeSet::new(),
            news: Vec::new(),
            shortage_told: None,
            events,
        };
        Ok((prober, mailbox))
    }

    /// Of each pool what there is to pick from at the start.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let snapshot = |it: &Ward| it.snapshot(self.epoch);
        self.wards.iter().map(snapshot).collect()
    }

    /// Probes until it is told to stop; posts every change to all `workers`.
    ///
    /// # Errors
    ///
    /// Says why the kernel would not let it go on.
    pub fn run(mut self, workers: &[Mailbox<ToWorker>]) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENT_BATCH);
        let mut failures = 0;
        self.schedule_first_probes(Instant::now());
        loop {
            let sleep = self.sleep(Instant::now());
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
            for event in events.iter().filter(|it| it.token() != MAIL) {
                if let Some((place, finding)) = self.probes.look(event.token(), now) {
                    self.found(place, finding, now);
                }
            }
            if !self.read_mail(now) {
                return Ok(());
            }
            // After a long stop the answers come first: only who has still not answered is late.
            if events.iter().count() < EVENT_BATCH {
                self.give_up_late_ones(now);
            }
            self.see_to_time(now);
            self.begin_due_ones(now);
            self.post(now, workers);
        }
    }

    fn schedule_first_probes(&mut self, now: Instant) {
        let intervals = self.wards.iter().filter_map(Ward::health);
        let Some(shortest) = intervals.map(|it| it.interval).min() else {
            return;
        };
        let is_probed = |place: &usize| {
            let Patient { ward, at, .. } = self.patients[*place];
            self.wards[ward].is_probed(at)
        };
        let probed: Vec<_> = (0..self.patients.len()).filter(is_probed).collect();
        self.schedule.spread(&probed, now, shortest);
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
    fn read_mail(&mut self, now: Instant) -> bool {
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
                ToHealth::Plan(_) => {}
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

    fn give_up_late_ones(&mut self, now: Instant) {
        while let Some((place, finding)) = self.probes.give_up_late(now) {
            if let Some(finding) = finding {
                self.found(place, finding, now);
            }
        }
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

    fn begin_due_ones(&mut self, now: Instant) {
        for _ in 0..PROBE_BATCH {
            let Some(place) = self.schedule.take(now) else {
                return;
            };
            let Patient { ward, backend, .. } = &self.patients[place];
            let Some(config) = self.wards[*ward].health() else {
                continue;
            };
            let connected = news_of_traffic(backend, config, self.epoch);
            if let Some(connected) = connected
                && self.schedule.count_connect(place, connected, now)
            {
                self.count_traffic(place, connected, now);
                continue;
            }
            self.schedule.begin(place, now);
            if let Some(finding) = self.probes.begin(place, backend.address, config, now) {
                self.found(place, finding, now);
            }
        }
    }

    /// A client has connected to it at that time: no probe could say more.
    fn count_traffic(&mut self, place: usize, connected: Instant, now: Instant) {
        let Patient { ward, at, .. } = self.patients[place];
        let ward = &mut self.wards[ward];
        let event = ward.record(at, true, Sign::Traffic, "connected", now);
        if let Some(config) = ward.health() {
            let (interval, pace) = (config.interval, ward.pace(at));
            self.schedule.follow(place, connected, now, interval, pace);
        }
        self.note(place, event);
    }

    /// A probe has its finding: counts it, and has the next one follow.
    fn found(&mut self, place: usize, finding: Finding, now: Instant) {
        let Patient { ward, at, .. } = self.patients[place];
        let ward = &mut self.wards[ward];
        let event = match &finding {
            Finding::Passed(what) => ward.record(at, true, Sign::Probe, what, now),
            Finding::Failed(why) => ward.record(at, false, Sign::Probe, why, now),
            Finding::Unable(_) => None,
        };
        if let Some(config) = ward.health() {
            let (interval, pace) = (config.interval, ward.pace(at));
            self.schedule.finished(place, now, interval, pace);
        }
        self.note(place, event);
        if let Finding::Unable(error) = finding {
            self.tell_shortage(error, now);
        }
    }

    /// Tells the supervisor, at most once a second, that this machine lacks something.
    fn tell_shortage(&mut self, error: String, now: Instant) {
        let is_due = |told| now.saturating_duration_since(told) >= SHORTAGE_GAP;
        if self.shortage_told.is_none_or(is_due) {
            self.shortage_told = Some(now);
            let what = "probe a backend";
            self.news.push(Event::Shortage { what, error });
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
            self.news.push(event);
        }
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
            match (self.slow_starts.moment(pool), ward.slow_start_step(now)) {
                (None, Some(step)) => self.slow_starts.set(pool, now + step),
                (Some(_), None) => self.slow_starts.clear(pool),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        for event in self.news.drain(..) {
            let _ = self.events.try_send(event);
        }
    }
}

/// When a client's connect last succeeded, where that says as much as a probe would: not where
/// connects have failed since.
fn news_of_traffic(backend: &Backend, config: &HealthConfig, epoch: Instant) -> Option<Instant> {
    let says_as_much = config.check == Check::Tcp && config.port.is_none();
    if !says_as_much || backend.load.failures() > 0 {
        return None;
    }
    let connected = backend.load.last_connected()?;
    epoch.checked_add(Duration::from_millis(connected))
}
