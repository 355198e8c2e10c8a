//! Files of backends: what was read of them last, and a configuration that has it.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::config::file::{self, MOST_BYTES};
use crate::config::{BackendConfig, Config};
use crate::reason;

/// The last good content of each file.
pub type Files = HashMap<PathBuf, Arc<[BackendConfig]>>;

/// Why a file of backends cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// It is not there, or cannot be read: a sentence. It may come.
    Missing(String),
    /// It is wrong: a picture of each error, with its place.
    Wrong(String),
}

/// Reads a file of backends, of which nobody knows how long it is.
///
/// # Errors
///
/// Why it cannot be used; pictures may have colours.
pub fn read(path: &Path, coloured: bool) -> Result<Vec<BackendConfig>, Unlisted> {
    let name = path.display().to_string();
    let bytes = bytes(path).map_err(|error| {
        let why = reason::of(&error);
        Unlisted::Missing(format!("cannot read {name}: {why}"))
    })?;
    let backends = file::backends(&name, &bytes);
    backends.map_err(|faults| Unlisted::Wrong(faults.render(coloured).trim_end().to_owned()))
}

/// What is in a file, as far as a file may go. A pipe, at which one could wait for ever, is none.
///
/// # Errors
///
/// What the kernel says, or that it is no file.
pub fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The content of the files that `config` names, and a sentence for each that is not there, which stays
/// as it is `known`.
///
/// # Errors
///
/// A picture of each error in any of them, perhaps with colours.
pub fn read_all(
    config: &Config,
    known: &Files,
    coloured: bool,
) -> Result<(Files, Vec<String>), String> {
    let (mut files, mut missing, mut wrong) = (Files::new(), Vec::new(), Vec::new());
    for path in paths(config) {
        match read(&path, coloured) {
            Ok(backends) => _ = files.insert(path, backends.into()),
            Err(Unlisted::Wrong(pictures)) => wrong.push(pictures),
            Err(Unlisted::Missing(why)) => match known.get(&path).map(Arc::clone) {
                Some(before) => {
                    missing.push(format!("{why}: what it had stays"));
                    files.insert(path, before);
                }
                None => missing.push(format!("{why}: it may come")),
            },
        }
    }
    if wrong.is_empty() {
        Ok((files, missing))
    } else {
        Err(wrong.join("\n"))
    }
}

/// The files that a configuration names, each once.
#[must_use]
pub fn paths(config: &Config) -> Vec<PathBuf> {
    let named = config
        .pools
        .iter()
        .filter_map(|it| it.backends_file.clone());
    let mut paths: Vec<PathBuf> = named.collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// `config` with what its files say behind what it says itself. Of two backends with a name the first
/// one counts.
#[must_use]
pub fn with_files(config: &Config, files: &Files) -> Config {
    let mut config = config.clone();
    for pool in &mut config.pools {
        let listed = pool.backends_file.as_ref().and_then(|it| files.get(it));
        let said: HashSet<_> = pool
            .backends
            .iter()
            .map(|it| Arc::clone(&it.name))
            .collect();
        let listed = listed.iter().flat_map(|it| it.iter());
        let others = listed.filter(|it| !said.contains(&it.name));
        pool.backends.extend(others.cloned());
    }
    config
}
