//! Keeps an algorithm's offer: eligible backends below their limit, whatever changes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use fastrand::Rng;

use super::first::First;
use super::least_connections::LeastConnections;
use super::least_latency::LeastLatency;
use super::random::Random;
use super::round_robin::RoundRobin;
use super::source_hash::SourceHash;
use super::two_choices::TwoChoices;
use super::{Algorithm, Choice, Pick, Snapshot};
use crate::config::Balance;
use crate::pool::{BackendId, LiveSet};

/// What a session that needs a backend brings along.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The client's address.
    pub client: IpAddr,
    /// Backends that it has tried.
    pub tried: &'a [BackendId],
    /// Milliseconds since the epoch that all loops count from.
    pub now: u64,
}

/// Picks backends of one pool, for one worker.
pub struct Balancer {
    pub(super) snapshot: Snapshot,
    places: HashMap<BackendId, usize>,
    /// Sessions by place, as far as they are known here.
    pub(super) active: Vec<u32>,
    /// By place: the share under which it is on offer; 0 is not at all.
    pub(super) offered: Vec<u32>,
    on_offer: usize,
    kind: Balance,
    rng: Rng,
    pub(super) algorithm: Box<dyn Algorithm>,
}

/// One that knows of `places` places, none of which is on offer.
fn algorithm(kind: Balance, places: usize, rng: Rng) -> Box<dyn Algorithm> {
    match kind {
        Balance::RoundRobin => Box::new(RoundRobin::new(places)),
        Balance::LeastConnections => Box::new(LeastConnections::new(places)),
        Balance::Random => Box::new(Random::new(places, rng)),
        Balance::TwoChoices => Box::new(TwoChoices::new(places, rng)),
        Balance::SourceHash => Box::new(SourceHash::new(places)),
        Balance::LeastLatency => Box::new(LeastLatency::new(places, rng)),
        Balance::First => Box::new(First::default()),
    }
}

/// Whether both have the same backends at the same places.
fn is_seated_alike(one: &LiveSet, other: &LiveSet) -> bool {
    let members = [one, other].map(|set| set.members().iter());
    let [one, other] = members.map(|members| members.map(|it| it.backend.id));
    one.eq(other)
}

impl Balancer {
    /// Picks as `kind` says, which needs the table for [`Balance::SourceHash`]; `seed` is for those
    /// who leave it to chance.
    #[must_use]
    pub fn new(kind: Balance, snapshot: Snapshot, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut balancer = Self {
            algorithm: algorithm(kind, snapshot.set.members().len(), rng.fork()),
            snapshot,
            places: HashMap::new(),
            active: Vec::new(),
            offered: Vec::new(),
            on_offer: 0,
            kind,
            rng,
        };
        balancer.seat();
        balancer
    }

    /// The backends by place.
    #[must_use]
    pub const fn set(&self) -> &Arc<LiveSet> {
        &self.snapshot.set
    }

