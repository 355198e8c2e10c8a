//! Source hash: the client's address picks the backend, by the Maglev table.
//!
//! The table covers all members. A client whose backend is not on offer goes to that of the next slot
//! that is, so a backend that goes down moves its own clients and nobody else's, and they are back
//! when it is. Clients that share a backend have their slots in many places, so all others take some.

use std::net::IpAddr;

use siphasher::sip::SipHasher13;

use super::fenwick::Fenwick;
use super::{Algorithm, Choice, Grounds};
use crate::pool::WARM;

/// Slots that are looked at. With one backend of ten on offer, one client in 800 finds none; it then
/// gets one of those on offer, the same each time until the offer changes.
const MAX_PROBES: usize = 64;

/// What a client is hashed with: for its slot, and for whether a warming backend takes it. As with
/// the table's keys, others would send clients elsewhere.
const SLOT_KEYS: (u64, u64) = (0x736c_6f74, 3);
const WARMTH_KEYS: (u64, u64) = (0x7761_726d_7468, 4);

#[derive(Clone)]
pub(super) struct SourceHash {
    offered: Fenwick,
}

impl SourceHash {
    pub(super) fn new(places: usize) -> Self {
        Self {
            offered: Fenwick::new(places),
        }
    }

    /// As [`Algorithm::pick`], for a client that is hashed to this.
    pub(super) fn pick_by(&mut self, choice: &Choice<'_>, slot_hash: u64) -> Option<usize> {
        self.probe(choice, slot_hash).or_else(|| {
            let offered = &mut self.offered;
            offered.draw_without(choice.tried, |total| slot_hash % total)
        })
    }

    /// The first in the order of the client's slots that is on offer; one that is still warming only
    /// for its part of the clients, unless there are no others.
    fn probe(&self, choice: &Choice<'_>, slot_hash: u64) -> Option<usize> {
        let any = self.offered.draw(|_| 0)?;
        // All that are on offer are of one tier.
        let backup = choice.members[any].backup;
        let warmth_needed = hash(choice.client, WARMTH_KEYS) % u64::from(WARM);
        let mut warming = None;
        for place in choice.table?.places(slot_hash, backup).take(MAX_PROBES) {
            if self.offered.share(place) == 0 || choice.tried.contains(&place) {
                continue;
            }
            if u64::from(choice.members[place].warmth) > warmth_needed {
                return Some(place);
            }
            warming = warming.or(Some(place));
        }
        warming
    }
}

impl Algorithm for SourceHash {
    fn offer(&mut self, place: usize, share: u32, _active: u32) {
        self.offered.set(place, share);
    }

    fn withdraw(&mut self, place: usize) {
        self.offered.set(place, 0);
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        self.pick_by(choice, hash(choice.client, SLOT_KEYS))
    }

    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)> {
        let picked = self.pick(choice)?;
        let backup = choice.members[picked].backup;
        let slot_hash = hash(choice.client, SLOT_KEYS);
        let own = choice
            .table
            .and_then(|table| table.places(slot_hash, backup).next());
        Some((picked, Grounds::Address(own)))
    }

    fn twin(&self) -> Box<dyn Algorithm> {
        Box::new(self.clone())
    }
}

