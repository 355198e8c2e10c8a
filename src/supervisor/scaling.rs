//! Autoscaling: looks at every pool that scales again and again, has its command run, and serves what
//! the command has printed, as it serves an operator's changes. `scaler` is one pool.
//!
//! Commands run in threads of their own (`crate::scaling`), which tell of their end by an event. A pool
//! has one run at a time. Nothing is decided here.

mod scaler;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, tick};
use log::Level::{Info, Warn};

use super::Process;
use super::answers::stamp;
use super::reload::Wanted;
use crate::config::{BackendConfig, Config, PoolConfig, ScaleConfig};
use crate::discovery::expand;
use crate::messages::Event;
use crate::plan::PlannedPool;
use crate::pool::Backend;
use crate::requests::{Scale, ScaleRun};
use crate::scaling::answer::{self, Change, Member};
use crate::scaling::{Errand, Leave, Next, Ran, Run, step};
use scaler::{Purpose, Scaler, measure, members};

/// How long commands may take to end when l4lb does: longer than it takes to kill them.
const LAST_COMMANDS: Duration = Duration::from_secs(8);

/// Why a run has failed, in characters: an answer that is refused may be long.
const LONGEST_REASON: usize = 300;

/// All pools that scale, and the commands that run.
pub(super) struct Scaling {
    scalers: Vec<Scaler>,
    /// When it is to be looked; never, while no pool scales.
    pub(super) ticks: Receiver<Instant>,
    /// The time between two looks.
    step: Option<Duration>,
    /// By number. Some may be those of a pool that scales no more.
    runs: Vec<(u64, Run)>,
    runs_so_far: u64,
}

impl Scaling {
    /// No pool scales yet.
    pub(super) fn new() -> Self {
        Self {
            scalers: Vec::new(),
            ticks: never(),
            step: None,
            runs: Vec::new(),
            runs_so_far: 0,
        }
    }

    /// `config` is served from now on. What that leaves undone, a sentence each.
    pub(super) fn follow(&mut self, config: &Config) -> Vec<String> {
        let mut remarks = Vec::new();
        let mut before = std::mem::take(&mut self.scalers);
        for pool in &config.pools {
            let Some(settings) = &pool.scale else {
                continue;
            };
            let known = before.iter().position(|it| it.pool == pool.name);
            let scaler = known.map(|place| before.swap_remove(place));
            let new = || Scaler::new(Arc::clone(&pool.name), settings.clone());
            let mut scaler = scaler.unwrap_or_else(new);
            scaler.settings = settings.clone();
            self.scalers.push(scaler);
        }
        for Scaler {
            pool, leaving, run, ..
        } in before
        {
            let number = run.map(|(number, _)| number);
            let run = self.runs.iter().find(|it| Some(it.0) == number);
            run.into_iter().for_each(|(_, run)| run.end());
            let told = |(backend, _): &(Arc<Backend>, Leave)| {
                let address = backend.address;
                format!("pool {pool} scales no more: nobody is told when {address} can be stopped")
            };
            remarks.extend(leaving.iter().map(told));
        }
        // A tick that goes on is not begun anew: changes may come faster than it does.
        let step = self.scalers.iter().map(|it| step(&it.settings)).min();
        if step != self.step {
            self.ticks = step.map_or_else(never, tick);
            self.step = step;
        }
        remarks
    }

    /// How the pool stands, if it scales.
    pub(super) fn of_pool(&self, pool: &PlannedPool) -> Option<Scale> {
        let mut scalers = self.scalers.iter();
        let scaler = scalers.find(|it| it.pool == pool.config.name)?;
        let measure = measure(pool);
        Some(Scale {
            wanted: measure.wanted(&scaler.settings),
            in_service: measure.in_service,
            state: scaler.state().to_owned(),
            last_run: scaler.last.clone(),
        })
    }

    fn named(&mut self, name: &str) -> Option<&mut Scaler> {
        self.scalers.iter_mut().find(|it| &*it.pool == name)
    }

    /// No command is run any more; those that run have to end.
    pub(super) fn end(&mut self) {
        self.ticks = never();
        self.runs.iter().for_each(|(_, run)| run.end());
    }

