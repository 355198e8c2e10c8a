//! A pool: its backends, how one is picked, reached, and what happens when one is not there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{
    DialFrom, EjectConfig, Endpoint, HealthConfig, PoolTls, ScaleConfig, SendProxy, Target,
};

/// Backends and how they are picked, reached and watched.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Its name in logs.
    pub name: Arc<str>,
    /// Each name once; at least one, unless there is a file of them.
    pub backends: Vec<BackendConfig>,
    /// A file with more backends, one a line.
    pub backends_file: Option<PathBuf>,
    /// How a session's backend is picked.
    pub balance: Balance,
    /// For one attempt to connect.
    pub connect_timeout: Duration,
    /// Further attempts, each on another backend where there is one.
    pub retries: u8,
    /// How long a client waits while every backend is at its limit.
    pub queue_timeout: Duration,
    /// How long a backend that has come back, or is new, takes to its full share; zero is at once.
    pub slow_start: Duration,
    /// Whether a connect that takes unusually long is raced by a second one.
    pub hedge: bool,
    /// The PROXY header that backends get before anything else; `None` is none.
    pub send_proxy: Option<SendProxy>,
    /// The address that backends see; `None` is the one that the kernel takes.
    pub source: Option<DialFrom>,
    /// What becomes of the sessions of a backend that went down.
    pub on_down: OnDown,
    /// What new clients get while no backend is up.
    pub all_down: AllDown,
    /// How backends are watched; `None` takes them all for up.
    pub health: Option<HealthConfig>,
    /// When clients' failed connects take a backend out; `None` is never.
    pub eject: Option<EjectConfig>,
    /// When a command is run that starts and stops backends; `None` is never.
    pub scale: Option<ScaleConfig>,
    /// TLS with those backends that speak it; `None` is as nothing else is said.
    pub tls: Option<PoolTls>,
}

impl PoolConfig {
    /// The name that a backend on `host` is asked for in TLS, and has to show.
    #[must_use]
    pub fn server_name<'a>(&'a self, host: &'a str) -> &'a str {
        let named = self.tls.as_ref().and_then(|it| it.server_name.as_deref());
        named.unwrap_or(host)
    }
}

/// One backend as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendConfig {
    /// Its name, or its address as it was written.
    pub name: Arc<str>,
    /// Where it is; a name is looked up again and again.
    pub target: Target,
    /// Its share of the sessions, in proportion to the others' weights; 0 is none.
    pub weight: u16,
    /// Used only while no other backend may get sessions.
    pub backup: bool,
    /// The most sessions at once; `None` is no limit.
    pub max_connections: Option<u32>,
    /// The name that it has to show with TLS; `None` is no TLS.
    pub tls: Option<Arc<str>>,
}

impl BackendConfig {
    /// Where it is, as it is written.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            target: self.target.clone(),
            tls: self.tls.is_some(),
        }
    }

    /// A backend with the defaults: weight 1, no limit, no backup.
    #[must_use]
    pub const fn new(name: Arc<str>, address: SocketAddr) -> Self {
        Self {
            name,
            target: Target::Address(address),
            weight: 1,
            backup: false,
            max_connections: None,
            tls: None,
        }
    }
}

/// How a session's backend is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Smooth weighted round robin.
    #[default]
    RoundRobin,
    /// The fewest sessions for its weight.
    LeastConnections,
    /// By chance, in proportion to the weights.
    Random,
    /// The less loaded of two that chance names.
    TwoChoices,
    /// By the client's address: Maglev.
    SourceHash,
    /// The quicker to connect of two that chance names.
    LeastLatency,
    /// The first one up to its limit, then the next.
    First,
}

impl Balance {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::RoundRobin,
        Self::LeastConnections,
        Self::Random,
        Self::TwoChoices,
        Self::SourceHash,
        Self::LeastLatency,
        Self::First,
    ];

    /// As flags and files name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::LeastConnections => "least-connections",
            Self::Random => "random",
            Self::TwoChoices => "two-choices",
            Self::SourceHash => "source-hash",
            Self::LeastLatency => "least-latency",
            Self::First => "first",
        }
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Balance {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = Self::ALL.into_iter().find(|it| it.name() == text);
        named.ok_or(())
    }
}

/// What becomes of the sessions of a backend that went down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDown {
    /// They go on as long as they can.
    #[default]
    Keep,
    /// They are ended after the drain timeout, unless it is up again by then.
    Drain,
    /// They are reset at once.
    Reset,
}

impl OnDown {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Drain, Self::Reset];

    /// As files name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drain => "drain",
            Self::Reset => "reset",
        }
    }
}

/// What new clients get while no backend is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllDown {
    /// A reset.
    #[default]
    Reject,
    /// A backend, as if all were up.
    TryAll,
}

impl AllDown {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Reject, Self::TryAll];

    /// As files name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::TryAll => "try-all",
        }
    }
}
