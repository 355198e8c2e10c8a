//! Answers what the admin API asks.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use crossbeam_channel::tick;
use log::Level::Info;
use signal_hook::consts::SIGTERM;

use super::Process;
use super::listeners::routes;
use super::pacing::{Pacing, STEP};
use super::registry::Registry;
use crate::config::{BackendConfig, Config, export};
use crate::discovery::expand;
use crate::messages::ToWorker;
use crate::plan::PlannedPool;
use crate::pool::{self, Order, State, Tally};
use crate::requests::{
    Backend, Change, LastCheck, Listener, PacedDrain, Pool, Refusal, Reloaded, Request, Status,
};

impl Process {
    pub(super) fn answer(&mut self, request: Request) {
        match request {
            Request::Status(reply) => reply.send(self.status()),
            Request::Pools(reply) => reply.send(self.pools()),
            Request::Backends(pool, reply) => reply.send(self.backends(&pool)),
            Request::Add(pool, backend, reply) => reply.send(self.add(&pool, backend)),
            Request::Change(pool, name, change, reply) => {
                reply.send(self.change(&pool, &name, change));
            }
            Request::Remove {
                pool,
                backend,
                force,
                reply,
            } => reply.send(self.remove(&pool, &backend, force)),
            Request::Connections(limit, first, reply) => {
                reply.send(self.connections(limit, first));
            }
            Request::Kill(id, reply) => reply.send(self.kill(id)),
            Request::Explain(caller, reply) => reply.send(self.explain(*caller)),
            Request::Foresee(config, reply) => self.foresee(*config, reply),
            Request::Metrics(reply) => reply.send(self.scrape()),
            Request::Overview(reply) => reply.send(self.overview()),
            Request::History(range, pool, reply) => {
                reply.send(self.history(range, pool.as_deref()));
            }
            Request::Config(reply) => {
                reply.send(export::to_json(
                    &self.wanted.changes.over(&self.wanted.config),
                ));
            }
            Request::Reload(reply) => reply.send(self.reload_and_tell().map_err(Refusal::Invalid)),
            Request::Drain(reply) => {
                if self.stops == 0 {
                    self.signal(SIGTERM);
                }
                reply.send(());
            }
            Request::Subscribe(subscriber) => self.chronicle.subscribe(subscriber),
            Request::Past(past, reply) => reply.send(self.chronicle.past(past)),
        }
    }

    pub(super) fn status(&self) -> Status {
        let pools = self.pools();
        let bare = pools.iter().find(|pool| pool.backends_up == 0);
        let draining = self.stops > 0;
        let not_ready_because = match (draining, bare) {
            (true, _) => Some("draining".to_owned()),
            (false, Some(pool)) => Some(format!("no backend of pool {} is up", pool.name)),
            (false, None) => None,
        };
        Status {
            version: crate::version::text(),
            pid: std::process::id(),
            uptime_seconds: (Instant::now() - self.started).as_secs_f64(),
            ready: not_ready_because.is_none(),
            not_ready_because,
            draining,
            generation: self.generation,
            workers: self.workers.len(),
            connections_active: self.registry.sessions(),
            connections_limit: self.budget.session_limit(),
            listeners: self.listeners_now(),
            pools,
        }
    }

    /// How things are, in one line.
    pub(super) fn summary(&self) -> String {
        let pools = self.pools();
        let (up, all) = pools.iter().fold((0, 0), |(up, all), pool| {
            (up + pool.backends_up, all + pool.backends)
        });
        format!("generation {}, {up} of {all} backends up", self.generation)
    }

    fn listeners_now(&self) -> Vec<Listener> {
        let listening = self.registry.listening();
        let report = listening.map(|(planned, addresses)| Listener {
            name: planned.config.name.to_string(),
            addresses,
            pool: planned.destinations[0].name.to_string(),
            routes: routes(planned),
            connections_active: planned.active.count(),
        });
        report.collect()
    }

    /// The pools that the configuration has.
    pub(super) fn live_pools(&self) -> impl Iterator<Item = &Arc<PlannedPool>> {
        live_pools(&self.registry, &self.wanted.config)
    }

