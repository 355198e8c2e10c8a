//! Makes the overview of what was sampled and of how things are. At most once between two samples: whoever asks
//! meanwhile gets the same one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Process;
use super::answers::{live_pools, report_of, time};
use super::moment::Moment;
use super::sampling::Watch;
use super::sentence::{BackendFacts, Facts, PoolFacts, sentence};
use crate::config::BackendConfig;
use crate::counts::Distribution;
use crate::history::Series;
use crate::metrics::{EndTally, WorkerTally};
use crate::plan::PlannedPool;
use crate::pool::{self, LiveSet, Member, RECENT_CHECKS, Tally, WARM};
use crate::requests::history::{Columns, History, Range};
use crate::requests::overview::{
    AccessLogNow, BackendNow, Capabilities, CheckMark, Counters, Descriptors, Engine, Overview,
    Pipes, PoolNow, Relay, Sentence, TotalsNow, WorkerNow,
};
use crate::requests::{Refusal, Status};
use crate::session::{Cause, DialError};
use crate::vitals::Vitals;

/// Checks that one overview shows at the most, of all backends.
const MOST_CHECKS: usize = 60_000;

impl Process {
    /// A second is over.
    pub(super) fn sample(&mut self) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let [_, dropped] = self.log_lines();
        let pools = live_pools(&self.registry, &self.wanted.config);
        self.sampler.take((now, wall), &self.registry, pools);
        self.sampler.take_engine(now, &self.tallies, dropped);
        self.overview = None;
    }

    pub(super) fn overview(&mut self) -> Arc<Overview> {
        if let Some(made) = &self.overview {
            return Arc::clone(made);
        }
        let made = Arc::new(self.make_overview());
        self.overview = Some(Arc::clone(&made));
        made
    }

    fn make_overview(&self) -> Overview {
        let (status, now) = (self.status(), SystemTime::now());
        let totals = self.totals_now(&status);
        let token_required = self.wanted.config.admin.as_ref();
        let token_required = token_required.is_some_and(|it| it.token_file.is_some());
        Overview {
            at: time(now),
            version: status.version,
            pid: status.pid,
            uptime_seconds: status.uptime_seconds,
            ready: status.ready,
            draining: status.draining,
            sentence: self.sentence(&totals),
            totals,
            counters: self.counters(),
            listeners: self.overview_of_listeners(now),
            pools: self.live_pools().map(|it| self.pool_now(it)).collect(),
            engine: self.engine(),
            capabilities: Capabilities {
                writes: !token_required,
                token_required,
            },
        }
    }

    fn totals_now(&self, status: &Status) -> TotalsNow {
        let [connections, bytes_in, bytes_out, errors] = self.sampler.totals.rates();
        let [connect_p50_ms, connect_p99_ms] = percentiles(&self.sampler.connects());
        TotalsNow {
            sessions: status.connections_active,
            sessions_limit: status.connections_limit,
            connections_per_second: connections,
            bytes_in_per_second: bytes_in,
            bytes_out_per_second: bytes_out,
            errors_per_second: errors,
            connect_p50_ms,
            connect_p99_ms,
            backends_up: status.pools.iter().map(|it| it.backends_up).sum(),
            backends: status.pools.iter().map(|it| it.backends).sum(),
        }
    }

    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for listener in self.listener_scrapes() {
            counters.connections_total += listener.totals.accepted;
            counters.bytes_in_total += listener.totals.received;
            counters.bytes_out_total += listener.totals.sent;
        }
        let ends = self.registry.all_ends();
        counters.errors_total = ends.map(|(_, it)| count(it, Cause::is_error)).sum();
        counters
    }

    fn pool_now(&self, pool: &PlannedPool) -> PoolNow {
        let due = shares_due(pool);
        let connects: Vec<_> = pool
            .backends
            .iter()
            .map(|it| self.last_minute(it))
            .collect();
        let of_all: u64 = connects.iter().map(Distribution::count).sum();
        let backends = pool.backends.iter().zip(&pool.config.backends);
        let learnt = connects.iter().zip(due);
        let backends = backends.zip(learnt).map(|((it, config), (connects, due))| {
            let share_now = (of_all > 0).then(|| ratio(connects.count(), of_all));
            self.backend_now(it, config, connects, [share_now, Some(due)])
        });
        PoolNow {
            name: pool.config.name.to_string(),
            balance: pool.config.balance.to_string(),
            all_down: pool.config.all_down.name().to_owned(),
            sessions: pool.backends.iter().map(|it| it.load.active.count()).sum(),
            queue: pool.line.waiting.count(),
            backends: backends.collect(),
        }
    }

    fn last_minute(&self, backend: &pool::Backend) -> Distribution<100, 19> {
        let watch = self.sampler.backends.get(&backend.id);
        watch.map_or_else(Distribution::default, Watch::connects)
    }

    fn backend_now(
        &self,
        backend: &pool::Backend,
        config: &BackendConfig,
        connects: &Distribution<100, 19>,
        [share_now, share_due]: [Option<f64>; 2],
    ) -> BackendNow {
        let watch = self.sampler.backends.get(&backend.id);
        let [connections, bytes_in, bytes_out] = watch.map_or([0.0; 3], |it| it.flow.rates());
        let [connect_p50_ms, connect_p99_ms] = percentiles(connects);
        BackendNow {
            backend: self.describe(backend, config),
            connections_per_second: connections,
            bytes_in_per_second: bytes_in,
            bytes_out_per_second: bytes_out,
            connect_p50_ms,
            connect_p99_ms,
            errors: errors_by_kind(backend),
            share_now,
            share_due: share_due.unwrap_or_default(),
            checks: self.checks(backend),
        }
    }

    /// The last checks: fewer of each where there are very many backends.
    fn checks(&self, backend: &pool::Backend) -> Vec<CheckMark> {
        let backends = self.sampler.backends.len().max(1);
        let most = RECENT_CHECKS.min(MOST_CHECKS / backends);
        let report = report_of(backend);
        let older = report.recent.len().saturating_sub(most);
        let recent = report.recent.iter().skip(older);
        let marks = recent.map(|it| CheckMark {
            at: time(it.at()),
            passed: it.passed,
            // Whole microseconds, which are short to write: there are very many.
            duration_ms: (it.took().as_secs_f64() * 1e6).round() / 1e3,
        });
        marks.collect()
    }

    fn engine(&self) -> Engine {
        let vitals = Vitals::read();
        let sum = |of: fn(&WorkerTally) -> u64| self.tallies.iter().map(|it| of(it)).sum();
        let rates: Vec<[f64; 4]> = self.sampler.workers.iter().map(|it| it.rates()).collect();
        let workers = rates.iter().zip(self.tallies.iter());
        let workers = workers.map(|([iterations, busy_nanos, ..], tally)| WorkerNow {
            iterations_per_second: *iterations,
            busy: (busy_nanos / 1e9).min(1.0),
            sessions: u32::try_from(tally.sessions.value()).unwrap_or(u32::MAX),
        });
        let [lines_total, dropped_total] = self.log_lines();
        Engine {
            workers: workers.collect(),
            descriptors: Descriptors {
                used: vitals.map_or(0, |it| it.descriptors),
                limit: vitals.map_or(0, |it| it.descriptor_limit),
            },
            pipes: Pipes {
                used: sum(|it| it.pipes_used.value()),
                idle: sum(|it| it.pipes_idle.value()),
                limit: self.budget.pipes as u64,
            },
            relay: Relay {
                copy_bytes_per_second: rates.iter().map(|it| it[2]).sum(),
                splice_bytes_per_second: rates.iter().map(|it| it[3]).sum(),
            },
            access_log: AccessLogNow {
                lines_total,
                dropped_total,
            },
            memory_bytes: vitals.map_or(0, |it| it.resident_bytes),
        }
    }

    fn sentence(&self, totals: &TotalsNow) -> Sentence {
        let (failure, now) = (&self.reloads.failure, SystemTime::now());
        sentence(&Facts {
            draining: self.stops > 0,
            sessions: totals.sessions,
            sessions_limit: totals.sessions_limit,
            connections_per_second: totals.connections_per_second,
            pools: self.live_pools().map(|it| pool_facts(it, now)).collect(),
            lines_dropped: self.sampler.lines_dropped(),
            reload_failed: failure
                .as_ref()
                .map(|(at, why)| (Moment::told(*at, now), why.clone())),
        })
    }

    pub(super) fn history(&self, range: Range, pool: Option<&str>) -> Result<History, Refusal> {
        let track = match pool {
            None => &self.sampler.process,
            Some(name) => {
                self.pool(name)?;
                let unknown = || Refusal::Unknown(format!("no history is kept of pool {name:?}"));
                self.sampler.pools.get(name).ok_or_else(unknown)?
            }
        };
        let series = match range {
            Range::Quarter => track.by_second(),
            Range::Day => track.by_minute(),
        };
        Ok(history(&series, self.sampler.wall))
    }
}

