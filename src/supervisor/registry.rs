//! What is served: the configuration that was applied last, and the identities that outlive it.
//!
//! A backend keeps its identity, and so its counts, its health and its sessions, as long as its pool,
//! its name and its address stay the same. Listeners and pools keep their places; a socket goes with
//! its address, to whichever listener has it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use crossbeam_channel::Sender;

use super::changes::Changes;
use crate::config::{BackendConfig, Config, ListenerConfig, PoolConfig, Target};
use crate::listener::Listener;
use crate::metrics::EndTally;
use crate::plan::{Destination, Plan, PlannedListener, PlannedPool};
use crate::pool::{Backend, BackendId, Line};
use crate::reason;
use crate::tls::Materials;

/// What a socket goes by: the address that is configured, and for port 0, which is another one each
/// time, the listener and the number of the address there.
type SocketKey = (SocketAddr, Option<(Arc<str>, usize)>);

type Sockets = HashMap<SocketKey, Arc<Listener>>;

fn key(listener: &ListenerConfig, (number, address): (usize, &SocketAddr)) -> SocketKey {
    let is_free = address.port() == 0;
    (
        *address,
        is_free.then(|| (Arc::clone(&listener.name), number)),
    )
}

/// A tally for each worker that has counted nothing.
fn fresh<T: Default>(workers: usize) -> Arc<[T]> {
    (0..workers).map(|_| T::default()).collect()
}

/// The names of a listener and of a pool.
type EndKey = (Arc<str>, Arc<str>);

/// A listener in its place, with its sockets.
type Placed = (Arc<PlannedListener>, Vec<Arc<Listener>>);

pub(super) struct Registry {
    workers: usize,
    next_id: u32,
    /// Plans so far.
    plans: u64,
    listeners: Vec<Placed>,
    pools: Vec<Arc<PlannedPool>>,
    sockets: Sockets,
    /// Why connections of a listener to a pool have ended: it goes with the pair of names for ever.
    ends: BTreeMap<EndKey, Arc<[EndTally]>>,
}

impl Registry {
    /// Nothing is served yet, by so many workers. `inherited` sockets are there to be used.
    pub(super) fn new(workers: usize, inherited: HashMap<SocketAddr, Listener>) -> Self {
        let inherited = inherited
            .into_iter()
            .map(|(address, socket)| ((address, None), Arc::new(socket)));
        Self {
            workers,
            next_id: 0,
            plans: 0,
            listeners: Vec::new(),
            pools: Vec::new(),
            sockets: inherited.collect(),
            ends: BTreeMap::new(),
        }
    }

    /// What is to be served for `config`, in which names have become backends, with new listeners
    /// bound. Where one cannot be, nothing has changed. Workers say through `taken_over` when they
    /// serve it.
    pub(super) fn plan(
        &mut self,
        config: &Config,
        changes: &Changes,
        materials: &Materials,
        session_limit: u32,
        taken_over: Sender<Result<(), String>>,
    ) -> Result<Plan, String> {
        if let Some(PoolConfig { name, .. }) = materials.lacking(config) {
            return Err(format!(
                "pool {name} needs [pool.{name}.tls] in the file before one with https:// is added"
            ));
        }
        let sockets = self.bind(config)?;
        self.plans += 1;
        let pools = self.place_pools(config, changes, materials);
        self.place_listeners(config, &pools, &sockets, materials);
        self.sockets = sockets;
        Ok(Plan {
            number: self.plans,
            listeners: self.listeners.clone(),
            pools: self.pools.clone(),
            session_limit,
            drain_timeout: config.drain_timeout,
            taken_over,
        })
    }

    /// Where listeners go together with their pools: `config` with these pools, to be served first. Whoever
    /// waits to be accepted then still gets a backend. `None` where nobody needs that.
    pub(super) fn farewell(&self, config: &Config) -> Option<Config> {
        let goes = |(it, sockets): &Placed| {
            let mut listeners = config.listeners.iter();
            !sockets.is_empty() && !listeners.any(|other| other.name == it.config.name)
        };
        let is_last = |pool: &&Arc<PlannedPool>| {
            let mut pools = config.pools.iter();
            !pool.backends.is_empty() && !pools.any(|it| it.name == pool.config.name)
        };
        let any_goes = self.listeners.iter().any(goes);
        let last = self.pools.iter().filter(is_last).filter(|_| any_goes);
        let last: Vec<PoolConfig> = last.map(|it| it.config.clone()).collect();
        let mut farewell = config.clone();
        farewell.pools.extend(last.iter().cloned());
        (!last.is_empty()).then_some(farewell)
    }

