//! Picks backends, and keeps what is learnt of dialing them.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::hedging::Hedging;
use super::loads::Loads;
use rustls::ClientConfig;

use crate::balance::{Balancer, Pick, Preview, Request, Snapshot};
use crate::config::PoolConfig;
use crate::messages::{Mailbox, ToHealth};
use crate::plan::PlannedPool;
use crate::pool::{Backend, BackendId, Line, LiveSet, Member, State, Tally};
use crate::session::{DialError, Outcome, Side};

/// One pool as the worker sees it.
struct DialPool {
    planned: Arc<PlannedPool>,
    balancer: Balancer,
    hedging: Hedging,
    /// Whether the backend spoke first in the last session: then nothing is held back from it.
    greets: bool,
    /// A session has given its backend up since it was looked who waits for one.
    room_made: bool,
    /// Of its own addresses to dial from, whose turn it is.
    sources: usize,
}

pub(super) struct Dialer {
    pools: Vec<DialPool>,
    /// How often backends were lost.
    losses: u64,
    loads: Loads,
    health: Mailbox<ToHealth>,
}

/// What a new live set takes away.
pub(super) struct Lost {
    /// Backends that were not down before.
    pub(super) down: Vec<BackendId>,
    /// Backends that the pool has no more, or that an operator has just taken out; none where there is no
    /// other one to go to.
    pub(super) withdrawn: Vec<BackendId>,
}

/// What `after` takes away of `before`. A live set that only health has changed has the same members in
/// the same places: they are compared in pairs, and only what differs is looked up.
fn lost(before: &[Member], after: &[Member]) -> Lost {
    let is_same = |(was, is): (&Member, &Member)| was.backend.id == is.backend.id;
    let moved = before.len() != after.len() || !before.iter().zip(after).all(is_same);
    let known: HashMap<BackendId, State> = match moved {
        true => before.iter().map(|it| (it.backend.id, it.state)).collect(),
        false => HashMap::new(),
    };
    let was = |place: usize| match moved {
        true => known.get(&after[place].backend.id).copied(),
        false => Some(before[place].state),
    };
    let newly = |states: &[State]| -> Vec<BackendId> {
        let fresh = after.iter().enumerate();
        let fresh =
            fresh.filter(|(place, it)| states.contains(&it.state) && was(*place) != Some(it.state));
        fresh.map(|(_, it)| it.backend.id).collect()
    };
    let mut withdrawn = newly(&[State::Drain, State::Maint]);
    if moved {
        let left: HashSet<BackendId> = after.iter().map(|it| it.backend.id).collect();
        withdrawn.extend(known.keys().filter(|id| !left.contains(id)));
    }
    Lost {
        down: newly(&[State::Down]),
        withdrawn,
    }
}

fn states(set: &LiveSet) -> impl Iterator<Item = (BackendId, State)> {
    set.members().iter().map(|it| (it.backend.id, it.state))
}

impl Dialer {
    pub(super) const fn new(loads: Loads, health: Mailbox<ToHealth>) -> Self {
        Self {
            pools: Vec::new(),
            losses: 0,
            loads,
            health,
        }
    }

    /// From now on the pool at this place is that one; its snapshot follows.
    pub(super) fn plan(&mut self, place: usize, planned: &Arc<PlannedPool>) {
        let balance = planned.config.balance;
        let fresh = |set: Arc<LiveSet>| {
            let known = Snapshot { set, table: None };
            // No two workers, and no two balancers, draw the same numbers.
            Balancer::new(balance, known, fastrand::u64(..))
        };
        match self.pools.get_mut(place) {
            Some(pool) => {
                if pool.planned.config.balance != balance {
                    pool.balancer = fresh(Arc::clone(pool.balancer.set()));
                }
                pool.planned = Arc::clone(planned);
            }
            None => self.pools.push(DialPool {
                planned: Arc::clone(planned),
                balancer: fresh(Arc::new(LiveSet::new(Vec::new(), planned.config.all_down))),
                hedging: Hedging::new(),
                greets: false,
                room_made: false,
                sources: 0,
            }),
        }
    }

    pub(super) fn config(&self, pool: usize) -> &PoolConfig {
        &self.pools[pool].planned.config
    }

    /// Which of its own addresses the pool is dialed from next, counted on and on.
    pub(super) const fn next_source(&mut self, pool: usize) -> usize {
        let sources = &mut self.pools.as_mut_slice()[pool].sources;
        *sources = sources.wrapping_add(1);
        *sources
    }

