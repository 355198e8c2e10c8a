//! How many handshakes of TLS may run at once, and who has to wait: they cost far more than relaying. Of
//! those that run, a turn of the loop takes few steps.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::super::clock::Moment;
use super::super::token::SessionKey;

/// The steps of handshakes in one turn of the loop: a few milliseconds at most, with the slowest keys.
const STEPS: u32 = 4;

/// For how long a handshake that waits for its client counts among those that run: whoever is silent for
/// longer must not keep others out.
const STALL: Duration = Duration::from_secs(1);

/// The handshakes of a worker.
#[derive(Default)]
pub(in crate::worker) struct Handshakes {
    /// By listener.
    gates: HashMap<Arc<str>, Gate>,
    /// Steps that this turn of the loop may still take.
    left: u32,
}

/// Lets so many clients of a listener begin their handshakes.
#[derive(Default)]
struct Gate {
    most: u32,
    /// Those that have begun, the oldest first, each with when it counts no more.
    running: VecDeque<(Moment, Weak<Permit>)>,
    /// Who has to wait.
    waiting: VecDeque<SessionKey>,
}

/// Of a handshake that runs, until this is dropped.
pub(in crate::worker) struct Permit;

impl Handshakes {
    /// A turn of the loop begins.
    pub(in crate::worker) const fn begin_turn(&mut self) {
        self.left = STEPS;
    }

    /// Whether other sessions go first.
    pub(in crate::worker) const fn are_put_off(&self) -> bool {
        self.left == 0
    }

    /// One of them is taken.
    pub(super) const fn take_step(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// The next client that has waited and may begin.
    pub(in crate::worker) fn next(&mut self, now: Moment) -> Option<(SessionKey, Arc<Permit>)> {
        self.gates.values_mut().find_map(|gate| {
            if gate.waiting.is_empty() {
                return None;
            }
            let permit = gate.admit(now)?;
            Some((gate.waiting.pop_front()?, permit))
        })
    }

    /// Whether anybody waits.
    pub(in crate::worker) fn has_waiting(&self) -> bool {
        self.gates.values().any(|it| !it.waiting.is_empty())
    }

    /// How long it takes until one may begin that waits.
    pub(in crate::worker) fn sleep(&mut self, now: Moment) -> Option<Duration> {
        let gates = self.gates.values_mut();
        let waits = gates.filter(|it| !it.waiting.is_empty());
        waits.map(|it| it.closed_for(now)).min()
    }

    /// Room for one more; whoever gets none waits.
    pub(super) fn admit(
        &mut self,
        key: SessionKey,
        listener: &Arc<str>,
        most: u32,
        now: Moment,
    ) -> Option<Arc<Permit>> {
        if !self.gates.contains_key(listener) {
            self.gates.insert(Arc::clone(listener), Gate::default());
        }
        let gate = self.gates.get_mut(listener)?;
        gate.most = most;
        let permit = gate.waiting.is_empty().then(|| gate.admit(now)).flatten();
        if permit.is_none() {
            gate.waiting.push_back(key);
        }
        permit
    }
}

impl Gate {
    fn admit(&mut self, now: Moment) -> Option<Arc<Permit>> {
        if !self.closed_for(now).is_zero() {
            return None;
        }
        let permit = Arc::new(Permit);
        self.running.push_back((now, Arc::downgrade(&permit)));
        Some(permit)
    }

    /// How long it takes until there is room, at the latest.
    fn closed_for(&mut self, now: Moment) -> Duration {
        let is_over = |(since, permit): &(Moment, Weak<Permit>)| {
            permit.strong_count() == 0 || now.since(*since) >= STALL
        };
        while self.running.pop_front_if(|it| is_over(it)).is_some() {}
        if self.running.len() >= self.most as usize {
            self.running.retain(|it| !is_over(it));
        }
        match self.running.front() {
            Some((since, _)) if self.running.len() >= self.most as usize => {
                STALL.saturating_sub(now.since(*since))
            }
            Some(_) | None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::super::clock::Clock;
    use super::*;

    /// So many milliseconds after some beginning.
    fn at(millis: u64) -> Moment {
        let start = Instant::now();
        let mut clock = Clock::new(start);
        clock.set(start + Duration::from_millis(millis));
        clock.moment()
    }

    const fn key(slot: usize) -> SessionKey {
        SessionKey {
            slot,
            generation: 0,
        }
    }

    #[test]
    fn who_waits_begins_in_the_order_of_coming_when_another_one_is_done() {
        let (mut all, name, now) = (Handshakes::default(), "web".into(), at(5));
        let mut admit = |slot, now| all.admit(key(slot), &name, 2, now);
        let (first, second) = (admit(0, now), admit(1, now));
        assert!(first.is_some() && second.is_some());
        assert!(admit(2, now).is_none() && admit(3, now).is_none());
        assert!(all.next(now).is_none());
        assert_eq!(all.sleep(now), Some(STALL));
        drop(first);
        assert_eq!(all.sleep(now), Some(Duration::ZERO));
        // Whoever comes now does not overtake them.
        assert!(all.admit(key(4), &name, 2, now).is_none());
        let (begun, third) = all.next(now).unwrap();
        assert!(begun == key(2) && all.next(now).is_none());
        drop((second, third));
        let rest: Vec<_> = std::iter::from_fn(|| all.next(now))
            .map(|it| it.0)
            .collect();
        assert_eq!(rest, [key(3), key(4)]);
        assert_eq!(all.sleep(now), None);
    }

    #[test]
    fn a_client_that_is_silent_keeps_nobody_out_for_long_and_other_listeners_not_at_all() {
        let mut all = Handshakes::default();
        let [web, other] = ["web", "other"].map(Arc::from);
        let now = at(7);
        let _held = all.admit(key(0), &web, 1, now).unwrap();
        assert!(all.admit(key(1), &web, 1, now).is_none());
        assert!(all.admit(key(2), &other, 1, now).is_some());
        let later = at(7 + 600);
        assert_eq!(all.sleep(later), Some(Duration::from_millis(400)));
        assert!(all.next(later).is_none());
        assert!(all.next(at(7 + 1000)).is_some_and(|it| it.0 == key(1)));
    }

    #[test]
    fn a_turn_takes_so_many_steps() {
        let mut all = Handshakes::default();
        assert!(all.are_put_off());
        all.begin_turn();
        for _ in 0..STEPS {
            assert!(!all.are_put_off());
            all.take_step();
        }
        assert!(all.are_put_off());
    }
}
