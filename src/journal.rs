//! The operational log, written by a thread of its own.
//!
//! A sink that blocks, such as the pipe of a paused pager, then holds up nobody: what does not fit
//! into the queue is dropped. Imports nothing of ours. Fed by supervisor alone.

use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use log::Level;

/// Lines that may wait.
const QUEUE_LINES: usize = 1024;

/// Takes lines for the operational log.
pub struct Journal {
    queue: Sender<(Level, String)>,
    done: Receiver<()>,
}

impl Journal {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// What the system says where it gives no thread.
    pub fn start() -> io::Result<Self> {
        let (queue, lines) = bounded::<(Level, String)>(QUEUE_LINES);
        let (alive, done) = bounded(0);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                for (level, line) in lines {
                    log::log!(target: "l4lb", level, "{line}");
                }
                drop(alive);
            })?;
        Ok(Self { queue, done })
    }

    /// Queues a line, unless the queue is full. Never waits.
    pub fn say(&self, level: Level, line: impl Into<String>) {
        if level <= log::max_level() {
            let _ = self.queue.try_send((level, line.into()));
        }
    }

    /// Waits until everything queued is written, but not for ever.
    pub fn finish(self, patience: Duration) {
        drop(self.queue);
        let _ = self.done.recv_timeout(patience);
    }
}
