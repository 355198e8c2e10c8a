//! What a pick costs, by the size of the pool.
//!
//! A pick must not walk the pool: it looks its turn up in the sorted list of live backends. So a
//! pool that is a thousand times as large may cost a few comparisons more and, once its backends
//! leave the nearest cache, the fetch of one; never anything in proportion.

use std::sync::Arc;

use divan::{Bencher, black_box};
use l4lb::balance::{Pick, RoundRobin};
use l4lb::pool::{Backend, BackendId, LiveSet};

const POOLS: [u32; 5] = [2, 10, 100, 1000, 10_000];

#[divan::bench(args = POOLS)]
fn all_live(bencher: Bencher<'_, '_>, backends: u32) {
    picks(bencher, &pool(backends, |_| true));
}

#[divan::bench(args = POOLS)]
fn every_second_one_down(bencher: Bencher<'_, '_>, backends: u32) {
    picks(bencher, &pool(backends, |place| place % 2 == 0));
}

/// The state goes on from pick to pick, as it does in a worker: every backend has its turn.
fn picks(bencher: Bencher<'_, '_>, set: &LiveSet) {
    let mut turn = RoundRobin::default();
    assert!(matches!(turn.pick(set, &[]), Pick::Chosen(0)));
    bencher.bench_local(|| turn.pick(black_box(set), black_box(&[])));
}

fn pool(backends: u32, is_live: impl Fn(u32) -> bool) -> LiveSet {
    let backends = (0..backends).map(|place| {
        Arc::new(Backend {
            id: BackendId(place),
            pool: "app".into(),
            name: format!("b{place}").into(),
            address: ([127, 0, 0, 1], 9000).into(),
        })
    });
    LiveSet::new(backends.collect(), |backend| is_live(backend.id.0))
}
