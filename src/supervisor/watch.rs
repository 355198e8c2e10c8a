//! Watches the configuration file, the files of backends and those of TLS, and says when one may have
//! changed.
//!
//! What is watched is the folder: editors put another file in the place of the old one, and Kubernetes
//! swaps a link beside it. So every stir in a folder is followed by a look at the files' texts, after
//! a moment in which nothing stirs; what is still the same is nobody's business. A folder that is
//! itself replaced is followed from the next reload on.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Handle, launch};
use crate::discovery::listed;
use crate::reason;

/// How long nothing has to stir before files are read: a file may be written in several steps.
const SETTLED: Duration = Duration::from_millis(100);

/// How often that is waited for, in a folder in which something stirs all the time.
const PATIENCE: u32 = 10;

/// Stirs that may wait; one is as good as many.
const STIRS: usize = 1;

/// The files that are watched; its thread lives as long as the process.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    /// The folder of the configuration file.
    home: PathBuf,
    /// All that are watched.
    folders: BTreeSet<PathBuf>,
    /// The files of backends and of TLS.
    files: Arc<Mutex<Vec<PathBuf>>>,
    stir: Sender<()>,
}

impl Watch {
    /// Starts to watch the configuration file at `path`.
    pub(super) fn start(path: &Path, handle: Handle) -> Result<Self, String> {
        let cannot = |error: String| cannot_watch(path, &error);
        let home = folder(path).map_err(|error| cannot(reason::of(&error)))?;
        let (stir, stirs) = bounded(STIRS);
        let stirred = stir.clone();
        let told = move |event: notify::Result<notify::Event>| {
            // Reading is no change: it would have the file read again and again.
            if !event.is_ok_and(|it| it.kind.is_access()) {
                let _ = stirred.try_send(());
            }
        };
        let mut watcher =
            notify::recommended_watcher(told).map_err(|error| cannot(error.to_string()))?;
        watcher
            .watch(&home, RecursiveMode::NonRecursive)
            .map_err(|error| cannot(error.to_string()))?;
        let files = Arc::default();
        let mut looks = Looks {
            config: (path.to_owned(), text(path)),
            known: HashMap::new(),
            files: Arc::clone(&files),
            handle,
        };
        launch::spawn("watch", move || looks.run(&stirs))
            .map_err(|error: io::Error| cannot(error.to_string()))?;
        Ok(Self {
            watcher,
            folders: BTreeSet::from([home.clone()]),
            home,
            files,
            stir,
        })
    }

    /// Watches these files from now on, and no others; folders that are other ones by now
    /// are watched anew. A sentence for each that it cannot watch.
    pub(super) fn follow(&mut self, files: &[PathBuf]) -> Vec<String> {
        let mut folders = BTreeSet::from([self.home.clone()]);
        let mut complaints = Vec::new();
        for file in files {
            match folder(file) {
                Ok(folder) => _ = folders.insert(folder),
                Err(error) => complaints.push(cannot_watch(file, &reason::of(&error))),
            }
        }
        for gone in self.folders.difference(&folders) {
            // A folder that is not there any more is not watched either.
            let _ = self.watcher.unwatch(gone);
        }
        for folder in &folders {
            if let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
                complaints.push(cannot_watch(folder, &error.to_string()));
            }
        }
        self.folders = folders;
        let mut followed = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.clone_into(&mut followed);
        // They may have changed since they were read.
        let _ = self.stir.try_send(());
        complaints
    }
}

fn cannot_watch(path: &Path, why: &str) -> String {
    format!("cannot watch {}: {why}", path.display())
}

/// The folder of a file, which is there.
fn folder(path: &Path) -> io::Result<PathBuf> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::canonicalize(folder),
        _ => fs::canonicalize("."),
    }
}

/// What a file says, or which files a folder has.
fn text(path: &Path) -> Option<Vec<u8>> {
    if !path.is_dir() {
        return listed::bytes(path).ok();
    }
    let entries = fs::read_dir(path).ok()?;
    let mut names: Vec<_> = entries.flatten().map(|it| it.file_name()).collect();
    names.sort_unstable();
    let names = names.iter().map(|it| it.as_encoded_bytes());
    Some(names.collect::<Vec<_>>().join(&b'\n'))
}

/// What the thread looks at.
struct Looks {
    /// The configuration file, and its text.
    config: (PathBuf, Option<Vec<u8>>),
    /// The texts of these that were told of last.
    known: HashMap<PathBuf, Vec<u8>>,
    files: Arc<Mutex<Vec<PathBuf>>>,
    handle: Handle,
}

impl Looks {
    fn run(&mut self, stirs: &Receiver<()>) {
        while stirs.recv().is_ok() {
            let stirs_on = || stirs.recv_timeout(SETTLED).is_ok();
            (0..PATIENCE).take_while(|_| stirs_on()).for_each(drop);
            self.look();
        }
    }

    /// Tells of each file with another text. One that is away for a moment, or for good, changes nothing.
    fn look(&mut self) {
        let (path, known) = &mut self.config;
        let now = text(path);
        if now.is_some() && now != *known {
            *known = now;
            self.handle.reload();
        }
        let files = self.files.lock();
        let files = files.unwrap_or_else(PoisonError::into_inner).clone();
        self.known.retain(|path, _| files.contains(path));
        for path in files {
            if let Some(now) = text(&path)
                && self.known.get(&path) != Some(&now)
            {
                self.known.insert(path.clone(), now);
                self.handle.stirred(path);
            }
        }
    }
}
