//! Moments in order, at most one for each place: what is due next costs O(log n). Pure.

use std::collections::BTreeSet;
use std::time::Instant;

pub(super) struct Agenda {
    queue: BTreeSet<(Instant, usize)>,
    moments: Vec<Option<Instant>>,
}

impl Agenda {
    /// Nothing is due at any of so many places.
    pub(super) fn new(places: usize) -> Self {
        Self {
            queue: BTreeSet::new(),
            moments: vec![None; places],
        }
    }

    /// There are at least so many places from now on; nothing is due at a new one.
    pub(super) fn make_room(&mut self, places: usize) {
        let places = places.max(self.moments.len());
        self.moments.resize(places, None);
    }

    /// When `place` is due.
    pub(super) fn moment(&self, place: usize) -> Option<Instant> {
        self.moments[place]
    }

    /// `place` is due then, and at no other time.
    pub(super) fn set(&mut self, place: usize, at: Instant) {
        self.clear(place);
        self.moments[place] = Some(at);
        self.queue.insert((at, place));
    }

    /// `place` is not due any more.
    pub(super) fn clear(&mut self, place: usize) {
        if let Some(at) = self.moments[place].take() {
            self.queue.remove(&(at, place));
        }
    }

    /// When the next place is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// One place that is due `now`, which is not due any more.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        let (_, place) = *self.queue.first().filter(|(at, _)| *at <= now)?;
        self.clear(place);
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn places_are_taken_in_order_of_their_last_moment_and_once() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut agenda = Agenda::new(4);
        for (place, second) in [(0, 3), (1, 1), (2, 2), (0, 1), (3, 9), (2, 4)] {
            agenda.set(place, at(second));
        }
        agenda.clear(3);
        assert_eq!((agenda.moment(2), agenda.moment(3)), (Some(at(4)), None));
        assert_eq!(agenda.take(at(0)), None);
        let taken: Vec<_> = std::iter::from_fn(|| agenda.take(at(3))).collect();
        assert_eq!((taken, agenda.next()), (vec![0, 1], Some(at(4))));
        assert_eq!(agenda.take(at(4)), Some(2));
        assert_eq!((agenda.take(at(9)), agenda.next()), (None, None));
    }

    #[test]
    fn more_room_changes_nothing_of_what_is_due() {
        let start = Instant::now();
        let mut agenda = Agenda::new(1);
        agenda.set(0, start);
        for (room, places) in [(3, 3), (2, 3)] {
            agenda.make_room(room);
            let moments: Vec<_> = (0..places).map(|place| agenda.moment(place)).collect();
            assert_eq!(moments, [Some(start), None, None], "room for {room}");
        }
        agenda.set(2, start);
        let taken: Vec<_> = std::iter::from_fn(|| agenda.take(start)).collect();
        assert_eq!(taken, [0, 2]);
    }
}
