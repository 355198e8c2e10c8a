//! What the next client would get, and why each backend would get it or not; nothing changes by it.
//!
//! The answer is exact, since it is given by a twin of the balancer: it has the same credits, the same
//! chance and the same offer, and is thrown away. Data only: what it is called is said elsewhere.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use super::ratio::Ratio;
use super::{Balancer, Choice, Pick};
use crate::pool::{LiveSet, Member, State};

/// What a balancer would do with the next client.
#[derive(Clone, Debug)]
pub struct Preview {
    /// What its pick would come to.
    pub pick: Pick,
    /// What it would go by, where it would pick one.
    pub grounds: Option<Grounds>,
    /// All backends, in the order of the configuration.
    pub candidates: Vec<Candidate>,
}

/// One backend in a preview.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The backend, and what health allows of it.
    pub member: Member,
    /// Why it would get the client, or would not.
    pub verdict: Verdict,
    /// Sessions now, as far as the balancer knows.
    pub active: u32,
    /// Its part of the shares on offer: 0 to 1.
    pub part: f64,
}

/// Why a backend would get a client, or would not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one.
    Chosen,
    /// Checks say that it is down.
    Down,
    /// Clients' connects have failed one after the other.
    Ejected,
    /// An operator drains it.
    Drain,
    /// An operator has taken it out.
    Maint,
    /// Its weight is 0.
    Weightless,
    /// It is a backup, and others may get sessions.
    Spare,
    /// It has as many sessions as it may have.
    Full,
    /// It has the turn after this one.
    NextTurn,
    /// It has a later turn.
    LaterTurn,
    /// It has more sessions for its share.
    MoreLoaded,
    /// It has as many sessions for its share, and it is the turn of another one.
    Tied,
    /// Chance has named others.
    NotDrawn,
    /// Chance has named it, and another one with fewer sessions for its share.
    Heavier,
    /// Chance has named it, and another one that costs less time.
    Slower,
    /// The client's address leads to another one.
    Elsewhere,
    /// The client's address leads to it, and it takes only a part of its clients as yet.
    Warming,
    /// Another one that comes before it has room.
    Behind,
}

/// What a pick has gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// Turns; whose turn comes after it.
    Turn(Option<usize>),
    /// Sessions for the share.
    Load,
    /// Chance.
    Chance,
    /// Sessions for the share of two that chance has named.
    Lighter([usize; 2]),
    /// The time of a connect, by sessions, of two that chance has named.
    Quicker([usize; 2]),
    /// The client's address, and to which one it leads before it is asked who is on offer.
    Address(Option<usize>),
    /// The order of the configuration.
    Order,
}

impl Balancer {
    /// What a client with this address, which has not tried any backend, would get at `now`.
    #[must_use]
    pub fn preview(&self, client: IpAddr, now: u64) -> Preview {
        let mut twin = self.twin();
        let set = Arc::clone(&self.snapshot.set);
        let picked = loop {
            let picked = twin.algorithm.explain(&Choice {
                client,
                tried: &[],
                now,
                members: set.members(),
                active: &twin.active,
                table: twin.snapshot.table.as_deref(),
            });
            // Another worker may have filled it: whoever is refused there picks again.
            let full = picked.and_then(|(place, _)| full(&set, place));
            match full {
                Some(member) => twin.loaded(member.backend.id, member.limit),
                None => break picked,
            }
        };
        let offered = twin.offered.iter().copied().map(f64::from);
        let total: f64 = offered.sum();
        let candidate = |(place, member): (usize, &Member)| Candidate {
            member: member.clone(),
            verdict: twin.verdict(place, picked),
            active: twin.active[place],
            part: f64::from(twin.offered[place]) / total.max(1.0),
        };
        Preview {
            pick: match picked {
                Some((place, _)) => Pick::Chosen(place),
                None if set.eligible().is_empty() => Pick::NoneLive,
                None => Pick::AllFull,
            },
            grounds: picked.map(|(_, grounds)| grounds),
            candidates: set.members().iter().enumerate().map(candidate).collect(),
        }
    }

    fn verdict(&self, place: usize, picked: Option<(usize, Grounds)>) -> Verdict {
        let member = &self.snapshot.set.members()[place];
        if !self.is_eligible(place) {
            return barred(member);
        }
        match picked {
            None => Verdict::Full, // with one on offer, one is picked
            Some((picked, _)) if picked == place => Verdict::Chosen,
            Some(_) if self.offered[place] == 0 => Verdict::Full,
            Some((picked, grounds)) => self.passed_over(place, picked, grounds),
        }
    }

