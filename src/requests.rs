//! What the admin API asks of the supervisor, and what it is answered.
//!
//! Questions cross a thread as [`Request`], each with a way back. Answers are plain data, named as the
//! API shows them; the commands that talk to a running l4lb read them again. Only types live here.
//! Imports config, metrics, pool.

mod explanation;
mod foresight;
pub mod history;
pub mod listener;
pub mod overview;

pub use explanation::{Caller, Candidate, Explanation, WorkerView};
pub use foresight::{Foresight, Moved, Touched, TouchedBackend, TouchedListener, TouchedSetting};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::{BackendConfig, Config};
use crate::metrics::Scrape;
use crate::pool::Order;
use history::{History, Range};
use listener::Route;
use overview::Overview;

/// The way back of an answer. Dropped, it tells whoever asked that there is none.
pub struct Reply<T>(Box<dyn FnOnce(T) + Send>);

impl<T> Reply<T> {
    /// One that calls `answer`.
    pub fn new(answer: impl FnOnce(T) + Send + 'static) -> Self {
        Self(Box::new(answer))
    }

    /// Answers.
    pub fn send(self, answer: T) {
        (self.0)(answer);
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

/// Takes what happens from now on; false ends it.
pub struct Subscriber(pub Box<dyn Fn(&Happening) -> bool + Send>);

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscriber")
    }
}

/// What is asked.
#[derive(Debug)]
pub enum Request {
    /// How the process is.
    Status(Reply<Status>),
    /// The pools.
    Pools(Reply<Vec<Pool>>),
    /// The backends of a pool.
    Backends(String, Reply<Result<Vec<Backend>, Refusal>>),
    /// A new backend for a pool. When it is answered, the next accepted client may get it.
    Add(String, BackendConfig, Reply<Result<Backend, Refusal>>),
    /// Another weight or state for the backend of a pool, by their names. When it is answered, the next
    /// accepted client sees it.
    Change(String, String, Change, Reply<Result<Backend, Refusal>>),
    /// Take a backend away: its sessions finish, or with `force` are reset.
    Remove {
        /// The pool's name.
        pool: String,
        /// The backend's name.
        backend: String,
        /// Whether its sessions are reset.
        force: bool,
        /// Answered when no new session gets it any more.
        reply: Reply<Result<(), Refusal>>,
    },
    /// So many live connections, from this end of all.
    Connections(usize, First, Reply<Vec<Connection>>),
    /// End the connection with this id by a reset.
    Kill(u64, Reply<Result<(), Refusal>>),
    /// How things are. The same one until the next second is over, or something is changed.
    Overview(Reply<Arc<Overview>>),
    /// How things were, of the process or of the pool with this name.
    History(Range, Option<String>, Reply<Result<History, Refusal>>),
    /// What was counted, for Prometheus.
    Metrics(Reply<Scrape>),
    /// What the next client would get if it were this one.
    Explain(Box<Caller>, Reply<Result<Explanation, Refusal>>),
    /// The configuration that is in force, as the file would say it.
    Config(Reply<serde_json::Value>),
    /// What this configuration would change if it were the file's.
    Foresee(Box<Config>, Reply<Result<Foresight, Refusal>>),
    /// Read the configuration file again.
    Reload(Reply<Result<Reloaded, Refusal>>),
    /// Let sessions finish, and end.
    Drain(Reply<()>),
    /// Tell what happens from now on.
    Subscribe(Subscriber),
    /// Some of what has happened, the oldest first.
    Past(Past, Reply<Vec<Happening>>),
}

/// How many happenings are kept.
pub const MOST_PAST: usize = 100;

/// Which of the happenings that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// So many, the latest.
    Latest(usize),
    /// All after the one with this number.
    After(u64),
}

/// Which connections a list begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// Those that were accepted first.
    #[default]
    Oldest,
    /// Those with the most bytes, both ways together.
    Biggest,
    /// Those in which no byte has moved for the longest time.
    Idlest,
}

/// What is to be changed of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its weight.
    pub weight: Option<u16>,
    /// What an operator wants of it.
    pub order: Option<Order>,
    /// With [`Order::Drain`]: its sessions are ended at a steady rate, all of them by then.
    pub over: Option<Duration>,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing: 404.
    Unknown(String),
    /// It is there already: 409.
    Exists(String),
    /// What is asked is wrong: 422.
    Invalid(String),
    /// It cannot be done now: 503.
    Unable(String),
}

