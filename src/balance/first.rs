//! First: the first on offer in the order of the configuration, until it is full; then the next.

use std::collections::BTreeSet;

use super::{Algorithm, Choice, Grounds};

#[derive(Clone, Default)]
pub(super) struct First {
    offered: BTreeSet<usize>,
}

impl Algorithm for First {
    fn offer(&mut self, place: usize, _share: u32, _active: u32) {
        self.offered.insert(place);
    }

    fn withdraw(&mut self, place: usize) {
        self.offered.remove(&place);
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let mut offered = self.offered.iter().copied();
        offered.find(|place| !choice.tried.contains(place))
    }

    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)> {
        let picked = self.pick(choice)?;
        Some((picked, Grounds::Order))
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
    fn the_first_is_filled_to_its_limit_and_then_the_next() {
        let mut members = fixtures::members(&[1, 9, 1]);
        members[0].limit = 2;
        members[1].limit = 3;
        let mut traffic = Traffic::new(Balance::First, members);
        let opened: Vec<_> = (0..7).map(|number| traffic.open(number)).collect();
        assert_eq!(opened, [0, 0, 1, 1, 1, 2, 2]);
        traffic.set_active(1, 2);
        assert_eq!(traffic.open(7), 1);
        traffic.set_active(0, 1);
        assert_eq!([traffic.open(8), traffic.open(9)], [0, 2]);
        assert_eq!(traffic.try_pick(0, &[2]), Pick::AllFull);
    }

    #[test]
    fn those_that_were_tried_are_passed_over() {
        let mut traffic = Traffic::new(Balance::First, fixtures::members(&[1, 1, 1]));
        assert_eq!(traffic.try_pick(0, &[0, 2]), Pick::Chosen(1));
    }
}
