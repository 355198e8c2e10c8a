//! Two choices: of two backends that chance names, the one with fewer sessions for its share.
//!
//! Nearly as even as asking all of them, and it looks at two. Several workers that each know only
//! some of the load do not all run to the same backend.

use fastrand::Rng;

use super::place_set::PlaceSet;
use super::ratio::Ratio;
use super::{Algorithm, Choice, Grounds};

#[derive(Clone)]
pub(super) struct TwoChoices {
    offered: PlaceSet,
    rng: Rng,
}

impl TwoChoices {
    pub(super) fn new(places: usize, rng: Rng) -> Self {
        Self {
            offered: PlaceSet::new(places),
            rng,
        }
    }
}

/// The one with fewer sessions for its share; in a tie the first.
fn lighter([one, other]: [usize; 2], choice: &Choice<'_>) -> usize {
    let load = |place: usize| {
        let share = choice.members[place].share();
        Ratio::new(u64::from(choice.active[place]), share)
    };
    if load(other) < load(one) { other } else { one }
}

impl Algorithm for TwoChoices {
    fn offer(&mut self, place: usize, _share: u32, _active: u32) {
        self.offered.insert(place);
    }

    fn withdraw(&mut self, place: usize) {
        self.offered.remove(place);
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let pair = self.offered.draw_two(&mut self.rng, choice.tried)?;
        Some(lighter(pair, choice))
    }

    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)> {
        let pair = self.offered.draw_two(&mut self.rng, choice.tried)?;
        Some((lighter(pair, choice), Grounds::Lighter(pair)))
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

    fn loads(kind: Balance, weights: &[u16], sessions: u32) -> Vec<u32> {
        let mut traffic = Traffic::new(kind, fixtures::members(weights));
        (0..sessions).for_each(|number| {
            traffic.open(number);
        });
        traffic.active
    }

    #[test]
    fn the_fullest_backend_has_far_less_than_by_chance_alone() {
        // 1,000 sessions over 1,000 backends: by chance the fullest has about ln n / ln ln n, with the
        // constant 5 to 7; with two choices log2 ln n plus 1, which is 4.
        let weights = [1; 1_000];
        let fullest = |kind| loads(kind, &weights, 1_000).into_iter().max();
        let [random, two] = [Balance::Random, Balance::TwoChoices].map(fullest);
        assert!(random >= Some(5) && two <= Some(4), "{random:?} {two:?}");
    }

    #[test]
    fn long_sessions_are_spread_evenly_and_by_weight() {
        for (weights, shares) in [([1, 1, 1], [300; 3]), ([2, 2, 1], [360, 360, 180])] {
            let loads = loads(Balance::TwoChoices, &weights, 900);
            let off = loads
                .iter()
                .zip(shares)
                .map(|(it, share)| it.abs_diff(share));
            // The gap to the mean is log log n, whatever the number of sessions: 9 is 3 % of 300.
            assert!(off.max() <= Some(9), "{weights:?}: {loads:?}");
        }
    }

    #[test]
    fn the_most_loaded_of_all_is_never_picked_nor_is_one_that_was_tried() {
        let mut traffic = Traffic::new(Balance::TwoChoices, fixtures::members(&[1, 1, 2, 1]));
        traffic.set_active(0, 3);
        traffic.set_active(2, 4); // for its share less than the first
        let tally = traffic.tally(1_200);
        assert_eq!(tally[0], 0, "{tally:?}");
        // The third wins one pair of six, the others share the rest: four standard deviations of the
        // pair are 4 * sqrt(1200 * 1/6 * 5/6) = 52.
        assert!(tally[2].abs_diff(200) <= 52, "{tally:?}");
        assert_eq!(traffic.try_pick(0, &[1, 2, 3]), Pick::Chosen(0));
    }
}
