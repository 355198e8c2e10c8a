//! Puts something new in the place of what is served, whole or not at all: a configuration that was
//! read again, or a change that an operator made.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use log::Level::{Info, Warn};

use super::changes::Changes;
use super::lookup::Found;
use super::{Process, launch};
use crate::config::{Config, diff};
use crate::messages::ToHealth;
use crate::requests::Reloaded;

/// How long workers may take to serve a new plan before the wait for them is given up.
const TAKE_OVER: Duration = Duration::from_secs(5);

impl Process {
    /// Reads the configuration again and applies it. When it has returned, the next client that is
    /// accepted sees it.
    pub(super) fn reload(&mut self) -> Result<Reloaded, String> {
        let Some(source) = &self.source else {
            return Err("nothing to reload: l4lb runs from flags".to_owned());
        };
        let config = source.read()?;
        let mut changes = diff::changes(&self.config, &config);
        let mut rebased = self.changes.clone();
        rebased.rebase(&self.config, &config);
        let found = self.book.find(&rebased.over(&config), true)?;
        changes.extend(found.remarks.iter().cloned());
        if !changes.is_empty() {
            changes.extend(self.serve_found(config, rebased, found)?);
            self.generation += 1;
        }
        Ok(Reloaded {
            generation: self.generation,
            changes,
        })
    }

    /// Serves the configuration with `changes` put over it from now on. What is wrong with it all the
    /// same is logged.
    pub(super) fn serve(&mut self, changes: Changes) -> Result<(), String> {
        let config = self.config.clone();
        let found = self.book.find(&changes.over(&config), false)?;
        for remark in self.serve_found(config, changes, found)? {
            self.journal.say(Warn, remark);
        }
        Ok(())
    }

    /// Serves `config` with `changes` put over it, whose backends were found. An error has changed
    /// nothing; what is wrong after the change was made is returned, a sentence each.
    fn serve_found(
        &mut self,
        config: Config,
        changes: Changes,
        found: Found,
    ) -> Result<Vec<String>, String> {
        if self.stops > 0 {
            return Err("l4lb is draining".to_owned());
        }
        let effective = changes.over(&config);
        let budget = launch::budget(&effective)?;
        let (taken_over, confirmed) = bounded(self.running);
        let limit = budget.session_limit();
        let listened = self.listeners();
        let plan = self
            .registry
            .plan(&effective, &found.addresses, &changes, limit, taken_over)?;
        self.post_orders(&changes);
        self.health.send(ToHealth::Plan(Arc::new(plan)));
        self.budget = budget;
        log::set_max_level(config.log_level);
        self.config = config;
        self.changes = changes;
        self.book = found.book;
        for (name, address) in self.listeners() {
            if !listened.iter().any(|(_, it)| *it == address) {
                let line = format!("listening on {address} ({name})");
                self.journal.say(Info, line);
            }
        }
        Ok(self.await_workers(&confirmed))
    }

    /// Tells health of the orders that `changes` changes. The plan that follows has those of backends
    /// that are new.
    fn post_orders(&self, changes: &Changes) {
        let backends = self.registry.pools().iter().flat_map(|it| &it.backends);
        for backend in backends {
            let order = changes.order(&backend.pool, &backend.name);
            if order != self.changes.order(&backend.pool, &backend.name) {
                self.health.send(ToHealth::Order(backend.id, order));
            }
        }
    }

    /// Waits until every worker serves the newest plan. What they could not do.
    fn await_workers(&self, confirmed: &Receiver<Result<(), String>>) -> Vec<String> {
        let late = || Err("a worker does not answer yet".to_owned());
        let answers = (0..self.running).map(|_| {
            let answer = confirmed.recv_timeout(TAKE_OVER);
            answer.unwrap_or_else(|_| late())
        });
        answers.filter_map(Result::err).collect()
    }
}
