//! The health thread: one event loop that probes every backend, and posts the live sets.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::probe::{Finding, Probe};
use super::schedule::Schedule;
use super::verdict::Verdict;
use crate::config::HealthConfig;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::pool::{Backend, BackendId, LiveSet, Members};
use crate::reason;

const EVENT_BATCH: usize = 1024;
const MAIL: Token = Token(usize::MAX);

/// Probes begun in one turn: the rest follows in the next, after the events that have come.
const PROBE_BATCH: usize = 256;

/// One backend under watch.
struct Patient {
    backend: Arc<Backend>,
    pool: usize,
    config: HealthConfig,
    verdict: Verdict,
    /// The probe under way or leaving, its number, and when its time is over.
    probe: Option<(Probe, usize, Instant)>,
}

/// The health thread's work, before it runs.
pub struct Prober {
    poll: Poll,
    mail: Receiver<ToHealth>,
    pools: Vec<Members>,
    patients: Vec<Patient>,
    /// Of each backend, its place among the patients.
    places: HashMap<BackendId, usize>,
    schedule: Schedule,
    /// Counts probes: an event of an earlier probe of the same backend has an earlier number.
    number: usize,
    shortage_told: Option<Instant>,
    events: Sender<Event>,
}

impl Prober {
    /// Watches the backends of each of `pools` that has a health configuration. All begin as up.
    ///
    /// # Errors
    ///
    /// What the kernel says where it refuses an epoll instance or a waker.
    pub fn new(
        pools: Vec<(Members, Option<HealthConfig>)>,
        events: Sender<Event>,
    ) -> io::Result<(Self, Mailbox<ToHealth>)> {
        let poll = Poll::new()?;
        let (mailbox, mail) = Mailbox::open(poll.registry(), MAIL)?;
        let mut patients = Vec::new();
        for (pool, (backends, config)) in pools.iter().enumerate() {
            let Some(config) = *config else { continue };
            patients.extend(backends.iter().map(|backend| Patient {
                backend: Arc::clone(backend),
                pool,
                config,
                verdict: Verdict::new(),
                probe: None,
            }));
        }
        let schedule = Schedule::new(patients.len(), Instant::now(), std::process::id().into());
        let pools = pools.into_iter().map(|(backends, _)| backends).collect();
        let places = patients
            .iter()
            .enumerate()
            .map(|(at, it)| (it.backend.id, at))
            .collect();
        let prober = Self {
            poll,
            mail,
            pools,
            patients,
            places,
            schedule,
            number: 0,
            shortage_told: None,
            events,
        };
        Ok((prober, mailbox))
    }