    /// Why `place`, which is on offer, does not get what `picked` gets.
    fn passed_over(&self, place: usize, picked: usize, grounds: Grounds) -> Verdict {
        match grounds {
            Grounds::Turn(next) if next == Some(place) => Verdict::NextTurn,
            Grounds::Turn(_) => Verdict::LaterTurn,
            Grounds::Load => match self.ratio(place).cmp(&self.ratio(picked)) {
                Ordering::Greater => Verdict::MoreLoaded,
                Ordering::Equal | Ordering::Less => Verdict::Tied,
            },
            Grounds::Lighter(pair) if pair.contains(&place) => Verdict::Heavier,
            Grounds::Quicker(pair) if pair.contains(&place) => Verdict::Slower,
            Grounds::Chance | Grounds::Lighter(_) | Grounds::Quicker(_) => Verdict::NotDrawn,
            Grounds::Address(own) if own == Some(place) => Verdict::Warming,
            Grounds::Address(_) => Verdict::Elsewhere,
            Grounds::Order => Verdict::Behind,
        }
    }

    /// The sessions that it would have for its share.
    fn ratio(&self, place: usize) -> Ratio {
        Ratio::new(u64::from(self.active[place]) + 1, self.offered[place])
    }
}

/// The member, where it is at its limit by the count of all workers.
fn full(set: &LiveSet, place: usize) -> Option<&Member> {
    let member = &set.members()[place];
    (member.backend.load.active.count() >= member.limit).then_some(member)
}

