//! Opens what a process needs, and starts its threads.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Handle, Process};
use crate::access_log::{self, AccessLog, WriterThread};
use crate::config::{AccessLogOutput, BackendConfig, Config, ListenerConfig, PoolConfig};
use crate::descriptors::{self, Budget};
use crate::health::Prober;
use crate::journal::Journal;
use crate::listener::Listener;
use crate::messages::Event;
use crate::plan::{Plan, PlannedListener, PlannedPool};
use crate::pool::{Backend, BackendId, Line, Load};
use crate::reason;
use crate::worker::{Worker, WorkerSetup};

/// Events that may wait for the supervisor; what does not fit is not logged.
const EVENTS: usize = 1024;

/// What a process is made from.
struct Parts {
    config: Arc<Config>,
    budget: Budget,
    listeners: Vec<(usize, Arc<Listener>)>,
    access_log: Option<(AccessLog, WriterThread)>,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

/// Binds, opens and starts everything, or says what could not be done.
pub(super) fn process(config: Config) -> Result<Process, String> {
    let config = Arc::new(config);
    let backends = config.pools.iter().map(|it| it.backends.len());
    let addresses = config.listeners.iter().map(|it| it.addresses.len());
    let others = backends.chain(addresses).sum::<usize>() + 8 * config.workers;
    let budget = descriptors::budget(others, config.max_connections)?;
    let listeners = bind(&config)?;
    let (sender, events) = bounded(EVENTS);
    let access_log = open_access_log(&config.access_log, &sender)?;
    let parts = Parts {
        config,
        budget,
        listeners,
        access_log,
        events,
        sender,
    };
    start(parts).map_err(|error| format!("cannot start: {}", reason::of(&error)))
}

fn start(parts: Parts) -> io::Result<Process> {
    let Parts {
        config,
        budget,
        listeners,
        access_log,
        events,
        sender,
    } = parts;
    let journal = Journal::start()?;
    let epoch = Instant::now();
    let (taken_over, _) = bounded(0);
    let plan = Arc::new(Plan {
        listeners: planned_listeners(&config, &listeners),
        pools: planned_pools(&config),
        session_limit: u32::try_from(budget.sessions).unwrap_or(u32::MAX),
        drain_timeout: config.drain_timeout,
        taken_over,
    });
    let bound = plan.listeners.iter().flat_map(|(planned, sockets)| {
        let name = |socket: &Arc<Listener>| (Arc::clone(&planned.config.name), socket.address());
        sockets.iter().map(name)
    });
    let bound = bound.collect();
    let (prober, health) = Prober::new(&plan, epoch, sender.clone())?;
    let (workers, mailboxes) = Worker::crew(&WorkerSetup {
        workers: config.workers,
        plan: (Arc::clone(&plan), prober.snapshots()),
        pipe_limit: budget.pipes,
        epoch,
        health: health.clone(),
        access_log: access_log.as_ref().map(|(log, _)| log.clone()),
        events: sender.clone(),
    })?;
    let running = workers.len();
    for worker in workers {
        spawn_watched("worker", sender.clone(), move || worker.run())?;
    }
    let handle = Handle {
        events: sender.clone(),
        health: health.clone(),
        backends: plan
            .pools
            .iter()
            .flat_map(|it| it.backends.clone())
            .collect(),
    };
    let posted = mailboxes.clone();
    let health_thread = spawn("health", move || {
        let work = std::panic::AssertUnwindSafe(|| prober.run(&posted));
        let result = std::panic::catch_unwind(work).unwrap_or_else(|_| Err("panicked".to_owned()));
        if let Err(why) = result {
            let _ = sender.try_send(Event::Ended(Err(format!("the health thread: {why}"))));
        }
    })?;
    Ok(Process {
        config,
        budget,
        journal,
        bound,
        handle,
        events,
        workers: mailboxes,
        running,
        health,
        access_log,
        health_thread,
        stops: 0,
    })
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

fn bind(config: &Config) -> Result<Vec<(usize, Arc<Listener>)>, String> {
    let mut listeners = Vec::new();
    for (place, listener) in config.listeners.iter().enumerate() {
        for &address in &listener.addresses {
            let bound = Listener::bind(address)
                .map_err(|error| format!("cannot listen on {address}: {}", reason::of(&error)))?;
            listeners.push((place, Arc::new(bound)));
        }
    }
    Ok(listeners)
}

pub(super) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
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

fn planned_listeners(
    config: &Config,
    bound: &[(usize, Arc<Listener>)],
) -> Vec<(Arc<PlannedListener>, Vec<Arc<Listener>>)> {
    let sockets = |place: usize| {
        let of_it = bound.iter().filter(move |(of, _)| *of == place);
        of_it.map(|(_, socket)| Arc::clone(socket)).collect()
    };
    let planned = |(place, listener): (usize, &ListenerConfig)| {
        let planned = PlannedListener {
            config: listener.clone(),
            pool: Arc::clone(&config.pools[listener.pool].name),
            active: Arc::default(),
        };
        (Arc::new(planned), sockets(place))
    };
    config.listeners.iter().enumerate().map(planned).collect()
}

fn planned_pools(config: &Config) -> Vec<Arc<PlannedPool>> {
    let mut ids = (0..).map(BackendId);
    let mut planned = |pool: &PoolConfig| {
        let backend = |(it, id): (&BackendConfig, BackendId)| {
            Arc::new(Backend {
                id,
                pool: Arc::clone(&pool.name),
                name: Arc::clone(&it.name),
                address: it.address,
                load: Load::default(),
            })
        };
        Arc::new(PlannedPool {
            config: pool.clone(),
            backends: pool.backends.iter().zip(&mut ids).map(backend).collect(),
            line: Arc::new(Line::new(config.workers)),
        })
    };
    config.pools.iter().map(&mut planned).collect()
}
