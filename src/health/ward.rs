//! The backends of one pool under watch: how each stands, and the pool's newest live set.
//!
//! Every change of a standing goes through `settle`, which compares before and after: it counts, it
//! forgives, and it makes the event. Pure but for the counts of a backend's load.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::approach::Approach;
use super::ejection::Census;
use super::schedule::Pace;
use super::standing::{Sign, Standing};
use super::veil::Veil;
use crate::balance::{Maglev, Snapshot};
use crate::config::{BackendConfig, Balance, HealthConfig};
use crate::messages::Event;
use crate::plan::PlannedPool;
use crate::pool::{Backend, BackendId, LiveSet, Member, Order, State, WARM};

pub(super) struct Ward {
    pool: Arc<PlannedPool>,
    standings: Vec<Standing>,
    /// Of a pool that balances by source-hash. It is over all backends, live or not, so it stays the
    /// same until a plan has others.
    table: Option<Arc<Maglev>>,
    /// How many may get sessions, and how many are ejected.
    open: usize,
    ejected: usize,
}

impl Ward {
    pub(super) fn new(pool: Arc<PlannedPool>, now: Instant) -> Self {
        let mut ward = Self {
            standings: vec![Standing::new(); pool.backends.len()],
            pool,
            table: None,
            open: 0,
            ejected: 0,
        };
        ward.count();
        ward.see_to_table(now);
        ward
    }

    /// From now on the pool is that one. Backends that stay keep their standing, but for what is
    /// switched off: what is seen of that from outside is returned.
    pub(super) fn take_over(&mut self, pool: &Arc<PlannedPool>, now: Instant) -> Vec<Event> {
        let before = std::mem::replace(&mut self.pool, Arc::clone(pool));
        // With nobody there before, all begin together, as at the start of the process.
        let newcomer = if before.backends.is_empty() {
            Standing::new()
        } else {
            Standing::newcomer(now)
        };
        let mut known = HashMap::new();
        for (backend, mut standing) in before.backends.iter().zip(self.standings.drain(..)) {
            standing.stay_warm(before.config.slow_start, now);
            known.insert(backend.id, standing);
        }
        let standing = |(it, order): (&Arc<Backend>, &Order)| {
            known.remove(&it.id).unwrap_or_else(|| {
                let mut standing = newcomer;
                if *order != Order::Ready {
                    standing.obey(*order, now);
                }
                standing
            })
        };
        let ordered = pool.backends.iter().zip(&pool.orders);
        self.standings = ordered.map(standing).collect();
        self.count();
        if !slots(&before).eq(slots(pool)) {
            self.table = None;
        }
        self.see_to_table(now);
        let places = 0..pool.backends.len();
        places.filter_map(|at| self.switch_off(at, now)).collect()
    }

    /// Takes from a backend what the configuration does not know any more.
    fn switch_off(&mut self, at: usize, now: Instant) -> Option<Event> {
        let before = self.standings[at];
        if self.pool.config.eject.is_none() {
            self.standings[at].end_ejection(now);
        }
        if self.pool.config.health.is_none() {
            self.standings[at].acquit(now);
        }
        let off = match before.state() {
            State::Down => "health checks are off",
            State::Up | State::Drain | State::Maint | State::Ejected => "ejection is off",
        };
        self.settle(at, &before, off.to_owned())
    }

    fn count(&mut self) {
        let places = 0..self.standings.len();
        self.open = places.filter(|&at| self.is_open(at)).count();
        let is_ejected = |it: &&Standing| it.out_until().is_some();
        self.ejected = self.standings.iter().filter(is_ejected).count();
    }

    /// Builds the table where there has to be one and is none.
    fn see_to_table(&mut self, now: Instant) {
        if self.pool.config.balance != Balance::SourceHash {
            self.table = None;
        } else if self.table.is_none() {
            self.table = Some(Arc::new(Maglev::build(&self.members(now))));
        }
    }

    pub(super) fn health(&self) -> Option<&HealthConfig> {
        self.pool.config.health.as_ref()
    }

    /// TLS with a backend, where it speaks it.
    pub(super) fn veil(&self, backend: &Backend) -> Result<Option<Veil>, String> {
        let Some(host) = backend.tls.as_deref() else {
            return Ok(None);
        };
        let config = self.pool.tls.as_ref();
        let config = config.ok_or_else(|| "nothing is known of its TLS".to_owned())?;
        Veil::new(config, self.pool.config.server_name(host)).map(Some)
    }

