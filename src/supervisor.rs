//! Starts and joins the threads, owns the configuration, turns signals into drain and stop.
//!
//! It is also the one that logs, through the journal: workers, health and the access log tell it
//! what happened, so that a log sink that blocks holds up nobody.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use log::Level::{Error, Info, Warn};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::access_log::{self, AccessLog, WriterThread};
use crate::config::{AccessLogOutput, BackendConfig, Config, PoolConfig};
use crate::descriptors::{self, Budget};
use crate::health::Prober;
use crate::journal::Journal;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::pool::{Backend, BackendId, LiveSet, Members};
use crate::reason;
use crate::worker::{Listener, Worker, WorkerSetup};

/// Events that may wait for the supervisor; what does not fit is not logged.
const EVENTS: usize = 1024;

/// How long the access log may take to write what is queued when everything else has ended.
const LAST_LINES: Duration = Duration::from_secs(2);

/// All threads of a running process.
struct Supervisor {
    config: Arc<Config>,
    journal: Journal,
    events: Receiver<Event>,
    worker: Mailbox<ToWorker>,
    health: Mailbox<ToHealth>,
    access_log: Option<(AccessLog, WriterThread)>,
    health_thread: JoinHandle<()>,
    /// Stop signals so far.
    stops: u32,
}

/// Runs l4lb until a signal ends it. Calls `ready` with every bound listener once all are.
///
/// # Errors
///
/// A sentence that says what could not be done: which address not be bound, which file not opened.
pub fn run(config: Config, ready: impl FnOnce(&[(Arc<str>, SocketAddr)])) -> Result<(), String> {
    let config = Arc::new(config);
    let backends = config
        .pools
        .iter()
        .map(|pool| pool.backends.len())
        .sum::<usize>();
    let addresses = config
        .listeners
        .iter()
        .map(|it| it.addresses.len())
        .sum::<usize>();
    let budget = descriptors::budget(addresses + backends, config.max_connections)?;
    let listeners = bind(&config)?;
    let (sender, events) = bounded(EVENTS);
    let access_log = open_access_log(&config.access_log, &sender)?;
    let cannot_start = |error: io::Error| format!("cannot start: {}", reason::of(&error));
    watch_signals(sender.clone()).map_err(cannot_start)?;
    // Only now, with signals in hand: who waits for these lines may send one at once.
    let name = |place: usize| Arc::clone(&config.listeners[place].name);
    let bound = listeners
        .iter()
        .map(|(place, it)| (name(*place), it.address()));
    ready(&bound.collect::<Vec<_>>());
    let journal = Journal::start().map_err(cannot_start)?;
    tell_limits(&journal, &budget, config.max_connections);
    let parts = Parts {
        config,
        journal,
        listeners,
        access_log,
        events,
        sender,
    };
    start(parts, &budget).map_err(cannot_start)?.run()
}

