//! Least latency: of two backends that chance names, the one whose connects take less time, by the
//! sessions that it would have for its share.

use fastrand::Rng;

use super::place_set::PlaceSet;
use super::{Algorithm, Choice, Grounds};
use crate::pool::Member;

/// A quicker connect says more of this machine than of the backend. And it keeps a connect that took
/// no time at all from making sessions free.
const FLOOR_SECONDS: f64 = 100e-6;

/// After this long without a connect, what is left of a latency (a peak fades within 10 s to 1/e) is
/// no knowledge of the backend any more.
const MEMORY_MILLISECONDS: u64 = 30_000;

#[derive(Clone)]
pub(super) struct LeastLatency {
    offered: PlaceSet,
    rng: Rng,
}

impl LeastLatency {
    pub(super) fn new(places: usize, rng: Rng) -> Self {
        Self {
            offered: PlaceSet::new(places),
            rng,
        }
    }
}

/// What its connects take in seconds, where that is known.
fn latency(member: &Member, now: u64) -> Option<f64> {
    let load = &member.backend.load;
    let age = now.saturating_sub(load.last_connected()?);
    (age < MEMORY_MILLISECONDS).then(|| load.latency(now).max(FLOOR_SECONDS))
}

/// The one that costs less time; in a tie the first.
///
/// An unknown latency is taken for that of the other one. Were it taken for 0, or for any small
/// time, the backend would win every pair until its first connect has succeeded: a flood of
/// clients would all be sent to the one of which nothing is known. As it is, the sessions for the
/// share decide, as they do with two choices, so it is tried as soon as it is the emptier one.
fn quicker(pair: [usize; 2], choice: &Choice<'_>) -> usize {
    let latencies = pair.map(|place| latency(&choice.members[place], choice.now));
    let either = latencies[0].or(latencies[1]).unwrap_or(FLOOR_SECONDS);
    let cost = |at: usize| {
        let place = pair[at];
        let sessions = f64::from(choice.active[place]) + 1.0;
        let share = f64::from(choice.members[place].share());
        latencies[at].unwrap_or(either) * sessions / share
    };
    if cost(1) < cost(0) { pair[1] } else { pair[0] }
}

impl Algorithm for LeastLatency {
    fn offer(&mut self, place: usize, _share: u32, _active: u32) {
        self.offered.insert(place);
    }

    fn withdraw(&mut self, place: usize) {
        self.offered.remove(place);
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let pair = self.offered.draw_two(&mut self.rng, choice.tried)?;
        Some(quicker(pair, choice))
    }

    fn explain(&mut self, choice: &Choice<'_>) -> Option<(usize, Grounds)> {
        let pair = self.offered.draw_two(&mut self.rng, choice.tried)?;
        Some((quicker(pair, choice), Grounds::Quicker(pair)))
    }

    fn twin(&self) -> Box<dyn Algorithm> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Pick;
    use super::super::fixtures::{self, Traffic};
    use super::*;
    use crate::config::Balance;

    /// Two members; each connect is the time that it took, and when.
    fn traffic(connects: [Option<(u64, Duration)>; 2]) -> Traffic {
        let members = fixtures::members(&[1, 1]);
        for (member, connect) in members.iter().zip(connects) {
            if let Some((at, took)) = connect {
                member.backend.load.connected(at, took);
            }
        }
        Traffic::new(Balance::LeastLatency, members)
    }

    /// How a flood is spread of which no connect has succeeded yet.
    fn flood(mut traffic: Traffic, sessions: u32) -> Vec<u32> {
        (0..sessions).for_each(|number| {
            traffic.open(number);
        });
        traffic.active
    }

    const fn ms(count: u64) -> Option<(u64, Duration)> {
        Some((0, Duration::from_millis(count)))
    }

    #[test]
    fn sessions_are_spread_in_inverse_proportion_to_what_a_connect_takes() {
        let table = [
            ([ms(1), ms(1)], [150, 150]),
            ([ms(1), ms(2)], [200, 100]),
            ([ms(50), ms(10)], [50, 250]),
        ];
        for (connects, shares) in table {
            let active = flood(traffic(connects), 300);
            let off = active
                .iter()
                .zip(shares)
                .map(|(it, share)| it.abs_diff(share));
            assert!(off.max() <= Some(1), "{connects:?}: {active:?}");
        }
    }

    #[test]
    fn weights_count_as_well() {
        let members = fixtures::members(&[3, 1]);
        let loads = members.iter().map(|it| &it.backend.load);
        loads.for_each(|load| load.connected(0, Duration::from_millis(5)));
        assert_eq!(
            flood(Traffic::new(Balance::LeastLatency, members), 400),
            [300, 100]
        );
    }

    #[test]
    fn an_unknown_backend_is_tried_at_once_and_does_not_swallow_the_flood() {
        let long_ago = Some((0, Duration::from_secs(1)));
        let recent = Some((MEMORY_MILLISECONDS, Duration::from_millis(80)));
        for unknown in [None, long_ago] {
            let mut traffic = traffic([recent, unknown]);
            traffic.now = MEMORY_MILLISECONDS;
            traffic.set_active(0, 1);
            assert_eq!(traffic.open(0), 1);
            let active = flood(traffic, 298);
            assert_eq!(active, [150, 150], "{unknown:?}");
        }
    }

    #[test]
    fn with_nothing_known_it_behaves_as_two_choices() {
        assert_eq!(flood(traffic([None, None]), 300), [150, 150]);
    }

    #[test]
    fn a_connect_that_took_no_time_does_not_make_sessions_free() {
        let took_none = Some((0, Duration::ZERO));
        let active = flood(traffic([took_none, took_none]), 300);
        assert_eq!(active, [150, 150]);
        let tenfold = Duration::from_micros(1_000);
        let active = flood(traffic([took_none, Some((0, tenfold))]), 330);
        assert!(active[1].abs_diff(30) <= 1, "{active:?}");
    }

    #[test]
    fn one_that_was_tried_is_passed_over() {
        let mut traffic = traffic([ms(1), ms(100)]);
        assert_eq!(traffic.try_pick(0, &[0]), Pick::Chosen(1));
    }
}