    /// Those that run have to end at once.
    pub(super) fn kill(&self) {
        self.runs.iter().for_each(|(_, run)| run.kill());
    }
}

impl Process {
    /// Looks at every pool that scales.
    pub(super) fn look_at_scales(&mut self, now: Instant) {
        let patience = self.wanted.config.drain_timeout;
        for place in 0..self.scaling.scalers.len() {
            let name = Arc::clone(&self.scaling.scalers[place].pool);
            let Ok(pool) = self.pool(&name) else {
                continue;
            };
            let purpose = self.scaling.scalers[place].look(&pool, patience, now);
            if let Some(purpose) = purpose {
                self.run_command(place, purpose, &pool, now);
            }
        }
    }

    fn run_command(&mut self, place: usize, purpose: Purpose, pool: &PlannedPool, now: Instant) {
        self.scaling.runs_so_far += 1;
        let number = self.scaling.runs_so_far;
        let scaler = &mut self.scaling.scalers[place];
        let errand = Errand {
            command: Arc::clone(&scaler.settings.command),
            environment: scaler.environment(&purpose, pool),
            timeout: scaler.settings.timeout,
        };
        let text = scaler.reason(&purpose);
        scaler.run = Some((number, purpose));
        self.happened("scale", &text);
        self.journal.say(Info, text);
        let events = self.handle.events.clone();
        let run = Run::start(errand, move |ran| _ = events.send(Event::Ran(number, ran)));
        match run {
            Ok(run) => self.scaling.runs.push((number, run)),
            Err(error) => self.command_ended(number, Ran::failed(&error, now)),
        }
    }

    /// A command has ended: serves what it has printed.
    pub(super) fn command_ended(&mut self, number: u64, ran: Ran) {
        self.scaling.runs.retain(|(it, _)| *it != number);
        let is_it = |it: &&mut Scaler| it.run.as_ref().is_some_and(|run| run.0 == number);
        let Some(scaler) = self.scaling.scalers.iter_mut().find(is_it) else {
            return; // its pool scales no more
        };
        let Some((_, purpose)) = scaler.run.take() else {
            return;
        };
        let (name, settings) = (Arc::clone(&scaler.pool), scaler.settings.clone());
        let outcome = match (&purpose, ran.output) {
            (_, Err(why)) => Err(why),
            (Purpose::Gone(..), Ok(_)) => Ok("done".to_owned()),
            (Purpose::Resize(_), Ok(output)) => self.resize(&name, &settings, &output, ran.ended),
        };
        self.conclude(&name, &purpose, outcome, &ran.complaint, ran.ended);
    }

    /// Adds and removes what the output says, all of it or nothing. What that was.
    fn resize(
        &mut self,
        name: &Arc<str>,
        settings: &ScaleConfig,
        output: &[u8],
        now: Instant,
    ) -> Result<String, String> {
        let pool = self.pool(name).map_err(|_| "the pool is gone".to_owned())?;
        let wanted = answer::read(output)?;
        let entries = entries_of(&self.wanted, name);
        let members = self.members_by(&pool, &entries);
        let names = entries.iter().map(|it| Arc::clone(&it.name)).collect();
        answer::check(&wanted, &members, &names, settings)?;
        if wanted.is_empty() {
            return Ok("it changed nothing".to_owned());
        }
        let written = self.wanted.written();
        let (mut changes, mut said, mut removed) =
            (self.wanted.changes.clone(), Vec::new(), HashSet::new());
        for change in &wanted {
            match change {
                Change::Add(backend) => {
                    changes.add(name, backend.clone());
                    said.push(format!("{} added ({})", backend.name, backend.target));
                }
                Change::Remove(backend) => {
                    changes.remove((&written, &self.answers), name, backend);
                    removed.insert(Arc::clone(backend));
                    said.push(format!("{backend} removed"));
                }
            }
        }
        self.serve_if(changes, |next| {
            let is_it = |it: &&PoolConfig| it.name == *name;
            let after = next
                .pools
                .iter()
                .find(is_it)
                .map_or(&[][..], |it| &it.backends);
            let known = |it: &BackendConfig| members.iter().find(|member| member.name == it.name);
            let member = |it| known(it).cloned().unwrap_or_else(|| Member::new(it));
            answer::within(
                &members,
                &after.iter().map(member).collect::<Vec<_>>(),
                settings,
            )
        })?;
        let is_gone = |it: &Member| removed.contains(&it.name) || removed.contains(&it.entry);
        let gone = pool
            .backends
            .iter()
            .zip(&members)
            .filter(|it| is_gone(it.1));
        let leaving = gone.map(|(it, _)| (Arc::clone(it), Leave::new(now)));
        if let Some(scaler) = self.scaling.named(name) {
            scaler.leaving.extend(leaving);
        }
        Ok(said.join(", "))
    }