    /// What the pool has to say in handshakes, where it speaks TLS with a backend.
    pub(super) fn tls(&self, pool: usize) -> Option<&Arc<ClientConfig>> {
        self.pools[pool].planned.tls.as_ref()
    }

    /// Who waits for the pool, over all workers.
    pub(super) fn line(&self, pool: usize) -> &Line {
        &self.pools[pool].planned.line
    }

    /// From now on `snapshot` is what health allows of the pool. What that takes away.
    pub(super) fn update(&mut self, pool: usize, snapshot: Snapshot) -> Lost {
        let balancer = &mut self.pools[pool].balancer;
        let before = Arc::clone(balancer.set());
        balancer.update(snapshot);
        let mut lost = lost(before.members(), balancer.set().members());
        self.losses += u64::from(!lost.down.is_empty() || !lost.withdrawn.is_empty());
        if balancer.set().eligible().is_empty() {
            lost.withdrawn.clear();
        }
        lost
    }

    /// Whether health says that the backend is up.
    pub(super) fn is_up(&self, pool: usize, id: BackendId) -> bool {
        states(self.pools[pool].balancer.set()).any(|it| it == (id, State::Up))
    }

    /// How often backends were lost so far: while it stays the same, whoever was served still is.
    pub(super) const fn losses(&self) -> u64 {
        self.losses
    }

    /// Whether the backend may get sessions.
    pub(super) fn serves(&self, pool: usize, id: BackendId) -> bool {
        let set = self.pools[pool].balancer.set();
        let mut places = set.eligible().iter();
        places.any(|&place| set.members()[place].backend.id == id)
    }

    /// Whether the backend takes so many connections and no more.
    pub(super) fn is_limited(&self, pool: usize, name: &str) -> bool {
        let mut backends = self.config(pool).backends.iter();
        backends.any(|it| *it.name == *name && it.max_connections.is_some())
    }

    /// Whether a session of the pool has given its backend up since the last call.
    pub(super) fn take_room_made(&mut self, pool: usize) -> bool {
        std::mem::take(&mut self.pools[pool].room_made)
    }

    /// Whether it is to be looked who waits for a backend.
    pub(super) fn is_room_made(&self) -> bool {
        self.pools.iter().any(|pool| pool.room_made)
    }

    /// Whether whoever waits for a backend of the pool need not wait: one has room, or none is left.
    pub(super) fn can_serve(&mut self, pool: usize) -> bool {
        self.hear_news();
        let balancer = &mut self.pools[pool].balancer;
        if !balancer.has_room() && !self.loads.is_alone() {
            // News may be on its way from a worker that has nothing more to say.
            let set = Arc::clone(balancer.set());
            for &place in set.eligible() {
                let backend = &set.members()[place].backend;
                balancer.loaded(backend.id, backend.load.active.count());
            }
        }
        balancer.has_room() || balancer.set().eligible().is_empty()
    }

    /// Takes the next backend for a session: it counts among the backend's until it is released.
    pub(super) fn choose(
        &mut self,
        pool: usize,
        request: &Request<'_>,
    ) -> Result<Arc<Backend>, Outcome> {
        self.hear_news();
        let balancer = &mut self.pools[pool].balancer;
        loop {
            let place = match balancer.pick(request) {
                Pick::Chosen(place) => place,
                Pick::NoneLive => return Err(Outcome::NoneLive),
                Pick::AllTried => return Err(Outcome::AllTried),
                Pick::AllFull => return Err(Outcome::AllFull),
            };
            let member = &balancer.set().members()[place];
            let (backend, limit) = (Arc::clone(&member.backend), member.limit);
            let entered = self.loads.enter(&backend, limit);
            // Where another worker was quicker to take the last place, the backend is full now, and
            // the next pick is another one.
            balancer.loaded(backend.id, entered.unwrap_or(limit));
            if entered.is_some() {
                return Ok(backend);
            }
        }
    }

    /// What the next client with this address would get.
    pub(super) fn preview(&mut self, pool: usize, client: IpAddr, now: u64) -> Preview {
        self.hear_news();
        self.pools[pool].balancer.preview(client, now)
    }

