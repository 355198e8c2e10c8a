//! What the workers serve: the configuration with all that it needs to be served.
//!
//! A new plan takes the place of the old one whole. Places of listeners and pools mean the same in
//! every plan of a process; one that is gone keeps its place, empty, for the sessions that it has.
//! Only types live here. Imports config, pool, listener, metrics. Made by supervisor.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use rustls::{ClientConfig, ServerConfig};

use crate::config::{ListenerConfig, PoolConfig};
use crate::listener::Listener;
use crate::metrics::{EndTally, ListenerTally};
use crate::pool::{Backend, Gauge, Line, Order};

/// Everything that is served from now on.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Counts the plans of this process.
    pub number: u64,
    /// The listeners, each of which names its pool by its place, with their bound sockets, which all
    /// workers share; none, where a listener is gone. The sockets close with the last plan that has them.
    pub listeners: Vec<(Arc<PlannedListener>, Vec<Arc<Listener>>)>,
    /// The pools.
    pub pools: Vec<Arc<PlannedPool>>,
    /// The most sessions at once, of all workers.
    pub session_limit: u32,
    /// How long sessions are given to finish where they have to.
    pub drain_timeout: Duration,
    /// Each worker says so when it has taken the plan over, and what it could not do.
    pub taken_over: Sender<Result<(), String>>,
}

/// A listener to be served; its sessions keep it.
#[derive(Debug)]
pub struct PlannedListener {
    /// What is configured.
    pub config: ListenerConfig,
    /// The number of the plan that has it so.
    pub number: u64,
    /// Where its sessions go. The first place is that of a session whose pool is not known yet, and of
    /// those that no route takes; then come the other pools of its routes, fewer than 65,536 in a file
    /// of the size that is read.
    pub destinations: Box<[Destination]>,
    /// What it has to say in handshakes, where it speaks TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Its sessions.
    pub active: Arc<Gauge>,
    /// What each worker has counted of it.
    pub tallies: Arc<[ListenerTally]>,
}

/// Where sessions of a listener go.
#[derive(Debug)]
pub struct Destination {
    /// The place of the pool.
    pub pool: usize,
    /// Its name; `-` where a session has no pool until a route gives it one.
    pub name: Arc<str>,
    /// Why connections of the listener to this pool have ended, by worker.
    pub ends: Arc<[EndTally]>,
}

impl PlannedListener {
    /// The destination of a TLS client that asks for this name and offers what `offers` says; `None`
    /// denies it.
    #[must_use]
    pub fn destination(&self, name: Option<&str>, offers: impl Fn(&[u8]) -> bool) -> Option<u16> {
        let Some(routes) = &self.config.routes else {
            return Some(0);
        };
        let pool = routes.pool(name, offers)?;
        // From the end: the first one may have this pool only until another is known.
        let place = self.destinations.iter().rposition(|it| it.pool == pool)?;
        u16::try_from(place).ok()
    }
}

/// A pool to be served.
#[derive(Debug)]
pub struct PlannedPool {
    /// What is configured.
    pub config: PoolConfig,
    /// Its backends, in the order of the configuration; none, where it is gone.
    pub backends: Vec<Arc<Backend>>,
    /// What it has to say in handshakes with backends that speak TLS, where one does.
    pub tls: Option<Arc<ClientConfig>>,
    /// Of each backend, what an operator wants of it where it is new; the others are told of orders
    /// when they are given.
    pub orders: Vec<Order>,
    /// Who waits for one of them.
    pub line: Arc<Line>,
}