/// Of the address alone: a client has a new port with each connection, and one that comes by IPv4 to
/// a listener for both families is the same client.
fn hash(client: IpAddr, (key, other): (u64, u64)) -> u64 {
    let hasher = SipHasher13::new_with_keys(key, other);
    match client.to_canonical() {
        IpAddr::V4(address) => hasher.hash(&address.octets()),
        IpAddr::V6(address) => hasher.hash(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, Traffic};
    use super::super::{Pick, Request};
    use super::*;
    use crate::config::Balance;
    use crate::pool::{Member, State};

    const CLIENTS: u32 = 4_000;

    /// Where each client goes, by id.
    fn mapping(traffic: &mut Traffic) -> Vec<u32> {
        let ids = |traffic: &Traffic| -> Vec<_> {
            let members = traffic.balancer.set().members().iter();
            members.map(|it| it.backend.id.0).collect()
        };
        let ids = ids(traffic);
        (0..CLIENTS)
            .map(|number| ids[traffic.pick(number)])
            .collect()
    }

    fn traffic(members: &[Member]) -> Traffic {
        Traffic::new(Balance::SourceHash, members.to_vec())
    }

    #[test]
    fn clients_are_spread_by_weight() {
        let tally = traffic(&fixtures::members(&[5, 1, 1, 0])).tally(7_000);
        // Four standard deviations are at most 4 * sqrt(7000 * 5/7 * 2/7) = 151.
        for (picked, expected) in tally.iter().zip([5_000_u32, 1_000, 1_000, 0]) {
            assert!(picked.abs_diff(expected) <= 151, "{tally:?}");
        }
    }

    #[test]
    fn a_flap_moves_the_clients_of_one_backend_and_its_return_brings_them_back() {
        let members = fixtures::members(&[1; 10]);
        let mut traffic = traffic(&members);
        let before = mapping(&mut traffic);
        let mut flapped = members.clone();
        flapped[3].state = State::Down;
        traffic.update(flapped);
        let during = mapping(&mut traffic);
        for (&was, &is) in before.iter().zip(&during) {
            assert!(if was == 3 { is != 3 } else { is == was }, "{was} {is}");
        }
        let takers = (0..10).filter(|id| {
            let mut moves = before.iter().zip(&during);
            moves.any(|(was, is)| *was == 3 && is == id)
        });
        assert_eq!(takers.count(), 9, "all others take some of its clients");
        traffic.update(members);
        assert!(mapping(&mut traffic) == before);
    }

    #[test]
    fn removing_one_of_ten_moves_few_clients_of_the_others() {
        let mut members = fixtures::members(&[1; 10]);
        let mut traffic = traffic(&members);
        let before = mapping(&mut traffic);
        members.remove(3);
        traffic.update(members);
        let after = mapping(&mut traffic);
        let moved = before
            .iter()
            .zip(&after)
            .filter(|(was, is)| **was != 3 && was != is);
        assert!(moved.count() < CLIENTS as usize / 100);
    }

    #[test]
    fn a_full_backend_and_one_that_was_tried_are_looked_past_as_one_that_is_down() {
        let members = fixtures::members(&[1; 4]);
        let mut traffic = traffic(&members);
        let before = mapping(&mut traffic);
        let mut limited = members.clone();
        limited[2].limit = 1;
        traffic.update(limited);
        traffic.set_active(2, 1);
        let full = mapping(&mut traffic);
        let mut down = members;
        down[2].state = State::Down;
        traffic.update(down);
        assert!(mapping(&mut traffic) == full);
        traffic.update(fixtures::members(&[1; 4]));
        for (number, (was, past)) in (0..).zip(before.iter().zip(&full)) {
            let place = *past as usize;
            assert_eq!(traffic.try_pick(number, &[2]), Pick::Chosen(place), "{was}");
        }
    }

    #[test]
    fn a_warming_backend_takes_its_part_of_its_own_clients() {
        let members = fixtures::members(&[1; 4]);
        let mut traffic = traffic(&members);
        let warm = mapping(&mut traffic);
        let own = warm.iter().filter(|&&it| it == 2).count();
        let mut before = vec![true; CLIENTS as usize];
        for warmth in (1..=WARM).rev() {
            let mut warming = members.clone();
            warming[2].warmth = warmth;
            traffic.update(warming);
            let now = mapping(&mut traffic);
            for (&was, &is) in warm.iter().zip(&now) {
                assert!(was == is || was == 2, "others' clients stay: {was} {is}");
            }
            let taken: Vec<_> = now.iter().map(|&it| it == 2).collect();
            let mut lost = taken.iter().zip(&before);
            assert!(
                lost.all(|(is, was)| *was || !is),
                "they only ever come back"
            );
            let count = taken.iter().filter(|&&it| it).count();
            let expected = own * usize::from(warmth) / usize::from(WARM);
            // Four standard deviations are at most 4 * sqrt(1000 / 4) = 63.
            assert!(count.abs_diff(expected) <= 63, "{warmth}: {count} of {own}");
            before = taken;
        }
        traffic.update(members);
        assert!(mapping(&mut traffic) == warm);
    }

    #[test]
    fn with_only_warming_backends_on_offer_they_have_all_their_clients() {
        let mut members = fixtures::members(&[1, 2, 3]);
        let mut traffic = traffic(&members);
        let warm = mapping(&mut traffic);
        members.iter_mut().for_each(|it| it.warmth = 1);
        traffic.update(members);
        assert!(mapping(&mut traffic) == warm);
    }

    #[test]
    fn where_no_probe_finds_one_the_pick_is_still_the_same_for_the_same_client() {
        let mut members = fixtures::members(&[1; 2_000]);
        let live = [5, 700, 1_999];
        for (place, member) in members.iter_mut().enumerate() {
            if !live.contains(&place) {
                member.state = State::Down;
            }
        }
        let mut traffic = traffic(&members);
        let picks = mapping(&mut traffic);
        assert!(mapping(&mut traffic) == picks);
        for place in live {
            let count = picks.iter().filter(|&&it| it as usize == place).count();
            assert!(count > 1_000, "{place}: {count}");
        }
        assert_eq!(traffic.try_pick(0, &[5, 1_999]), Pick::Chosen(700));
        assert_eq!(traffic.try_pick(0, &[5, 700, 1_999]), Pick::AllTried);
    }

    #[test]
    fn backups_have_a_mapping_of_their_own() {
        let mut members = fixtures::members(&[1; 7]);
        members[4..].iter_mut().for_each(|it| it.backup = true);
        let mut traffic = traffic(&members);
        assert!(mapping(&mut traffic).iter().all(|&it| it < 4));
        members[..4]
            .iter_mut()
            .for_each(|it| it.state = State::Down);
        traffic.update(members.clone());
        let before = mapping(&mut traffic);
        for backup in 4..7 {
            let count = before.iter().filter(|&&it| it == backup).count();
            // Four standard deviations: 4 * sqrt(4000 * 1/3 * 2/3) = 119.
            assert!(count.abs_diff(1_333) <= 119, "{backup}: {count}");
        }
        members[5].state = State::Down;
        traffic.update(members);
        for (&was, &is) in before.iter().zip(&mapping(&mut traffic)) {
            assert!(is == was || was == 5, "{was} {is}");
        }
    }

    #[test]
    fn a_client_is_the_same_by_either_family_of_a_listener_for_both() {
        let mut traffic = traffic(&fixtures::members(&[1; 50]));
        for number in 0..100 {
            let IpAddr::V4(address) = fixtures::client(number) else {
                unreachable!()
            };
            let mapped = traffic.balancer.pick(&Request {
                client: address.to_ipv6_mapped().into(),
                tried: &[],
                now: 0,
            });
            assert_eq!(mapped, Pick::Chosen(traffic.pick(number)));
        }
    }
}
