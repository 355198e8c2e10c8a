//! The keys of the file, with their types, their defaults and what they mean. The schema, the reference
//! page and the checks are made from these types and from their comments.

pub(super) mod http;
mod proxy;
mod route;
mod scale;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use log::LevelFilter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::form::{CheckKind, Expected, FilePath, HttpHost, HttpPath, Name, NameServer, Written};
use super::tls::{ListenerTls, PoolTls};
use crate::config::{
    AccessLogOutput, AdminAddress, AllDown, Balance, EjectConfig, Endpoint, HealthConfig,
    LineFilter, LineFormat, OnDown, Protocol, SendProxy, Statuses, defaults,
};

pub(super) use proxy::{AcceptProxy, Source};
pub(super) use route::Route;
pub(super) use scale::Scale;

/// The share of a backend of which nothing is said.
const WEIGHT: u16 = 1;

/// What l4lb does: where it listens, and which backends it relays to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Configuration of l4lb")]
pub(super) struct File {
    /// Event loops; `"auto"` is one for each usable core.
    #[serde(default)]
    pub(super) workers: Workers,
    /// Sessions at once over all listeners; further clients wait to be accepted. Not set: as many as
    /// descriptors allow.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) max_connections: Option<u32>,
    /// How long a stopping l4lb lets sessions finish.
    #[serde(default = "drain_timeout")]
    pub(super) drain_timeout: Written<Duration>,
    /// The operational log, on standard error.
    #[serde(default)]
    pub(super) log: Log,
    /// One line for each connection, when it has ended.
    #[serde(default)]
    pub(super) access_log: AccessLog,
    /// The admin API. Not set: there is none.
    pub(super) admin: Option<Admin>,
    /// How names of backends are looked up.
    #[serde(default)]
    pub(super) dns: Dns,
    /// Where clients are accepted.
    #[schemars(length(min = 1))]
    pub(super) listener: Vec<Listener>,
    /// The pools by name, as in `[pool.app]`.
    #[schemars(extend("propertyNames" = { "type": "string", "format": "l4lb-name" }))]
    pub(super) pool: BTreeMap<String, Pool>,
}

/// A number of event loops.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Workers {
    Count(#[schemars(range(min = 1, max = crate::config::MAX_WORKERS))] u8),
    Auto(Auto),
}