    /// The backends of a pool, in its order, each with the entry that it comes of.
    fn members_by(&self, pool: &PlannedPool, entries: &[BackendConfig]) -> Vec<Member> {
        let mut origins = HashMap::new();
        for entry in entries {
            for backend in expand::of_entry(entry, &self.answers) {
                origins
                    .entry(backend.name)
                    .or_insert_with(|| Arc::clone(&entry.name));
            }
        }
        let with_entry = |mut member: Member| {
            if let Some(entry) = origins.get(&member.name) {
                member.entry = Arc::clone(entry);
            }
            member
        };
        members(pool).map(with_entry).collect()
    }

    /// Remembers how a run has ended, logs it, and tells whoever has subscribed.
    fn conclude(
        &mut self,
        name: &Arc<str>,
        purpose: &Purpose,
        outcome: Result<String, String>,
        complaint: &[u8],
        now: Instant,
    ) {
        let (event, is_well) = (purpose.event(), outcome.is_ok());
        let (level, mut text) = match outcome {
            Ok(text) => (Info, text),
            Err(why) => {
                let start: String = why.chars().take(LONGEST_REASON).collect();
                (Warn, format!("failed: {}", one_line(&start)))
            }
        };
        let pool = self.pool(name);
        let Some(scaler) = self.scaling.named(name) else {
            return;
        };
        scaler.last = Some(ScaleRun {
            at: stamp(),
            event: event.to_owned(),
            outcome: text.clone(),
        });
        match purpose {
            Purpose::Resize(_) => {
                scaler.rule.ended(is_well, now);
                pool.iter().for_each(|pool| scaler.note(pool, now));
            }
            Purpose::Gone(backend, left) => {
                let is_it = |it: &(Arc<Backend>, Leave)| it.0.id == backend.id;
                if let Some(place) = scaler.leaving.iter().position(is_it) {
                    match scaler.leaving[place].1.told(*left, is_well, now) {
                        Next::Again => {}
                        Next::Done => _ = scaler.leaving.remove(place),
                        Next::GivenUp => {
                            scaler.leaving.remove(place);
                            text += "; it is given up";
                        }
                    }
                }
            }
        }
        if !is_well && !complaint.is_empty() {
            let complaint = String::from_utf8_lossy(complaint);
            text += &format!("; it said: {}", one_line(complaint.trim()));
        }
        let line = format!("pool {name}: {purpose}: {text}");
        self.happened("scale", &line);
        self.journal.say(level, line);
    }

    /// Waits until no command runs. Another stop signal kills those that do.
    pub(super) fn await_commands(&mut self) {
        self.scaling.end();
        while !self.scaling.runs.is_empty() {
            match self.events.recv_timeout(LAST_COMMANDS) {
                Ok(Event::Ran(number, _)) => self.scaling.runs.retain(|(it, _)| *it != number),
                Ok(Event::Signal(_)) => self.scaling.kill(),
                Ok(event) => self.tell(event),
                Err(_) => return,
            }
        }
    }
}

/// What the configuration with its changes says of a pool, before names become backends.
fn entries_of(wanted: &Wanted, pool: &Arc<str>) -> Vec<BackendConfig> {
    let mut pools = wanted.entries().pools.into_iter();
    pools
        .find(|it| it.name == *pool)
        .map_or_else(Vec::new, |it| it.backends)
}

/// Something that a command has said, as a part of a line of the log.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => line.push(c),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
}
