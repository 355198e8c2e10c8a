//! Opens what a process needs, and starts its threads.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, never};

use super::changes::Changes;
use super::lookup::{AddressBook, Found};
use super::registry::Registry;
use super::service::Watchdog;
use super::{Handle, Process, service};
use crate::access_log::{self, AccessLog, WriterThread};
use crate::admin;
use crate::config::{AccessLogOutput, Config, Source};
use crate::descriptors::{self, Budget};
use crate::health::Prober;
use crate::journal::Journal;
use crate::messages::{Event, Mailbox, ToWorker};
use crate::plan::Plan;
use crate::reason;
use crate::worker::{Worker, WorkerSetup};

/// Events that may wait for the supervisor; what does not fit is not logged.
const EVENTS: usize = 1024;

/// For the admin API: its connections, its socket, its event loop.
const ADMIN_DESCRIPTORS: usize = 72;

/// What a process is made from.
struct Parts {
    config: Config,
    source: Option<Source>,
    budget: Budget,
    book: AddressBook,
    registry: Registry,
    plan: Arc<Plan>,
    admin: Option<admin::Server>,
    access_log: Option<(AccessLog, WriterThread)>,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

/// Binds, opens and starts everything, or says what could not be done.
pub(super) fn process(config: Config, source: Option<Source>) -> Result<Process, String> {
    let Found {
        book, addresses, ..
    } = AddressBook::default().find(&config, true)?;
    let budget = budget(&config)?;
    let mut registry = Registry::new(config.workers, service::inherited()?);
    let (taken_over, _) = bounded(0);
    let limit = budget.session_limit();
    let plan =
        Arc::new(registry.plan(&config, &addresses, &Changes::default(), limit, taken_over)?);
    let admin = config.admin.as_ref().map(admin::Server::bind).transpose()?;
    let (sender, events) = bounded(EVENTS);
    let access_log = open_access_log(&config.access_log, &sender)?;
    let parts = Parts {
        config,
        source,
        budget,
        book,
        registry,
        plan,
        admin,
        access_log,
        events,
        sender,
    };
    start(parts).map_err(|error| format!("cannot start: {}", reason::of(&error)))
}

/// What the descriptors of this process allow for a configuration.
pub(super) fn budget(config: &Config) -> Result<Budget, String> {
    let backends = config.pools.iter().map(|it| it.backends.len());
    let listeners = config.listeners.iter().map(|it| it.addresses.len());
    let others = backends.chain(listeners).sum::<usize>() + 8 * config.workers;
    let admin = config.admin.as_ref().map_or(0, |_| ADMIN_DESCRIPTORS);
    descriptors::budget(others + admin, config.max_connections)
}

fn start(parts: Parts) -> io::Result<Process> {
    let journal = Journal::start()?;
    let epoch = Instant::now();
    let (prober, health) = Prober::new(&parts.plan, epoch, parts.sender.clone())?;
    let (workers, mailboxes) = Worker::crew(&WorkerSetup {
        workers: parts.config.workers,
        plan: (Arc::clone(&parts.plan), prober.snapshots()),
        pipe_limit: parts.budget.pipes,
        epoch,
        health: health.clone(),
        access_log: parts.access_log.as_ref().map(|(log, _)| log.clone()),
        events: parts.sender.clone(),
    })?;
    let running = workers.len();
    for worker in workers {
        spawn_watched("worker", parts.sender.clone(), move || worker.run())?;
    }
    let handle = Handle {
        events: parts.sender.clone(),
        backends: parts
            .plan
            .pools
            .iter()
            .flat_map(|it| it.backends.clone())
            .collect(),
    };
    let admin = parts.admin.map(|server| {
        let asked = handle.clone();
        let address = server.address();
        let thread = server.run(Arc::new(move |request| asked.ask(request)));
        thread.map(|thread| (address, thread))
    });
    let admin = admin.transpose()?;
    let health_thread = spawn_prober(prober, mailboxes.clone(), parts.sender)?;
    Ok(Process {
        config: parts.config,
        source: parts.source,
        generation: 1,
        budget: parts.budget,
        registry: parts.registry,
        changes: Changes::default(),
        book: parts.book,
        paced: Vec::new(),
        steps: never(),
        subscribers: Vec::new(),
        started: epoch,
        journal,
        handle,
        events: parts.events,
        workers: mailboxes,
        running,
        watchdog: Watchdog::new(),
        health,
        access_log: parts.access_log,
        admin,
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

pub(super) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
}

/// Spawns the health thread. It does not wait for the supervisor, who joins it.
fn spawn_prober(
    prober: Prober,
    workers: Vec<Mailbox<ToWorker>>,
    events: Sender<Event>,
) -> io::Result<JoinHandle<()>> {
    spawn("health", move || {
        let work = std::panic::AssertUnwindSafe(|| prober.run(&workers));
        let result = std::panic::catch_unwind(work).unwrap_or_else(|_| Err("panicked".to_owned()));
        if let Err(why) = result {
            let _ = events.try_send(Event::Ended(Err(format!("the health thread: {why}"))));
        }
    })
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
