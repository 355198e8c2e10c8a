//! Puts something new in the place of what is served, whole or not at all: a configuration that was
//! read again, or a change that an operator made.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use log::Level::{Info, Warn};

use super::changes::Changes;
use super::{Process, launch};
use crate::access_log::{AccessLog, WriterThread};
use crate::config::{Config, diff};
use crate::discovery::answers::Answers;
use crate::discovery::expand::{Expansion, expand, questions};
use crate::discovery::listed::{Files, with_files};
use crate::messages::{ToHealth, ToWorker};
use crate::plan::Plan;
use crate::requests::Reloaded;
use crate::tls::Materials;

/// An access log, unless it is off.
type OpenedLog = Option<(AccessLog, WriterThread)>;

/// How long workers may take to serve a new plan before the wait for them is given up.
const TAKE_OVER: Duration = Duration::from_secs(5);

/// Where each worker says that it serves a plan, or what it could not do.
type Confirmed = Receiver<Result<(), String>>;

/// What is to be served: a configuration with its files of backends, and changes put over it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) config: Config,
    pub(super) files: Files,
    pub(super) changes: Changes,
    /// What was read for TLS.
    pub(super) materials: Arc<Materials>,
}

impl Wanted {
    /// What the configuration and its files say.
    pub(super) fn written(&self) -> Config {
        with_files(&self.config, &self.files)
    }

    /// With the changes put over it, before names become backends.
    pub(super) fn entries(&self) -> Config {
        self.changes.over(&self.written())
    }

    /// As it is to be served while `answers` is what is known of names.
    pub(super) fn expanded(&self, answers: &Answers) -> Expansion {
        let mut expansion = expand(&self.entries(), answers);
        self.changes.settle(&mut expansion.config);
        expansion
    }

    /// The same with another configuration and other files. Changes of what these change are
    /// forgotten.
    pub(super) fn rewritten(&self, config: Config, files: Files, answers: &Answers) -> Self {
        let mut next = Self {
            config,
            files,
            changes: self.changes.clone(),
            materials: Arc::clone(&self.materials),
        };
        let (old, new) = (self.written(), next.written());
        let [was, is] = [&old, &new].map(|it| expand(it, answers).config);
        next.changes.rebase([&old, &was], [&new, &is]);
        next
    }
}

impl Process {
    /// Reads the configuration again and applies it. When it has returned, the next client that is
    /// accepted sees it.
    pub(super) fn reload(&mut self) -> Result<Reloaded, String> {
        let Some(source) = &self.source else {
            return Err("nothing to reload: l4lb runs from flags".to_owned());
        };
        let config = source.read()?;
        let files = self.read_files(&config)?;
        let written = with_files(&config, &files);
        let entries = self.wanted.changes.over(&written);
        let materials = self.read_materials(&entries)?;
        let mut changes = diff::changes(&self.wanted.written(), &written);
        changes.extend(materials.news(&self.wanted.materials));
        let answers = self.find(&entries, true)?;
        if !changes.is_empty() {
            let mut next = self.wanted.rewritten(config, files, &answers);
            next.materials = materials;
            changes.extend(self.serve_wanted(next, answers)?);
            self.generation += 1;
        }
        self.watch_files();
        Ok(Reloaded {
            generation: self.generation,
            changes,
        })
    }

    /// Serves the configuration with `changes` put over it from now on. What is wrong with it all the
    /// same is logged.
    pub(super) fn serve(&mut self, changes: Changes) -> Result<(), String> {
        self.serve_if(changes, |_| Ok(()))
    }

    /// The same, if `approves` does when names have become backends. Else nothing has changed.
    pub(super) fn serve_if(
        &mut self,
        changes: Changes,
        approves: impl FnOnce(&Config) -> Result<(), String>,
    ) -> Result<(), String> {
        let next = Wanted {
            changes,
            ..self.wanted.clone()
        };
        let answers = self.find(&next.entries(), false)?;
        if let Err(why) = approves(&next.expanded(&answers).config) {
            self.keep_asking();
            return Err(why);
        }
        for remark in self.serve_wanted(next, answers)? {
            self.journal.say(Warn, remark);
        }
        Ok(())
    }

    /// What is known of the names of `entries`. First answers are waited for, but not for long; with
    /// `again` whatever is known already is asked anew.
    pub(super) fn find(&mut self, entries: &Config, again: bool) -> Result<Arc<Answers>, String> {
        let asked = questions(entries);
        let found = self.discovery.find(&asked, &entries.dns_servers, again)?;
        Ok(found.unwrap_or_else(|| Arc::clone(&self.answers)))
    }