    /// The bound listeners by name, with their real addresses.
    pub(super) fn bound(&self) -> Vec<(Arc<str>, SocketAddr)> {
        let of_one = |(planned, sockets): &Placed| {
            let name =
                |socket: &Arc<Listener>| (Arc::clone(&planned.config.name), socket.address());
            sockets.iter().map(name).collect::<Vec<_>>()
        };
        self.listeners.iter().flat_map(of_one).collect()
    }

    /// The listeners that listen or still have sessions, each with its real addresses.
    pub(super) fn listening(&self) -> impl Iterator<Item = (&PlannedListener, Vec<String>)> {
        let is_there =
            |(planned, sockets): &&Placed| !sockets.is_empty() || planned.active.count() > 0;
        let there = self.listeners.iter().filter(is_there);
        there.map(|(planned, sockets)| {
            let addresses = sockets.iter().map(|it| it.address().to_string());
            (&**planned, addresses.collect())
        })
    }

    /// Sessions on all listeners, those that are gone among them.
    pub(super) fn sessions(&self) -> u32 {
        let all = self.listeners.iter();
        all.map(|(planned, _)| planned.active.count()).sum()
    }

    /// The listeners, those that are gone among them.
    pub(super) fn listeners(&self) -> impl Iterator<Item = &Arc<PlannedListener>> {
        self.listeners.iter().map(|(planned, _)| planned)
    }

    /// Why connections have ended, by the names of listener and pool.
    pub(super) fn all_ends(&self) -> impl Iterator<Item = (&EndKey, &Arc<[EndTally]>)> {
        self.ends.iter()
    }

    /// The pools, those that are gone among them, without a backend.
    pub(super) fn pools(&self) -> &[Arc<PlannedPool>] {
        &self.pools
    }

    /// Whether the pools of `config`, in which names have become backends, are served as they are there.
    pub(super) fn has_backends_of(&self, config: &Config) -> bool {
        let is_same = |pool: &PoolConfig| {
            let mut served = self.pools.iter().map(|it| &it.config);
            served.any(|it| it.name == pool.name && it.backends == pool.backends)
        };
        config.pools.iter().all(is_same)
    }

    /// Closes what listens, as far as it is held here.
    pub(super) fn close(&mut self) {
        self.sockets.clear();
        self.listeners
            .iter_mut()
            .for_each(|(_, sockets)| sockets.clear());
    }

    /// A socket for each address: the one that there is, else a new one.
    fn bind(&self, config: &Config) -> Result<Sockets, String> {
        let of_one = |listener| {
            let listener: &ListenerConfig = listener;
            let addresses = listener.addresses.iter().enumerate();
            addresses.map(move |it| (key(listener, it), *it.1))
        };
        let mut wanted: Vec<_> = config.listeners.iter().flat_map(of_one).collect();
        let stays = |it: &SocketKey| wanted.iter().any(|(key, _)| key == it);
        let leaving = self.sockets.iter().filter(|(key, _)| !stays(key));
        let leaving: Vec<&Listener> = leaving.map(|(_, socket)| &**socket).collect();
        let beside = |address: &SocketAddr| {
            let has_port = |it: &&Listener| it.address().port() == address.port();
            leaving.iter().copied().filter(has_port).collect::<Vec<_>>()
        };
        // Last those that take clients from others at once: nothing may fail after that.
        wanted.sort_by_key(|(_, address)| !beside(address).is_empty());
        let mut sockets = Sockets::new();
        for (key, address) in wanted {
            let known = self.sockets.get(&key).map(Arc::clone);
            let bind = || Listener::bind_beside(address, &beside(&address)).map(Arc::new);
            let socket = known.map_or_else(bind, Ok);
            let socket = socket
                .map_err(|error| format!("cannot listen on {address}: {}", reason::of(&error)))?;
            sockets.insert(key, socket);
        }
        Ok(sockets)
    }

    /// Puts each pool in its place, which is returned, in the order of the configuration.
    fn place_pools(
        &mut self,
        config: &Config,
        changes: &Changes,
        materials: &Materials,
    ) -> Vec<usize> {
        let mut places = Vec::new();
        for pool in &config.pools {
            let known = self.pools.iter().position(|it| it.config.name == pool.name);
            let planned = Arc::new(self.pool(pool, changes, materials, known));
            let place = known.unwrap_or(self.pools.len());
            match self.pools.get_mut(place) {
                Some(slot) => *slot = planned,
                None => self.pools.push(planned),
            }
            places.push(place);
        }
        for (place, pool) in self.pools.iter_mut().enumerate() {
            if !places.contains(&place) && !pool.backends.is_empty() {
                *pool = Arc::new(PlannedPool {
                    config: PoolConfig {
                        backends: Vec::new(),
                        ..pool.config.clone()
                    },
                    backends: Vec::new(),
                    tls: None,
                    orders: Vec::new(),
                    line: Arc::clone(&pool.line),
                });
            }
        }
        places
    }

