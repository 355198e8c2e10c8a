//! Starts and joins the threads, owns the configuration, turns signals into drain and stop.
//!
//! It is also the one that logs, through the journal: workers, health and the access log tell it
//! what happened, so that a log sink that blocks holds up nobody. `launch` starts, `reload` puts the
//! new in the place of the old, `found` serves what discovery finds, `telling` has the words of the log.

mod answers;
mod certificates;
mod changes;
mod chronicle;
mod explanation;
mod foresight;
mod found;
mod launch;
mod listeners;
mod moment;
mod overview;
mod pacing;
mod registry;
mod reload;
mod sampling;
mod scaling;
mod scrape;
mod sentence;
mod service;
mod sessions;
mod telling;
mod watch;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select, tick};
use log::Level::{Error, Info, Warn};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::access_log::{AccessLog, Counts, WriterThread};
use crate::admin::AdminThread;
use crate::config::{Config, Source};
use crate::descriptors::Budget;
use crate::discovery::Discovery;
use crate::discovery::answers::Answers;
use crate::journal::Journal;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::metrics::WorkerTally;
use crate::pool::Backend;
use crate::reason;
use crate::requests::overview::Overview;
use crate::requests::{Reloaded, Request};
use chronicle::Chronicle;
use pacing::Pacing;
use registry::Registry;
use reload::Wanted;
use sampling::Sampler;
use scaling::Scaling;
use scrape::Reloads;
use service::Watchdog;
use watch::Watch;

/// How long the access log may take to write what is queued when everything else has ended.
const LAST_LINES: Duration = Duration::from_secs(2);

/// A running l4lb: all its threads but this one, which has to [`Process::run`].
pub struct Process {
    /// What is to be served.
    wanted: Wanted,
    /// Where a reload takes the next one from.
    source: Option<Source>,
    /// Counts the configurations that were applied.
    generation: u64,
    budget: Budget,
    registry: Registry,
    discovery: Discovery,
    /// What names stand for, by what is served.
    answers: Arc<Answers>,
    /// Of which entries not all addresses are used, as was said.
    cut: BTreeSet<String>,
    watch: Option<Watch>,
    /// Drains whose sessions are ended at a steady rate, and when that goes on.
    paced: Vec<Pacing>,
    steps: Receiver<Instant>,
    scaling: Scaling,
    /// A diff that is worked out has it as well.
    foresight: Arc<()>,
    chronicle: Chronicle,
    /// What each worker counts of itself.
    tallies: Arc<[Arc<WorkerTally>]>,
    reloads: Reloads,
    sampler: Sampler,
    /// The newest overview, until the next sample is taken, or something is changed.
    overview: Option<Arc<Overview>>,
    started: Instant,
    journal: Journal,
    handle: Handle,
    events: Receiver<Event>,
    workers: Vec<Mailbox<ToWorker>>,
    /// Workers that have not ended.
    running: usize,
    watchdog: Option<Watchdog>,
    health: Mailbox<ToHealth>,
    access_log: Option<AccessLog>,
    /// Those of the access log, and of earlier ones of which lines may be left.
    writers: Vec<WriterThread>,
    /// How many lines all of them have written.
    log_counts: Arc<Counts>,
    /// The admin API, and where it is.
    admin: Option<(String, AdminThread)>,
    health_thread: JoinHandle<()>,
    /// Stop signals so far.
    stops: u32,
}

/// What other threads can want of a running l4lb.
#[derive(Clone)]
pub struct Handle {
    events: Sender<Event>,
}

impl Handle {
    /// Has the configuration file read again.
    pub fn reload(&self) {
        self.signal(SIGHUP);
    }

    /// Has a file of backends read again.
    fn stirred(&self, path: PathBuf) {
        let _ = self.events.send(Event::Stirred(path));
    }

    /// As if this signal had come. A process that has ended does nothing.
    pub fn signal(&self, signal: i32) {
        let _ = self.events.send(Event::Signal(signal));
    }

    /// Asks something of it; it is answered in its own time.
    ///
    /// # Errors
    ///
    /// The request, where too many wait already, or the process has ended.
    pub fn ask(&self, request: Request) -> Result<(), Request> {
        let Err(unsent) = self.events.try_send(Event::Asked(request)) else {
            return Ok(());
        };
        match unsent.into_inner() {
            Event::Asked(request) => Err(request),
            _ => Ok(()),
        }
    }
}

/// Runs l4lb until a signal ends it. Calls `ready` with every bound listener once all are.
///
/// # Errors
///
/// A sentence that says what could not be done: which address not be bound, which file not opened.
pub fn run(
    config: Config,
    source: Option<Source>,
    ready: impl FnOnce(&[(Arc<str>, SocketAddr)]),
) -> Result<(), String> {
    let mut process = Process::start(config, source)?;
    watch_signals(process.handle())
        .map_err(|error| format!("cannot start: {}", reason::of(&error)))?;
    if let Some(source) = &process.source {
        match Watch::start(source.path(), process.handle()) {
            Ok(watch) => process.watch = Some(watch),
            Err(why) => process.journal.say(Warn, format!("{why}; HUP works")),
        }
        process.watch_files();
    }
    // Only now, with signals in hand: who waits for these lines may send one at once.
    ready(&process.listeners());
    process.run()
}

