//! Starts and joins the threads, owns the configuration, turns signals into drain and stop.
//!
//! It is also the one that logs: workers, health and the access log tell it what happened, so that
//! a log sink that blocks holds up nobody but the supervisor.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use log::{error, info, warn};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::access_log::{self, AccessLog, WriterThread};
use crate::config::{BackendConfig, Config, PoolConfig};
use crate::descriptors::{self, Budget};
use crate::health::Prober;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::pool::{Backend, BackendId, LiveSet, Members};
use crate::worker::{Listener, Worker, WorkerSetup};

/// Events that may wait for the supervisor; what does not fit is not logged.
const EVENTS: usize = 1024;

/// How long the access log may take to write what is queued when everything else has ended.
const LAST_LINES: Duration = Duration::from_secs(2);

/// All threads of a running process.
struct Supervisor {
    config: Arc<Config>,
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
    watch_signals(sender.clone()).map_err(|error| format!("cannot watch signals: {error}"))?;
    // Only now, with signals in hand: who waits for these lines may send one at once.
    let name = |place: usize| Arc::clone(&config.listeners[place].name);
    let bound = listeners
        .iter()
        .map(|(place, it)| (name(*place), it.address()));
    ready(&bound.collect::<Vec<_>>());
    info!(
        "at most {} sessions and {} pipes with {} descriptors",
        budget.sessions, budget.pipes, budget.descriptors
    );
    let supervisor = start(config, listeners, &budget, events, sender)
        .map_err(|error| format!("cannot start: {error}"))?;
    supervisor.run()
}

fn bind(config: &Config) -> Result<Vec<(usize, Listener)>, String> {
    let mut listeners = Vec::new();
    for (place, listener) in config.listeners.iter().enumerate() {
        for &address in &listener.addresses {
            let bound = Listener::bind(address)
                .map_err(|error| format!("cannot listen on {address}: {}", plain(&error)))?;
            listeners.push((place, bound));
        }
    }
    Ok(listeners)
}

/// An operating system's error without its number.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
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

fn start(
    config: Arc<Config>,
    listeners: Vec<(usize, Listener)>,
    budget: &Budget,
    events: Receiver<Event>,
    sender: Sender<Event>,
) -> io::Result<Supervisor> {
    let access_log = access_log::start(&config.access_log, sender.clone())?;
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
        if let Err(why) = prober.run(&workers) {
            let _ = sender.send(Event::Ended(Err(format!("the health thread {why}"))));
        }
    })?;
    Ok(Supervisor {
        config,
        events,
        worker: mailbox,
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
                Ok(event) => self.tell(event),
                Err(_) => break Err("all threads have ended".to_owned()),
            }
        };
        self.worker.send(ToWorker::Stop);
        self.health.send(ToHealth::Stop);
        if self.health_thread.join().is_err() {
            error!("the health thread panicked");
        }
        if let Some((log, writer)) = self.access_log {
            drop(log); // the worker's one is gone: the writer ends with this one
            writer.finish(LAST_LINES);
        }
        // What was said last, such as that lines of the access log were dropped.
        self.events.try_iter().for_each(tell_last);
        result
    }

    fn signal(&mut self, signal: i32) {
        match signal {
            SIGTERM | SIGINT => {
                self.stops += 1;
                if self.stops == 1 {
                    let time = self.config.drain_timeout;
                    info!(
                        "draining: sessions have {} to end",
                        humantime::format_duration(time)
                    );
                    self.worker.send(ToWorker::Drain(time));
                } else {
                    info!("stopping at once");
                    self.worker.send(ToWorker::Stop);
                }
            }
            SIGUSR1 => match &self.access_log {
                Some((log, _)) if !log.reopen() => warn!("the access log is stuck: not reopened"),
                Some(_) => info!("the access log is reopened"),
                None => {}
            },
            SIGHUP => warn!("nothing to reload: l4lb runs from flags"),
            _ => warn!("replacing the running binary (USR2) is not supported"),
        }
    }

    fn tell(&self, event: Event) {
        match event {
            Event::Transition {
                backend,
                up: true,
                why,
            } => info!("backend {backend} is up: {why}"),
            Event::Transition {
                backend,
                up: false,
                why,
            } => {
                warn!("backend {backend} is down: {why}");
            }
            Event::Shortage { what, error } => warn!("cannot {what} for now: {error}"),
            Event::Crowded { sessions, limit } if sessions >= limit => {
                warn!("{limit} sessions, the most there can be: further clients wait");
            }
            Event::Crowded { sessions, limit } => {
                warn!("{sessions} sessions: the limit of {limit} is near");
            }
            event => tell_last(event),
        }
    }
}

fn tell_last(event: Event) {
    match event {
        Event::AccessLogFailed(error) => warn!("the access log cannot be written: {error}"),
        Event::AccessLogDropped(lines) => warn!("{lines} lines of the access log were dropped"),
        Event::Signal(_)
        | Event::Transition { .. }
        | Event::Shortage { .. }
        | Event::Crowded { .. }
        | Event::Ended(_) => {}
    }
}
