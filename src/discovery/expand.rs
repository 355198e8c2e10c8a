//! From a configuration with names to one whose backends all have an address. Pure.
//!
//! An entry with an address stays as it is. A name becomes a backend for each of its addresses, a
//! service one for each address of its servers. Of several entries that lead to the same address the
//! first one counts. An answer in another order changes nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use super::answers::{Answers, Question, ServiceRecord, is_loopback};
use crate::config::{BackendConfig, Config, PoolConfig, Target};

/// The most backends that one entry may become: what DNS says is bounded here.
pub(super) const MOST_BACKENDS: usize = 1000;

/// A configuration, expanded.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// All backends in it have an address.
    pub config: Config,
    /// Of which entries not all addresses are used, a sentence each.
    pub cut: BTreeSet<String>,
}

/// What has to be asked for a configuration.
#[must_use]
pub fn questions(config: &Config) -> BTreeSet<Question> {
    let entries = config.pools.iter().flat_map(|pool| &pool.backends);
    entries.filter_map(|it| question(&it.target)).collect()
}

/// What has to be asked for a target, if it is none that is known by itself.
#[must_use]
pub fn question(target: &Target) -> Option<Question> {
    match target {
        Target::Name { host, .. } if !is_loopback(host) => Some(Question::Host(Arc::clone(host))),
        Target::Service(name) => Some(Question::Service(Arc::clone(name))),
        Target::Address(_) | Target::Name { .. } => None,
    }
}

/// `config` with backends in the place of names.
#[must_use]
pub fn expand(config: &Config, answers: &Answers) -> Expansion {
    let mut cut = BTreeSet::new();
    let mut config = config.clone();
    for pool in &mut config.pools {
        pool.backends = backends(pool, answers, &mut cut);
    }
    Expansion { config, cut }
}

fn backends(
    pool: &PoolConfig,
    answers: &Answers,
    cut: &mut BTreeSet<String>,
) -> Vec<BackendConfig> {
    let mut names = HashSet::new();
    // Whether whoever has an address was found by a name.
    let mut taken: HashMap<Target, bool> = HashMap::new();
    let mut backends = Vec::new();
    for entry in &pool.backends {
        let by_name = question(&entry.target).is_some();
        let mut all = of_entry(entry, answers);
        if all.len() > MOST_BACKENDS {
            let (name, target, count) = (&pool.name, &entry.target, all.len());
            cut.insert(format!(
                "pool {name}: {target} stands for {count} backends: the first {MOST_BACKENDS} are used"
            ));
            all.truncate(MOST_BACKENDS);
        }
        for backend in all {
            // Two entries may well say the same address: whoever wrote it twice has meant it.
            let is_other = match taken.get(&backend.target) {
                None => true,
                Some(found_by_name) => !by_name && !found_by_name,
            };
            if is_other && names.insert(Arc::clone(&backend.name)) {
                taken.insert(backend.target.clone(), by_name);
                backends.push(backend);
            }
        }
    }
    backends
}

/// What an entry stands for, whatever else there is in its pool.
#[must_use]
pub fn of_entry(entry: &BackendConfig, answers: &Answers) -> Vec<BackendConfig> {
    let at = |host: &str, port| {
        let addresses = answers.addresses(host).into_iter();
        addresses.map(move |ip| SocketAddr::new(ip, port))
    };
    match &entry.target {
        Target::Address(_) => vec![entry.clone()],
        Target::Name { host, port } if is_loopback(host) => at(host, *port)
            .map(|address| BackendConfig {
                target: address.into(),
                ..entry.clone()
            })
            .collect(),
        Target::Name { host, port } => at(host, *port)
            .map(|address| discovered(entry, address))
            .collect(),
        Target::Service(name) => {
            let records = answers.services.get(name).map_or(&[][..], |it| it);
            let first = records.iter().map(|it| it.priority).min();
            let of_record = |record: &ServiceRecord| {
                let (is_first, weight) = (Some(record.priority) == first, record.weight);
                let addresses: Vec<_> = at(&record.host, record.port).collect();
                addresses.into_iter().map(move |address| BackendConfig {
                    weight: share(entry.weight, weight),
                    backup: entry.backup || !is_first,
                    ..discovered(entry, address)
                })
            };
            let mut all: Vec<_> = records.iter().flat_map(of_record).collect();
            all.sort_by_key(|it| (it.backup, place(it), u16::MAX - it.weight));
            let mut seen = HashSet::new();
            all.retain(|it| seen.insert(place(it)));
            all
        }
    }
}

/// The backend of an entry that is at one of several addresses.
fn discovered(entry: &BackendConfig, address: SocketAddr) -> BackendConfig {
    let is_named = *entry.name != *entry.target.to_string();
    let name = if is_named {
        format!("{}@{address}", entry.name)
    } else {
        address.to_string()
    };
    BackendConfig {
        name: name.into(),
        target: address.into(),
        ..entry.clone()
    }
}

/// The weight of an entry times that of a record, of which 0 means next to nothing (RFC 2782).
fn share(entry: u16, record: u16) -> u16 {
    entry.saturating_mul(record.max(1))
}

/// Where a backend is that has been expanded.
fn place(backend: &BackendConfig) -> Option<SocketAddr> {
    match backend.target {
        Target::Address(address) => Some(address),
        Target::Name { .. } | Target::Service(_) => None,
    }
}

/// So many addresses are named in a line of the log.
const MOST_TOLD: usize = 10;

/// What is different in the entries of `config` by `after` from what was by `before`, a sentence each.
#[must_use]
pub fn news(config: &Config, before: &Answers, after: &Answers) -> Vec<String> {
    let mut news = Vec::new();
    for pool in &config.pools {
        for entry in pool
            .backends
            .iter()
            .filter(|it| question(&it.target).is_some())
        {
            let [was, is] = [before, after].map(|answers| of_entry(entry, answers));
            if was != is {
                let (name, target) = (&pool.name, &entry.target);
                let change = difference(&was, &is);
                news.push(format!("pool {name}: {change} ({target})"));
            }
        }
    }
    news
}

/// `+10.0.0.3:80 -10.0.0.1:80`.
fn difference(was: &[BackendConfig], is: &[BackendConfig]) -> String {
    let places = |of: &[BackendConfig]| of.iter().filter_map(place).collect::<HashSet<_>>();
    let (old, new) = (places(was), places(is));
    let come = is.iter().filter_map(place).filter(|it| !old.contains(it));
    let gone = was.iter().filter_map(place).filter(|it| !new.contains(it));
    let come = come.map(|it| format!("+{it}"));
    let mut texts: Vec<String> = come.chain(gone.map(|it| format!("-{it}"))).collect();
    if texts.is_empty() {
        return "other weights or priorities".to_owned();
    }
    let untold = texts.len().saturating_sub(MOST_TOLD);
    texts.truncate(MOST_TOLD);
    if untold > 0 {
        texts.push(format!("and {untold} more"));
    }
    texts.join(" ")
}
