//! A prober at work, seen from outside: what it posts and tells, and what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded, unbounded};
use mio::{Poll, Token};

use super::PATIENCE;
use crate::balance::Snapshot;
use crate::config::{AllDown, BackendConfig, Balance, Check, HealthConfig, OnDown, PoolConfig};
use crate::health::Prober;
use crate::messages::{Event, Mailbox, Order, ToHealth, ToWorker};
use crate::plan::{Plan, PlannedPool};
use crate::pool::{Backend, BackendId, Line, Load};

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

/// The pool `app` of backends that are named a, b, c.
pub(super) fn pool(addresses: &[SocketAddr], health: Option<HealthConfig>) -> PoolConfig {
    let backends = ('a'..).zip(addresses);
    let backends = backends.map(|(name, &it)| BackendConfig::new(name.to_string().into(), it));
    PoolConfig {
        name: "app".into(),
        backends: backends.collect(),
        balance: Balance::RoundRobin,
        connect_timeout: PATIENCE,
        retries: 0,
        queue_timeout: PATIENCE,
        slow_start: Duration::ZERO,
        hedge: false,
        on_down: OnDown::Keep,
        all_down: AllDown::Reject,
        health,
        eject: None,
    }
}

pub(super) struct Scene {
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

/// A plan with this pool alone.
pub(super) fn plan_of(config: PoolConfig, backends: &[Arc<Backend>]) -> Plan {
    Plan {
        listeners: Vec::new(),
        pools: vec![Arc::new(PlannedPool {
            config,
            backends: backends.to_vec(),
            line: Arc::new(Line::new(1)),
        })],
        session_limit: 1,
        drain_timeout: Duration::ZERO,
        taken_over: bounded(1).0,
    }
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
        let backend = |(it, id): (&BackendConfig, u32)| {
            Arc::new(Backend {
                id: BackendId(100 + id),
                pool: Arc::clone(&config.name),
                name: Arc::clone(&it.name),
                address: it.address,
                load: Load::default(),
            })
        };
        let backends: Vec<_> = config.backends.iter().zip(0..).map(backend).collect();
        let (sender, events) = unbounded();
        let epoch = Instant::now();
        let (prober, mailbox) = Prober::new(&plan_of(config, &backends), epoch, sender).unwrap();
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
        let states = self.posted().set;
        let states = states.members().iter().map(|it| it.state.to_string());
        states.collect::<Vec<_>>().join(" ")
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
