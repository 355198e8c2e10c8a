//! Starts and joins the threads, owns the configuration, turns signals into drain and stop.
//!
//! It is also the one that logs, through the journal: workers, health and the access log tell it
//! what happened, so that a log sink that blocks holds up nobody. `launch` starts, `telling` has the
//! words of the log.

mod launch;
mod telling;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use log::Level::{Error, Info, Warn};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::access_log::{AccessLog, WriterThread};
use crate::config::Config;
use crate::descriptors::Budget;
use crate::journal::Journal;
use crate::messages::{Event, Mailbox, Order, ToHealth, ToWorker};
use crate::pool::{Backend, BackendId};
use crate::reason;

/// How long the access log may take to write what is queued when everything else has ended.
const LAST_LINES: Duration = Duration::from_secs(2);

/// A running l4lb: all its threads but this one, which has to [`Process::run`].
pub struct Process {
    config: Arc<Config>,
    budget: Budget,
    journal: Journal,
    bound: Vec<(Arc<str>, SocketAddr)>,
    handle: Handle,
    events: Receiver<Event>,
    workers: Vec<Mailbox<ToWorker>>,
    /// Workers that have not ended.
    running: usize,
    health: Mailbox<ToHealth>,
    access_log: Option<(AccessLog, WriterThread)>,
    health_thread: JoinHandle<()>,
    /// Stop signals so far.
    stops: u32,
}

/// What other threads can want of a running l4lb.
#[derive(Clone)]
pub struct Handle {
    events: Sender<Event>,
    health: Mailbox<ToHealth>,
    backends: Vec<Arc<Backend>>,
}

impl Handle {
    /// As if this signal had come. A process that has ended does nothing.
    pub fn signal(&self, signal: i32) {
        let _ = self.events.send(Event::Signal(signal));
    }

    /// Brings a backend into the state that an operator wants.
    pub fn order(&self, backend: BackendId, order: Order) {
        self.health.send(ToHealth::Order(backend, order));
    }

    /// The backends of all pools, in the order of the configuration.
    #[must_use]
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }
}

/// Runs l4lb until a signal ends it. Calls `ready` with every bound listener once all are.
///
/// # Errors
///
/// A sentence that says what could not be done: which address not be bound, which file not opened.
pub fn run(config: Config, ready: impl FnOnce(&[(Arc<str>, SocketAddr)])) -> Result<(), String> {
    let process = Process::start(config)?;
    watch_signals(process.handle())
        .map_err(|error| format!("cannot start: {}", reason::of(&error)))?;
    // Only now, with signals in hand: who waits for these lines may send one at once.
    ready(process.listeners());
    process.run()
}

/// Signals arrive in a thread of their own and leave it as events.
fn watch_signals(handle: Handle) -> io::Result<()> {
    let all = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2];
    let mut signals = signal_hook::iterator::Signals::new(all)?;
    launch::spawn("signals", move || {
        for signal in signals.forever() {
            handle.signal(signal);
        }
    })?;
    Ok(())
}

impl Process {
    /// Binds all listeners and starts all threads. It takes no signals by itself.
    ///
    /// # Errors
    ///
    /// A sentence that says what could not be done.
    pub fn start(config: Config) -> Result<Self, String> {
        launch::process(config)
    }

    /// The bound listeners by name, with their real ports.
    #[must_use]
    pub fn listeners(&self) -> &[(Arc<str>, SocketAddr)] {
        &self.bound
    }

    /// For other threads.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Sees to events until the workers have ended.
    ///
    /// # Errors
    ///
    /// A sentence that says which thread could not go on, and why.
    pub fn run(mut self) -> Result<(), String> {
        telling::limits(&self.journal, &self.budget, self.config.max_connections);
        let result = loop {
            match self.events.recv() {
                Ok(Event::Signal(signal)) => self.signal(signal),
                Ok(Event::Ended(Ok(()))) if self.stops > 0 => {
                    self.running -= 1;
                    if self.running == 0 {
                        break Ok(());
                    }
                }
                Ok(Event::Ended(Ok(()))) => break Err("the worker thread has ended".to_owned()),
                Ok(Event::Ended(Err(why))) => break Err(why),
                Ok(event) => telling::event(&self.journal, event),
                Err(_) => break Err("all threads have ended".to_owned()),
            }
        };
        self.tell_workers(|| ToWorker::Stop);
        self.health.send(ToHealth::Stop);
        if self.health_thread.join().is_err() {
            self.journal.say(Error, "the health thread panicked");
        }
        if let Some((log, writer)) = self.access_log {
            drop(log); // the worker's one is gone: the writer ends with this one
            writer.finish(LAST_LINES);
        }
        // What was said last, such as that lines of the access log were dropped.
        self.events
            .try_iter()
            .for_each(|event| telling::event(&self.journal, event));
        self.journal.finish(LAST_LINES);
        result
    }

    fn tell_workers(&self, message: impl Fn() -> ToWorker) {
        self.workers
            .iter()
            .for_each(|worker| worker.send(message()));
    }

    fn signal(&mut self, signal: i32) {
        match signal {
            SIGTERM | SIGINT => {
                self.stops += 1;
                if self.stops == 1 {
                    let time = self.config.drain_timeout;
                    let text = humantime::format_duration(time);
                    self.journal
                        .say(Info, format!("draining: sessions have {text} to end"));
                    self.tell_workers(|| ToWorker::Drain(time));
                } else {
                    self.journal.say(Info, "stopping at once");
                    self.tell_workers(|| ToWorker::Stop);
                }
            }
            SIGUSR1 => match &self.access_log {
                Some((log, _)) if !log.reopen() => {
                    self.journal
                        .say(Warn, "the access log is stuck: not reopened");
                }
                Some(_) => self.journal.say(Info, "the access log is reopened"),
                None => {}
            },
            SIGHUP => self
                .journal
                .say(Warn, "nothing to reload: l4lb runs from flags"),
            _ => {
                self.journal
                    .say(Warn, "replacing the running binary (USR2) is not supported");
            }
        }
    }
}
