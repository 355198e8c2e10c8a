//! Which backend a session is dialed to: one file per algorithm, pure.
//!
//! [`Balancer`] knows who may get a session now: who is eligible and below the limit. An algorithm
//! is offered those, and picks among them. Imports pool, config. Called by worker::dialer.

mod balancer;
mod fenwick;
mod first;
#[cfg(test)]
mod fixtures;
mod least_connections;
mod least_latency;
mod maglev;
mod moving;
mod place_set;
mod preview;
mod random;
mod ratio;
mod round_robin;
mod source_hash;
mod two_choices;

pub use balancer::{Balancer, Request};
pub use maglev::Maglev;
pub use moving::moved;
pub use preview::{Candidate, Grounds, Preview, Verdict};

use std::net::IpAddr;
use std::sync::Arc;

use crate::pool::{LiveSet, Member};

/// What is picked from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The backends, and what health allows of them.
    pub set: Arc<LiveSet>,
    /// The table over just those backends, of a pool that balances by source-hash. It takes
    /// milliseconds to build, so it is not built where it is used.
    pub table: Option<Arc<Maglev>>,
}

/// What a pick has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The backend at this place of the live set's members.
    Chosen(usize),
    /// No backend may get sessions.
    NoneLive,
    /// Backends may get sessions, but the session has tried each of them.
    AllTried,
    /// All that it has not tried are at their limit.
    AllFull,
}

/// One way of choosing. It knows backends by their place and sees those that are on offer.
trait Algorithm: Send {
    /// The backend at `place` may get sessions from now on: `share` (never 0) of them in proportion
    /// to the others' shares. It was not on offer before.
    fn offer(&mut self, place: usize, share: u32, active: u32);

    /// The backend at `place`, which was on offer, gets no more sessions.
    fn withdraw(&mut self, place: usize);

    /// The backend at `place`, which is on offer, has `active` sessions now.
    fn loaded(&mut self, _place: usize, _active: u32) {}

    /// The one to take, or `None` where all on offer have been tried.
    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize>;

    /// As [`Algorithm::pick`], and what it has gone by.
    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)>;

    /// Another one that picks from now on what this one would.
    fn twin(&self) -> Box<dyn Algorithm>;

    /// What the backend at `place`, on offer or not, has to its credit with this algorithm; it goes
    /// with the backend when the places change.
    fn credit(&self, _place: usize) -> i64 {
        0
    }

    /// Gives that credit to the backend at `place`, which is not on offer.
    fn set_credit(&mut self, _place: usize, _credit: i64) {}
}

/// What a pick can go by.
struct Choice<'a> {
    /// The client's address.
    client: IpAddr,
    /// Places that this session has tried, each once; a few at most.
    tried: &'a [usize],
    /// Milliseconds since the epoch that all loops count from.
    now: u64,
    /// All backends by place.
    members: &'a [Member],
    /// Sessions by place.
    active: &'a [u32],
    /// The pool's table, where it balances by source-hash.
    table: Option<&'a Maglev>,
}
