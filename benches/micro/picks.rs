//! What a pick costs, by the algorithm and the size of the pool.
//!
//! As in a worker, each pick begins a session and so an old one ends, and the balancer is told of
//! both. None may walk the pool: one that is a thousand times as large may cost the logarithm more
//! and, once it has left the nearest cache, the fetches; never anything in proportion.

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, black_box};
use l4lb::balance::{Balancer, Maglev, Pick, Request, Snapshot};
use l4lb::config::{AllDown, Balance};
use l4lb::pool::{Backend, BackendId, LiveSet, Member, State, WARM};

const BACKENDS: [u32; 5] = [2, 10, 100, 1000, 10_000];

/// Sessions at once, for each backend on the average.
const SESSIONS_PER_BACKEND: u32 = 4;

/// What is picked from.
#[derive(Clone, Copy)]
struct Pool {
    backends: u32,
    half_is_down: bool,
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let down = if self.half_is_down { ", half down" } else { "" };
        write!(f, "{}{down}", self.backends)
    }
}

fn pools() -> impl Iterator<Item = Pool> {
    let of_size = |backends| {
        [false, true].map(|half_is_down| Pool {
            backends,
            half_is_down,
        })
    };
    BACKENDS.into_iter().flat_map(of_size)
}

#[divan::bench(args = pools())]
fn round_robin(bencher: Bencher<'_, '_>, pool: Pool) {
    picks(bencher, Balance::RoundRobin, pool);
}

#[divan::bench(args = pools())]
fn least_connections(bencher: Bencher<'_, '_>, pool: Pool) {
    picks(bencher, Balance::LeastConnections, pool);
}

#[divan::bench(args = pools())]
fn random(bencher: Bencher<'_, '_>, pool: Pool) {
    picks(bencher, Balance::Random, pool);
}

#[divan::bench(args = pools())]
fn two_choices(bencher: Bencher<'_, '_>, pool: Pool) {
    picks(bencher, Balance::TwoChoices, pool);
}

#[divan::bench(args = pools())]
fn source_hash(bencher: Bencher<'_, '_>, pool: Pool) {
    picks(bencher, Balance::SourceHash, pool);
}

#[divan::bench(args = pools())]
fn least_latency(bencher: Bencher<'_, '_>, pool: Pool) {
    picks(bencher, Balance::LeastLatency, pool);
}

#[divan::bench(args = pools())]
fn first(bencher: Bencher<'_, '_>, pool: Pool) {
    picks(bencher, Balance::First, pool);
}

/// What the health thread spends when the members or their weights change.
#[divan::bench(args = BACKENDS)]
fn maglev_table(bencher: Bencher<'_, '_>, backends: u32) {
    let members = members(Pool {
        backends,
        half_is_down: false,
    });
    bencher.bench_local(|| Maglev::build(black_box(&members)));
}

/// What a worker spends when health has changed its mind about one backend.
#[divan::bench(args = BACKENDS)]
fn update(bencher: Bencher<'_, '_>, backends: u32) {
    let pool = |half_is_down| Pool {
        backends,
        half_is_down,
    };
    let all_up = snapshot(Balance::RoundRobin, members(pool(false)));
    let mut one_down = members(pool(false));
    one_down[0].state = State::Down;
    let one_down = snapshot(Balance::RoundRobin, one_down);
    let mut balancer = Balancer::new(Balance::RoundRobin, all_up.clone(), 1);
    let mut snapshots = [one_down, all_up].into_iter().cycle();
    bencher
        .with_inputs(|| snapshots.next())
        .bench_local_values(|snapshot| snapshot.map(|it| balancer.update(it)));
}

/// The state goes on from pick to pick, as it does in a worker: every backend has its turn.
fn picks(bencher: Bencher<'_, '_>, kind: Balance, pool: Pool) {
    let members = members(pool);
    let ids: Vec<BackendId> = members.iter().map(|it| it.backend.id).collect();
    let mut active = vec![0_u32; members.len()];
    let mut balancer = Balancer::new(kind, snapshot(kind, members), 1);
    let mut sessions = VecDeque::new();
    let mut clients = 0_u32..;
    let mut pick = || {
        let client = clients.next().unwrap_or_default();
        let picked = balancer.pick(&Request {
            client: Ipv4Addr::from(client).into(),
            tried: black_box(&[]),
            now: 1,
        });
        let Pick::Chosen(place) = picked else {
            unreachable!("{kind}: {picked:?}")
        };
        sessions.push_back(place);
        active[place] += 1;
        balancer.loaded(ids[place], active[place]);
        if sessions.len() > (pool.backends * SESSIONS_PER_BACKEND) as usize
            && let Some(ended) = sessions.pop_front()
        {
            active[ended] -= 1;
            balancer.loaded(ids[ended], active[ended]);
        }
        place
    };
    (0..2 * pool.backends * SESSIONS_PER_BACKEND).for_each(|_| {
        pick();
    });
    bencher.bench_local(pick);
}

fn snapshot(kind: Balance, members: Vec<Member>) -> Snapshot {
    let needs_table = kind == Balance::SourceHash;
    Snapshot {
        table: needs_table.then(|| Arc::new(Maglev::build(&members))),
        set: Arc::new(LiveSet::new(members, AllDown::Reject)),
    }
}

/// Seven distinct weights, and as many distinct times for a connect.
fn members(pool: Pool) -> Vec<Member> {
    let member = |(id, weight): (u32, u16)| {
        let address = SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + id), 80));
        let (pool_name, name) = ("app".into(), format!("b{id}").into());
        let backend = Backend::new(BackendId(id), pool_name, name, address, 1);
        backend
            .load
            .connected(0, Duration::from_millis(u64::from(weight)));
        Member {
            backend: Arc::new(backend),
            state: if pool.half_is_down && id % 2 == 1 {
                State::Down
            } else {
                State::Up
            },
            weight,
            warmth: WARM,
            backup: false,
            limit: u32::MAX,
        }
    };
    let weights = (1..=7).cycle();
    (0..pool.backends).zip(weights).map(member).collect()
}