    /// A session has `backend` no more.
    pub(super) fn release(&mut self, pool: usize, backend: &Arc<Backend>) {
        let active = self.loads.leave(backend);
        let pool = &mut self.pools[pool];
        pool.balancer.loaded(backend.id, active);
        pool.room_made = true;
    }

    /// Takes in what other workers have changed.
    fn hear_news(&mut self) {
        while let Some((backend, active)) = self.loads.news() {
            for pool in &mut self.pools {
                pool.balancer.loaded(backend.id, active);
            }
        }
    }

    /// `side` has sent the first bytes of a session.
    pub(super) fn heard_first(&mut self, pool: usize, side: Side) {
        self.pools[pool].greets = side == Side::Backend;
    }

    /// Whether the acknowledgement of the handshake may wait for the client's first bytes: not
    /// where the backend speaks first, as it would wait for the acknowledgement.
    pub(super) fn holds_acknowledgement(&self, pool: usize) -> bool {
        !self.pools[pool].greets
    }

    /// A connect to `backend` has taken `took`, and succeeded at `now`.
    pub(super) fn connected(&mut self, pool: usize, backend: &Backend, now: u64, took: Duration) {
        backend.load.connected(now, took);
        let pool = &mut self.pools[pool];
        if pool.planned.config.hedge {
            pool.hedging.connected(took);
        }
    }

    /// Where this worker counts what goes through `backend`.
    pub(super) fn tally<'a>(&self, backend: &'a Backend) -> Option<&'a Tally> {
        backend.tallies.get(self.loads.me())
    }

    /// Counts a failed attempt, and has `backend` probed at once where it has failed by its own
    /// doing: a fault of this machine says nothing of the backend.
    pub(super) fn judge(&self, backend: &Backend, outcome: Outcome) {
        let Outcome::Failed(error) = outcome else {
            return;
        };
        if let Some(tally) = self.tally(backend) {
            tally.connect_failed(error);
        }
        if error != DialError::Local {
            backend.load.connect_failed();
            let _ = self.health.offer(ToHealth::DialFailed(backend.id));
        }
    }

    /// After what time a connect to this pool may be raced by a second one, if it may.
    pub(super) fn hedge_delay(&self, pool: usize) -> Option<Duration> {
        let pool = &self.pools[pool];
        let config = &pool.planned.config;
        if !config.hedge || pool.balancer.set().eligible().len() < 2 {
            return None;
        }
        let delay = pool.hedging.delay();
        delay.filter(|&delay| delay < config.connect_timeout)
    }

    /// A second connect begins, if it still may.
    pub(super) fn begin_race(&mut self, pool: usize) -> bool {
        self.pools[pool].hedging.spend()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Members by an id and the first letter of a state each.
    fn members(words: &str) -> Vec<Member> {
        let member = |word: &str| Member {
            backend: Arc::new(Backend::new(
                BackendId(word[1..].parse().unwrap()),
                "app".into(),
                word.into(),
                ([127, 0, 0, 1], 80).into(),
                1,
            )),
            state: match &word[..1] {
                "u" => State::Up,
                "d" => State::Down,
                "r" => State::Drain,
                _ => State::Maint,
            },
            weight: 1,
            warmth: 1,
            backup: false,
            limit: 1,
        };
        words.split_whitespace().map(member).collect()
    }

    #[test]
    fn what_is_lost_is_what_has_newly_gone_whether_or_not_the_places_are_the_same() {
        let table: [(&str, &str, &[u32], &[u32]); 7] = [
            ("u1 u2 u3", "u1 u2 u3", &[], &[]),
            ("u1 u2 u3", "d1 u2 u3", &[1], &[]),
            ("d1 u2 u3", "d1 r2 m3", &[], &[2, 3]),
            ("u1 d2 u3", "u3 u1", &[], &[2]),
            ("u1 d2 u3", "d3 d2 u1", &[3], &[]),
            ("u1 u2", "u1 u2 d4", &[4], &[]),
            ("r1 m2", "m1 r2", &[], &[1, 2]),
        ];
        for (before, after, down, withdrawn) in table {
            let lost = lost(&members(before), &members(after));
            let ids = |of: &[BackendId]| of.iter().map(|id| id.0).collect::<Vec<_>>();
            assert_eq!(
                (ids(&lost.down), ids(&lost.withdrawn)),
                (down.to_vec(), withdrawn.to_vec()),
                "{before} -> {after}"
            );
        }
    }
}
