//! Shares by place as a Fenwick tree: which place holds a point of their sum, in O(log n).

/// The shares of all places, laid end to end in the order of the places.
#[derive(Clone)]
pub(super) struct Fenwick {
    shares: Vec<u32>,
    /// At `end` the sum of the shares of the places before `end`, back to where the lowest bit of
    /// `end` is cleared; the first entry is not used.
    sums: Vec<u64>,
    total: u64,
}

impl Fenwick {
    /// Every share is 0.
    pub(super) fn new(places: usize) -> Self {
        Self {
            shares: vec![0; places],
            sums: vec![0; places + 1],
            total: 0,
        }
    }

    pub(super) fn share(&self, place: usize) -> u32 {
        self.shares[place]
    }

    /// Gives `place` this share. The one that it had before.
    pub(super) fn set(&mut self, place: usize, share: u32) -> u32 {
        let before = std::mem::replace(&mut self.shares[place], share);
        let changed = |sum: u64| sum - u64::from(before) + u64::from(share);
        self.total = changed(self.total);
        let mut end = place + 1;
        while let Some(sum) = self.sums.get_mut(end) {
            *sum = changed(*sum);
            end += end & end.wrapping_neg();
        }
        before
    }

    /// The place whose share holds the point that `choose` names below the sum; `None` where all
    /// shares are 0.
    pub(super) fn draw(&self, choose: impl FnOnce(u64) -> u64) -> Option<usize> {
        (self.total > 0).then(|| self.place_at(choose(self.total)))
    }

    /// As [`Fenwick::draw`], as if the shares of `without` were 0, each of which is named once.
    pub(super) fn draw_without(
        &mut self,
        without: &[usize],
        choose: impl FnOnce(u64) -> u64,
    ) -> Option<usize> {
        let held: Vec<_> = without.iter().map(|&place| self.set(place, 0)).collect();
        let drawn = self.draw(choose);
        for (&place, share) in without.iter().zip(held) {
            self.set(place, share);
        }
        drawn
    }

    fn place_at(&self, mut point: u64) -> usize {
        let mut place = 0;
        let mut stride = self.shares.len().next_power_of_two();
        while stride > 0 {
            if let Some(&sum) = self.sums.get(place + stride)
                && sum <= point
            {
                point -= sum;
                place += stride;
            }
            stride /= 2;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_point_of_the_sum_is_found_where_a_walk_finds_it(
            shares in prop::collection::vec(0_u32..4, 1..40),
            changes in prop::collection::vec((0_usize..40, 0_u32..4), 0..40),
            without in prop::collection::btree_set(0_usize..40, 0..3),
        ) {
            let mut walked = vec![0; shares.len()];
            let mut tree = Fenwick::new(shares.len());
            let shares = shares.into_iter().enumerate();
            for (place, share) in shares.chain(changes) {
                if let Some(before) = walked.get_mut(place) {
                    prop_assert_eq!(tree.set(place, share), std::mem::replace(before, share));
                }
            }
            let stretches = |shares: &[u32]| -> Vec<usize> {
                let stretch = |(place, &share): (usize, &u32)| vec![place; share as usize];
                shares.iter().enumerate().flat_map(stretch).collect()
            };
            let without: Vec<_> = without.into_iter().filter(|&it| it < walked.len()).collect();
            let mut rest = walked.clone();
            without.iter().for_each(|&place| rest[place] = 0);
            for (point, &place) in (0..).zip(&stretches(&rest)) {
                prop_assert_eq!(tree.draw_without(&without, |_| point), Some(place));
            }
            if rest.iter().all(|&share| share == 0) {
                prop_assert_eq!(tree.draw_without(&without, |_| 0), None);
            }
            for (point, &place) in (0..).zip(&stretches(&walked)) {
                prop_assert_eq!(tree.draw(|_| point), Some(place));
            }
        }
    }
}
