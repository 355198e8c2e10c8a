//! A prober at work, seen from outside: what it posts and tells, and what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, unbounded};
use mio::{Poll, Token};

use super::PATIENCE;
use crate::balance::Snapshot;
use crate::config::{
    AllDown, BackendConfig, Balance, Check, EjectConfig, HealthConfig, OnDown, PoolConfig, Target,
};
use crate::health::Prober;
use crate::messages::{Event, Mailbox, ToHealth, ToWorker};
use crate::plan::{Plan, PlannedPool};
use crate::pool::{Backend, BackendId, Line, Order};

/// Checks of that kind, a hundred a second; one failure is enough, two passes.
pub(super) fn health(check: Check) -> HealthConfig {
    HealthConfig {
        check,
        interval: Duration::from_millis(10),
        timeout: PATIENCE,
        rise: 2,
        fall: 1,
        ..HealthConfig::default()
    }
}

/// So long between two probes that there is but one in a test.
pub(super) fn rare(check: Check) -> HealthConfig {
    HealthConfig {
        interval: PATIENCE * 10,
        timeout: PATIENCE * 10,
        ..health(check)
    }
}

/// Any status from 200 to 399.
pub(super) fn http() -> Check {
    Check::Http {
        path: "/up".into(),
        host: None,
        status: [200..=399].into(),
    }
}

/// The first ejection lasts that long.
pub(super) fn eject(base: Duration) -> Option<EjectConfig> {
    Some(EjectConfig {
        base,
        ..EjectConfig::default()
    })
}

/// The pool `app` of backends that are named a, b, c.
pub(super) fn pool(addresses: &[SocketAddr], health: Option<HealthConfig>) -> PoolConfig {
    let backends = ('a'..).zip(addresses);
    let backends = backends.map(|(name, &it)| BackendConfig::new(name.to_string().into(), it));
    PoolConfig {
        name: "app".into(),
        backends: backends.collect(),
        backends_file: None,
        balance: Balance::RoundRobin,
        connect_timeout: PATIENCE,
        retries: 0,
        queue_timeout: PATIENCE,
        slow_start: Duration::ZERO,
        hedge: false,
        send_proxy: None,
        source: None,
        on_down: OnDown::Keep,
        all_down: AllDown::Reject,
        health,
        eject: None,
        scale: None,
        tls: None,
    }
}

/// The same pool, though of those backends only that are named, in that order.
pub(super) fn some(
    names: &str,
    addresses: &[SocketAddr],
    health: Option<HealthConfig>,
) -> PoolConfig {
    let mut config = pool(addresses, health);
    let all = std::mem::take(&mut config.backends);
    let named = |name: &str| all.iter().find(|it| &*it.name == name).cloned().unwrap();
    config.backends = names.split(' ').map(named).collect();
    config
}

pub(super) struct Scene {
    /// All that there ever were, in the order in which they came.
    pub(super) backends: Vec<Arc<Backend>>,
    pub(super) epoch: Instant,
    pub(super) first: Snapshot,
    mailbox: Mailbox<ToHealth>,
    posts: Receiver<ToWorker>,
    events: Receiver<Event>,
    prober: Option<JoinHandle<Result<(), String>>>,
    /// What the worker's waker is registered with.
    _poll: Poll,
}

/// A plan with these pools. Backends that `known` has by pool, name and address are the same; the
/// others are added to it.
pub(super) fn plan_of(configs: Vec<PoolConfig>, known: &mut Vec<Arc<Backend>>) -> Plan {
    let mut pools = Vec::new();
    for config in configs {
        let backends = config.backends.iter().map(|it| {
            let address = match &it.target {
                Target::Address(address) => *address,
                other => panic!("{other}"),
            };
            let is_same = |old: &&Arc<Backend>| {
                (&old.pool, &old.name, old.address) == (&config.name, &it.name, address)
            };
            if let Some(same) = known.iter().find(is_same) {
                return Arc::clone(same);
            }
            let id = BackendId(100 + u32::try_from(known.len()).unwrap());
            let (pool, name) = (Arc::clone(&config.name), Arc::clone(&it.name));
            known.push(Arc::new(Backend::new(id, pool, name, address, 1)));
            Arc::clone(&known[known.len() - 1])
        });
        pools.push(Arc::new(PlannedPool {
            tls: None,
            backends: backends.collect(),
            orders: vec![Order::Ready; config.backends.len()],
            config,
            line: Arc::new(Line::new(1)),
        }));
    }
    Plan {
        number: 1,
        listeners: Vec::new(),
        pools,
        session_limit: 1,
        drain_timeout: Duration::ZERO,
        taken_over: bounded(1).0,
    }
}