    /// Serves what is wanted from now on, by what is known of names. An error has changed nothing; what
    /// is wrong after the change was made is returned, a sentence each.
    pub(super) fn serve_wanted(
        &mut self,
        wanted: Wanted,
        answers: Arc<Answers>,
    ) -> Result<Vec<String>, String> {
        let served = self.serve_now(wanted, answers);
        self.keep_asking();
        served
    }

    /// Has that asked, and no more, which is wanted.
    fn keep_asking(&mut self) {
        let entries = self.wanted.entries();
        self.discovery
            .keep(questions(&entries), &entries.dns_servers);
    }

    fn serve_now(&mut self, wanted: Wanted, answers: Arc<Answers>) -> Result<Vec<String>, String> {
        if self.stops > 0 {
            return Err("l4lb is draining".to_owned());
        }
        let Expansion { config, cut } = wanted.expanded(&answers);
        let log = self.changed_log(&config)?;
        let budget = launch::budget(&config, self.discovery.asks())?;
        let limit = budget.session_limit();
        let listened = self.listeners();
        let farewell = self.registry.farewell(&config);
        let (changes, materials) = (&wanted.changes, &*wanted.materials);
        let (plan, mut confirmed) = match &farewell {
            None => self.plan(&config, changes, materials, limit)?,
            Some(farewell) => {
                let materials = materials.beside(&self.wanted.materials);
                self.plan(farewell, changes, &materials, limit)?
            }
        };
        self.post_orders(&wanted.changes);
        if let Some(log) = log {
            self.log_to(log);
        }
        self.health.send(ToHealth::Plan(plan));
        let mut remarks = Vec::new();
        if farewell.is_some() {
            remarks.extend(self.await_workers(&confirmed));
            let last = self.plan(&config, &wanted.changes, &wanted.materials, limit)?; // all is bound by now
            self.health.send(ToHealth::Plan(last.0));
            confirmed = last.1;
        }
        self.budget = budget;
        log::set_max_level(config.log_level);
        self.overview = None;
        self.wanted = wanted;
        self.answers = answers;
        self.announce_besides(&listened);
        remarks.extend(cut.difference(&self.cut).cloned());
        self.cut = cut;
        remarks.extend(self.scaling.follow(&self.wanted.config));
        remarks.extend(self.await_workers(&confirmed));
        Ok(remarks)
    }

    /// What is to be served for `config`, and how workers say that they do.
    fn plan(
        &mut self,
        config: &Config,
        changes: &Changes,
        materials: &Materials,
        limit: u32,
    ) -> Result<(Arc<Plan>, Confirmed), String> {
        let (taken_over, confirmed) = bounded(self.running);
        let plan = self
            .registry
            .plan(config, changes, materials, limit, taken_over)?;
        Ok((Arc::new(plan), confirmed))
    }

    /// Logs where it listens now, and did not before.
    fn announce_besides(&self, before: &[(Arc<str>, SocketAddr)]) {
        for (name, address) in self.listeners() {
            if !before.iter().any(|(_, it)| *it == address) {
                let line = format!("listening on {address} ({name})");
                self.journal.say(Info, line);
            }
        }
    }

    /// The access log of `config`, opened, with its writer, where it is another one than now; `None` in
    /// it is that there is none.
    fn changed_log(&self, config: &Config) -> Result<Option<OpenedLog>, String> {
        if config.access_log == self.wanted.config.access_log {
            return Ok(None);
        }
        let events = &self.handle.events;
        launch::open_access_log(&config.access_log, &self.log_counts, events).map(Some)
    }

    /// Has sessions written down there from now on. What the old writer has left it writes to its end.
    fn log_to(&mut self, log: OpenedLog) {
        let (log, writer) = log.unzip();
        self.tell_workers(|| ToWorker::Log(log.clone()));
        self.access_log = log;
        self.writers.retain(|writer| !writer.has_ended());
        self.writers.extend(writer);
    }

    /// Tells health of the orders that `changes` changes. The plan that follows has those of backends
    /// that are new.
    fn post_orders(&self, changes: &Changes) {
        let backends = self.registry.pools().iter().flat_map(|it| &it.backends);
        for backend in backends {
            let order = changes.order(&backend.pool, &backend.name);
            if order != self.wanted.changes.order(&backend.pool, &backend.name) {
                self.health.send(ToHealth::Order(backend.id, order));
            }
        }
    }

    /// Waits until every worker serves the newest plan. What they could not do.
    fn await_workers(&self, confirmed: &Confirmed) -> Vec<String> {
        let late = || Err("a worker does not answer yet".to_owned());
        let answers = (0..self.running).map(|_| {
            let answer = confirmed.recv_timeout(TAKE_OVER);
            answer.unwrap_or_else(|_| late())
        });
        answers.filter_map(Result::err).collect()
    }
}
