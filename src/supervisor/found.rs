//! News of backends that go by a name, and of files of backends: what comes of them is served.

use std::path::Path;
use std::sync::Arc;

use log::Level::{self, Error, Info, Warn};

use super::Process;
use crate::config::{Config, diff};
use crate::discovery::News;
use crate::discovery::book::Remark;
use crate::discovery::expand;
use crate::discovery::listed::{self, Files, Unlisted, with_files};

impl Process {
    /// Something was learnt of names: serves it where it makes a difference.
    pub(super) fn discovered(&mut self, news: News) {
        for remark in news.remarks {
            match remark {
                Remark::Trouble(text) => self.backends_did(Warn, text),
                Remark::Well(text) => self.backends_did(Info, text),
            }
        }
        if news.answers.number <= self.answers.number || self.stops > 0 {
            return;
        }
        let entries = self.wanted.entries();
        let changes = expand::news(&entries, &self.answers, &news.answers);
        let next = self.wanted.expanded(&news.answers).config;
        let served = if self.registry.has_backends_of(&next) {
            self.answers = news.answers;
            Ok(Vec::new())
        } else {
            self.serve_wanted(self.wanted.clone(), news.answers)
        };
        self.tell_served(served, changes);
    }

    /// A file of backends may have changed: serves it, or says what is wrong with it.
    pub(super) fn stirred(&mut self, path: &Path) {
        self.look_at_certificates(path);
        let is_known = listed::paths(&self.wanted.config)
            .iter()
            .any(|it| it == path);
        if !is_known || self.stops > 0 {
            return;
        }
        let backends = match listed::read(path, false) {
            Ok(backends) => backends,
            // What was there last goes on.
            Err(Unlisted::Missing(_)) => return,
            Err(Unlisted::Wrong(pictures)) => {
                let text = format!("{}: nothing has changed:\n{pictures}", path.display());
                return self.backends_did(Error, text);
            }
        };
        let is_same = |it: &Arc<[_]>| **it == *backends;
        if self.wanted.files.get(path).is_some_and(is_same) {
            return;
        }
        let mut files = self.wanted.files.clone();
        files.insert(path.to_owned(), backends.into());
        let written = with_files(&self.wanted.config, &files);
        let changes = diff::changes(&self.wanted.written(), &written);
        let served = self
            .find(&self.wanted.changes.over(&written), false)
            .and_then(|answers| {
                let config = self.wanted.config.clone();
                let mut next = self.wanted.rewritten(config, files, &answers);
                let entries = next.entries();
                // A pool may speak TLS from now on that has not before.
                if next.materials.lacking(&entries).is_some() {
                    next.materials = self.read_materials(&entries)?;
                }
                self.serve_wanted(next, answers)
            });
        self.tell_served(served, changes);
        self.watch_files();
    }

    /// Logs what has changed, or why it could not be.
    pub(super) fn tell_served(
        &mut self,
        served: Result<Vec<String>, String>,
        changes: Vec<String>,
    ) {
        match served {
            Ok(remarks) => {
                for change in changes {
                    self.backends_did(Info, change);
                }
                for remark in remarks {
                    self.backends_did(Warn, remark);
                }
            }
            Err(why) => self.backends_did(Error, format!("backends are not changed: {why}")),
        }
    }

    pub(super) fn backends_did(&mut self, level: Level, text: String) {
        self.happened("backend", &text);
        self.journal.say(level, text);
    }

    /// The content of the files that `config` names. One that is not there is what it was.
    pub(super) fn read_files(&mut self, config: &Config) -> Result<Files, String> {
        let (files, missing) = listed::read_all(config, &self.wanted.files, false)?;
        for text in missing {
            self.backends_did(Warn, text);
        }
        Ok(files)
    }

    /// Has the files watched that the configuration names by now.
    pub(super) fn watch_files(&mut self) {
        if let Some(watch) = &mut self.watch {
            let mut paths = listed::paths(&self.wanted.config);
            paths.extend(self.wanted.materials.paths());
            for why in watch.follow(&paths) {
                self.journal.say(Warn, format!("{why}; HUP works"));
            }
        }
    }
}