/// Why one that is not eligible is not.
const fn barred(member: &Member) -> Verdict {
    match member.state {
        State::Drain => Verdict::Drain,
        State::Maint => Verdict::Maint,
        _ if member.weight == 0 => Verdict::Weightless,
        State::Down => Verdict::Down,
        State::Ejected => Verdict::Ejected,
        State::Up => Verdict::Spare,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, Traffic};
    use super::*;
    use crate::config::Balance;
    use crate::pool::WARM;
    use proptest::prelude::*;

    fn verdicts(traffic: &Traffic) -> Vec<Verdict> {
        let preview = traffic.balancer.preview(fixtures::client(0), traffic.now);
        preview.candidates.iter().map(|it| it.verdict).collect()
    }

    #[test]
    fn who_may_not_be_picked_is_told_why() {
        let mut members = fixtures::members(&[1, 1, 1, 1, 0, 1, 1]);
        let states = [State::Down, State::Ejected, State::Drain, State::Maint];
        for (member, state) in members.iter_mut().zip(states) {
            member.state = state;
        }
        members[5].backup = true;
        let traffic = Traffic::new(Balance::First, members.clone());
        let mut wanted = [
            Verdict::Down,
            Verdict::Ejected,
            Verdict::Drain,
            Verdict::Maint,
            Verdict::Weightless,
            Verdict::Spare,
            Verdict::Chosen,
        ];
        assert_eq!(verdicts(&traffic), wanted);
        members[6].limit = 1;
        let mut traffic = Traffic::new(Balance::First, members);
        traffic.set_active(6, 1);
        wanted[6] = Verdict::Full;
        assert_eq!(verdicts(&traffic), wanted);
    }

    #[test]
    fn each_algorithm_says_why_it_passes_over_who_could_be_picked() {
        use Verdict::*;
        let table: [(Balance, &[u32], &[Verdict]); 4] = [
            (Balance::RoundRobin, &[0; 3], &[Chosen, NextTurn, LaterTurn]),
            (
                Balance::LeastConnections,
                &[1, 0, 0],
                &[MoreLoaded, Chosen, Tied],
            ),
            (Balance::First, &[5, 0, 0], &[Chosen, Behind, Behind]),
            (Balance::TwoChoices, &[9, 0], &[Heavier, Chosen]),
        ];
        for (kind, loads, wanted) in table {
            let mut traffic = Traffic::new(kind, fixtures::members(&vec![1; loads.len()]));
            (0..)
                .zip(loads)
                .for_each(|(id, load)| traffic.set_active(id, *load));
            assert_eq!(verdicts(&traffic), wanted, "{kind}");
        }
        for (kind, passed_over) in [
            (Balance::Random, &[NotDrawn][..]),
            (Balance::TwoChoices, &[NotDrawn, Heavier]),
            (Balance::LeastLatency, &[NotDrawn, Slower]),
            (Balance::SourceHash, &[Elsewhere]),
        ] {
            let verdicts = verdicts(&Traffic::new(kind, fixtures::members(&[1; 5])));
            let mut counts = passed_over.iter().chain(&[Chosen]).map(|wanted| {
                let count = verdicts.iter().filter(|it| *it == wanted).count();
                assert!(count > 0, "{kind}: {verdicts:?}");
                count
            });
            assert_eq!(counts.by_ref().sum::<usize>(), 5, "{kind}: {verdicts:?}");
        }
    }

    #[test]
    fn a_backend_that_warms_up_is_not_to_blame_for_where_a_client_goes() {
        let mut members = fixtures::members(&[1, 1]);
        members[0].warmth = 1;
        let traffic = Traffic::new(Balance::SourceHash, members);
        let of = |number| traffic.balancer.preview(fixtures::client(number), 0);
        let verdicts: Vec<_> = (0..100).map(|it| of(it).candidates[0].verdict).collect();
        for verdict in [Verdict::Warming, Verdict::Elsewhere] {
            let count = verdicts.iter().filter(|it| **it == verdict).count();
            assert!((20..80).contains(&count), "{verdict:?}: {count}");
        }
    }

    #[test]
    fn a_part_is_of_the_shares_on_offer() {
        let mut members = fixtures::members(&[3, 1, 4]);
        members[1].warmth = WARM / 4;
        members[2].state = State::Down;
        let traffic = Traffic::new(Balance::Random, members);
        let preview = traffic.balancer.preview(fixtures::client(0), 0);
        let parts = preview.candidates.iter().map(|it| it.part);
        assert_eq!(parts.collect::<Vec<_>>(), [12.0 / 13.0, 1.0 / 13.0, 0.0]);
    }

    #[test]
    fn one_that_another_worker_has_filled_is_seen_to_be_full() {
        for kind in Balance::ALL {
            let mut members = fixtures::members(&[1, 1]);
            members[0].limit = 1;
            let traffic = Traffic::new(kind, members);
            let load = &traffic.balancer.set().members()[0].backend.load;
            load.active.enter(1);
            for number in 0..20 {
                let preview = traffic.balancer.preview(fixtures::client(number), 0);
                assert_eq!(preview.pick, Pick::Chosen(1), "{kind}");
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Act {
        Open(u32),
        Load(u32, u32),
        Update(Vec<(u16, u8)>),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let member = (0_u16..4, 0_u8..8);
        let act = prop_oneof![
            6 => (0_u32..50).prop_map(Act::Open),
            2 => (0_u32..5, 0_u32..4).prop_map(|(id, load)| Act::Load(id, load)),
            1 => prop::collection::vec(member, 5).prop_map(Act::Update),
        ];
        prop::collection::vec(act, 1..60)
    }

    /// Five members; of each its weight, and bits: it is down, it is a backup, it has a limit.
    fn members(of: &[(u16, u8)]) -> Vec<Member> {
        let weights: Vec<u16> = of.iter().map(|(weight, _)| *weight).collect();
        let mut members = fixtures::members(&weights);
        for (member, (_, bits)) in members.iter_mut().zip(of) {
            let states = [State::Up, State::Down];
            member.state = states[usize::from(bits & 1)];
            member.backup = bits & 2 > 0;
            member.limit = if bits & 4 > 0 { 2 } else { u32::MAX };
        }
        members
    }

    proptest! {
        // A table for source-hash takes its time.
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_preview_is_what_the_pick_then_is_and_no_pick_is_another_for_it(acts in acts()) {
            for kind in Balance::ALL {
                let [mut asked, mut unasked] =
                    [(); 2].map(|()| Traffic::new(kind, fixtures::members(&[1; 5])));
                for act in &acts {
                    for traffic in [&mut asked, &mut unasked] {
                        match act {
                            Act::Open(_) => {}
                            Act::Load(id, load) => traffic.set_active(*id, *load),
                            Act::Update(of) => traffic.update(members(of)),
                        }
                    }
                    if let Act::Open(number) = act {
                        let client = fixtures::client(*number);
                        let preview = asked.balancer.preview(client, asked.now);
                        let pick = asked.try_pick(*number, &[]);
                        prop_assert_eq!(preview.pick, pick, "{}", kind);
                        prop_assert_eq!(unasked.try_pick(*number, &[]), pick, "{}", kind);
                        let chosen = (0..5).filter(|&it: &usize| {
                            preview.candidates[it].verdict == Verdict::Chosen
                        });
                        let picked = match pick {
                            Pick::Chosen(place) => vec![place],
                            Pick::NoneLive | Pick::AllTried | Pick::AllFull => Vec::new(),
                        };
                        prop_assert_eq!(chosen.collect::<Vec<_>>(), picked, "{}", kind);
                    }
                }
            }
        }
    }
}
