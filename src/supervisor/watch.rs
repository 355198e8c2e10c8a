//! Watches the configuration file, and asks for a reload when it may have changed.
//!
//! What is watched is the folder: editors put another file in the place of the old one, and Kubernetes
//! swaps a link beside it. So every stir in the folder is followed by a look at the file's text, after
//! a moment in which nothing stirs; what is still the same is nobody's business. A folder that is
//! itself replaced is not followed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::{Handle, launch};

/// How long nothing has to stir before the file is read: a file may be written in several steps.
const SETTLED: Duration = Duration::from_millis(100);

/// How often that is waited for, in a folder in which something stirs all the time.
const PATIENCE: u32 = 10;

/// Stirs that may wait; one is as good as many.
const STIRS: usize = 1;

/// Starts to watch; the thread lives as long as the process.
pub(super) fn start(path: &Path, handle: Handle) -> Result<(), String> {
    let cannot = |error: String| format!("cannot watch {}: {error}", path.display());
    let path = fs::canonicalize(folder(path))
        .map(|folder| folder.join(path.file_name().unwrap_or_default()))
        .map_err(|error| cannot(error.to_string()))?;
    let (sender, stirs) = bounded(STIRS);
    let stir = move |event: notify::Result<notify::Event>| {
        // Reading is no change: it would have the file read again and again.
        if !event.is_ok_and(|it| it.kind.is_access()) {
            let _ = sender.try_send(());
        }
    };
    let mut watcher =
        notify::recommended_watcher(stir).map_err(|error| cannot(error.to_string()))?;
    watcher
        .watch(&folder(&path), RecursiveMode::NonRecursive)
        .map_err(|error| cannot(error.to_string()))?;
    let known = text(&path);
    launch::spawn("watch", move || {
        watch(&path, known, &stirs, watcher, &handle)
    })
    .map(drop)
    .map_err(|error: io::Error| cannot(error.to_string()))
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn text(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}

fn watch(
    path: &Path,
    mut known: Option<Vec<u8>>,
    stirs: &Receiver<()>,
    _watcher: RecommendedWatcher,
    handle: &Handle,
) {
    while stirs.recv().is_ok() {
        let stirs_on = || stirs.recv_timeout(SETTLED).is_ok();
        (0..PATIENCE).take_while(|_| stirs_on()).for_each(drop);
        let now = text(path);
        // A file that is away for a moment, or for good, changes nothing.
        if now.is_some() && now != known {
            known = now;
            handle.reload();
        }
    }
}