    fn pools(&self) -> Vec<Pool> {
        let report = |it: &Arc<PlannedPool>| {
            let is_up = |backend: &&Arc<pool::Backend>| report_of(backend).state == State::Up;
            Pool {
                name: it.config.name.to_string(),
                balance: it.config.balance.to_string(),
                backends: it.backends.len(),
                backends_up: it.backends.iter().filter(is_up).count(),
                connections_active: it.backends.iter().map(|it| it.load.active.count()).sum(),
                scale: self.scaling.of_pool(it),
            }
        };
        self.live_pools().map(report).collect()
    }

    pub(super) fn pool(&self, name: &str) -> Result<Arc<PlannedPool>, Refusal> {
        let found = self.live_pools().find(|it| &*it.config.name == name);
        found
            .map(Arc::clone)
            .ok_or_else(|| Refusal::Unknown(format!("there is no pool {name:?}")))
    }

    fn backends(&self, pool: &str) -> Result<Vec<Backend>, Refusal> {
        let pool = self.pool(pool)?;
        let backends = pool.backends.iter().zip(&pool.config.backends);
        Ok(backends
            .map(|(it, config)| self.describe(it, config))
            .collect())
    }

    fn backend(&self, pool: &str, name: &str) -> Result<(Arc<pool::Backend>, Backend), Refusal> {
        let planned = self.pool(pool)?;
        let mut backends = planned.backends.iter().zip(&planned.config.backends);
        let found = backends.find(|(it, _)| &*it.name == name);
        let unknown = || Refusal::Unknown(format!("pool {pool} has no backend {name:?}"));
        let (backend, config) = found.ok_or_else(unknown)?;
        Ok((Arc::clone(backend), self.describe(backend, config)))
    }

    fn add(&mut self, pool: &str, backend: BackendConfig) -> Result<Backend, Refusal> {
        let planned = self.pool(pool)?;
        let name = Arc::clone(&backend.name);
        let is_served = planned.backends.iter().any(|it| it.name == name);
        if is_served || self.entry(pool, &name).is_some() {
            let text = format!("pool {pool} has a backend {name:?} already");
            return Err(Refusal::Exists(text));
        }
        let mut changes = self.wanted.changes.clone();
        changes.add(&planned.config.name, backend.clone());
        self.serve(changes).map_err(Refusal::Unable)?;
        self.operator_did(format!("backend {pool}/{name} added"));
        let mut found = self.backends_of(pool, &backend)?;
        let first = (!found.is_empty()).then(|| found.swap_remove(0).1);
        Ok(first.unwrap_or_else(|| nowhere(pool, &backend)))
    }

    /// What the configuration with its changes says of the backend, or the name of several, that is
    /// called so.
    fn entry(&self, pool: &str, name: &str) -> Option<BackendConfig> {
        let pools = self.wanted.entries().pools;
        let pool = pools.into_iter().find(|it| &*it.name == pool)?;
        pool.backends.into_iter().find(|it| &*it.name == name)
    }

    /// The backends that an entry stands for now.
    fn backends_of(
        &self,
        pool: &str,
        entry: &BackendConfig,
    ) -> Result<Vec<(Arc<pool::Backend>, Backend)>, Refusal> {
        let planned = self.pool(pool)?;
        let names = expand::of_entry(entry, &self.answers);
        let names: HashSet<_> = names.into_iter().map(|it| it.name).collect();
        let all = planned.backends.iter().zip(&planned.config.backends);
        let of_entry = all.filter(|(it, _)| names.contains(&it.name));
        let found = of_entry.map(|(it, config)| (Arc::clone(it), self.describe(it, config)));
        Ok(found.collect())
    }

    fn change(&mut self, pool: &str, name: &str, change: Change) -> Result<Backend, Refusal> {
        let (backend, _) = self.backend(pool, name)?;
        let mut changes = self.wanted.changes.clone();
        if let Some(weight) = change.weight {
            changes.set_weight(&backend.pool, &backend.name, weight);
        }
        if let Some(order) = change.order {
            changes.set_order(&backend.pool, &backend.name, order);
        }
        self.serve(changes).map_err(Refusal::Unable)?;
        if let Some(weight) = change.weight {
            self.operator_did(format!("backend {backend}: weight {weight}"));
        }
        if change.order.is_some() {
            // Whatever is ordered anew ends the pace of an older order.
            self.paced.retain(|it| it.backend.id != backend.id);
        }
        if let (Some(Order::Drain), Some(over)) = (change.order, change.over) {
            if self.paced.is_empty() {
                self.steps = tick(STEP);
            }
            self.paced.push(Pacing::new(backend, Instant::now(), over));
            self.keep_pace();
        }
        Ok(self.backend(pool, name)?.1)
    }

