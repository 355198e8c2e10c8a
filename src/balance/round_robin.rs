//! Smooth weighted round robin, as nginx has it: each pick adds to every backend's `current` its
//! share, takes the one with the largest, and takes the sum of all shares off that one.
//!
//! Nothing is added to anyone here. A backend's `current` is its share by the number of turns, plus a
//! base that only its own picks change. So those of one share stay in the order of their bases, and a
//! pick compares the heads of the shares: O(shares + log n), and different shares are few.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Algorithm, Choice, Grounds};

/// Turns until they are counted from 0 again. A share stays below 2^21, so that the product has room
/// to spare in 64 bits; and a pass over all backends every so often costs nothing.
const MAX_TURNS: i64 = 1 << 32;

/// What a backend is to the algorithm.
#[derive(Clone, Copy)]
enum Seat {
    /// It is not on offer and keeps what it has.
    Parked { current: i64 },
    /// Its `current` is `share * turns + base`.
    Offered { share: u32, base: i64 },
}

#[derive(Clone)]
pub(super) struct RoundRobin {
    /// By place.
    seats: Vec<Seat>,
    /// Those on offer by their share: the largest base first, then the lowest place.
    classes: BTreeMap<u32, BTreeSet<(Reverse<i64>, usize)>>,
    /// The sum of the shares on offer.
    total: i64,
    turns: i64,
}

impl RoundRobin {
    pub(super) fn new(places: usize) -> Self {
        Self {
            seats: vec![Seat::Parked { current: 0 }; places],
            classes: BTreeMap::new(),
            total: 0,
            turns: 0,
        }
    }

    /// Who would have the next turn, were it not for `tried`.
    fn best(&self, tried: &[usize]) -> Option<usize> {
        let heads = self.classes.iter().filter_map(|(&share, class)| {
            let untried = |(_, place): &&(_, usize)| !tried.contains(place);
            let &(Reverse(base), place) = class.iter().find(untried)?;
            let current = i64::from(share) * (self.turns + 1) + base;
            Some((current, Reverse(place)))
        });
        heads.max().map(|(_, Reverse(place))| place)
    }

    fn take_turn(&mut self, picked: usize) {
        if self.turns == MAX_TURNS {
            self.count_turns_anew();
        }
        self.turns += 1;
        if let Seat::Offered { share, base } = &mut self.seats[picked]
            && let Some(class) = self.classes.get_mut(share)
        {
            class.remove(&(Reverse(*base), picked));
            *base -= self.total;
            class.insert((Reverse(*base), picked));
        }
    }

    /// Moves what the turns so far have added into the bases. Every `current` stays.
    fn count_turns_anew(&mut self) {
        let turns = std::mem::take(&mut self.turns);
        for (&share, class) in &mut self.classes {
            let added = i64::from(share) * turns;
            let moved = |(Reverse(base), place)| (Reverse(base + added), place);
            *class = std::mem::take(class).into_iter().map(moved).collect();
        }
        for seat in &mut self.seats {
            if let Seat::Offered { share, base } = seat {
                *base += i64::from(*share) * turns;
            }
        }
    }
}

impl Algorithm for RoundRobin {
    fn offer(&mut self, place: usize, share: u32, _active: u32) {
        let base = self.credit(place) - i64::from(share) * self.turns;
        self.seats[place] = Seat::Offered { share, base };
        let class = self.classes.entry(share).or_default();
        class.insert((Reverse(base), place));
        self.total += i64::from(share);
    }

    fn withdraw(&mut self, place: usize) {
        let current = self.credit(place);
        let seat = std::mem::replace(&mut self.seats[place], Seat::Parked { current });
        if let Seat::Offered { share, base } = seat
            && let Some(class) = self.classes.get_mut(&share)
        {
            class.remove(&(Reverse(base), place));
            if class.is_empty() {
                self.classes.remove(&share);
            }
            self.total -= i64::from(share);
        }
    }

