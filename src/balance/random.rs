//! Random: by chance, in proportion to the shares.

use fastrand::Rng;

use super::fenwick::Fenwick;
use super::{Algorithm, Choice, Grounds};

#[derive(Clone)]
pub(super) struct Random {
    offered: Fenwick,
    rng: Rng,
}

impl Random {
    pub(super) fn new(places: usize, rng: Rng) -> Self {
        Self {
            offered: Fenwick::new(places),
            rng,
        }
    }
}

impl Algorithm for Random {
    fn offer(&mut self, place: usize, share: u32, _active: u32) {
        self.offered.set(place, share);
    }

    fn withdraw(&mut self, place: usize) {
        self.offered.set(place, 0);
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let rng = &mut self.rng;
        self.offered
            .draw_without(choice.tried, |total| rng.u64(..total))
    }

    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)> {
        let picked = self.pick(choice)?;
        Some((picked, Grounds::Chance))
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

    #[test]
    fn picks_are_in_proportion_to_the_weights() {
        let mut traffic = Traffic::new(Balance::Random, fixtures::members(&[5, 0, 1, 1]));
        let tally = traffic.tally(7_000);
        // Four standard deviations are at most 4 * sqrt(7000 * 5/7 * 2/7) = 151.
        for (picked, expected) in tally.iter().zip([5_000_u32, 0, 1_000, 1_000]) {
            let bound = if expected == 0 { 0 } else { 151 };
            assert!(picked.abs_diff(expected) <= bound, "{tally:?}");
        }
    }

    #[test]
    fn what_was_tried_is_never_drawn_and_the_rest_keeps_its_proportion() {
        let mut traffic = Traffic::new(Balance::Random, fixtures::members(&[9, 3, 1]));
        let mut tally = [0_u32; 3];
        for number in 0..4_000 {
            match traffic.try_pick(number, &[0]) {
                Pick::Chosen(place) => tally[place] += 1,
                other => panic!("{other:?}"),
            }
        }
        // Four standard deviations: 4 * sqrt(4000 * 3/4 * 1/4) = 110.
        assert_eq!(tally[0], 0);
        assert!(tally[1].abs_diff(3_000) <= 110, "{tally:?}");
    }
}