    /// Logs what an operator has done, and tells whoever has subscribed.
    fn operator_did(&mut self, what: String) {
        let text = format!("{what}, by an operator");
        self.happened("backend", &text);
        self.journal.say(Info, text);
    }

    fn remove(&mut self, pool: &str, name: &str, force: bool) -> Result<(), Refusal> {
        // What goes is one backend, or all that the name of an entry stands for.
        let backends = match self.entry(pool, name) {
            Some(entry) => self.backends_of(pool, &entry)?,
            None => vec![self.backend(pool, name)?],
        };
        let planned = self.pool(pool)?;
        let mut changes = self.wanted.changes.clone();
        let (written, pool_name) = (self.wanted.written(), &planned.config.name);
        changes.remove((&written, &self.answers), pool_name, &name.into());
        self.serve(changes).map_err(Refusal::Unable)?;
        if force {
            for (backend, _) in &backends {
                self.tell_workers(|| ToWorker::Reset(backend.id));
            }
        }
        self.operator_did(format!("backend {pool}/{name} removed"));
        Ok(())
    }

    pub(super) fn describe(&self, backend: &pool::Backend, config: &BackendConfig) -> Backend {
        let paced = self.paced.iter().find(|it| it.backend.id == backend.id);
        Backend {
            paced_drain: paced.map(|it| PacedDrain {
                left: backend.load.active.count(),
                closed: it.closed,
                seconds_to_go: it.time_left(Instant::now()).as_secs_f64(),
            }),
            ..describe(backend, config)
        }
    }

    pub(super) fn note_reload(&mut self, reloaded: &Result<Reloaded, String>) {
        self.reloads.note(reloaded, SystemTime::now());
    }

    /// Keeps it, and tells whoever has subscribed.
    pub(super) fn happened(&mut self, kind: &str, text: &str) {
        self.chronicle.note(SystemTime::now(), kind, text);
    }
}

fn describe(backend: &pool::Backend, config: &BackendConfig) -> Backend {
    let report = report_of(backend);
    let totals = Tally::sum(&backend.tallies);
    Backend {
        pool: backend.pool.to_string(),
        name: backend.name.to_string(),
        address: backend.address.to_string(),
        weight: config.weight,
        state: report.state.to_string(),
        since: time(report.since),
        backup: config.backup,
        max_connections: config.max_connections,
        connections_active: backend.load.active.count(),
        connections_total: totals.connections(),
        bytes_in: totals.bytes_in,
        bytes_out: totals.bytes_out,
        connect_errors_total: totals.connect_errors(),
        last_check: report.last_check.as_ref().map(|it| LastCheck {
            result: if it.passed { "passed" } else { "failed" }.to_owned(),
            at: time(it.at),
            duration_ms: it.took.as_secs_f64() * 1000.0,
            detail: it.detail.clone(),
        }),
        paced_drain: None,
    }
}

/// A backend whose name has no address yet, as the API shows it.
fn nowhere(pool: &str, entry: &BackendConfig) -> Backend {
    Backend {
        pool: pool.to_owned(),
        name: entry.name.to_string(),
        address: entry.target.to_string(),
        weight: entry.weight,
        state: State::Down.to_string(),
        since: time(SystemTime::now()),
        backup: entry.backup,
        max_connections: entry.max_connections,
        connections_active: 0,
        connections_total: 0,
        bytes_in: 0,
        bytes_out: 0,
        connect_errors_total: 0,
        last_check: None,
        paced_drain: None,
    }
}

/// The pools of `registry` that `config` has.
pub(super) fn live_pools<'a>(
    registry: &'a Registry,
    config: &'a Config,
) -> impl Iterator<Item = &'a Arc<PlannedPool>> {
    let is_live = |it: &&Arc<PlannedPool>| {
        let mut pools = config.pools.iter();
        pools.any(|pool| pool.name == it.config.name)
    };
    registry.pools().iter().filter(is_live)
}

/// For a look at it: health waits until that is over.
pub(super) fn report_of(backend: &pool::Backend) -> MutexGuard<'_, pool::Report> {
    // Whoever panicked while writing has left a whole report all the same: fields are set one by one.
    let report = backend.report.lock();
    report.unwrap_or_else(PoisonError::into_inner)
}

/// The time, as the API shows it.
pub(super) fn stamp() -> String {
    time(SystemTime::now())
}

pub(super) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}
