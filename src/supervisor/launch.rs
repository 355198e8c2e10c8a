//! Opens what a process needs, and starts its threads.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, never};

use super::changes::Changes;
use super::chronicle::Chronicle;
use super::registry::Registry;
use super::reload::Wanted;
use super::sampling::Sampler;
use super::scaling::Scaling;
use super::scrape::Reloads;
use super::service::Watchdog;
use super::{Handle, Process, certificates, service};
use crate::access_log::{self, AccessLog, Counts, WriterThread};
use crate::admin;
use crate::config::{AccessLogConfig, AccessLogOutput, Config, Source};
use crate::descriptors::{self, Budget};
use crate::discovery::answers::Answers;
use crate::discovery::book::Remark;
use crate::discovery::expand::{Expansion, questions};
use crate::discovery::listed::{self, Files, with_files};
use crate::discovery::{Discovery, News};
use crate::health::Prober;
use crate::journal::Journal;
use crate::messages::{Event, Mailbox, ToWorker};
use crate::metrics::WorkerTally;
use crate::plan::Plan;
use crate::reason;
use crate::rights;
use crate::tls::Materials;
use crate::worker::{Worker, WorkerSetup};

/// Events that may wait for the supervisor; what does not fit is not logged.
const EVENTS: usize = 1024;

/// For the admin API: its connections, its socket, its event loop.
const ADMIN_DESCRIPTORS: usize = 72;

/// For discovery: each of its lookups, its event loop.
const DISCOVERY_DESCRIPTORS: usize = 72;

/// For the command of a pool that scales: its pipes, and what it takes to start it.
const COMMAND_DESCRIPTORS: usize = 8;