/// The states of a live set, by their names.
pub(super) fn states(snapshot: &Snapshot) -> String {
    let members = snapshot.set.members().iter();
    let states = members.map(|it| it.state.to_string());
    states.collect::<Vec<_>>().join(" ")
}

/// How far the members of a live set have warmed up.
pub(super) fn warmth(snapshot: &Snapshot) -> Vec<u8> {
    let members = snapshot.set.members().iter();
    members.map(|it| it.warmth).collect()
}

impl Scene {
    pub(super) fn start(config: PoolConfig) -> Self {
        Self::start_with(config, |_, _| {})
    }

    /// Starts it when `before` has filled its mailbox.
    pub(super) fn start_with(
        config: PoolConfig,
        before: impl FnOnce(&Mailbox<ToHealth>, &[Arc<Backend>]),
    ) -> Self {
        let mut backends = Vec::new();
        let plan = plan_of(vec![config], &mut backends);
        let (sender, events) = unbounded();
        let epoch = Instant::now();
        let (prober, mailbox) = Prober::new(&plan, epoch, sender).unwrap();
        let first = prober.snapshots().remove(0);
        before(&mailbox, &backends);
        let poll = Poll::new().unwrap();
        let (worker, posts) = Mailbox::open(poll.registry(), Token(0)).unwrap();
        Self {
            prober: Some(std::thread::spawn(move || prober.run(&[worker]))),
            backends,
            epoch,
            first,
            mailbox,
            posts,
            events,
            _poll: poll,
        }
    }

    /// The next thing that is told, as it is logged.
    #[track_caller]
    pub(super) fn expect(&self, line: &str) {
        match self.events.recv_timeout(PATIENCE) {
            Ok(Event::Transition {
                backend,
                state,
                why,
            }) => assert_eq!(format!("{backend} is {state}: {why}"), line),
            other => panic!("{other:?} instead of {line}"),
        }
    }

    /// Nothing more is told than was expected.
    #[track_caller]
    pub(super) fn expect_nothing_more(&self) {
        let event = self.events.try_recv();
        assert!(event.is_err(), "{event:?}");
    }

    /// The next live set that is posted.
    #[track_caller]
    pub(super) fn posted(&self) -> Snapshot {
        match self.posts.recv_timeout(PATIENCE) {
            Ok(ToWorker::Live { pool: 0, snapshot }) => snapshot,
            other => panic!("{other:?} instead of a live set"),
        }
    }

    /// How many live sets are waiting.
    pub(super) fn posts_waiting(&self) -> usize {
        self.posts.len()
    }

    /// The states of the next live set, by their names.
    #[track_caller]
    pub(super) fn posted_states(&self) -> String {
        states(&self.posted())
    }

    /// A plan with these pools is taken over, and is what is posted next: what it allows of each.
    #[track_caller]
    pub(super) fn reload(&mut self, pools: Vec<PoolConfig>) -> Vec<Snapshot> {
        let plan = Arc::new(plan_of(pools, &mut self.backends));
        self.mailbox.send(ToHealth::Plan(Arc::clone(&plan)));
        self.planned(&plan)
    }

    /// This plan is what is posted next.
    #[track_caller]
    pub(super) fn planned(&self, plan: &Arc<Plan>) -> Vec<Snapshot> {
        match self.posts.recv_timeout(PATIENCE) {
            Ok(ToWorker::Plan(posted, snapshots)) if Arc::ptr_eq(&posted, plan) => snapshots,
            other => panic!("{other:?} instead of the plan"),
        }
    }

    pub(super) fn order(&self, backend: usize, order: Order) {
        let id = self.backends[backend].id;
        self.mailbox.send(ToHealth::Order(id, order));
    }

    /// So many connects to a backend fail, one after the other, and each is reported.
    pub(super) fn fail_connects(&self, backend: usize, count: usize) {
        let backend = &self.backends[backend];
        for _ in 0..count {
            backend.load.connect_failed();
            self.mailbox.send(ToHealth::DialFailed(backend.id));
        }
    }

    /// A client has connected to a backend just now.
    pub(super) fn connect(&self, backend: usize) {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap();
        self.backends[backend]
            .load
            .connected(now, Duration::from_millis(1));
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.mailbox.send(ToHealth::Stop);
        let result = self.prober.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(result, Some(Ok(Ok(())))), "{result:?}");
        }
    }
}