/// How the process is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Status {
    /// `0.1.0 (REVISION DATE) TARGET`.
    pub version: String,
    /// The process id.
    pub pid: u32,
    /// Since the start.
    pub uptime_seconds: f64,
    /// Whether every pool can take sessions and nothing is draining.
    pub ready: bool,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ready_because: Option<String>,
    /// Whether it is draining.
    pub draining: bool,
    /// Counts the configurations that were applied.
    pub generation: u64,
    /// Event loops.
    pub workers: usize,
    /// Sessions now.
    pub connections_active: u32,
    /// The most there can be.
    pub connections_limit: u32,
    /// The listeners.
    pub listeners: Vec<Listener>,
    /// The pools.
    pub pools: Vec<Pool>,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Where it listens, with real ports.
    pub addresses: Vec<String>,
    /// Its pool; `-` where it has routes alone.
    pub pool: String,
    /// Where some of its clients go instead, in the order of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Sessions now.
    pub connections_active: u32,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How backends are picked.
    pub balance: String,
    /// How many backends it has.
    pub backends: usize,
    /// How many of them are up.
    pub backends_up: usize,
    /// Sessions now, over its backends.
    pub connections_active: u32,
    /// How many backends it is to have, where a command starts and stops them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
}

/// How many backends a pool is to have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Scale {
    /// So many are wanted.
    pub wanted: u32,
    /// So many may get sessions before any backup.
    pub in_service: u32,
    /// `steady` `too-few` `too-many` `running` `cooling-down`, or `full` where more are wanted but there
    /// can be none.
    pub state: String,
    /// The last run of the command that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<ScaleRun>,
}

/// A run of a pool's command.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ScaleRun {
    /// When it ended, RFC 3339.
    pub at: String,
    /// `up`, `down` or `gone`.
    pub event: String,
    /// What it has changed, or why it has failed.
    pub outcome: String,
}

/// A backend.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Backend {
    /// Its pool.
    pub pool: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// Its share of the sessions.
    pub weight: u16,
    /// `up` `down` `drain` `maint` `ejected`.
    pub state: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// Used only while no other one may get sessions.
    pub backup: bool,
    /// The most sessions at once.
    pub max_connections: Option<u32>,
    /// Sessions now.
    pub connections_active: u32,
    /// Connects that have succeeded.
    pub connections_total: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes from the backend.
    pub bytes_out: u64,
    /// Connects that have failed.
    pub connect_errors_total: u64,
    /// The last check, if there was one.
    pub last_check: Option<LastCheck>,
    /// While a drain of it is paced: how far that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paced_drain: Option<PacedDrain>,
}

impl Backend {
    /// Where it is in the API.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", backends_path(&self.pool), segment(&self.name))
    }
}

/// Where the backends of a pool are in the API.
#[must_use]
pub fn backends_path(pool: &str) -> String {
    format!("/v1/pools/{}/backends", segment(pool))
}

/// A name as a part of a path: of what may stand in a name, only brackets may not stand there.
#[must_use]
pub fn segment(name: &str) -> String {
    name.replace('[', "%5B").replace(']', "%5D")
}

/// How far a paced drain is.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct PacedDrain {
    /// Sessions that are left.
    pub left: u32,
    /// Sessions that it has ended.
    pub closed: u32,
    /// Until the last one is ended.
    pub seconds_to_go: f64,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct LastCheck {
    /// `passed` or `failed`.
    pub result: String,
    /// When it was over, RFC 3339.
    pub at: String,
    /// How long it took.
    pub duration_ms: f64,
    /// What it found.
    pub detail: String,
}

/// A live connection.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Connection {
    /// Its id, in hexadecimal as in the access log.
    pub id: String,
    /// Its listener.
    pub listener: String,
    /// Its pool.
    pub pool: String,
    /// Its backend; none while it is in line.
    pub backend: Option<String>,
    /// The client's address.
    pub client: String,
    /// Since it was accepted.
    pub age_seconds: f64,
    /// Since a byte moved.
    pub idle_seconds: f64,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes from the backend.
    pub bytes_out: u64,
    /// `copy`, `splice`, or `-` while nothing has moved.
    pub path: String,
}

/// What a reload has done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Reloaded {
    /// Counts the configurations that were applied.
    pub generation: u64,
    /// What is different, a sentence each.
    pub changes: Vec<String>,
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Happening {
    /// It rises from one to the next, also over a restart.
    pub id: u64,
    /// When, RFC 3339.
    pub at: String,
    /// `backend`, `scale`, `reload`, `drain`, or `process` for what this machine lacks.
    pub kind: String,
    /// What, as the log says it.
    pub text: String,
}
