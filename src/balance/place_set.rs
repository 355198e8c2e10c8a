//! A set of places of which any two can be drawn in constant time.

use fastrand::Rng;

/// Places in no order of meaning, each with its position among them.
#[derive(Clone)]
pub(super) struct PlaceSet {
    places: Vec<usize>,
    positions: Vec<Option<usize>>,
}

impl PlaceSet {
    /// Empty, for places below `places`.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: Vec::new(),
            positions: vec![None; places],
        }
    }

    /// Adds `place`, which it does not hold.
    pub(super) fn insert(&mut self, place: usize) {
        self.positions[place] = Some(self.places.len());
        self.places.push(place);
    }

    /// Takes `place` out, where it holds it.
    pub(super) fn remove(&mut self, place: usize) {
        if let Some(position) = self.positions[place].take() {
            self.places.swap_remove(position);
            if let Some(&moved) = self.places.get(position) {
                self.positions[moved] = Some(position);
            }
        }
    }

    /// Two distinct ones that are not in `without`, by chance, each pair in each order as likely as
    /// any other; the same one twice where there is only one.
    pub(super) fn draw_two(&mut self, rng: &mut Rng, without: &[usize]) -> Option<[usize; 2]> {
        let count = self.move_behind(without);
        let first = match count {
            0 => return None,
            1 => return Some([self.places[0]; 2]),
            _ => rng.usize(..count),
        };
        let second = rng.usize(..count - 1);
        let second = second + usize::from(second >= first);
        Some([self.places[first], self.places[second]])
    }

    /// Moves those of `places` that it holds behind all others. How many others there are.
    fn move_behind(&mut self, places: &[usize]) -> usize {
        let mut others = self.places.len();
        for &place in places {
            if let Some(position) = self.positions[place]
                && position < others
            {
                others -= 1;
                let moved = self.places[others];
                self.places.swap(position, others);
                self.positions[moved] = Some(position);
                self.positions[place] = Some(others);
            }
        }
        others
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{PlaceSet, Rng};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn every_ordered_pair_of_the_untried_is_as_likely_as_any_other() {
        const DRAWS: u32 = 12_000;
        let mut set = PlaceSet::new(6);
        (0..6).for_each(|place| set.insert(place));
        set.remove(2);
        let mut rng = Rng::with_seed(1);
        let mut drawn = BTreeMap::<_, u32>::new();
        for _ in 0..DRAWS {
            *drawn
                .entry(set.draw_two(&mut rng, &[4]).unwrap())
                .or_default() += 1;
        }
        let places = [0, 1, 3, 5];
        let pairs = places.map(|one| places.map(|other| [one, other]));
        let pairs = pairs
            .into_iter()
            .flatten()
            .filter(|[one, other]| one != other);
        assert!(pairs.eq(drawn.keys().copied()), "{drawn:?}");
        // 12 pairs, 1,000 draws each: four standard deviations are 4 * sqrt(1000 * 11 / 12) = 121.
        assert!(
            drawn.values().all(|count| count.abs_diff(1_000) < 121),
            "{drawn:?}"
        );
    }

    #[test]
    fn with_one_left_it_is_drawn_twice_and_with_none_nothing_is() {
        let mut set = PlaceSet::new(2);
        let mut rng = Rng::with_seed(1);
        assert_eq!(set.draw_two(&mut rng, &[]), None);
        set.insert(1);
        set.insert(0);
        assert_eq!(set.draw_two(&mut rng, &[1]), Some([0, 0]));
        assert_eq!(set.draw_two(&mut rng, &[1, 0]), None);
    }

    proptest! {
        #[test]
        fn it_draws_from_what_was_inserted_less_what_was_removed_and_tried(
            toggles in prop::collection::vec(0_usize..12, 0..60),
            tried in prop::collection::vec(0_usize..12, 0..4),
            seed in any::<u64>(),
        ) {
            let mut rng = Rng::with_seed(seed);
            let mut set = PlaceSet::new(12);
            let mut model = BTreeSet::new();
            for place in toggles {
                if model.remove(&place) {
                    set.remove(place);
                } else {
                    model.insert(place);
                    set.insert(place);
                }
                let left = model.iter().filter(|it| !tried.contains(it)).count();
                match set.draw_two(&mut rng, &tried) {
                    None => prop_assert_eq!(left, 0),
                    Some(pair) => {
                        prop_assert!(pair.iter().all(|it| model.contains(it) && !tried.contains(it)));
                        prop_assert_eq!(pair[0] == pair[1], left == 1);
                    }
                }
            }
        }
    }
}
