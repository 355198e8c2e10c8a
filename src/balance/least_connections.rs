//! Least connections: the fewest sessions for the share, the new one counted; of several such
//! backends each in turn.

use std::collections::BTreeSet;

use super::ratio::Ratio;
use super::{Algorithm, Choice, Grounds};

#[derive(Clone)]
pub(super) struct LeastConnections {
    /// Those on offer, by what they would have with one more session.
    order: BTreeSet<(Ratio, usize)>,
    /// By place: where it stands in the order, if it is on offer.
    ratios: Vec<Option<Ratio>>,
    /// The place after the last one that was picked: there a tie begins.
    turn: usize,
}

impl LeastConnections {
    pub(super) fn new(places: usize) -> Self {
        Self {
            order: BTreeSet::new(),
            ratios: vec![None; places],
            turn: 0,
        }
    }
}

impl Algorithm for LeastConnections {
    fn offer(&mut self, place: usize, share: u32, active: u32) {
        let ratio = Ratio::new(u64::from(active) + 1, share);
        self.ratios[place] = Some(ratio);
        self.order.insert((ratio, place));
    }

    fn withdraw(&mut self, place: usize) {
        if let Some(ratio) = self.ratios[place].take() {
            self.order.remove(&(ratio, place));
        }
    }

    fn loaded(&mut self, place: usize, active: u32) {
        if let Some(ratio) = self.ratios[place] {
            self.withdraw(place);
            self.offer(place, ratio.share(), active);
        }
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let untried = |(_, place): &&(Ratio, usize)| !choice.tried.contains(place);
        let &(least, _) = self.order.iter().find(untried)?;
        let from_turn = self.order.range((least, self.turn)..=(least, usize::MAX));
        let before_turn = self.order.range((least, 0)..(least, self.turn));
        let &(_, picked) = from_turn.chain(before_turn).find(untried)?;
        self.turn = picked + 1;
        Some(picked)
    }

    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)> {
        let picked = self.pick(choice)?;
        Some((picked, Grounds::Load))
    }

    fn twin(&self) -> Box<dyn Algorithm> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pick;
    use super::super::fixtures::{self, Traffic};
    use crate::config::Balance;
    use proptest::prelude::*;

    fn traffic(weights: &[u16]) -> Traffic {
        Traffic::new(Balance::LeastConnections, fixtures::members(weights))
    }

    #[test]
    fn a_hundred_long_sessions_are_spread_by_weight_within_one() {
        let table: [(&[u16], &[u32]); 4] = [
            (&[1, 1, 1, 1], &[25, 25, 25, 25]),
            (&[1, 1, 1], &[33, 33, 33]),
            (&[2, 1], &[66, 33]),
            (&[5, 0, 3, 2], &[50, 0, 30, 20]),
        ];
        for (weights, shares) in table {
            let mut traffic = traffic(weights);
            (0..100).for_each(|number| {
                traffic.open(number);
            });
            let off = traffic.active.iter().zip(shares);
            let off = off.map(|(active, share)| active.abs_diff(*share)).max();
            assert!(off <= Some(1), "{weights:?}: {:?}", traffic.active);
            assert_eq!(traffic.active.iter().sum::<u32>(), 100);
        }
    }

    #[test]
    fn ties_are_broken_in_turn_after_the_last_pick() {
        let mut traffic = traffic(&[1, 2, 1, 1]);
        traffic.set_active(1, 1); // 2 of 2 would be 1 of 1
        let picks: Vec<_> = (0..6).map(|number| traffic.pick(number)).collect();
        assert_eq!(picks, [0, 1, 2, 3, 0, 1]);
        traffic.set_active(3, 5);
        traffic.set_active(2, 5);
        let picks: Vec<_> = (0..3).map(|number| traffic.pick(number)).collect();
        assert_eq!(picks, [0, 1, 0]);
    }

    #[test]
    fn those_that_were_tried_are_passed_over_to_the_next_least() {
        let mut traffic = traffic(&[1, 1, 1]);
        assert_eq!(traffic.try_pick(0, &[0]), Pick::Chosen(1), "a tie");
        traffic.set_active(0, 7);
        traffic.set_active(2, 1);
        assert_eq!(traffic.try_pick(0, &[1]), Pick::Chosen(2));
        assert_eq!(traffic.try_pick(0, &[2, 1]), Pick::Chosen(0));
    }

    proptest! {
        #[test]
        fn nobody_on_offer_would_have_less_for_its_share_than_the_one_that_is_picked(
            weights in prop::collection::vec(1_u16.., 1..8),
            loads in prop::collection::vec((0_u32..8, prop_oneof![0_u32..5, Just(u32::MAX - 1)]), 0..30),
        ) {
            let mut traffic = traffic(&weights);
            for (id, active) in loads {
                if (id as usize) < weights.len() {
                    traffic.set_active(id, active);
                }
                let picked = traffic.pick(0);
                let cost = |place: usize, other: usize| {
                    (u128::from(traffic.active[place]) + 1) * u128::from(weights[other])
                };
                prop_assert!((0..weights.len()).all(|it| cost(picked, it) <= cost(it, picked)));
            }
        }
    }
}