    pub(super) fn approach(&self) -> Approach<'_> {
        Approach::of(&self.pool.config)
    }

    pub(super) fn state(&self, at: usize) -> State {
        self.standings[at].state()
    }

    pub(super) fn is_probed(&self, at: usize) -> bool {
        self.pool.config.health.is_some() && self.standings[at].is_probed()
    }

    pub(super) fn pace(&self, at: usize) -> Pace {
        self.standings[at].pace()
    }

    /// When the ejection of a backend is over.
    pub(super) fn out_until(&self, at: usize) -> Option<Instant> {
        self.standings[at].out_until()
    }

    /// A check has passed or failed, as `what` says.
    pub(super) fn record(
        &mut self,
        at: usize,
        passed: bool,
        sign: Sign,
        what: &str,
        now: Instant,
    ) -> Option<Event> {
        let before = self.standings[at];
        let health = self.pool.config.health.as_ref()?;
        let effect = self.standings[at].record(passed, sign, health, now);
        let why = match effect.change {
            Some(change) => {
                let needed = if change.up { health.rise } else { health.fall };
                format!("{what} ({} of {needed})", change.results)
            }
            None if effect.ended_ejection => "a check passed".to_owned(),
            None => return None,
        };
        self.settle(at, &before, why)
    }

    /// A connect of a client has failed: ejects the backend where it is one too many.
    pub(super) fn dial_failed(&mut self, at: usize, now: Instant) -> Option<Event> {
        let before = self.standings[at];
        let config = self.pool.config.eject?;
        let failures = self.pool.backends[at].load.failures();
        if before.state() != State::Up || failures < config.failures {
            return None;
        }
        let census = Census {
            backends: self.pool.backends.len(),
            ejected: self.ejected,
            others: self.open - usize::from(self.is_open(at)),
        };
        if !census.allows_ejection(&config) {
            return None;
        }
        let span = humantime::format_duration(self.standings[at].eject(&config, now));
        let why = format!("{failures} connects failed in a row: out for {span}");
        self.settle(at, &before, why)
    }

    /// The time of an ejection is over.
    pub(super) fn end_ejection(&mut self, at: usize, now: Instant) -> Option<Event> {
        let before = self.standings[at];
        let span = self.standings[at].end_ejection(now)?;
        let why = format!("back after {}", humantime::format_duration(span));
        self.settle(at, &before, why)
    }

    pub(super) fn obey(&mut self, at: usize, order: Order, now: Instant) -> Option<Event> {
        let before = self.standings[at];
        self.standings[at].obey(order, now);
        self.settle(at, &before, "by an operator".to_owned())
    }

    /// A standing may have changed: counts, and says what is seen of it from outside.
    fn settle(&mut self, at: usize, before: &Standing, why: String) -> Option<Event> {
        let after = &self.standings[at];
        let state = after.state();
        self.ejected -= usize::from(before.out_until().is_some());
        self.ejected += usize::from(after.out_until().is_some());
        if state == before.state() {
            return None;
        }
        let gets_sessions = usize::from(self.pool.config.backends[at].weight > 0);
        if before.state() == State::Up {
            self.open -= gets_sessions;
        }
        let backend = &self.pool.backends[at];
        if state == State::Up {
            self.open += gets_sessions;
            // What was held against it is over; one more failure is not the fifth in a row.
            backend.load.forgive();
        }
        Some(Event::Transition {
            backend: Arc::clone(backend),
            state,
            why,
        })
    }

    fn is_open(&self, at: usize) -> bool {
        self.pool.config.backends[at].weight > 0 && self.standings[at].state() == State::Up
    }

    /// What there is to pick from.
    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            set: Arc::new(LiveSet::new(self.members(now), self.pool.config.all_down)),
            table: self.table.clone(),
        }
    }

    fn members(&self, now: Instant) -> Vec<Member> {
        let member = |(at, config): (usize, &BackendConfig)| Member {
            backend: Arc::clone(&self.pool.backends[at]),
            state: self.standings[at].state(),
            weight: config.weight,
            warmth: self.standings[at].warmth(self.pool.config.slow_start, now),
            backup: config.backup,
            limit: config.max_connections.unwrap_or(u32::MAX),
        };
        self.pool
            .config
            .backends
            .iter()
            .enumerate()
            .map(member)
            .collect()
    }

    /// How long until the live set is another one, while a slow start is under way: a step of it.
    pub(super) fn slow_start_step(&self, now: Instant) -> Option<Duration> {
        let slow_start = self.pool.config.slow_start;
        let is_warming = self
            .standings
            .iter()
            .any(|it| it.is_warming(slow_start, now));
        // Rounded up, so that the step is complete when the time is over.
        is_warming.then(|| slow_start / u32::from(WARM - 1) + Duration::from_nanos(1))
    }
}

/// What a table is made from.
fn slots(pool: &PlannedPool) -> impl Iterator<Item = (BackendId, u16, bool)> {
    let backends = pool.backends.iter().zip(&pool.config.backends);
    backends.map(|(it, config)| (it.id, config.weight, config.backup))
}
