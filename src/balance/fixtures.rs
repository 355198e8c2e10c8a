//! What the tests of this room are made of: members, choices, and traffic as a worker sees it.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Balancer, Choice, Maglev, Pick, Request, Snapshot};
use crate::config::{AllDown, Balance};
use crate::pool::{Backend, BackendId, LiveSet, Member, State, WARM};

/// A member with this id and weight, at an address of its own; all else as it is at its best.
pub(super) fn member(id: u32, weight: u16) -> Member {
    Member {
        backend: Arc::new(Backend::new(
            BackendId(id),
            "app".into(),
            format!("b{id}").into(),
            ((0x0a00_0000 + id).to_be_bytes(), 80).into(),
            1,
        )),
        state: State::Up,
        weight,
        warmth: WARM,
        backup: false,
        limit: u32::MAX,
    }
}

/// Members with these weights, whose ids are their places.
pub(super) fn members(weights: &[u16]) -> Vec<Member> {
    let weights = (0..).zip(weights);
    weights.map(|(id, &weight)| member(id, weight)).collect()
}

/// Of `members`, with their table where `kind` goes by it.
fn snapshot_of(kind: Balance, members: Vec<Member>) -> Snapshot {
    let needs_table = kind == Balance::SourceHash;
    Snapshot {
        table: needs_table.then(|| Arc::new(Maglev::build(&members))),
        set: Arc::new(LiveSet::new(members, AllDown::Reject)),
    }
}

/// The `number`th client.
pub(super) fn client(number: u32) -> IpAddr {
    (0xc612_0000 + number).to_be_bytes().into()
}

/// For those who go by nothing else.
pub(super) fn choice(tried: &[usize]) -> Choice<'_> {
    Choice {
        client: client(0),
        tried,
        now: 0,
        members: &[],
        active: &[],
        table: None,
    }
}

/// A balancer, and the sessions that it was told of.
pub(super) struct Traffic {
    kind: Balance,
    pub(super) balancer: Balancer,
    /// By id.
    pub(super) active: Vec<u32>,
    pub(super) now: u64,
}

impl Traffic {
    pub(super) fn new(kind: Balance, members: Vec<Member>) -> Self {
        Self {
            active: vec![0; members.len()],
            now: 0,
            balancer: Balancer::new(kind, snapshot_of(kind, members), 1),
            kind,
        }
    }

    pub(super) fn update(&mut self, members: Vec<Member>) {
        self.balancer.update(snapshot_of(self.kind, members));
    }

    pub(super) fn try_pick(&mut self, number: u32, tried: &[u32]) -> Pick {
        let tried: Vec<_> = tried.iter().copied().map(BackendId).collect();
        self.balancer.pick(&Request {
            client: client(number),
            tried: &tried,
            now: self.now,
        })
    }

    /// The place that the `number`th client is sent to.
    pub(super) fn pick(&mut self, number: u32) -> usize {
        match self.try_pick(number, &[]) {
            Pick::Chosen(place) => place,
            other => panic!("{other:?}"),
        }
    }

    /// As [`Traffic::pick`], and the session begins.
    pub(super) fn open(&mut self, number: u32) -> usize {
        let place = self.pick(number);
        let id = self.balancer.set().members()[place].backend.id;
        self.set_active(id.0, self.active[id.0 as usize] + 1);
        place
    }

    pub(super) fn set_active(&mut self, id: u32, active: u32) {
        self.active[id as usize] = active;
        self.balancer.loaded(BackendId(id), active);
    }

    /// How many of `count` clients are sent to each place.
    pub(super) fn tally(&mut self, count: u32) -> Vec<u32> {
        let mut tally = vec![0; self.balancer.set().members().len()];
        for number in 0..count {
            tally[self.pick(number)] += 1;
        }
        tally
    }
}
