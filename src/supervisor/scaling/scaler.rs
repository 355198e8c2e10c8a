//! One pool that scales: what it has, what its command has to be run for, and what that is told.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::ScaleConfig;
use crate::plan::PlannedPool;
use crate::pool::{Backend, State};
use crate::requests::ScaleRun;
use crate::scaling::answer::Member;
use crate::scaling::{Direction, Leave, Measure, Rule, Verdict};
use crate::supervisor::answers::report_of;

/// Longer names, in bytes, are not told: Linux gives no program a variable of 128 KiB (execve(2)).
const LONGEST_NAMES: usize = 100 * 1024;

/// One pool that scales.
pub(super) struct Scaler {
    pub(super) pool: Arc<str>,
    pub(super) settings: ScaleConfig,
    pub(super) rule: Rule,
    pub(super) measure: Measure,
    verdict: Verdict,
    /// Backends that the command has taken away, and that it may not stop yet.
    pub(super) leaving: Vec<(Arc<Backend>, Leave)>,
    pub(super) run: Option<(u64, Purpose)>,
    pub(super) last: Option<ScaleRun>,
}

/// What a command is run for.
#[derive(Clone)]
pub(super) enum Purpose {
    /// There are too few or too many backends.
    Resize(Direction),
    /// A backend that it has taken away has so many sessions left.
    Gone(Arc<Backend>, u32),
}

impl Purpose {
    /// As the command is told.
    pub(super) const fn event(&self) -> &'static str {
        match self {
            Self::Resize(Direction::Up) => "up",
            Self::Resize(Direction::Down) => "down",
            Self::Gone(..) => "gone",
        }
    }
}

/// As the log says it.
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resize(_) => write!(f, "scale {}", self.event()),
            Self::Gone(backend, left) => {
                write!(f, "{} was taken away, sessions left: {left}", backend.name)
            }
        }
    }
}

impl Scaler {
    pub(super) fn new(pool: Arc<str>, settings: ScaleConfig) -> Self {
        Self {
            pool,
            settings,
            rule: Rule::default(),
            measure: Measure::default(),
            verdict: Verdict::default(),
            leaving: Vec::new(),
            run: None,
            last: None,
        }
    }

    /// As the admin API shows it.
    pub(super) const fn state(&self) -> &'static str {
        match (&self.run, self.verdict) {
            (Some(_), _) => "running",
            (None, Verdict::Steady) => "steady",
            (None, Verdict::Full) => "full",
            (None, Verdict::Holding(Direction::Up) | Verdict::Due(Direction::Up)) => "too-few",
            (None, Verdict::Holding(Direction::Down) | Verdict::Due(Direction::Down)) => "too-many",
            (None, Verdict::Resting(_)) => "cooling-down",
        }
    }

    /// Takes note of what `pool` has now.
    pub(super) fn note(&mut self, pool: &PlannedPool, now: Instant) {
        self.measure = measure(pool);
        self.verdict = self.rule.look(&self.settings, self.measure, now);
    }

    /// Takes note of what `pool` has now. What the command has to be run for, if anything.
    pub(super) fn look(
        &mut self,
        pool: &PlannedPool,
        patience: Duration,
        now: Instant,
    ) -> Option<Purpose> {
        // A backend that has come back has nothing to stop.
        let is_back = |gone: &Backend| pool.backends.iter().any(|it| it.address == gone.address);
        self.leaving.retain(|(backend, _)| !is_back(backend));
        self.note(pool, now);
        if self.run.is_some() {
            return None;
        }
        let due = |(backend, leave): &(Arc<Backend>, Leave)| {
            let left = backend.load.active.count();
            let is_due = leave.is_due(&self.settings, left, patience, now);
            is_due.then(|| Purpose::Gone(Arc::clone(backend), left))
        };
        let gone = self.leaving.iter().find_map(due);
        gone.or(match self.verdict {
            Verdict::Due(direction) => Some(Purpose::Resize(direction)),
            Verdict::Steady | Verdict::Full | Verdict::Holding(_) | Verdict::Resting(_) => None,
        })
    }

    /// What the command is told.
    pub(super) fn environment(
        &self,
        purpose: &Purpose,
        pool: &PlannedPool,
    ) -> Vec<(&'static str, String)> {
        let names: Vec<&str> = pool.backends.iter().map(|it| &*it.name).collect();
        let mut all = vec![
            ("L4LB_POOL", self.pool.to_string()),
            ("L4LB_EVENT", purpose.event().to_owned()),
            ("L4LB_TARGET", self.settings.target.to_string()),
            ("L4LB_BACKENDS", self.measure.in_service.to_string()),
            (
                "L4LB_WANTED",
                self.measure.wanted(&self.settings).to_string(),
            ),
            ("L4LB_MIN", self.settings.min.to_string()),
            ("L4LB_MAX", self.settings.max.to_string()),
        ];
        let names = names.join(" ");
        if names.len() <= LONGEST_NAMES {
            all.push(("L4LB_NAMES", names));
        }
        let sessions = match purpose {
            Purpose::Resize(_) => self.measure.sessions,
            Purpose::Gone(backend, left) => {
                all.push(("L4LB_BACKEND", backend.name.to_string()));
                all.push(("L4LB_ADDRESS", backend.address.to_string()));
                *left
            }
        };
        all.push(("L4LB_SESSIONS", sessions.to_string()));
        all
    }

    /// Why the command is run, for the log.
    pub(super) fn reason(&self, purpose: &Purpose) -> String {
        let (pool, program) = (&self.pool, &self.settings.command[0]);
        let needs = match purpose {
            Purpose::Resize(_) => {
                let Measure {
                    sessions,
                    in_service,
                    ..
                } = self.measure;
                let wanted = self.measure.wanted(&self.settings);
                format!(": {sessions} sessions, {in_service} in service, {wanted} wanted")
            }
            Purpose::Gone(..) => String::new(),
        };
        format!("pool {pool}: {purpose}{needs}: {program} is run")
    }
}

/// What a pool has now.
pub(super) fn measure(pool: &PlannedPool) -> Measure {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let in_service: Vec<bool> = members(pool).map(|it| it.in_service).collect();
    let serving = pool.backends.iter().zip(&in_service).filter(|it| *it.1);
    let sessions: u32 = serving.map(|(it, _)| it.load.active.count()).sum();
    Measure {
        sessions: sessions.saturating_add(pool.line.waiting.count()),
        in_service: count(in_service.iter().filter(|it| **it).count()),
        backends: count(in_service.len()),
    }
}

/// The backends of a pool, in its order.
pub(super) fn members(pool: &PlannedPool) -> impl Iterator<Item = Member> {
    let all = pool.backends.iter().zip(&pool.config.backends);
    all.map(|(backend, config)| {
        let is_up = report_of(backend).state == State::Up;
        Member {
            name: Arc::clone(&backend.name),
            entry: Arc::clone(&backend.name),
            in_service: is_up && !config.backup && config.weight > 0,
        }
    })
}