/// What a supervisor is started with.
struct Parts {
    config: Arc<Config>,
    journal: Journal,
    listeners: Vec<(usize, Listener)>,
    access_log: Option<(AccessLog, WriterThread)>,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

fn open_access_log(
    output: &AccessLogOutput,
    events: &Sender<Event>,
) -> Result<Option<(AccessLog, WriterThread)>, String> {
    access_log::start(output, events.clone()).map_err(|error| {
        let name = match output {
            AccessLogOutput::File(path) => path.display().to_string(),
            AccessLogOutput::Off | AccessLogOutput::Stdout => "its thread".to_owned(),
        };
        format!("cannot open the access log {name}: {}", reason::of(&error))
    })
}

/// Says what limits sessions: there is no hidden cap.
fn tell_limits(journal: &Journal, budget: &Budget, wanted: Option<usize>) {
    let Budget {
        descriptors,
        sessions,
        pipes,
    } = *budget;
    if let Some(wanted) = wanted.filter(|&wanted| wanted > sessions) {
        let advice = "raise `ulimit -n`";
        let line = format!("{descriptors} descriptors do not allow {wanted} sessions: {advice}");
        journal.say(Warn, line);
    }
    let line =
        format!("at most {sessions} sessions and {pipes} pipes with {descriptors} descriptors");
    journal.say(Info, line);
}

fn bind(config: &Config) -> Result<Vec<(usize, Listener)>, String> {
    let mut listeners = Vec::new();
    for (place, listener) in config.listeners.iter().enumerate() {
        for &address in &listener.addresses {
            let bound = Listener::bind(address)
                .map_err(|error| format!("cannot listen on {address}: {}", reason::of(&error)))?;
            listeners.push((place, bound));
        }
    }
    Ok(listeners)
}

/// Signals arrive in a thread of their own and leave it as events.
fn watch_signals(events: Sender<Event>) -> io::Result<()> {
    let all = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2];
    let mut signals = signal_hook::iterator::Signals::new(all)?;
    spawn("signals", move || {
        for signal in signals.forever() {
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
}

/// Spawns a thread whose end, a panic included, is told to the supervisor.
fn spawn_watched(
    name: &'static str,
    events: Sender<Event>,
    work: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    spawn(name, move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err("panicked".to_owned()))
            .map_err(|why| format!("the {name} thread {why}"));
        // Nobody listens any more when the process is ending.
        let _ = events.send(Event::Ended(result));
    })
}

fn start(parts: Parts, budget: &Budget) -> io::Result<Supervisor> {
    let Parts {
        config,
        journal,
        listeners,
        access_log,
        events,
        sender,
    } = parts;
    let pools = backends(&config);
    let watched = pools
        .iter()
        .zip(&config.pools)
        .map(|(it, pool)| (Arc::clone(it), pool.health));
    let (prober, health) = Prober::new(watched.collect(), sender.clone())?;
    let all_live = |it: &Members| Arc::new(LiveSet::new(Arc::clone(it), |_| true));
    let (worker, mailbox) = Worker::new(WorkerSetup {
        config: Arc::clone(&config),
        listeners,
        live_sets: pools.iter().map(all_live).collect(),
        session_limit: budget.sessions,
        pipe_limit: budget.pipes,
        health: health.clone(),
        access_log: access_log.as_ref().map(|(log, _)| log.clone()),
        events: sender.clone(),
    })?;
    spawn_watched("worker", sender.clone(), move || worker.run())?;
    let workers = vec![mailbox.clone()];
    let health_thread = spawn("health", move || {
        let work = std::panic::AssertUnwindSafe(|| prober.run(&workers));
        let result = std::panic::catch_unwind(work).unwrap_or_else(|_| Err("panicked".to_owned()));
        if let Err(why) = result {
            let _ = sender.try_send(Event::Ended(Err(format!("the health thread: {why}"))));
        }
    })?;
    let worker = mailbox;
    Ok(Supervisor {
        config,
        journal,
        events,
        worker,
        health,
        access_log,
        health_thread,
        stops: 0,
    })
}

/// The backends of each pool, with ids that are unique in the process.
fn backends(config: &Config) -> Vec<Members> {
    let mut ids = (0..).map(BackendId);
    let mut members = |pool: &PoolConfig| -> Members {
        let backend = |(it, id): (&BackendConfig, BackendId)| {
            let (pool, name) = (Arc::clone(&pool.name), Arc::clone(&it.name));
            Arc::new(Backend {
                id,
                pool,
                name,
                address: it.address,
            })
        };
        pool.backends.iter().zip(&mut ids).map(backend).collect()
    };
    config.pools.iter().map(&mut members).collect()
}

impl Supervisor {
    /// Sees to events until the worker has ended.
    fn run(mut self) -> Result<(), String> {
        let result = loop {
            match self.events.recv() {
                Ok(Event::Signal(signal)) => self.signal(signal),
                Ok(Event::Ended(Ok(()))) if self.stops > 0 => break Ok(()),
                Ok(Event::Ended(Ok(()))) => break Err("the worker thread ended".to_owned()),
                Ok(Event::Ended(Err(why))) => break Err(why),
                Ok(event) => tell(&self.journal, event),
                Err(_) => break Err("all threads have ended".to_owned()),
            }
        };
        self.worker.send(ToWorker::Stop);
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
            .for_each(|event| tell(&self.journal, event));
        self.journal.finish(LAST_LINES);
        result
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
                    self.worker.send(ToWorker::Drain(time));
                } else {
                    self.journal.say(Info, "stopping at once");
                    self.worker.send(ToWorker::Stop);
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

fn tell(journal: &Journal, event: Event) {
    let (level, line) = match event {
        Event::Transition {
            backend,
            up: true,
            why,
        } => (Info, format!("backend {backend} is up: {why}")),
        Event::Transition {
            backend,
            up: false,
            why,
        } => (Warn, format!("backend {backend} is down: {why}")),
        Event::Shortage { what, error } => (Warn, format!("cannot {what} for now: {error}")),
        Event::Crowded { sessions, limit } if sessions >= limit => (
            Warn,
            format!("{limit} sessions, the most there can be: further clients wait"),
        ),
        Event::Crowded { sessions, limit } => (
            Warn,
            format!("{sessions} sessions: the limit of {limit} is near"),
        ),
        Event::AccessLogFailed(error) => {
            (Warn, format!("the access log cannot be written: {error}"))
        }
        Event::AccessLogDropped(lines) => (
            Warn,
            format!("{lines} lines of the access log were dropped"),
        ),
        Event::Signal(_) | Event::Ended(_) => return,
    };
    journal.say(level, line);
}