    /// Takes a turn, unless the session has tried others: then it had its turn, and asks who is next
    /// without having any effect.
    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let picked = self.best(choice.tried)?;
        if choice.tried.is_empty() {
            self.take_turn(picked);
        }
        Some(picked)
    }

    fn credit(&self, place: usize) -> i64 {
        match self.seats[place] {
            Seat::Parked { current } => current,
            Seat::Offered { share, base } => i64::from(share) * self.turns + base,
        }
    }

    fn set_credit(&mut self, place: usize, credit: i64) {
        self.seats[place] = Seat::Parked { current: credit };
    }

    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)> {
        let picked = self.pick(choice)?;
        Some((picked, Grounds::Turn(self.best(&[]))))
    }

    fn twin(&self) -> Box<dyn Algorithm> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, Traffic};
    use super::*;
    use crate::config::Balance;
    use proptest::prelude::*;

    fn turns(weights: &[u16], count: usize) -> Vec<usize> {
        let mut traffic = Traffic::new(Balance::RoundRobin, fixtures::members(weights));
        (0..count).map(|_| traffic.pick(0)).collect()
    }

    #[test]
    fn weights_are_kept_exactly_and_spread_smoothly() {
        let table: [(&[u16], &[usize]); 4] = [
            (&[5, 1, 1], &[0, 0, 1, 0, 2, 0, 0]),
            (&[1, 1, 1], &[0, 1, 2]),
            (&[2, 0, 1], &[0, 2, 0]),
            (&[1, 3, 2], &[1, 2, 0, 1, 2, 1]),
        ];
        for (weights, round) in table {
            let twice = round.repeat(2);
            assert_eq!(turns(weights, twice.len()), twice, "{weights:?}");
        }
    }

    #[test]
    fn turns_are_counted_anew_before_they_run_out_and_nobody_notices() {
        let mut long = RoundRobin::new(3);
        let mut fresh = RoundRobin::new(3);
        long.turns = MAX_TURNS - 4;
        for robin in [&mut long, &mut fresh] {
            let shares = [5, 1, 1].into_iter().enumerate();
            shares.for_each(|(place, share)| robin.offer(place, share, 0));
        }
        for _ in 0..20 {
            let choice = fixtures::choice(&[]);
            assert_eq!(long.pick(&choice), fresh.pick(&choice));
        }
        assert_eq!(long.turns, 16);
    }

    /// What it has to be equal to: every pick touches every backend.
    #[derive(Default)]
    struct Plain {
        currents: [i64; PLACES],
        shares: [u32; PLACES],
    }

    impl Plain {
        fn best(&self, tried: &[usize]) -> Option<usize> {
            let offered = (0..PLACES).filter(|&it| self.shares[it] > 0 && !tried.contains(&it));
            let next = |place: usize| self.currents[place] + i64::from(self.shares[place]);
            offered.max_by_key(|&it| (next(it), Reverse(it)))
        }

        fn pick(&mut self) -> Option<usize> {
            let picked = self.best(&[])?;
            for (current, &share) in self.currents.iter_mut().zip(&self.shares) {
                *current += i64::from(share);
            }
            self.currents[picked] -= self.shares.iter().copied().map(i64::from).sum::<i64>();
            Some(picked)
        }
    }

    #[derive(Clone, Debug)]
    enum Act {
        /// 0 withdraws.
        Share(usize, u32),
        Picks(usize),
        Retry(Vec<usize>),
        CountTurnsAnew,
    }

    const PLACES: usize = 6;

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let share = prop_oneof![0_u32..4, Just(65_535 * 20)];
        let act = prop_oneof![
            3 => (0..PLACES, share).prop_map(|(place, share)| Act::Share(place, share)),
            5 => (1_usize..20).prop_map(Act::Picks),
            1 => prop::collection::vec(0..PLACES, 1..4).prop_map(Act::Retry),
            1 => Just(Act::CountTurnsAnew),
        ];
        prop::collection::vec(act, 1..80)
    }

    proptest! {
        #[test]
        fn it_is_the_plain_algorithm_whatever_is_offered_withdrawn_and_picked(acts in acts()) {
            let mut robin = RoundRobin::new(PLACES);
            let mut plain = Plain::default();
            for act in acts {
                match act {
                    Act::Share(place, share) => {
                        if std::mem::replace(&mut plain.shares[place], share) > 0 {
                            robin.withdraw(place);
                        }
                        if share > 0 {
                            robin.offer(place, share, 0);
                        }
                    }
                    Act::Picks(count) => {
                        for _ in 0..count {
                            prop_assert_eq!(robin.pick(&fixtures::choice(&[])), plain.pick());
                        }
                    }
                    Act::Retry(tried) => {
                        prop_assert_eq!(robin.pick(&fixtures::choice(&tried)), plain.best(&tried));
                    }
                    Act::CountTurnsAnew => robin.count_turns_anew(),
                }
                let currents = (0..PLACES).map(|place| robin.credit(place));
                prop_assert!(currents.eq(plain.currents));
            }
        }
    }
}