/// Signals arrive in a thread of their own and leave it as events.
fn watch_signals(handle: Handle) -> io::Result<()> {
    // Whoever has started l4lb may have it ignored, and then no command could be waited for (wait(2)).
    signal_hook::flag::register(SIGCHLD, Arc::default())?;
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
    pub fn start(config: Config, source: Option<Source>) -> Result<Self, String> {
        launch::process(config, source)
    }

    /// The bound listeners by name, with their real ports.
    #[must_use]
    pub fn listeners(&self) -> Vec<(Arc<str>, SocketAddr)> {
        self.registry.bound()
    }

    /// The backends of all pools that are served now, in the order of the configuration.
    #[must_use]
    pub fn served(&self) -> Vec<Arc<Backend>> {
        let pools = self.registry.pools().iter();
        pools.flat_map(|it| it.backends.clone()).collect()
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
        telling::limits(
            &self.journal,
            &self.budget,
            self.wanted.config.max_connections,
        );
        if let Some((address, _)) = &self.admin {
            self.journal.say(Info, format!("admin API on {address}"));
        }
        service::ready(&self.summary());
        let _ = self.scaling.follow(&self.wanted.config);
        let ticks = self
            .watchdog
            .as_ref()
            .map_or_else(never, |it| tick(it.interval));
        let seconds = tick(sampling::SECOND);
        let result = loop {
            let event = select! {
                recv(self.events) -> event => event,
                recv(seconds) -> _ => {
                    self.sample();
                    continue;
                }
                recv(self.steps) -> _ => {
                    self.keep_pace();
                    continue;
                }
                recv(self.scaling.ticks) -> now => {
                    now.into_iter().for_each(|now| self.look_at_scales(now));
                    continue;
                }
                recv(ticks) -> _ => {
                    self.feed_watchdog();
                    continue;
                }
            };
            match event {
                Ok(Event::Signal(signal)) => self.signal(signal),
                Ok(Event::Ended(Ok(()))) if self.stops > 0 => {
                    self.running -= 1;
                    if self.running == 0 {
                        break Ok(());
                    }
                }
                Ok(Event::Ended(Ok(()))) => break Err("the worker thread has ended".to_owned()),
                Ok(Event::Ended(Err(why))) => break Err(why),
                Ok(Event::Asked(request)) => self.answer(request),
                Ok(Event::Discovered(news)) => self.discovered(news),
                Ok(Event::Stirred(path)) => self.stirred(&path),
                Ok(Event::Ran(number, ran)) => self.command_ended(number, ran),
                Ok(event) => self.tell(event),
                Err(_) => break Err("all threads have ended".to_owned()),
            }
        };
        self.end();
        result
    }

    /// Ends all threads, those last that write down what the others said.
    fn end(mut self) {
        self.tell_workers(|| ToWorker::Stop);
        self.await_commands();
        self.health.send(ToHealth::Stop);
        if self.health_thread.join().is_err() {
            self.journal.say(Error, "the health thread panicked");
        }
        if let Some((_, admin)) = self.admin {
            admin.stop();
        }
        drop(self.access_log); // those of the workers are gone: the writer ends with this one
        for writer in self.writers {
            writer.finish(LAST_LINES);
        }
        // What was said last, such as that lines of the access log were dropped.
        for (level, line) in self.events.try_iter().filter_map(telling::event) {
            self.journal.say(level, line);
        }
        self.journal.finish(LAST_LINES);
    }

    fn feed_watchdog(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.feed(&self.workers, self.running, &self.health);
        }
    }

    /// Logs an event, and tells whoever has subscribed.
    fn tell(&mut self, event: Event) {
        self.overview = None;
        let is_of_backend = matches!(event, Event::Transition { .. });
        let kind = if is_of_backend { "backend" } else { "process" };
        if let Some((level, line)) = telling::event(event) {
            self.happened(kind, &line);
            if self.stops == 0 {
                service::status(&self.summary());
            }
            self.journal.say(level, line);
        }
    }

    fn reload_and_tell(&mut self) -> Result<Reloaded, String> {
        let reloaded = if self.stops > 0 {
            Err("l4lb is draining".to_owned())
        } else {
            service::reloading();
            let reloaded = self.reload();
            service::ready(&self.summary());
            reloaded
        };
        self.note_reload(&reloaded);
        match &reloaded {
            Ok(it) => telling::reloaded(&self.journal, it),
            Err(why) => self.journal.say(Error, format!("not reloaded: {why}")),
        }
        let text = match &reloaded {
            Ok(it) => format!("generation {}: {}", it.generation, it.changes.join(", ")),
            Err(why) => format!("failed: {why}"),
        };
        self.happened("reload", &text);
        reloaded
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
                    let time = self.wanted.config.drain_timeout;
                    let text = humantime::format_duration(time);
                    let line = format!("draining: sessions have {text} to end");
                    self.happened("drain", &line);
                    self.journal.say(Info, line);
                    service::stopping();
                    self.scaling.end();
                    self.registry.close();
                    self.tell_workers(|| ToWorker::Drain(time));
                } else {
                    self.journal.say(Info, "stopping at once");
                    self.scaling.kill();
                    self.tell_workers(|| ToWorker::Stop);
                }
            }
            SIGUSR1 => match &self.access_log {
                Some(log) if !log.reopen() => {
                    self.journal
                        .say(Warn, "the access log is stuck: not reopened");
                }
                Some(_) => self.journal.say(Info, "the access log is reopened"),
                None => {}
            },
            SIGHUP => _ = self.reload_and_tell(),
            _ => {
                self.journal
                    .say(Warn, "replacing the running binary (USR2) is not supported");
            }
        }
    }
}
