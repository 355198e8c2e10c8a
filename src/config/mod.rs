//! What l4lb is told to do: valid by construction, immutable, shared by all threads.
//!
//! Text becomes these types in cli (flags) and in `file`; whoever holds one need not check anything
//! again. Pure: nothing is read, looked up or opened here. Imports client_hello, http.

mod access_log;
mod address;
mod admin;
pub mod defaults;
pub mod diff;
mod endpoint;
pub mod export;
pub mod file;
mod health;
mod http;
mod http_listener;
mod name;
mod nearest;
mod pool;
mod proxy;
mod route;
mod scale;
mod source;
mod spec;
mod target;
mod template;
mod tls;
mod units;

pub use access_log::{AccessLogConfig, AccessLogOutput, LineFilter, LineFormat};
pub use address::{AddressError, client_address, listen_address, name_server};
pub use admin::{AdminAddress, AdminConfig};
pub use endpoint::Endpoint;
pub use health::{Check, EjectConfig, HealthConfig};
pub use http::{STATUS_PASSES, Statuses, http_host, http_path, statuses};
pub use http_listener::{FORWARDED, HeaderEdits, HttpConfig, Per, Protocol, forwarded_name};
pub use name::{name, served_name};
pub use nearest::hint;
pub use pool::{AllDown, BackendConfig, Balance, OnDown, PoolConfig};
pub use proxy::{AcceptProxy, DialFrom, SendProxy, network, own_address};
pub use route::{RouteConfig, Routes, ServerPattern, asked_name};
pub use scale::ScaleConfig;
pub use source::Source;
pub use spec::{SpecError, backend_spec};
pub use target::Target;
pub use template::{Part, Placeholder, Template};
pub use tls::{
    CertificateFiles, Certificates, ClientCertificates, ListenerTls, PoolTls, TlsVersion,
    server_name,
};
pub use units::{UnitError, duration};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::LevelFilter;

/// The most event loops: each has a bit in a word.
pub const MAX_WORKERS: usize = 64;

/// The whole configuration of a process.
#[derive(Clone, Debug)]
pub struct Config {
    /// The listeners, in order. Each names a pool by its place.
    pub listeners: Vec<ListenerConfig>,
    /// The pools.
    pub pools: Vec<PoolConfig>,
    /// Event loops, 1 to [`MAX_WORKERS`].
    pub workers: usize,
    /// Sessions at once over all listeners; `None` is as many as descriptors allow.
    pub max_connections: Option<usize>,
    /// How long a stopping process lets sessions finish.
    pub drain_timeout: Duration,
    /// The access log.
    pub access_log: AccessLogConfig,
    /// What is logged on standard error.
    pub log_level: LevelFilter,
    /// The admin API; `None` is none.
    pub admin: Option<AdminConfig>,
    /// The name servers that are asked; empty is those of the system.
    pub dns_servers: Vec<SocketAddr>,
}

/// A set of addresses that accept clients for one pool, or for several that routes lead to.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Its name in logs.
    pub name: Arc<str>,
    /// Where it listens; port 0 is a free one.
    pub addresses: Vec<SocketAddr>,
    /// The place of its pool in [`Config::pools`]; where only routes have one, that of the first route.
    pub pool: usize,
    /// Which clients go to which pool by their ClientHello; `None` asks for none.
    pub routes: Option<Arc<Routes>>,
    /// A session in which no byte moves for this long is ended.
    pub idle_timeout: Duration,
    /// Sessions at once on this listener; `None` is as many as all listeners may have.
    pub max_connections: Option<u32>,
    /// How requests are served where its clients speak HTTP; `None` is anything over TCP.
    pub http: Option<Arc<HttpConfig>>,
    /// Who has to say in a PROXY header who its client is; `None` has clients alone.
    pub accept_proxy: Option<AcceptProxy>,
    /// For all that is read of a client before a backend is chosen.
    pub preamble_timeout: Duration,
    /// TLS with its clients; `None` is none.
    pub tls: Option<ListenerTls>,
}

impl ListenerConfig {
    /// The place of the pool for clients that no route takes; `None` denies them.
    #[must_use]
    pub fn default_pool(&self) -> Option<usize> {
        let routes = self.routes.as_deref();
        routes.map_or(Some(self.pool), Routes::otherwise)
    }
}
