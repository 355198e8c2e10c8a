//! The Maglev table (Eisenbud et al., NSDI 2016): slots that clients hash to, shared out among all
//! members of a pool so that when one comes or goes, nearly all others' slots stay as they are.
//!
//! Each member has an order of its own in which it wants the slots. They take turns, each at the pace
//! of its weight, and take the first slot in their order that is still free. Who is live does not
//! matter here: source_hash looks past those that are not.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;

use siphasher::sip::SipHasher13;

use super::ratio::Ratio;
use crate::pool::Member;

/// A prime, so that every stride goes round all slots; the paper's small size.
pub(super) const SLOTS: usize = 65_537;

/// No place: the slot is free.
const FREE: u32 = u32::MAX;

/// What a member's identity is hashed with: where its order begins, and its stride. Any other keys
/// would send all clients elsewhere after an upgrade.
const OFFSET_KEYS: (u64, u64) = (0x6f66_6673_6574, 1);
const STRIDE_KEYS: (u64, u64) = (0x7374_7269_6465, 2);

/// Which slot is whose, of the primaries and of the backups.
pub struct Maglev {
    primaries: Box<[u32]>,
    backups: Box<[u32]>,
}

impl Maglev {
    /// Over all of `members`, live or not, by their weights; weight 0 gets no slot. A member is known
    /// by its address, so that the order of the configuration does not matter.
    #[must_use]
    pub fn build(members: &[Member]) -> Self {
        let mut takers = takers(members);
        // In a tie the turn goes by what the addresses hash to.
        takers.sort_unstable_by_key(|it| it.hashes);
        let (backups, primaries) = takers.into_iter().partition(|it| it.backup);
        Self {
            primaries: fill(primaries),
            backups: fill(backups),
        }
    }

    /// The places whose slots follow on the one of `hash`, in the tier of the backups or of the
    /// primaries: each slot once.
    pub(super) fn places(&self, hash: u64, backup: bool) -> impl Iterator<Item = usize> {
        let table = if backup {
            &self.backups
        } else {
            &self.primaries
        };
        let (before, from) = table.split_at_checked(slot(hash)).unwrap_or_default();
        from.iter().chain(before).map(|&place| place as usize)
    }
}

impl fmt::Debug for Maglev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maglev").finish_non_exhaustive()
    }
}

/// A member that takes slots.
struct Taker {
    place: u32,
    weight: u16,
    backup: bool,
    /// Of its identity, with either pair of keys.
    hashes: (u64, u64),
    /// The slot that it wants next.
    next: usize,
    stride: usize,
    taken: u64,
}

impl Taker {
    /// Takes the first free slot in its order; there has to be one.
    fn take(&mut self, table: &mut [u32]) {
        while table[self.next] != FREE {
            self.advance();
        }
        table[self.next] = self.place;
        self.taken += 1;
    }

    const fn advance(&mut self) {
        self.next += self.stride;
        if self.next >= SLOTS {
            self.next -= SLOTS;
        }
    }

    /// When its next turn is. The first one is before every second one, so that even the least weight
    /// has a slot; the others are rounded to the nearest (Webster's method of sharing out seats).
    fn turn(&self) -> Ratio {
        let half_turns = if self.taken == 0 {
            0
        } else {
            2 * self.taken + 1
        };
        Ratio::new(half_turns, u32::from(self.weight))
    }
}

/// Those of `members` that get slots.
fn takers(members: &[Member]) -> Vec<Taker> {
    let mut namesakes: HashMap<_, u32> = HashMap::new();
    let taker = |(place, member): (u32, &Member)| {
        let address = member.backend.address;
        let namesake = namesakes.entry((address, member.backup)).or_default();
        // A second backend at an address is another backend.
        let identity = match *namesake {
            0 => address.to_string(),
            number => format!("{address}#{number}"),
        };
        *namesake += 1;
        let hash = |(key, other): (u64, u64)| {
            SipHasher13::new_with_keys(key, other).hash(identity.as_bytes())
        };
        let hashes = (hash(OFFSET_KEYS), hash(STRIDE_KEYS));
        (member.weight > 0).then(|| Taker {
            place,
            weight: member.weight,
            backup: member.backup,
            hashes,
            next: slot(hashes.0),
            stride: 1 + remainder(hashes.1, SLOTS - 1),
            taken: 0,
        })
    };
    (0..FREE).zip(members).filter_map(taker).collect()
}

/// The table of one tier; empty where nobody takes a slot.
fn fill(mut takers: Vec<Taker>) -> Box<[u32]> {
    let turn = |(rank, taker): (usize, &Taker)| Reverse((taker.turn(), rank));
    let mut turns: BinaryHeap<_> = takers.iter().enumerate().map(turn).collect();
    if turns.is_empty() {
        return Box::default();
    }
    let mut table = vec![FREE; SLOTS].into_boxed_slice();
    for _ in 0..SLOTS {
        if let Some(mut turn) = turns.peek_mut() {
            let Reverse((when, rank)) = &mut *turn;
            let taker = &mut takers[*rank];
            taker.take(&mut table);
            *when = taker.turn();
        }
    }
    table
}