/// What a process is made from.
struct Parts {
    wanted: Wanted,
    source: Option<Source>,
    budget: Budget,
    discovery: Discovery,
    answers: Arc<Answers>,
    cut: BTreeSet<String>,
    registry: Registry,
    plan: Arc<Plan>,
    admin: Option<admin::Server>,
    access_log: Option<(AccessLog, WriterThread)>,
    log_counts: Arc<Counts>,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

/// Binds, opens and starts everything, or says what could not be done.
pub(super) fn process(config: Config, source: Option<Source>) -> Result<Process, String> {
    let (sender, events) = bounded(EVENTS);
    let (files, missing) = listed::read_all(&config, &Files::new(), false)?;
    let now = certificates::seconds(SystemTime::now());
    let materials = certificates::read(&with_files(&config, &files), &Materials::default(), now)?;
    let wanted = Wanted {
        config,
        files,
        changes: Changes::default(),
        materials: Arc::new(materials),
    };
    let (discovery, answers) = discover(&wanted.entries(), &sender)?;
    let Expansion { config, cut } = wanted.expanded(&answers);
    // What there is to be said is said as soon as there is a log.
    let warnings = wanted.materials.warnings.iter().cloned();
    let remarks = missing.into_iter().chain(cut.clone()).chain(warnings);
    let remarks = remarks.map(Remark::Trouble);
    let _ = sender.try_send(Event::Discovered(News {
        answers: Arc::default(),
        remarks: remarks.collect(),
    }));
    let budget = budget(&config, discovery.asks())?;
    let mut registry = Registry::new(config.workers, service::inherited()?);
    let (taken_over, _) = bounded(0);
    let limit = budget.session_limit();
    let plan = Arc::new(registry.plan(
        &config,
        &wanted.changes,
        &wanted.materials,
        limit,
        taken_over,
    )?);
    let admin = config.admin.as_ref().map(admin::Server::bind).transpose()?;
    let log_counts = Arc::default();
    let access_log = open_access_log(&wanted.config.access_log, &log_counts, &sender)?;
    let parts = Parts {
        wanted,
        source,
        budget,
        discovery,
        answers,
        cut,
        registry,
        plan,
        admin,
        access_log,
        log_counts,
        events,
        sender,
    };
    start(parts).map_err(|error| format!("cannot start: {}", reason::of(&error)))
}

/// Asks what names stand for, and waits for first answers, but not for long.
fn discover(entries: &Config, events: &Sender<Event>) -> Result<(Discovery, Arc<Answers>), String> {
    let events = events.clone();
    let tell = move |news| match events.try_send(Event::Discovered(news)) {
        Err(TrySendError::Full(Event::Discovered(untold))) => Err(untold),
        _ => Ok(()), // nobody listens any more when the process is ending
    };
    let mut discovery = Discovery::new(tell);
    let found = discovery.find(&questions(entries), &entries.dns_servers, false)?;
    Ok((discovery, found.unwrap_or_default()))
}

/// What the descriptors of this process allow for a configuration, in which names have become backends,
/// or what it may not do that it would have to.
pub(super) fn budget(config: &Config, asks_dns: bool) -> Result<Budget, String> {
    if let Some(lack) = rights::lack(config) {
        return Err(lack);
    }
    let backends = config.pools.iter().map(|it| it.backends.len());
    let listeners = config.listeners.iter().map(|it| it.addresses.len());
    let others = backends.chain(listeners).sum::<usize>() + 8 * config.workers;
    let admin = config.admin.as_ref().map_or(0, |_| ADMIN_DESCRIPTORS);
    let discovery = if asks_dns { DISCOVERY_DESCRIPTORS } else { 0 };
    let scaling = config.pools.iter().filter(|it| it.scale.is_some()).count();
    let others = others + admin + discovery + scaling * COMMAND_DESCRIPTORS;
    descriptors::budget(others, config.max_connections)
}

fn start(parts: Parts) -> io::Result<Process> {
    let (access_log, writer) = parts.access_log.unzip();
    let journal = Journal::start()?;
    let epoch = Instant::now();
    let (prober, health) = Prober::new(&parts.plan, epoch, parts.sender.clone())?;
    let tallies: Arc<[_]> = (0..parts.wanted.config.workers)
        .map(|_| Arc::new(WorkerTally::default()))
        .collect();
    let (workers, mailboxes) = Worker::crew(&WorkerSetup {
        tallies: Arc::clone(&tallies),
        workers: parts.wanted.config.workers,
        plan: (Arc::clone(&parts.plan), prober.snapshots()),
        pipe_limit: parts.budget.pipes,
        epoch,
        health: health.clone(),
        access_log: access_log.clone(),
        events: parts.sender.clone(),
    })?;
    let running = workers.len();
    for worker in workers {
        spawn_watched("worker", parts.sender.clone(), move || worker.run())?;
    }
    let handle = Handle {
        events: parts.sender.clone(),
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
        wanted: parts.wanted,
        source: parts.source,
        generation: 1,
        budget: parts.budget,
        registry: parts.registry,
        discovery: parts.discovery,
        answers: parts.answers,
        cut: parts.cut,
        watch: None,
        paced: Vec::new(),
        steps: never(),
        scaling: Scaling::new(),
        foresight: Arc::default(),
        chronicle: Chronicle::new(SystemTime::now()),
        tallies,
        reloads: Reloads::new(SystemTime::now()),
        sampler: Sampler::new(epoch, SystemTime::now(), running),
        overview: None,
        started: epoch,
        journal,
        handle,
        events: parts.events,
        workers: mailboxes,
        running,
        watchdog: Watchdog::new(),
        health,
        access_log,
        writers: Vec::from_iter(writer),
        log_counts: parts.log_counts,
        admin,
        health_thread,
        stops: 0,
    })
}

/// Opens the log, unless it is off, and starts its writer.
pub(super) fn open_access_log(
    config: &AccessLogConfig,
    counts: &Arc<Counts>,
    events: &Sender<Event>,
) -> Result<Option<(AccessLog, WriterThread)>, String> {
    access_log::start(config, Arc::clone(counts), events.clone()).map_err(|error| {
        let name = match &config.output {
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
