//! How things are, in one answer: what the dashboard, `l4lb top` and `GET /v1/overview` show.
//!
//! Rates are a second's, of the last five seconds. Percentiles are of the last minute's connects, and null when
//! there were none. Counters only rise, for as long as the process lives. Only types live here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Backend;
use super::listener::ListenerNow;

/// How things are.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Overview {
    /// When these numbers were taken, RFC 3339.
    pub at: String,
    /// `0.1.0 (REVISION DATE) TARGET`.
    pub version: String,
    /// The process id.
    pub pid: u32,
    /// Since the start.
    pub uptime_seconds: f64,
    /// Whether every pool can take sessions and nothing is draining.
    pub ready: bool,
    /// Whether it is draining.
    pub draining: bool,
    /// The one thing that matters most.
    pub sentence: Sentence,
    /// All of it together.
    pub totals: TotalsNow,
    /// What has gone through since the process began.
    pub counters: Counters,
    /// The listeners.
    pub listeners: Vec<ListenerNow>,
    /// The pools with their backends.
    pub pools: Vec<PoolNow>,
    /// The program itself.
    pub engine: Engine,
    /// What whoever asks may do.
    pub capabilities: Capabilities,
}

/// How things are, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Sentence {
    /// How bad it is.
    pub level: Level,
    /// The sentence. Times in it are UTC, as `12:20:02Z`.
    pub text: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All is well.
    Good,
    /// Clients are served; somebody should look.
    Warning,
    /// Clients are turned away.
    Bad,
}

/// All listeners and pools together, now.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct TotalsNow {
    /// Sessions now.
    pub sessions: u32,
    /// The most there can be.
    pub sessions_limit: u32,
    /// Connections that were accepted.
    pub connections_per_second: f64,
    /// Bytes from clients.
    pub bytes_in_per_second: f64,
    /// Bytes to clients.
    pub bytes_out_per_second: f64,
    /// Connections that ended by a backend's fault or by ours: not by their client, an operator or a silence.
    pub errors_per_second: f64,
    /// Half of the connects took no longer.
    pub connect_p50_ms: Option<f64>,
    /// 99 of 100 connects took no longer.
    pub connect_p99_ms: Option<f64>,
    /// Backends that are up.
    pub backends_up: usize,
    /// All backends.
    pub backends: usize,
}

/// What has gone through since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Counters {
    /// Connections that were accepted.
    pub connections_total: u64,
    /// Bytes from clients.
    pub bytes_in_total: u64,
    /// Bytes to clients.
    pub bytes_out_total: u64,
    /// Connections that ended by a backend's fault or by ours: not by their client, an operator or a silence.
    pub errors_total: u64,
}

/// A pool, now.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct PoolNow {
    /// Its name.
    pub name: String,
    /// How backends are picked.
    pub balance: String,
    /// Who gets new sessions while no backend is up: `reject` for nobody, `try-all` for all.
    pub all_down: String,
    /// Sessions now, over its backends.
    pub sessions: u32,
    /// Clients who wait for a backend below its limit.
    pub queue: u32,
    /// Its backends.
    pub backends: Vec<BackendNow>,
}

/// A backend, now: all of [`Backend`], and this.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct BackendNow {
    /// What `GET /v1/pools/{pool}/backends` says of it.
    #[serde(flatten)]
    pub backend: Backend,
    /// Connects that succeeded.
    pub connections_per_second: f64,
    /// Bytes from clients.
    pub bytes_in_per_second: f64,
    /// Bytes from the backend.
    pub bytes_out_per_second: f64,
    /// Half of the connects took no longer.
    pub connect_p50_ms: Option<f64>,
    /// 99 of 100 connects took no longer.
    pub connect_p99_ms: Option<f64>,
    /// Connects that have failed, by kind (`refused`, `timeout`, ...); kinds that never occurred are not there.
    pub errors: BTreeMap<String, u64>,
    /// Its part, 0 to 1, of the pool's new connections over the last minute; null when the pool had none.
    pub share_now: Option<f64>,
    /// Its part, 0 to 1, by the weights of those that may get sessions.
    pub share_due: f64,
    /// The last 60 checks, the oldest first; fewer where there are more than 1,000 backends.
    pub checks: Vec<CheckMark>,
}

/// A check, in short.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct CheckMark {
    /// When it was over, RFC 3339.
    pub at: String,
    /// Whether it passed.
    pub passed: bool,
    /// How long it took.
    pub duration_ms: f64,
}

/// The program itself.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Engine {
    /// The event loops.
    pub workers: Vec<WorkerNow>,
    /// File descriptors of the process.
    pub descriptors: Descriptors,
    /// Pipes that bulk flows are spliced through.
    pub pipes: Pipes,
    /// How bytes are moved.
    pub relay: Relay,
    /// The access log.
    pub access_log: AccessLogNow,
    /// Memory that the process has resident.
    pub memory_bytes: u64,
}

/// An event loop, now.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct WorkerNow {
    /// Times that it woke.
    pub iterations_per_second: f64,
    /// The part of the time, 0 to 1, that it was awake.
    pub busy: f64,
    /// Its sessions.
    pub sessions: u32,
}

/// File descriptors of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Descriptors {
    /// Open now.
    pub used: u64,
    /// The most there can be.
    pub limit: u64,
}

/// Pipes that bulk flows are spliced through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Pipes {
    /// With bytes in them.
    pub used: u64,
    /// Empty, kept for the next flow.
    pub idle: u64,
    /// The most there can be.
    pub limit: u64,
}

/// How bytes are moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Relay {
    /// By read and write.
    pub copy_bytes_per_second: f64,
    /// By splice.
    pub splice_bytes_per_second: f64,
}

/// The access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct AccessLogNow {
    /// Lines that were written.
    pub lines_total: u64,
    /// Lines that were dropped, since the sink took no more.
    pub dropped_total: u64,
}

/// What whoever asks may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Capabilities {
    /// Whether writes are answered without a token.
    pub writes: bool,
    /// Whether writes need a token.
    pub token_required: bool,
}