fn history(series: &Series<'_>, latest: SystemTime) -> History {
    let steps = u32::try_from(series.points.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let back = u64::from(series.age) + u64::from(series.step) * u64::from(steps);
    let column = |at: usize| {
        let values = series.points.iter().map(|it| it[at]);
        values.map(|it| (!it.is_nan()).then_some(it)).collect()
    };
    History {
        step_seconds: series.step,
        from: time(latest - Duration::from_secs(back)),
        columns: Columns {
            sessions: column(0),
            connections_per_second: column(1),
            bytes_in_per_second: column(2),
            bytes_out_per_second: column(3),
            errors_per_second: column(4),
            connect_p50_ms: column(5),
            connect_p99_ms: column(6),
            backends_up: column(7),
        },
    }
}

fn count(ends: &[EndTally], of: fn(Cause) -> bool) -> u64 {
    let totals = EndTally::sum(ends);
    let causes = Cause::ALL.into_iter().filter(|it| of(*it));
    causes.map(|it| totals.causes[it as usize]).sum()
}

/// In milliseconds: half of them, and 99 of 100, took no longer.
fn percentiles(connects: &Distribution<100, 19>) -> [Option<f64>; 2] {
    [0.5, 0.99].map(|part| connects.quantile(part).map(|it| it * 1000.0))
}

fn errors_by_kind(backend: &pool::Backend) -> BTreeMap<String, u64> {
    let totals = Tally::sum(&backend.tallies);
    let kinds = DialError::ALL.map(DialError::label).into_iter();
    let kinds = kinds.zip(totals.errors).filter(|(_, count)| *count > 0);
    kinds
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect()
}

/// What health allows of a pool, as far as its reports say: slow starts are left out.
fn live_set(pool: &PlannedPool) -> LiveSet {
    let members = pool.backends.iter().zip(&pool.config.backends);
    let members = members.map(|(backend, config)| Member {
        backend: Arc::clone(backend),
        state: report_of(backend).state,
        weight: config.weight,
        warmth: WARM,
        backup: config.backup,
        limit: config.max_connections.unwrap_or(u32::MAX),
    });
    LiveSet::new(members.collect(), pool.config.all_down)
}

/// Of each backend, its part of the weights of those that may get sessions.
fn shares_due(pool: &PlannedPool) -> Vec<f64> {
    let set = live_set(pool);
    let members = set.members();
    let weight = |&place: &usize| u64::from(members[place].weight);
    let all: u64 = set.eligible().iter().map(weight).sum();
    let mut shares = vec![0.0; members.len()];
    for place in set.eligible() {
        shares[*place] = ratio(weight(place), all);
    }
    shares
}

fn pool_facts(pool: &PlannedPool, now: SystemTime) -> PoolFacts {
    let set = live_set(pool);
    let fact = |(place, it): (usize, &Member)| {
        let report = report_of(&it.backend);
        BackendFacts {
            name: it.backend.name.to_string(),
            state: it.state,
            since: Moment::told(report.since, now),
            why: report.why.clone(),
            weight: it.weight,
            is_eligible: set.eligible().binary_search(&place).is_ok(),
            is_backup: it.backup,
            is_full: it.backend.load.active.count() >= it.limit,
        }
    };
    PoolFacts {
        name: pool.config.name.to_string(),
        queue: pool.line.waiting.count(),
        backends: set.members().iter().enumerate().map(fact).collect(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, and nothing is decided by the last digits"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