/// As many as there are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Auto {
    Auto,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// What is logged.
    #[serde(default = "log_level")]
    pub(super) level: Written<LevelFilter>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessLog {
    /// `"-"` (standard output), a path, or `"off"`.
    #[serde(default = "access_log_output")]
    pub(super) output: Written<AccessLogOutput>,
    /// How a line looks: `"default"`, `"haproxy"`, `"json"`, or a template such as `"{client} {term}"`
    /// (docs/access-log.md).
    #[serde(default = "line_format")]
    pub(super) format: Written<LineFormat>,
    /// For sessions that live longer, a line each time so much has passed. Not set: none before the end.
    pub(super) interval: Option<Written<Duration>>,
    /// No lines for sessions that ended by themselves (`--`); those that did not always have one.
    #[serde(default)]
    pub(super) only_errors: bool,
    /// No lines for sessions that ended by themselves before that time. Not set: however short.
    pub(super) min_duration: Option<Written<Duration>>,
    /// Of the sessions that ended by themselves, the share that has lines.
    #[serde(default = "sample")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) sample: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Admin {
    /// Where it listens, such as `"127.0.0.1:9090"` or `"unix:/run/l4lb/admin.sock"`.
    pub(super) listen: Written<AdminAddress>,
    /// The file with the token that writes need. Required where others than this machine can connect.
    pub(super) token_file: Option<Written<FilePath>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Dns {
    /// Name servers, such as `"10.0.0.2:53"` or `"[::1]:8600"`; no others are asked then, and neither
    /// the hosts file nor search domains count. Not set: those of the system.
    #[schemars(length(min = 1))]
    pub(super) servers: Option<Vec<Written<NameServer>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Listener {
    /// Its name in logs, which no other listener has.
    pub(super) name: Written<Name>,
    /// Where it listens, one address or several: `"0.0.0.0:9000"`, `"[::1]:9000"`, `":9000"` (both
    /// families). Port 0 is a free one.
    pub(super) listen: Addresses,
    /// The pool that its clients go to. With routes: TLS clients that no route takes, and without it
    /// these are denied. Required where there is no route.
    pub(super) pool: Option<Written<Name>>,
    /// Ends a session in which no byte moves for this long.
    #[serde(default = "idle_timeout")]
    pub(super) idle_timeout: Written<Duration>,
    /// Sessions at once on this listener; further clients wait to be accepted. Not set: no limit of
    /// its own.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) max_connections: Option<u32>,
    /// Proxies whose connections begin with a PROXY header, version 1 or 2, which says who the client is
    /// (docs/proxy-protocol.md). Nobody else is served then. Not set: a client is who connects.
    pub(super) accept_proxy: Option<AcceptProxy>,
    /// For all that has to be read of a client before its backend is chosen, such as a PROXY header or
    /// the first message of TLS.
    #[serde(default = "preamble_timeout")]
    pub(super) preamble_timeout: Written<Duration>,
    /// Which TLS clients go to which pool, by what their first message asks for; nothing is decrypted
    /// (docs/tls-passthrough.md). Where there are routes, who does not begin with TLS is refused.
    #[schemars(length(min = 1))]
    pub(super) route: Option<Vec<Route>>,
    /// What its clients speak: anything over TCP, or HTTP/1.0 and 1.1, whose heads are read and edited.
    #[serde(default = "protocol")]
    pub(super) protocol: Written<Protocol>,
    /// With the protocol `http`: how requests are served.
    pub(super) http: Option<http::Http>,
    /// TLS with its clients: bytes are relayed as they are inside of it. Not set: none.
    pub(super) tls: Option<ListenerTls>,
}

/// One address or several.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Addresses {
    One(Written<SocketAddr>),
    Several(#[schemars(length(min = 1))] Vec<Written<SocketAddr>>),
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pool {
    /// How a session's backend is picked.
    #[serde(default = "balance")]
    pub(super) balance: Written<Balance>,
    /// For one attempt to connect.
    #[serde(default = "connect_timeout")]
    pub(super) connect_timeout: Written<Duration>,
    /// Further attempts, each on another backend while there is one.
    #[serde(default = "retries")]
    #[schemars(range(min = 0, max = 254))]
    pub(super) retries: u8,
    /// How long a client waits while every backend is at its limit. Not set: the `connect_timeout`.
    pub(super) queue_timeout: Option<Written<Duration>>,
    /// How long a backend that has come back, or is new, takes to its full share. Not set: at once.
    pub(super) slow_start: Option<Written<Duration>>,
    /// Whether a connect that takes unusually long is raced by a second one, to another backend.
    #[serde(default)]
    pub(super) hedge: bool,
    /// The PROXY header that backends get before a client's first byte, and LOCAL or UNKNOWN before that
    /// of a check. Not set: none.
    pub(super) send_proxy: Option<Written<SendProxy>>,
    /// The address that backends see: `"client"` is the client's own, which takes routes (docs/proxy-protocol.md);
    /// or addresses of this machine, each in its turn. Not set: the kernel's choice.
    pub(super) source: Option<Source>,
    /// What becomes of the sessions of a backend that went down: they are kept, ended after the
    /// `drain_timeout`, or reset at once.
    #[serde(default = "on_down")]
    pub(super) on_down: Written<OnDown>,
    /// What new clients get while no backend is up: a reset, or a backend as if all were up.
    #[serde(default = "all_down")]
    pub(super) all_down: Written<AllDown>,
    /// How backends are checked.
    #[serde(default)]
    pub(super) health: Health,
    /// When clients' failed connects take a backend out. Not set: never.
    pub(super) eject: Option<Eject>,
    /// A file with backends, or more of them, one a line: `[NAME=]ADDRESS`, then `,weight=N`,
    /// `,max-connections=N` and `,backup` where wanted. Read again when it changes. Not set: there is none.
    pub(super) backends_file: Option<Written<FilePath>>,
    /// When a command is run that starts and stops backends (docs/autoscaling.md). Not set: never.
    pub(super) scale: Option<Scale>,
    /// TLS with those backends whose addresses begin with `https://`. Not set: as by default.
    pub(super) tls: Option<PoolTls>,
    /// The backends: addresses, or tables with an address. Required where there is no `backends_file`.
    #[schemars(length(min = 1))]
    pub(super) backends: Option<Vec<Entry>>,
}

/// A backend.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Entry {
    Address(Written<Endpoint>),
    Table(Backend),
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Backend {
    /// Its name in logs, which no other backend of the pool has. Not set: its address as it is written.
    pub(super) name: Option<Written<Name>>,
    /// `HOST:PORT`, where HOST is an IPv4 address, an IPv6 address in brackets or a name, which
    /// stands for all its addresses; or `srv:_SERVICE._PROTOCOL.NAME`, which has ports and weights. With
    /// `https://` before it, TLS is spoken there.
    pub(super) address: Written<Endpoint>,
    /// Its share of the sessions, in proportion to the others' weights; 0 is no new sessions.
    #[serde(default = "weight")]
    #[schemars(range(min = 0, max = 65535))]
    pub(super) weight: u16,
    /// Sessions at once. Not set: no limit.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) max_connections: Option<u32>,
    /// Used only while no other backend may get sessions.
    #[serde(default)]
    pub(super) backup: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    /// What a check does: it connects, asks for a path, sends something and looks at the answer, or
    /// is not done at all, which takes every backend for up.
    #[serde(default = "check_kind")]
    pub(super) r#type: Written<CheckKind>,
    /// From the start of one check to the start of the next.
    #[serde(default = "interval")]
    pub(super) interval: Written<Duration>,
    /// For one check, from its start to its result.
    #[serde(default = "timeout")]
    pub(super) timeout: Written<Duration>,
    /// Consecutive passed checks that bring a backend up.
    #[serde(default = "rise")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) rise: u32,
    /// Consecutive failed checks that bring a backend down.
    #[serde(default = "fall")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) fall: u32,
    /// Checks go to this port. Not set: the backend's own.
    #[schemars(range(min = 1, max = 65535))]
    pub(super) port: Option<u16>,
    /// With `http`, which needs it: the path that is asked for.
    pub(super) path: Option<Written<HttpPath>>,
    /// With `http`: the Host header. Not set: the address that is checked.
    pub(super) host: Option<Written<HttpHost>>,
    /// With `http`: statuses that pass, such as `"200,204"` or `"200-299,401"`. Not set: `"200-399"`.
    pub(super) status: Option<Written<Statuses>>,
    /// With `send-expect`: what is sent. Not set: nothing, for a backend that speaks first.
    pub(super) send: Option<String>,
    /// With `send-expect`, which needs it: what the answer must contain.
    pub(super) expect: Option<Written<Expected>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Eject {
    /// So many failed connects in a row eject a backend.
    #[serde(default = "failures")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) failures: u32,
    /// The first ejection lasts that long, the second one twice, and so on.
    #[serde(default = "base")]
    pub(super) base: Written<Duration>,
    /// No ejection lasts longer.
    #[serde(default = "max")]
    pub(super) max: Written<Duration>,
    /// Of the pool's backends, that share in percent may be ejected at once, though always one.
    #[serde(default = "max_percent")]
    #[schemars(range(min = 0, max = 100))]
    pub(super) max_percent: u8,
}

impl Backend {
    /// With the defaults.
    pub(super) const fn at(address: Written<Endpoint>) -> Self {
        Self {
            name: None,
            address,
            weight: WEIGHT,
            max_connections: None,
            backup: false,
        }
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self::Count(defaults::WORKERS)
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: log_level() }
    }
}

impl Default for AccessLog {
    fn default() -> Self {
        Self {
            output: access_log_output(),
            format: line_format(),
            interval: None,
            only_errors: false,
            min_duration: None,
            sample: sample(),
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        Self {
            r#type: check_kind(),
            interval: interval(),
            timeout: timeout(),
            rise: rise(),
            fall: fall(),
            port: None,
            path: None,
            host: None,
            status: None,
            send: None,
            expect: None,
        }
    }
}

/// One function for each default, which is all that serde takes.
macro_rules! defaults {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        $(fn $name() -> $type {
            $value
        })*
    };
}

defaults! {
    drain_timeout: Written<Duration> = Written(defaults::DRAIN_TIMEOUT);
    log_level: Written<LevelFilter> = Written(defaults::LOG_LEVEL);
    access_log_output: Written<AccessLogOutput> = Written(AccessLogOutput::Off);
    line_format: Written<LineFormat> = Written(LineFormat::default());
    sample: f64 = LineFilter::default().sample;
    idle_timeout: Written<Duration> = Written(defaults::IDLE_TIMEOUT);
    preamble_timeout: Written<Duration> = Written(defaults::PREAMBLE_TIMEOUT);
    protocol: Written<Protocol> = Written(Protocol::default());
    balance: Written<Balance> = Written(Balance::default());
    connect_timeout: Written<Duration> = Written(defaults::CONNECT_TIMEOUT);
    retries: u8 = defaults::RETRIES;
    on_down: Written<OnDown> = Written(OnDown::default());
    all_down: Written<AllDown> = Written(AllDown::default());
    weight: u16 = WEIGHT;
    check_kind: Written<CheckKind> = Written(CheckKind::Tcp);
    interval: Written<Duration> = Written(HealthConfig::default().interval);
    timeout: Written<Duration> = Written(HealthConfig::default().timeout);
    rise: u32 = HealthConfig::default().rise;
    fall: u32 = HealthConfig::default().fall;
    failures: u32 = EjectConfig::default().failures;
    base: Written<Duration> = Written(EjectConfig::default().base);
    max: Written<Duration> = Written(EjectConfig::default().max);
    max_percent: u8 = EjectConfig::default().max_percent;
}
