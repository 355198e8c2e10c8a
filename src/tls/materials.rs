//! What was read of the files of TLS, ready for handshakes, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::ProducesTickets;
use rustls::{ClientConfig, ServerConfig};

use super::files::{digest, entries};
use super::x509::Certificate;
use crate::config::{Config, PoolConfig};
use crate::discovery::listed::bytes;

/// What handshakes need, for all listeners and pools of a configuration.
#[derive(Clone, Default)]
pub struct Materials {
    pub(super) listeners: HashMap<Arc<str>, Arc<ServerConfig>>,
    pub(super) pools: HashMap<Arc<str>, Arc<ClientConfig>>,
    pub(super) tickets: HashMap<Arc<str>, Tickets>,
    /// All certificates that are shown to clients.
    pub shown: Vec<Shown>,
    /// What is worth knowing though nothing is wrong, a sentence each.
    pub warnings: Vec<String>,
    /// What was read, by a digest of it; `None` is what may come and was not there.
    pub(super) read: BTreeMap<PathBuf, Option<u64>>,
}

/// A certificate that is shown to the clients of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The listener.
    pub listener: Arc<str>,
    /// The file.
    pub file: PathBuf,
    /// What it says.
    pub says: Certificate,
    /// Whether its authority's word on it goes along (OCSP).
    pub stapled: bool,
}

/// What makes the tickets of a listener, for as long as it asks the same of clients: who resumes a
/// session is not asked again for a certificate.
#[derive(Clone)]
pub(super) struct Tickets {
    pub(super) asks: Option<u64>,
    pub(super) makes: Arc<dyn ProducesTickets>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The keys of the configuration that lead to the value that names it, and numbers from 1.
    pub place: Vec<String>,
    /// Whose it is, such as `listener web`.
    pub whose: String,
    /// A sentence.
    pub what: String,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.whose, self.what)
    }
}

impl std::fmt::Debug for Materials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Materials")
    }
}

impl Materials {
    /// What a listener has to say to its clients, where it speaks TLS.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.listeners.get(name).map(Arc::clone)
    }

    /// What a pool has to say to its backends, where it speaks TLS with one of them.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<Arc<ClientConfig>> {
        self.pools.get(name).map(Arc::clone)
    }

    /// A pool that speaks TLS with a backend, and for which nothing was read.
    #[must_use]
    pub fn lacking<'a>(&self, config: &'a Config) -> Option<&'a PoolConfig> {
        config.pools.iter().find(|pool| {
            let speaks_tls = pool.backends.iter().any(|it| it.tls.is_some());
            speaks_tls && !self.pools.contains_key(&pool.name)
        })
    }

    /// The same, with what there was `before` for pools that go.
    #[must_use]
    pub fn beside(&self, before: &Self) -> Self {
        let mut all = self.clone();
        for (name, tls) in &before.pools {
            let known = all.pools.entry(Arc::clone(name));
            known.or_insert_with(|| Arc::clone(tls));
        }
        all
    }

    /// What was read that is not what was read `before`, a sentence each.
    #[must_use]
    pub fn news(&self, before: &Self) -> Vec<String> {
        let all: BTreeSet<&PathBuf> = self.read.keys().chain(before.read.keys()).collect();
        let told = all.into_iter().filter_map(|path| {
            let [was, is] = [before, self].map(|it| it.read.get(path).copied().flatten());
            let word = match (was, is) {
                (Some(was), Some(is)) if was != is => "changed",
                (None, Some(_)) => "added",
                (Some(_), None) => "removed",
                (Some(_), Some(_)) | (None, None) => return None,
            };
            Some(format!("{} {word}", path.display()))
        });
        told.collect()
    }

    /// Whether something else is there now than what was read, at a path that was read.
    #[must_use]
    pub fn is_outdated(&self, path: &Path) -> bool {
        let now = || match path.is_dir() {
            true => entries(path).ok().map(|it| digest(&it)),
            false => bytes(path).ok().map(|it| digest(&it)),
        };
        self.read.get(path).is_some_and(|known| *known != now())
    }

    /// The files and folders that it was read from.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.read.keys().cloned().collect()
    }
}
