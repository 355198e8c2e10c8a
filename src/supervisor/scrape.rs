//! Reads all counts at one time, for a scrape. Nobody who counts waits for it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Process;
use super::answers::report_of;
use crate::config::BackendConfig;
use crate::metrics::{
    BackendScrape, EndScrape, EndTally, ListenerScrape, ListenerTotals, PoolScrape, Scrape,
    WorkerScrape, WorkerTally,
};
use crate::pool::{Backend, Tally};
use crate::requests::Reloaded;
use crate::version;
use crate::vitals::Vitals;

/// What has become of reloads.
#[derive(Debug)]
pub(super) struct Reloads {
    succeeded: u64,
    failed: u64,
    /// When a configuration was last read without an error.
    last_success: SystemTime,
    /// Why the last one has failed, and when, if it has.
    pub(super) failure: Option<(SystemTime, String)>,
}

impl Reloads {
    /// The process has begun with a configuration.
    pub(super) const fn new(now: SystemTime) -> Self {
        Self {
            succeeded: 0,
            failed: 0,
            last_success: now,
            failure: None,
        }
    }

    /// One is over.
    pub(super) fn note(&mut self, reloaded: &Result<Reloaded, String>, now: SystemTime) {
        match reloaded {
            Ok(_) => {
                self.succeeded += 1;
                self.last_success = now;
                self.failure = None;
            }
            Err(why) => {
                self.failed += 1;
                self.failure = Some((now, why.clone()));
            }
        }
    }
}

impl Process {
    pub(super) fn scrape(&self) -> Scrape {
        let reloaded_at = self.reloads.last_success;
        let reloaded_at = reloaded_at.duration_since(SystemTime::UNIX_EPOCH);
        let status = self.status();
        Scrape {
            version: [version::NUMBER, version::REVISION],
            ready: status.ready,
            draining: status.draining,
            generation: self.generation,
            reloads: [self.reloads.succeeded, self.reloads.failed],
            reloaded_at: reloaded_at.unwrap_or_default().as_secs_f64(),
            listeners: self.listener_scrapes(),
            ends: self.end_scrapes(),
            pools: self.pool_scrapes(),
            backends: self.backend_scrapes(),
            workers: self.tallies.iter().map(|it| worker(it)).collect(),
            certificates: self.certificate_scrapes(),
            access_log: self.log_lines(),
            vitals: Vitals::read(),
        }
    }

    /// Lines of the access log that were written, and that were dropped.
    pub(super) fn log_lines(&self) -> [u64; 2] {
        [self.log_counts.written(), self.log_counts.dropped()]
    }

    /// All that ever were: a listener that is gone keeps its counts, or a sum over all would fall.
    pub(super) fn listener_scrapes(&self) -> Vec<ListenerScrape> {
        let listeners = self.registry.listeners().map(|it| ListenerScrape {
            speaks_tls: it.tls.is_some(),
            name: Arc::clone(&it.config.name),
            active: it.active.count(),
            totals: ListenerTotals::of(&it.tallies),
        });
        listeners.collect()
    }

    fn end_scrapes(&self) -> Vec<EndScrape> {
        let ends = self.registry.all_ends();
        let ends = ends.map(|((listener, pool), tallies)| EndScrape {
            listener: Arc::clone(listener),
            pool: Arc::clone(pool),
            totals: EndTally::sum(tallies),
        });
        ends.collect()
    }

    fn pool_scrapes(&self) -> Vec<PoolScrape> {
        let pools = self.live_pools().map(|it| PoolScrape {
            name: Arc::clone(&it.config.name),
            queue: it.line.waiting.count(),
        });
        pools.collect()
    }

    fn backend_scrapes(&self) -> Vec<BackendScrape> {
        let pairs = self.live_pools();
        let pairs = pairs.flat_map(|it| it.backends.iter().zip(&it.config.backends));
        pairs.map(|(it, config)| backend(it, config)).collect()
    }
}

fn backend(backend: &Backend, config: &BackendConfig) -> BackendScrape {
    let report = report_of(backend);
    BackendScrape {
        pool: Arc::clone(&backend.pool),
        name: Arc::clone(&backend.name),
        state: report.state,
        weight: config.weight,
        active: backend.load.active.count(),
        totals: Tally::sum(&backend.tallies),
        checks: [report.passed, report.failed],
        transitions: report.transitions,
    }
}

fn worker(tally: &WorkerTally) -> WorkerScrape {
    WorkerScrape {
        iterations: tally.iterations.value(),
        busy_seconds: Duration::from_nanos(tally.busy_nanos.value()).as_secs_f64(),
        copied: tally.copied.value(),
        spliced: tally.spliced.value(),
        sessions: tally.sessions.value(),
        pipes_used: tally.pipes_used.value(),
        pipes_idle: tally.pipes_idle.value(),
    }
}
