//! Gathers what has to be known to say what a configuration would change; nothing is changed.

use std::collections::HashMap;
use std::sync::Arc;

use super::answers::report_of;
use super::changes::Changes;
use super::reload::Wanted;
use super::{Process, launch};
use crate::config::{BackendConfig, Config, PoolConfig};
use crate::discovery::answers::Answers;
use crate::discovery::expand::{question, questions};
use crate::discovery::listed;
use crate::foresight::{Known, Present, Version, foresee};
use crate::messages::ToWorker;
use crate::pool::Order;
use crate::requests::{Foresight, Refusal, Reply};

impl Process {
    /// Says what `config` would change if it were the file's, with the flags and the changes of operators
    /// over it as a reload puts them. What takes its time, files and tables over thousands of backends,
    /// is done in a thread of its own, of which there is one: whoever asks again and again takes neither
    /// the cores from the workers nor memory without end.
    pub(super) fn foresee(&self, config: Config, reply: Reply<Result<Foresight, Refusal>>) {
        let config = match self.amended(config) {
            Ok(config) => config,
            Err(refusal) => return reply.send(Err(refusal)),
        };
        let (now, answers) = (self.wanted.clone(), Arc::clone(&self.answers));
        let present = Present {
            backends: self.known(),
            orders: HashMap::new(), // those of what is new are added when that is known
            crowds: self.ask_workers(ToWorker::Census).concat(),
        };
        let turn = Arc::clone(&self.foresight);
        // Dropped with a thread that cannot be had, the way back says so.
        let work = move || {
            let foresight = compare(&now, config, &answers, present);
            drop(turn);
            reply.send(foresight);
        };
        let _ = launch::spawn("foresight", work);
    }

    /// The configuration with the flags over it, if there is a turn for it now.
    fn amended(&self, config: Config) -> Result<Config, Refusal> {
        if self.stops > 0 {
            return Err(Refusal::Unable("l4lb is draining".to_owned()));
        }
        if Arc::strong_count(&self.foresight) > 1 {
            let text = "another diff is being worked out: try again";
            return Err(Refusal::Unable(text.to_owned()));
        }
        match &self.source {
            Some(source) => source.amend(config).map_err(Refusal::Invalid),
            None => Ok(config),
        }
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

/// What a reload would change that finds `config`.
fn compare(
    now: &Wanted,
    config: Config,
    answers: &Answers,
    present: Present,
) -> Result<Foresight, Refusal> {
    // Who may ask for a diff may not read whatever l4lb can: nothing of a wrong file is shown.
    let (files, _) = listed::read_all(&config, &now.files, false).map_err(|_| {
        let text = "a file of backends that it names is wrong: l4lb check says where";
        Refusal::Invalid(text.to_owned())
    })?;
    let next = now.rewritten(config, files, answers);
    let [old, new] = [now, &next].map(|it| Version {
        file: it.written(),
        effective: expanded(now, it, answers),
    });
    let present = Present {
        orders: orders(&new.effective, &next.changes),
        ..present
    };
    Ok(foresee(&old, &new, Some(&present)))
}

/// As `next` would be served. Names that were never asked for stay, each as one backend; the others are
/// what is known of them, be it nothing.
fn expanded(now: &Wanted, next: &Wanted, answers: &Answers) -> Config {
    let asked = questions(&now.entries());
    let mut expanded = next.expanded(answers).config;
    for (pool, entries) in expanded.pools.iter_mut().zip(next.entries().pools) {
        let is_new =
            |it: &BackendConfig| question(&it.target).is_some_and(|it| !asked.contains(&it));
        pool.backends
            .extend(entries.backends.into_iter().filter(is_new));
    }
    expanded
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