fn slot(hash: u64) -> usize {
    remainder(hash, SLOTS)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what is less than a usize is a usize"
)]
const fn remainder(hash: u64, of: usize) -> usize {
    (hash % of as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    /// Slots by place.
    fn tally(table: &[u32], members: usize) -> Vec<u32> {
        let mut tally = vec![0; members];
        table.iter().for_each(|&place| tally[place as usize] += 1);
        tally
    }

    #[test]
    fn slots_are_shared_out_by_weight() {
        let table: [&[u16]; 4] = [
            &[1; 10],
            &[5, 1, 1],
            &[7, 6, 5, 4, 3, 2, 1],
            &[65_535, 1, 30_000],
        ];
        for weights in table {
            let built = Maglev::build(&fixtures::members(weights));
            let total: f64 = weights.iter().copied().map(f64::from).sum();
            let tally = tally(&built.primaries, weights.len());
            for (&slots, &weight) in tally.iter().zip(weights) {
                let quota = 65_537.0 * f64::from(weight) / total;
                assert!(
                    (f64::from(slots) - quota).abs() <= 1.0,
                    "{weights:?}: {tally:?}"
                );
            }
        }
    }

    #[test]
    fn every_one_of_ten_thousand_has_slots_however_small_its_weight() {
        let mut weights = [1; 10_000];
        weights[..3].fill(65_535);
        let built = Maglev::build(&fixtures::members(&weights));
        let tally = tally(&built.primaries, weights.len());
        assert!(tally.iter().all(|&slots| slots > 0));
        assert_eq!(tally[..3].iter().sum::<u32>(), 65_537 - 9_997);
    }

    #[test]
    fn tiers_have_tables_of_their_own_and_weight_0_has_no_slot() {
        let mut members = fixtures::members(&[1, 0, 1, 3, 0]);
        members[2].backup = true;
        members[3].backup = true;
        let built = Maglev::build(&members);
        let tallies = [&built.primaries, &built.backups].map(|it| tally(it, 5));
        assert_eq!(tallies, [[65_537, 0, 0, 0, 0], [0, 0, 16_384, 49_153, 0]]);
        assert!(built.places(7, true).all(|place| place == 2 || place == 3));
        assert!(Maglev::build(&[]).places(7, false).next().is_none());
    }

    #[test]
    fn the_order_of_the_configuration_does_not_matter() {
        let mut members = fixtures::members(&[3, 1, 4, 1, 5]);
        let ids = |members: &[Member]| -> Vec<_> {
            let built = Maglev::build(members);
            let slots = built.primaries.iter();
            slots.map(|&it| members[it as usize].backend.id).collect()
        };
        let before = ids(&members);
        members.reverse();
        members.swap(0, 1);
        assert!(ids(&members) == before);
    }

    #[test]
    fn two_backends_at_one_address_have_slots_each() {
        let mut members = fixtures::members(&[1, 1, 1]);
        members[2].backend = std::sync::Arc::clone(&members[0].backend);
        let built = Maglev::build(&members);
        assert_eq!(tally(&built.primaries, 3).iter().min(), Some(&21_845));
        members.pop();
        let without = Maglev::build(&members);
        let slots = built.primaries.iter().zip(&without.primaries);
        let lost = slots.filter(|(was, is)| **was == 0 && **is != 0).count();
        assert!(
            lost < SLOTS / 100,
            "{lost} of the first one's move when the other one goes"
        );
    }

    /// A change of this fingerprint sends the clients of every running pool elsewhere.
    #[test]
    fn the_table_stays_the_same_from_release_to_release() {
        let built = Maglev::build(&fixtures::members(&[1, 2, 3]));
        let slots = built.primaries.iter().step_by(5_000);
        let slots: Vec<_> = slots.copied().collect();
        assert_eq!(slots, [0, 2, 2, 1, 1, 2, 1, 1, 2, 2, 2, 2, 2, 0]);
    }

    #[test]
    fn removing_one_of_ten_moves_few_slots_of_the_others() {
        let members = fixtures::members(&[1; 10]);
        let before = Maglev::build(&members);
        for removed in 0..10 {
            let mut left = members.clone();
            left[removed].weight = 0;
            let after = Maglev::build(&left);
            let slots = before.primaries.iter().zip(&after.primaries);
            let kept = slots.filter(|(was, _)| **was as usize != removed);
            let moved = kept.filter(|(was, is)| was != is).count();
            assert!(moved < SLOTS / 100, "{moved}");
        }
    }
}
