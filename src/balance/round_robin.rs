//! Round robin: each live backend in turn, in the order of the configuration.
//!
//! The place after the last pick is remembered, not a count: when a backend goes, its turn goes to
//! the next one and nobody gets two in a row; when it returns, it has its old place.

use crate::balance::Pick;
use crate::pool::{BackendId, LiveSet};

/// The state of the turn.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: usize,
}

impl RoundRobin {
    /// The next live backend in turn that is not in `tried`. O(log n) plus the length of `tried`.
    pub fn pick(&mut self, set: &LiveSet, tried: &[BackendId]) -> Pick {
        let live = set.live();
        if live.is_empty() {
            return Pick::NoneLive;
        }
        let start = live.partition_point(|&place| place < self.next);
        // One more than were tried is enough to meet one that was not.
        for step in 0..live.len().min(tried.len() + 1) {
            let place = live[(start + step) % live.len()];
            if !tried.contains(&set.backends()[place].id) {
                self.next = place + 1;
                return Pick::Chosen(place);
            }
        }
        Pick::AllTried
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Backend;
    use std::sync::Arc;

    fn set_of(count: u32, is_live: impl Fn(u32) -> bool) -> LiveSet {
        let backends = (0..count).map(|id| {
            Arc::new(Backend {
                id: BackendId(id),
                pool: "app".into(),
                name: format!("b{id}").into(),
                address: ([127, 0, 0, 1], 9000).into(),
            })
        });
        LiveSet::new(backends.collect(), |backend| is_live(backend.id.0))
    }

    fn picks(turn: &mut RoundRobin, set: &LiveSet, count: usize) -> Vec<usize> {
        let pick = |_| match turn.pick(set, &[]) {
            Pick::Chosen(place) => place,
            other => panic!("{other:?}"),
        };
        (0..count).map(pick).collect()
    }

    #[test]
    fn six_picks_over_three_backends_go_round_twice_from_the_first() {
        let mut turn = RoundRobin::default();
        assert_eq!(
            picks(&mut turn, &set_of(3, |_| true), 6),
            [0, 1, 2, 0, 1, 2]
        );
    }

    #[test]
    fn a_dead_backend_is_passed_over_without_giving_its_neighbour_two_turns() {
        let mut turn = RoundRobin::default();
        assert_eq!(
            picks(&mut turn, &set_of(3, |id| id != 1), 6),
            [0, 2, 0, 2, 0, 2]
        );
    }

    #[test]
    fn the_turn_goes_on_across_a_change_of_the_live_set() {
        let mut turn = RoundRobin::default();
        assert_eq!(picks(&mut turn, &set_of(4, |_| true), 2), [0, 1]);
        assert_eq!(picks(&mut turn, &set_of(4, |id| id != 2), 2), [3, 0]);
        assert_eq!(picks(&mut turn, &set_of(4, |_| true), 3), [1, 2, 3]);
    }

    #[test]
    fn tried_backends_are_passed_over_and_when_all_are_tried_it_says_so() {
        let set = set_of(3, |id| id != 0);
        let mut turn = RoundRobin::default();
        assert_eq!(turn.pick(&set, &[BackendId(1)]), Pick::Chosen(2));
        assert_eq!(
            turn.pick(&set, &[BackendId(2), BackendId(0)]),
            Pick::Chosen(1)
        );
        assert_eq!(
            turn.pick(&set, &[BackendId(2), BackendId(1)]),
            Pick::AllTried
        );
    }

    #[test]
    fn an_empty_live_set_is_told_from_an_exhausted_one() {
        assert_eq!(
            RoundRobin::default().pick(&set_of(3, |_| false), &[]),
            Pick::NoneLive
        );
        assert_eq!(
            RoundRobin::default().pick(&set_of(0, |_| true), &[]),
            Pick::NoneLive
        );
    }
}
