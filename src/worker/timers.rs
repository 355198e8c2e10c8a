//! One timer per session: a hierarchical timing wheel.
//!
//! Seven levels of 64 slots, a millisecond each on the lowest; arming and cancelling are O(1), and an
//! idle wheel says exactly when it is needed next. After Varghese and Lauck, "Hashed and hierarchical
//! timing wheels" (1987). Entries are doubly linked through an array that is indexed like the slab
//! of sessions. Pure: time comes as an argument, in milliseconds since the start of the worker.

const LEVELS: usize = 7;
const SLOT_BITS: usize = 6;
const SLOTS: usize = 1 << SLOT_BITS;
const NIL: u32 = u32::MAX;
/// The end of the wheel: 139 years after the start.
const REACH: u64 = (1 << (SLOT_BITS * LEVELS)) - 1;

#[derive(Clone, Copy)]
struct Node {
    /// When it is due; `u64::MAX` while it is not armed.
    due: u64,
    /// The list it is linked in.
    list: u16,
    previous: u32,
    next: u32,
}

const UNARMED: Node = Node {
    due: u64::MAX,
    list: 0,
    previous: NIL,
    next: NIL,
};

pub(super) struct Timers {
    nodes: Vec<Node>,
    heads: [u32; LEVELS * SLOTS],
    /// Per level, a bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    /// Everything due before this has been handed out.
    elapsed: u64,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            heads: [NIL; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            elapsed: 0,
        }
    }

    /// Sets the timer of `id` to `due`, or moves it there.
    pub(super) fn arm(&mut self, id: usize, due: u64) {
        self.cancel(id);
        if id >= self.nodes.len() {
            self.nodes.resize(id + 1, UNARMED);
        }
        self.nodes[id].due = due.clamp(self.elapsed, REACH);
        self.link(id);
    }

    /// Takes the timer of `id` back, where there is one.
    pub(super) fn cancel(&mut self, id: usize) {
        if self.nodes.get(id).is_some_and(|node| node.due != u64::MAX) {
            self.unlink(id);
            self.nodes[id] = UNARMED;
        }
    }

    /// When [`Timers::expired`] should be called next.
    pub(super) fn next(&self) -> Option<u64> {
        // Slots of a higher level lie after all those of a lower one.
        let level = (0..LEVELS).find(|&level| self.occupied[level] != 0)?;
        let slot = u64::from(self.occupied[level].trailing_zeros());
        let shift = SLOT_BITS * level;
        let base = self.elapsed >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
        Some((base + (slot << shift)).max(self.elapsed))
    }

    /// One timer that is due at `now`, disarmed. To be called until it answers `None`.
    pub(super) fn expired(&mut self, now: u64) -> Option<usize> {
        while let Some(at) = self.next().filter(|&at| at <= now) {
            self.elapsed = at;
            let level = (0..LEVELS).find(|&level| self.occupied[level] != 0)?;
            let slot = self.occupied[level].trailing_zeros() as usize;
            let id = self.heads[level * SLOTS + slot] as usize;
            if level == 0 || self.nodes[id].due <= at {
                self.cancel(id);
                return Some(id);
            }
            // The slot's time has come: its entries go down to the level of their own time.
            while self.heads[level * SLOTS + slot] != NIL {
                let id = self.heads[level * SLOTS + slot] as usize;
                self.unlink(id);
                self.link(id);
            }
        }
        self.elapsed = self.elapsed.max(now);
        None
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "ids are slots, at most 2^29; lists are 448"
    )]
    fn link(&mut self, id: usize) {
        let due = self.nodes[id].due;
        // The level is that of the highest bit group in which the time differs from now.
        let differs = (due ^ self.elapsed) | (SLOTS as u64 - 1);
        let level = (63 - differs.leading_zeros()) as usize / SLOT_BITS;
        let slot = (due >> (SLOT_BITS * level)) as usize % SLOTS;
        let list = level * SLOTS + slot;
        let head = self.heads[list];
        self.nodes[id] = Node {
            due,
            list: list as u16,
            previous: NIL,
            next: head,
        };
        if head != NIL {
            self.nodes[head as usize].previous = id as u32;
        }
        self.heads[list] = id as u32;
        self.occupied[level] |= 1 << slot;
    }

    fn unlink(&mut self, id: usize) {
        let Node {
            list,
            previous,
            next,
            ..
        } = self.nodes[id];
        let list = list as usize;
        if next != NIL {
            self.nodes[next as usize].previous = previous;
        }
        if previous == NIL {
            self.heads[list] = next;
        } else {
            self.nodes[previous as usize].next = next;
        }
        if self.heads[list] == NIL {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn timers_fire_at_their_time_and_not_before() {
        let mut timers = Timers::new();
        for (id, due) in [(0, 5), (1, 70), (2, 5_000), (3, 3_600_000), (4, 0)] {
            timers.arm(id, due);
        }
        assert_eq!(timers.expired(0), Some(4));
        assert_eq!(timers.expired(4), None);
        assert_eq!(timers.expired(5), Some(0));
        assert_eq!(timers.expired(69), None);
        assert_eq!(timers.expired(4_999), Some(1));
        assert_eq!(timers.expired(4_999), None);
        assert_eq!(timers.expired(3_600_000), Some(2));
        assert_eq!(timers.expired(3_600_000), Some(3));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn an_hour_away_wakes_at_most_once_per_level() {
        let mut timers = Timers::new();
        timers.expired(123_456);
        timers.arm(7, 123_456 + 3_600_000);
        let mut wakes = 0;
        while let Some(at) = timers.next() {
            wakes += 1;
            timers.expired(at);
        }
        assert!(wakes <= LEVELS, "{wakes}");
    }

    proptest! {
        #[test]
        fn the_wheel_agrees_with_a_sorted_map(
            ops in prop::collection::vec((0..8_usize, 0..3_u8, 0..9_000_000_u64), 1..200),
        ) {
            let mut timers = Timers::new();
            let mut model = BTreeMap::new();
            let mut now = 0;
            for (id, kind, amount) in ops {
                match kind {
                    0 => {
                        let due = now + amount;
                        timers.arm(id, due);
                        model.insert(id, due);
                    }
                    1 => {
                        timers.cancel(id);
                        model.remove(&id);
                    }
                    _ => {
                        now += amount / 10;
                        let mut fired = Vec::new();
                        while let Some(id) = timers.expired(now) {
                            fired.push(id);
                        }
                        let mut due: Vec<_> =
                            model.iter().filter(|(_, due)| **due <= now).map(|(id, _)| *id).collect();
                        due.iter().for_each(|id| { model.remove(id); });
                        fired.sort_unstable();
                        due.sort_unstable();
                        prop_assert_eq!(fired, due);
                    }
                }
                let soonest = model.values().min().copied();
                prop_assert_eq!(timers.next().is_some(), soonest.is_some());
                // It may wake early to sort entries down, never late.
                prop_assert!(soonest.is_none_or(|due| timers.next() <= Some(due.max(now))));
            }
        }
    }
}