    fn pool(
        &mut self,
        config: &PoolConfig,
        changes: &Changes,
        materials: &Materials,
        known: Option<usize>,
    ) -> PlannedPool {
        let before = known.map(|place| Arc::clone(&self.pools[place]));
        let known = before.iter().flat_map(|pool| &pool.backends);
        let known: HashMap<_, _> = known
            .map(|it| ((&*it.name, it.address, it.tls.clone()), it))
            .collect();
        let mut backend = |it: &BackendConfig, address: SocketAddr| {
            known
                .get(&(&*it.name, address, it.tls.clone()))
                .map_or_else(
                    || {
                        self.next_id += 1;
                        let backend = Backend::new(
                            BackendId(self.next_id - 1),
                            Arc::clone(&config.name),
                            Arc::clone(&it.name),
                            address,
                            self.workers,
                        );
                        Arc::new(backend.speaking(it.tls.clone()))
                    },
                    |&same| Arc::clone(same),
                )
        };
        let (mut configs, mut backends) = (Vec::new(), Vec::new());
        for it in &config.backends {
            if let Target::Address(address) = it.target {
                configs.push(it.clone());
                backends.push(backend(it, address));
            }
        }
        let orders = configs.iter();
        let orders = orders.map(|it| changes.order(&config.name, &it.name));
        PlannedPool {
            tls: materials.pool(&config.name),
            orders: orders.collect(),
            config: PoolConfig {
                backends: configs,
                ..config.clone()
            },
            backends,
            line: before.map_or_else(
                || Arc::new(Line::new(self.workers)),
                |pool| Arc::clone(&pool.line),
            ),
        }
    }

    /// Where workers count why connections of this listener to this pool end.
    fn ends(&mut self, listener: &Arc<str>, pool: &Arc<str>) -> Arc<[EndTally]> {
        let key = (Arc::clone(listener), Arc::clone(pool));
        let ends = self.ends.entry(key);
        Arc::clone(ends.or_insert_with(|| fresh(self.workers)))
    }

    /// Where sessions of a listener go. `pools` has the places of the configuration's pools.
    fn destinations(
        &mut self,
        listener: &ListenerConfig,
        config: &Config,
        pools: &[usize],
    ) -> Box<[Destination]> {
        let mut towards = |pool: usize, name: &Arc<str>| Destination {
            pool: pools[pool],
            name: Arc::clone(name),
            ends: self.ends(&listener.name, name),
        };
        let own = listener.default_pool();
        let name = own.map_or_else(|| "-".into(), |pool| Arc::clone(&config.pools[pool].name));
        let mut all = vec![towards(listener.pool, &name)];
        let routes = listener.routes.iter().flat_map(|it| it.list());
        let routed: BTreeSet<usize> = routes.map(|it| it.pool).collect();
        for pool in routed.into_iter().filter(|pool| own != Some(*pool)) {
            all.push(towards(pool, &config.pools[pool].name));
        }
        all.into()
    }

    /// Puts each listener in its place. `pools` has the places of the configuration's pools.
    fn place_listeners(
        &mut self,
        config: &Config,
        pools: &[usize],
        sockets: &Sockets,
        materials: &Materials,
    ) {
        let mut places = Vec::new();
        for listener in &config.listeners {
            let is_it = |(it, _): &(Arc<PlannedListener>, _)| it.config.name == listener.name;
            let known = self.listeners.iter().position(is_it);
            let before = known.map(|place| Arc::clone(&self.listeners[place].0));
            let planned = PlannedListener {
                number: self.plans,
                destinations: self.destinations(listener, config, pools),
                tls: materials.listener(&listener.name),
                config: ListenerConfig {
                    pool: pools[listener.pool],
                    routes: listener.routes.as_ref().map(|it| Arc::new(it.moved(pools))),
                    ..listener.clone()
                },
                active: before
                    .as_ref()
                    .map(|it| Arc::clone(&it.active))
                    .unwrap_or_default(),
                tallies: before.map_or_else(|| fresh(self.workers), |it| Arc::clone(&it.tallies)),
            };
            let addresses = listener.addresses.iter().enumerate();
            let bound = addresses.filter_map(|it| sockets.get(&key(listener, it)).map(Arc::clone));
            let entry = (Arc::new(planned), bound.collect());
            let place = known.unwrap_or(self.listeners.len());
            match self.listeners.get_mut(place) {
                Some(slot) => *slot = entry,
                None => self.listeners.push(entry),
            }
            places.push(place);
        }
        for (place, (_, sockets)) in self.listeners.iter_mut().enumerate() {
            if !places.contains(&place) {
                sockets.clear();
            }
        }
    }
}