    /// Probes until it is told to stop; posts every change to all `workers`.
    ///
    /// # Errors
    ///
    /// Says why the kernel would not let it go on.
    pub fn run(mut self, workers: &[Mailbox<ToWorker>]) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENT_BATCH);
        let mut failures = 0;
        loop {
            let sleep = self.sleep(Instant::now());
            match self.poll.poll(&mut events, sleep) {
                // Stopped and resumed (signal(7)): answers that came meanwhile are not known yet.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    failures += 1;
                    if failures >= 1000 {
                        return Err(format!("epoll_wait failed: {error}"));
                    }
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Ok(()) => failures = 0,
            }
            let now = Instant::now();
            for event in &events {
                self.look(event.token(), now, workers);
            }
            if !self.read_mail(now) {
                return Ok(());
            }
            // After a long stop the answers come first: only who has still not answered is late.
            if events.iter().count() < EVENT_BATCH {
                self.give_up_late_ones(now, workers);
            }
            self.begin_due_ones(now, workers);
        }
    }

    fn sleep(&self, now: Instant) -> Option<Duration> {
        let late = self
            .patients
            .iter()
            .filter_map(|it| it.probe.as_ref().map(|probe| probe.2));
        let at = late.chain(self.schedule.next()).min()?;
        // Rounded up, so that the moment has passed when the loop wakes.
        Some(at.saturating_duration_since(now) + Duration::from_millis(1))
    }

    fn read_mail(&mut self, now: Instant) -> bool {
        while let Ok(message) = self.mail.try_recv() {
            match message {
                ToHealth::Stop => return false,
                ToHealth::DialFailed(id) => {
                    if let Some(&place) = self.places.get(&id) {
                        self.schedule.hasten(place, now);
                    }
                }
            }
        }
        true
    }

    fn begin_due_ones(&mut self, now: Instant, workers: &[Mailbox<ToWorker>]) {
        for _ in 0..PROBE_BATCH {
            let Some(place) = self.schedule.take(now) else {
                return;
            };
            let patient = &mut self.patients[place];
            patient.probe = None; // the last one, if it is still leaving
            let probe = match Probe::start(patient.backend.address) {
                Ok(probe) => probe,
                Err(finding) => {
                    self.found(place, finding, now, workers);
                    continue;
                }
            };
            self.number += 1;
            let token = Token(self.number * self.patients.len() + place);
            let interest = Interest::READABLE | Interest::WRITABLE;
            let descriptor = probe.socket().as_raw_fd();
            let watched =
                self.poll
                    .registry()
                    .register(&mut SourceFd(&descriptor), token, interest);
            let late = now + self.patients[place].config.timeout;
            self.patients[place].probe = Some((probe, self.number, late));
            if let Err(error) = watched {
                self.found(place, Finding::Unable(reason::of(&error)), now, workers);
            }
        }
    }

    /// An event came for the probe that `token` names.
    fn look(&mut self, token: Token, now: Instant, workers: &[Mailbox<ToWorker>]) {
        if token == MAIL || self.patients.is_empty() {
            return;
        }
        let (number, place) = (token.0 / self.patients.len(), token.0 % self.patients.len());
        let patient = &mut self.patients[place];
        let Some((probe, current, _)) = &mut patient.probe else {
            return;
        };
        if *current != number {
            return;
        }
        if let Some(finding) = probe.finding() {
            self.found(place, finding, now, workers);
        } else if !probe.listen_on() {
            patient.probe = None;
        }
    }

    fn give_up_late_ones(&mut self, now: Instant, workers: &[Mailbox<ToWorker>]) {
        for place in 0..self.patients.len() {
            let patient = &mut self.patients[place];
            match &patient.probe {
                Some((Probe::Connecting(_), _, late)) if *late <= now => {
                    let timeout = humantime::format_duration(patient.config.timeout);
                    let finding = Finding::Failed(format!("no answer within {timeout}"));
                    self.found(place, finding, now, workers);
                }
                Some((Probe::Leaving { .. }, _, late)) if *late <= now => patient.probe = None,
                Some(_) | None => {}
            }
        }
    }

    /// A probe is over: counts it, and posts what changed.
    fn found(
        &mut self,
        place: usize,
        finding: Finding,
        now: Instant,
        workers: &[Mailbox<ToWorker>],
    ) {
        let patient = &mut self.patients[place];
        let HealthConfig {
            interval,
            timeout,
            rise,
            fall,
        } = patient.config;
        self.schedule.finished(place, now, interval);
        let probe = patient.probe.take();
        let (passed, why) = match finding {
            Finding::Passed => {
                let leaving = probe.and_then(|(probe, number, _)| Some((probe.leave()?, number)));
                // What it has said already has no event of its own any more.
                let leaving =
                    leaving.and_then(|(mut it, number)| it.listen_on().then_some((it, number)));
                patient.probe = leaving.map(|(probe, number)| (probe, number, now + timeout));
                (true, "connected".to_owned())
            }
            Finding::Failed(why) => (false, why),
            Finding::Unable(error) => {
                self.tell_shortage(error, now);
                return;
            }
        };
        let Some(change) = patient.verdict.record(passed, &patient.config) else {
            return;
        };
        let needed = if change.up { rise } else { fall };
        let why = format!("{why} ({} of {needed})", change.results);
        let backend = Arc::clone(&patient.backend);
        let pool = patient.pool;
        self.post(pool, workers);
        let _ = self.events.try_send(Event::Transition {
            backend,
            up: change.up,
            why,
        });
    }

    /// Tells the supervisor, at most once a second, that this machine lacks something.
    fn tell_shortage(&mut self, error: String, now: Instant) {
        if self
            .shortage_told
            .is_none_or(|told| now - told >= Duration::from_secs(1))
        {
            self.shortage_told = Some(now);
            let what = "probe a backend";
            let _ = self.events.try_send(Event::Shortage { what, error });
        }
    }

    /// Posts the newest live set of a pool to every worker.
    fn post(&self, pool: usize, workers: &[Mailbox<ToWorker>]) {
        let is_down = |it: &&Patient| it.pool == pool && !it.verdict.is_up();
        let down: HashSet<_> = self
            .patients
            .iter()
            .filter(is_down)
            .map(|it| it.backend.id)
            .collect();
        let set = LiveSet::new(Arc::clone(&self.pools[pool]), |it| !down.contains(&it.id));
        let set = Arc::new(set);
        for worker in workers {
            worker.send(ToWorker::Live {
                pool,
                set: Arc::clone(&set),
            });
        }
    }
}
