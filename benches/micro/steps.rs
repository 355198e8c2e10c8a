//! What the session machine costs: `next_step` and `record`, and the answers in between.
//!
//! Figures are for the whole of what a name says; the second row of most, items a second, is for
//! single steps, so that one glance tells whether it is the steps or their number that has grown.
//! Each benchmark first checks its number of steps: a machine that takes another way through a
//! connection shall be noticed, not measured as if it were the old one.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use l4lb::session::{Direction, Side};

use crate::kernel::{FILL_BYTES, World};

const REQUEST_BYTES: usize = 100;
const RESPONSE_BYTES: usize = 250;
const BULK_ROUNDS: usize = 16;

/// Nothing can be read: what a stale event costs, and the end of every turn.
#[divan::bench]
fn next_step_of_an_idle_session(bencher: Bencher<'_, '_>) {
    let mut world = World::connected();
    exchange(&mut world);
    assert!(world.is_idle());
    bencher.bench_local(|| black_box(&world.session).next_step());
}

/// A request and its response on a connection that stays: Receive, Send, Wait, each way.
#[divan::bench]
fn keep_alive_request(bencher: Bencher<'_, '_>) {
    let mut world = World::connected();
    exchange(&mut world);
    let before = world.steps();
    exchange(&mut world);
    let steps = world.steps() - before;
    assert_eq!(steps, 6);
    assert!(world.is_idle());
    bencher
        .counter(ItemsCount::new(steps))
        .bench_local(|| exchange(black_box(&mut world)));
}

/// From the accept to the clean end, with one request and its response.
#[divan::bench]
fn whole_connection(bencher: Bencher<'_, '_>) {
    let world = life();
    assert!(world.is_completed());
    assert_eq!(world.steps(), 5 + 6 + 5); // to the connected backend, the exchange, both ends
    bencher
        .counter(ItemsCount::new(world.steps()))
        .bench_local(life);
}

/// A download that is spliced: 16 rounds of Fill and Drain, until the backend has no more. A worker
/// would spread them over several turns.
#[divan::bench]
fn bulk_rounds(bencher: Bencher<'_, '_>) {
    let mut world = World::connected();
    exchange(&mut world);
    bulk(&mut world); // long enough to become a spliced flow
    assert!(world.session.flow(Direction::Download).spliced());
    let before = world.steps();
    bulk(&mut world);
    let steps = world.steps() - before;
    assert_eq!(steps, 2 * BULK_ROUNDS + 2); // the last Fill finds nothing, then it waits
    bencher
        .counter(ItemsCount::new(steps))
        .bench_local(|| bulk(black_box(&mut world)));
}

fn exchange(world: &mut World) {
    world.says(Side::Client, REQUEST_BYTES);
    world.says(Side::Backend, RESPONSE_BYTES);
}

fn bulk(world: &mut World) {
    world.says(Side::Backend, BULK_ROUNDS * FILL_BYTES);
}

fn life() -> World {
    let mut world = World::connected();
    exchange(&mut world);
    world.ends(Side::Client);
    world.ends(Side::Backend);
    world
}
