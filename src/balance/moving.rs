//! How many clients of a pool that balances by source-hash get another backend when its members change.
//!
//! Clients are hashed evenly over the slots of a table, so they need not be known: each slot is looked
//! up before and after.

use std::iter::zip;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::maglev::SLOTS;
use super::source_hash::SourceHash;
use super::{Algorithm, Choice, Maglev};
use crate::pool::{LiveSet, Member};

/// The part of those clients that have a backend `before`, 0 to 1, for whom it is not the same one
/// `after`. A backend is the same while its address is.
///
/// Limits and slow starts are left out: they move clients for a while only.
#[must_use]
pub fn moved(before: &LiveSet, after: &LiveSet) -> f64 {
    if is_alike(before, after) {
        return 0.0;
    }
    let (mut all, mut moved) = (0, 0);
    for (was, is) in zip(mapping(before), mapping(after)) {
        all += u32::from(was.is_some());
        moved += u32::from(was.is_some() && was != is);
    }
    f64::from(moved) / f64::from(all.max(1))
}

/// Whether the tables, which take milliseconds to build, would be the same, and who is on offer too.
fn is_alike(before: &LiveSet, after: &LiveSet) -> bool {
    let seat = |it: &Member| (it.backend.address, it.weight, it.backup);
    let seats = [before, after].map(|set| set.members().iter().map(seat));
    let [were, are] = seats;
    were.eq(are) && before.eligible() == after.eligible()
}

/// Who is at each slot.
fn mapping(set: &LiveSet) -> Vec<Option<SocketAddr>> {
    let members = set.members();
    let table = Maglev::build(members);
    let mut algorithm = SourceHash::new(members.len());
    for &place in set.eligible() {
        algorithm.offer(place, members[place].share(), 0);
    }
    let choice = Choice {
        client: IpAddr::V4(Ipv4Addr::UNSPECIFIED), // any one: it is asked for slots
        tried: &[],
        now: 0,
        members,
        active: &[],
        table: Some(&table),
    };
    let mut at = |slot| {
        let place = algorithm.pick_by(&choice, slot)?;
        Some(members[place].backend.address)
    };
    (0_u64..).take(SLOTS).map(&mut at).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, Traffic};
    use super::*;
    use crate::config::{AllDown, Balance};
    use crate::pool::State;

    const CLIENTS: u32 = 20_000;

    fn part(before: &[Member], after: &[Member]) -> f64 {
        let set = |members: &[Member]| LiveSet::new(members.to_vec(), AllDown::Reject);
        moved(&set(before), &set(after))
    }

    /// The same, by counting clients.
    fn counted(before: &[Member], after: &[Member]) -> f64 {
        let mapping = |members: &[Member]| -> Vec<_> {
            let mut traffic = Traffic::new(Balance::SourceHash, members.to_vec());
            let picks = (0..CLIENTS).map(|number| traffic.pick(number));
            picks.map(|place| members[place].backend.address).collect()
        };
        let pairs = zip(mapping(before), mapping(after));
        let count = pairs.filter(|(was, is)| was != is).count();
        f64::from(u32::try_from(count).unwrap()) / f64::from(CLIENTS)
    }

    #[test]
    fn the_part_is_that_of_clients_who_are_counted() {
        let ten = fixtures::members(&[1; 10]);
        let change = |at: usize, change: fn(&mut Member)| {
            let mut members = ten.clone();
            change(&mut members[at]);
            members
        };
        let mut more = ten.clone();
        more.push(fixtures::member(77, 1));
        let reversed: Vec<_> = ten.iter().rev().cloned().collect();
        let table = [
            (ten.clone(), 0.0),
            (reversed, 0.0),
            (ten[1..].to_vec(), 0.1),
            (ten[4..].to_vec(), 0.4),
            (more, 1.0 / 11.0),
            (change(3, |it| it.weight = 0), 0.1),
            (change(3, |it| it.state = State::Down), 0.1),
            (change(3, |it| it.weight = 11), 0.45),
            (change(3, |it| it.backup = true), 0.1),
        ];
        for (after, about) in table {
            let (part, counted) = (part(&ten, &after), counted(&ten, &after));
            // Four standard deviations of the count are at most 4 * sqrt(1/4 / 20000) = 0.015.
            assert!((part - counted).abs() < 0.015, "{part} {counted}");
            assert!((part - about).abs() < 0.02, "{part} {about}");
        }
    }

    #[test]
    fn only_those_can_move_who_have_a_backend() {
        let up = fixtures::members(&[1, 1]);
        let mut down = up.clone();
        down.iter_mut().for_each(|it| it.state = State::Down);
        assert_eq!([part(&up, &down), part(&down, &up)], [1.0, 0.0]);
        assert_eq!([part(&up, &[]), part(&[], &up)], [1.0, 0.0]);
    }
}