    /// Whether any eligible backend is below its limit.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.on_offer > 0
    }

    /// From now on `snapshot` is what health allows. What an algorithm has in memory goes on.
    pub fn update(&mut self, snapshot: Snapshot) {
        let before = std::mem::replace(&mut self.snapshot, snapshot);
        let set = &self.snapshot.set;
        if is_seated_alike(&before.set, set) {
            return self.offer_eligible();
        }
        let mut next = algorithm(self.kind, set.members().len(), self.rng.fork());
        for (place, member) in set.members().iter().enumerate() {
            if let Some(&at) = self.places.get(&member.backend.id) {
                next.set_credit(place, self.algorithm.credit(at));
            }
        }
        self.algorithm = next;
        self.seat();
    }

    /// The backend has `active` sessions now, over all workers.
    pub fn loaded(&mut self, id: BackendId, active: u32) {
        let Some(&place) = self.places.get(&id) else {
            return; // it has left the pool
        };
        self.active[place] = active;
        let was = self.offered[place];
        let member = &self.snapshot.set.members()[place];
        let (limit, share) = (member.limit, member.share());
        if was > 0 && active < limit {
            self.algorithm.loaded(place, active);
        } else if (was > 0) != (active < limit) && self.is_eligible(place) {
            self.offer(place, share);
        }
    }

    /// The backend for a session.
    pub fn pick(&mut self, request: &Request<'_>) -> Pick {
        let tried = request.tried.iter();
        let mut tried: Vec<usize> = tried
            .filter_map(|id| self.places.get(id).copied())
            .collect();
        // With nobody else to try, a session may have tried the same one several times.
        tried.sort_unstable();
        tried.dedup();
        let picked = self.algorithm.pick(&Choice {
            client: request.client,
            tried: &tried,
            now: request.now,
            members: self.snapshot.set.members(),
            active: &self.active,
            table: self.snapshot.table.as_deref(),
        });
        if let Some(place) = picked {
            return Pick::Chosen(place);
        }
        let tried = tried.iter().filter(|&&it| self.is_eligible(it)).count();
        match self.snapshot.set.eligible().len() {
            0 => Pick::NoneLive,
            eligible if eligible > tried => Pick::AllFull,
            _ => Pick::AllTried,
        }
    }

    /// Another one that picks from now on what this one would.
    pub(super) fn twin(&self) -> Self {
        Self {
            snapshot: self.snapshot.clone(),
            places: self.places.clone(),
            active: self.active.clone(),
            offered: self.offered.clone(),
            on_offer: self.on_offer,
            kind: self.kind,
            rng: self.rng.clone(),
            algorithm: self.algorithm.twin(),
        }
    }

    pub(super) fn is_eligible(&self, place: usize) -> bool {
        self.snapshot.set.eligible().binary_search(&place).is_ok()
    }

    /// Takes the members as they come, with an algorithm that has nothing on offer yet.
    fn seat(&mut self) {
        let members = self.snapshot.set.members();
        let counts = members.iter().map(|it| it.backend.load.active.count());
        self.active = counts.collect();
        self.offered = vec![0; members.len()];
        self.on_offer = 0;
        let ids = members.iter().map(|it| it.backend.id);
        self.places = ids.zip(0..).collect();
        self.offer_eligible();
    }

    /// Offers what may be offered, and nothing else.
    fn offer_eligible(&mut self) {
        let set = Arc::clone(&self.snapshot.set);
        let mut eligible = set.eligible().iter().copied().peekable();
        for (place, member) in set.members().iter().enumerate() {
            let is_eligible = eligible.next_if_eq(&place).is_some();
            self.offer(place, if is_eligible { member.share() } else { 0 });
        }
    }

    /// Has `place` on offer under `share`, unless that is 0 or the limit is reached.
    fn offer(&mut self, place: usize, share: u32) {
        let active = self.active[place];
        let limit = self.snapshot.set.members()[place].limit;
        let share = if active < limit { share } else { 0 };
        let was = std::mem::replace(&mut self.offered[place], share);
        if was == share {
            return;
        }
        if was > 0 {
            self.on_offer -= 1;
            self.algorithm.withdraw(place);
        }
        if share > 0 {
            self.on_offer += 1;
            self.algorithm.offer(place, share, active);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, Traffic};
    use super::*;
    use crate::pool::{Member, State, WARM};

    const CHOSEN: fn(usize) -> Pick = Pick::Chosen;

    fn places(traffic: &mut Traffic, count: u32) -> Vec<usize> {
        (0..count).map(|number| traffic.pick(number)).collect()
    }

    /// Two members with a limit of 1 and one with a limit of 2.
    fn limited() -> Vec<Member> {
        let mut members = fixtures::members(&[1, 1, 1]);
        members.iter_mut().for_each(|it| it.limit = 1);
        members[2].limit = 2;
        members
    }

    #[test]
    fn a_full_backend_is_not_on_offer_until_it_has_room_again_whatever_the_algorithm() {
        for kind in Balance::ALL {
            let mut traffic = Traffic::new(kind, limited());
            (0..4).for_each(|number| {
                traffic.open(number);
            });
            assert_eq!(traffic.active, [1, 1, 2], "{kind}");
            assert!(!traffic.balancer.has_room(), "{kind}");
            assert_eq!(traffic.try_pick(9, &[]), Pick::AllFull, "{kind}");
            for (id, place) in [(1, 1), (2, 2)] {
                traffic.set_active(id, 0);
                assert!(traffic.balancer.has_room(), "{kind}");
                assert_eq!(places(&mut traffic, 5), [place; 5], "{kind}");
                traffic.set_active(id, 2);
            }
            assert!(!traffic.balancer.has_room(), "{kind}");
        }
    }

    #[test]
    fn a_limit_that_is_changed_counts_at_once() {
        let mut traffic = Traffic::new(Balance::First, limited());
        assert_eq!(traffic.open(0), 0);
        let mut raised = limited();
        raised[0].limit = 2;
        traffic.update(raised);
        assert_eq!(traffic.pick(0), 0);
        traffic.update(limited());
        assert_eq!(traffic.pick(0), 1);
    }

    #[test]
    fn sessions_that_others_have_opened_count_from_the_start() {
        let members = limited();
        members[0].backend.load.active.enter(5);
        let mut traffic = Traffic::new(Balance::First, members);
        assert_eq!(traffic.pick(0), 1);
    }

    #[test]
    fn who_gets_no_backend_is_told_why() {
        const DOWN: u32 = 3;
        let table: [(&[u32], &[u32], Pick); 9] = [
            (&[], &[], CHOSEN(0)),
            (&[], &[0], CHOSEN(1)),
            (&[], &[0, 1, 2], Pick::AllTried),
            (&[], &[2, 0, 1, 0], Pick::AllTried),
            (&[0, 1, 2], &[], Pick::AllFull),
            (&[0, 1, 2], &[1], Pick::AllFull),
            (&[0, 1], &[2, 2, 2], Pick::AllFull),
            (&[0, 1, 2], &[0, 1, 2], Pick::AllTried),
            (&[0], &[1, 2, DOWN, DOWN], Pick::AllFull),
        ];
        for kind in [Balance::First, Balance::RoundRobin] {
            for (full, tried, expected) in table {
                let mut members = limited();
                members.push(fixtures::member(DOWN, 1));
                members[3].state = State::Down;
                let mut traffic = Traffic::new(kind, members);
                full.iter().for_each(|&id| traffic.set_active(id, 2));
                assert_eq!(traffic.try_pick(0, tried), expected, "{full:?} {tried:?}");
            }
        }
    }

    #[test]
    fn with_no_backend_eligible_nobody_is_live_whoever_was_tried() {
        for kind in Balance::ALL {
            let mut members = fixtures::members(&[1, 0]);
            members[0].state = State::Down;
            let mut traffic = Traffic::new(kind, members);
            for tried in [&[][..], &[0], &[0, 1]] {
                assert_eq!(traffic.try_pick(0, tried), Pick::NoneLive, "{kind}");
            }
            assert!(!traffic.balancer.has_room());
            traffic.update(Vec::new());
            assert_eq!(traffic.try_pick(0, &[]), Pick::NoneLive, "{kind}");
        }
    }

    #[test]
    fn what_is_offered_follows_health_and_tiers_whatever_the_algorithm() {
        for kind in Balance::ALL {
            let mut members = fixtures::members(&[1, 1, 1]);
            members[2].backup = true;
            let mut traffic = Traffic::new(kind, members.clone());
            for (down, live) in [(vec![0], 1), (vec![0, 1], 2), (vec![1, 2], 0)] {
                let mut changed = members.clone();
                down.iter()
                    .for_each(|&place: &usize| changed[place].state = State::Down);
                traffic.update(changed);
                assert_eq!(places(&mut traffic, 5), [live; 5], "{kind} {down:?}");
                // That a session of theirs has ended does not bring them back.
                (0..3).for_each(|id| traffic.set_active(id, 1));
                assert_eq!(places(&mut traffic, 5), [live; 5], "{kind} {down:?}");
            }
        }
    }

    #[test]
    fn unknown_backends_are_no_concern_of_ours() {
        let mut traffic = Traffic::new(Balance::RoundRobin, fixtures::members(&[1, 1]));
        traffic.balancer.loaded(BackendId(77), 5);
        assert_eq!(traffic.try_pick(0, &[77]), CHOSEN(0));
        assert_eq!(traffic.try_pick(0, &[77, 1]), CHOSEN(0));
        assert_eq!(
            places(&mut traffic, 2),
            [1, 0],
            "one that has left is no retry"
        );
    }

    #[test]
    fn with_the_same_backends_only_what_changed_is_offered_anew() {
        let mut traffic = Traffic::new(Balance::RoundRobin, fixtures::members(&[5, 1, 1]));
        assert_eq!(places(&mut traffic, 3), [0, 0, 1]);
        traffic.update(fixtures::members(&[5, 1, 1]));
        assert_eq!(places(&mut traffic, 4), [0, 2, 0, 0]);
        assert_eq!(places(&mut traffic, 3), [0, 0, 1]);
        // The currents are now 1, -4 and 3: as weights change they stay.
        traffic.update(fixtures::members(&[1, 1, 1]));
        assert_eq!(places(&mut traffic, 3), [2, 0, 2]);
    }

    #[test]
    fn credit_goes_with_a_backend_to_its_new_place() {
        let ids = |traffic: &mut Traffic, count| -> Vec<u32> {
            let picked = places(traffic, count).into_iter();
            let members = traffic.balancer.set().members().iter();
            let ids: Vec<_> = members.map(|it| it.backend.id.0).collect();
            picked.map(|place| ids[place]).collect()
        };
        let before = fixtures::members(&[5, 1, 1]);
        let of = |ids: &[usize]| ids.iter().map(|&id| before[id].clone()).collect::<Vec<_>>();
        let mut traffic = Traffic::new(Balance::RoundRobin, before.clone());
        assert_eq!(ids(&mut traffic, 3), [0, 0, 1]);
        traffic.update(of(&[2, 1, 0]));
        assert_eq!(ids(&mut traffic, 4), [0, 2, 0, 0]);
        assert_eq!(
            ids(&mut traffic, 3),
            [0, 0, 2],
            "a tie goes by the new places"
        );
        // One is removed and one is added: the others go on from 1 and 3, the new one begins at 0.
        let mut others = of(&[0, 1]);
        others.insert(0, fixtures::member(7, 1));
        traffic.update(others);
        assert_eq!(ids(&mut traffic, 4), [0, 1, 0, 0]);
    }

    #[test]
    fn sessions_are_still_known_after_backends_have_come_and_gone() {
        let members = fixtures::members(&[1, 1, 1]);
        members[2].backend.load.active.enter(5);
        let mut traffic = Traffic::new(Balance::LeastConnections, members.clone());
        traffic.update(vec![members[2].clone(), members[0].clone()]);
        assert_eq!(places(&mut traffic, 2), [1, 1]);
        traffic.set_active(2, 0);
        traffic.set_active(0, 1);
        assert_eq!(places(&mut traffic, 2), [0, 0]);
    }

    #[test]
    fn a_share_is_weight_by_warmth() {
        let mut members = fixtures::members(&[1, 2]);
        members[1].warmth = WARM / 4;
        let mut traffic = Traffic::new(Balance::RoundRobin, members);
        assert_eq!(traffic.tally(300), [200, 100]);
    }
}
