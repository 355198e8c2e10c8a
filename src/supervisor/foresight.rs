//! Gathers what has to be known to say what a configuration would change; nothing is changed.

use std::collections::HashMap;
use std::sync::Arc;

use super::answers::report_of;
use super::changes::Changes;
use super::reload::Wanted;
use super::{Process, launch};
use crate::config::{BackendConfig, Config, PoolConfig};
use crate::discovery::expand::of_entry;
use crate::discovery::listed::{self, Files, Unlisted};
use crate::foresight::{Known, Present, Version, foresee};
use crate::messages::ToWorker;
use crate::pool::Order;
use crate::requests::{Foresight, Refusal, Reply};

impl Process {
    /// Says what `config` would change if it were the file's, with the flags and the changes of operators
    /// over it as a reload puts them. What takes its time, tables over thousands of backends, is done in
    /// a thread of its own.
    pub(super) fn foresee(&self, config: Config, reply: Reply<Result<Foresight, Refusal>>) {
        let next = match self.next(config) {
            Ok(next) => next,
            Err(refusal) => return reply.send(Err(refusal)),
        };
        let [old, new] = [&self.wanted, &next].map(|it| Version {
            file: it.written(),
            effective: self.expanded(it),
        });
        let present = Present {
            backends: self.known(),
            orders: orders(&new.effective, &next.changes),
            crowds: self.ask_workers(ToWorker::Census).concat(),
        };
        // Dropped with a thread that cannot be had, the way back says so.
        let work = move || reply.send(Ok(foresee(&old, &new, Some(&present))));
        let _ = launch::spawn("foresight", work);
    }

    /// What would be wanted after a reload.
    fn next(&self, config: Config) -> Result<Wanted, Refusal> {
        if self.stops > 0 {
            return Err(Refusal::Unable("l4lb is draining".to_owned()));
        }
        let config = match &self.source {
            Some(source) => source.amend(config).map_err(Refusal::Invalid)?,
            None => config,
        };
        let files = self.listed(&config)?;
        Ok(self.wanted.rewritten(config, files, &self.answers))
    }

    /// What is in the files of backends that `config` names. Whoever asks may name any file: nothing is
    /// shown of one that has something else in it.
    fn listed(&self, config: &Config) -> Result<Files, Refusal> {
        let mut files = Files::new();
        for path in listed::paths(config) {
            let backends = match listed::read(&path, false) {
                Ok(backends) => backends.into(),
                Err(Unlisted::Missing(_)) => match self.wanted.files.get(&path) {
                    Some(before) => Arc::clone(before),
                    None => continue,
                },
                Err(Unlisted::Wrong(_)) => {
                    let name = path.display();
                    let text = format!("{name} is wrong: l4lb check says where");
                    return Err(Refusal::Invalid(text));
                }
            };
            files.insert(path, backends);
        }
        Ok(files)
    }

    /// As it would be served. Names of which nothing is known stay, each as one backend.
    fn expanded(&self, wanted: &Wanted) -> Config {
        let mut expanded = wanted.expanded(&self.answers).config;
        let entries = wanted.entries();
        for (pool, entries) in expanded.pools.iter_mut().zip(&entries.pools) {
            let unknown = |it: &&BackendConfig| of_entry(it, &self.answers).is_empty();
            let unknown = entries.backends.iter().filter(unknown).cloned();
            pool.backends.extend(unknown);
        }
        expanded
    }

    /// The backends that are served.
    fn known(&self) -> Vec<Known> {
        let pools = self.registry.pools().iter();
        let backends = pools.flat_map(|it| &it.backends);
        let known = backends.map(|it| Known {
            backend: Arc::clone(it),
            state: report_of(it).state,
        });
        known.collect()
    }
}

/// What operators want of backends, other than that they are ready.
fn orders(config: &Config, changes: &Changes) -> HashMap<(Arc<str>, Arc<str>), Order> {
    let of_pool = |pool| {
        let pool: &PoolConfig = pool;
        let key = |it: &BackendConfig| (Arc::clone(&pool.name), Arc::clone(&it.name));
        let order = move |it| (key(it), changes.order(&pool.name, &it.name));
        pool.backends.iter().map(order)
    };
    let all = config.pools.iter().flat_map(of_pool);
    all.filter(|(_, order)| *order != Order::Ready).collect()
}
