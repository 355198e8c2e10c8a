//! When each backend is probed next. Pure: time comes as an argument.
//!
//! Intervals are jittered by a tenth, so that backends that were started together, or several
//! balancers, do not probe in step. After a failed connect of a client a backend is due at once,
//! though not more often than every [`SHORTEST_GAP`], however many clients fail. A connect that has
//! succeeded is as good as a probe.

use std::time::{Duration, Instant};

use super::agenda::Agenda;
use super::verdict::Verdict;

/// Between two probes of one backend, whatever asks for them, unless its interval is shorter.
const SHORTEST_GAP: Duration = Duration::from_millis(100);

/// Between the first probes of two backends.
const SPREAD: Duration = Duration::from_millis(1);

/// How soon a backend is probed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It is up: after an interval.
    Steady,
    /// Its state is about to change: after a quarter.
    Hurried,
    /// It is down, and nothing speaks for its return: after twice the interval.
    Slow,
}

impl Pace {
    pub(super) const fn after(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Up { failures: 0 } => Self::Steady,
            Verdict::Down { passes: 0 } => Self::Slow,
            Verdict::Up { .. } | Verdict::Down { .. } => Self::Hurried,
        }
    }
}

pub(super) struct Schedule {
    due: Agenda,
    /// By backend: when its last probe began.
    began: Vec<Option<Instant>>,
    /// By backend: when its last probe began, or was done without for a client's connect.
    heard: Vec<Option<Instant>>,
    chance: fastrand::Rng,
}

impl Schedule {
    /// `count` backends, none of which is due.
    pub(super) fn new(count: usize, seed: u64) -> Self {
        Self {
            due: Agenda::new(count),
            began: vec![None; count],
            heard: vec![None; count],
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    /// There are at least so many backends from now on; none of the new ones is due.
    pub(super) fn make_room(&mut self, count: usize) {
        self.due.make_room(count);
        let count = count.max(self.began.len());
        self.began.resize(count, None);
        self.heard.resize(count, None);
    }

    /// Has each of `backends` probed for the first time, or afresh: one `now`, and one after the
    /// other, all of them within `interval`.
    pub(super) fn spread(&mut self, backends: &[usize], now: Instant, interval: Duration) {
        let count = u32::try_from(backends.len()).unwrap_or(u32::MAX);
        let step = SPREAD.min(interval / count.max(1));
        for (&backend, number) in backends.iter().zip(0..) {
            self.due
                .set(backend, self.earliest(backend, now + step * number));
        }
    }

    /// When the next backend is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.next()
    }

    /// One backend that is due: it is to be probed, or a client's connect does instead.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        self.due.take(now)
    }

    /// A probe of `backend` begins `now`.
    pub(super) fn begin(&mut self, backend: usize, now: Instant) {
        self.began[backend] = Some(now);
        self.heard[backend] = Some(now);
    }

    /// When the last probe of `backend` began.
    pub(super) fn began(&self, backend: usize) -> Option<Instant> {
        self.began[backend]
    }

    /// Whether a client's connect that succeeded at `connected` is news of `backend`, which counts
    /// as a probe then: it is, once, where it is later than the last probe.
    pub(super) fn count_connect(
        &mut self,
        backend: usize,
        connected: Instant,
        now: Instant,
    ) -> bool {
        let is_news = self.heard[backend].is_some_and(|heard| connected > heard);
        if is_news {
            self.heard[backend] = Some(now);
        }
        is_news
    }

    /// The probe of `backend` is over: the next one is due at that pace after it began.
    pub(super) fn finished(
        &mut self,
        backend: usize,
        now: Instant,
        interval: Duration,
        pace: Pace,
    ) {
        let began = self.began[backend].unwrap_or(now);
        self.follow(backend, began, now, interval, pace);
    }

    /// The next probe of `backend` is due at that pace after `sign`.
    pub(super) fn follow(
        &mut self,
        backend: usize,
        sign: Instant,
        now: Instant,
        interval: Duration,
        pace: Pace,
    ) {
        let gap = match pace {
            Pace::Steady => self.jitter(interval),
            Pace::Hurried => self.jitter(interval / 4).max(SHORTEST_GAP).min(interval),
            Pace::Slow => self.jitter(interval.saturating_mul(2)),
        };
        self.due.set(backend, (sign + gap).max(now));
    }

    /// A client's connect to `backend` failed: it is due at once, unless a probe is under way.
    pub(super) fn hasten(&mut self, backend: usize, now: Instant) {
        let earliest = self.earliest(backend, now);
        if self.due.moment(backend).is_some_and(|due| due > earliest) {
            self.due.set(backend, earliest);
        }
    }

    /// A probe of `backend` that is due later than `at` is due then: its interval has become shorter.
    pub(super) fn not_later(&mut self, backend: usize, at: Instant) {
        if self.due.moment(backend).is_some_and(|due| due > at) {
            self.due.set(backend, at);
        }
    }

    /// `backend` is probed again, from now on.
    pub(super) fn resume(&mut self, backend: usize, now: Instant) {
        self.due.set(backend, self.earliest(backend, now));
    }

    /// `backend` is probed no more; what was heard of it is not to be trusted when it is again.
    pub(super) fn cancel(&mut self, backend: usize) {
        self.due.clear(backend);
        self.heard[backend] = None;
    }

    /// `backend` is gone: its place is as if it never had been there.
    pub(super) fn forget(&mut self, backend: usize) {
        self.cancel(backend);
        self.began[backend] = None;
    }

    fn earliest(&self, backend: usize, now: Instant) -> Instant {
        self.began[backend].map_or(now, |began| now.max(began + SHORTEST_GAP))
    }

    /// Between nine and ten tenths of `interval`: never late.
    fn jitter(&mut self, interval: Duration) -> Duration {
        interval.mul_f64(self.chance.f64().mul_add(-0.1, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const INTERVAL: Duration = Duration::from_secs(2);
    const MS: Duration = Duration::from_millis(1);

    /// Begins whatever is due.
    fn begin_due(schedule: &mut Schedule, now: Instant) -> Vec<usize> {
        let due: Vec<_> = std::iter::from_fn(|| schedule.take(now)).collect();
        due.iter().for_each(|&it| schedule.begin(it, now));
        due
    }

    /// One backend, whose first probe began at `start`.
    fn begun(start: Instant) -> Schedule {
        let mut schedule = Schedule::new(1, 7);
        schedule.spread(&[0], start, INTERVAL);
        assert_eq!(begin_due(&mut schedule, start), [0]);
        schedule
    }

    #[test]
    fn first_probes_are_a_millisecond_apart_and_all_within_the_interval() {
        let start = Instant::now();
        for (count, last) in [(3, 2 * MS), (1000, 999 * MS), (10_000, INTERVAL)] {
            let mut schedule = Schedule::new(count, 7);
            schedule.spread(&(0..count).collect::<Vec<_>>(), start, INTERVAL);
            assert_eq!(
                begin_due(&mut schedule, start),
                [0],
                "the first one at once"
            );
            let before = begin_due(&mut schedule, start + last - MS).len();
            let rest = begin_due(&mut schedule, start + last).len();
            assert_eq!(1 + before + rest, count);
            assert!(rest <= 5, "{rest} of {count} in one instant");
            assert_eq!(schedule.next(), None, "probes under way are not due");
        }
    }

    #[test]
    fn the_pace_says_what_part_of_the_interval_lies_between_two_probes() {
        let table = [
            (Verdict::Up { failures: 0 }, 2000, 1800, 2000),
            (Verdict::Up { failures: 2 }, 2000, 450, 500),
            (Verdict::Down { passes: 1 }, 2000, 450, 500),
            (Verdict::Down { passes: 0 }, 2000, 3600, 4000),
            (Verdict::Up { failures: 1 }, 200, 100, 100),
            (Verdict::Up { failures: 1 }, 20, 18, 20),
            (Verdict::Down { passes: 0 }, 20, 36, 40),
        ];
        for (verdict, interval, shortest, longest) in table {
            for seed in 0..20 {
                let start = Instant::now();
                let mut schedule = Schedule::new(1, seed);
                schedule.begin(0, start);
                let pace = Pace::after(verdict);
                schedule.finished(0, start + 5 * MS, interval * MS, pace);
                let gap = schedule.next().unwrap() - start;
                let allowed = shortest * MS..=longest * MS;
                assert!(
                    allowed.contains(&gap),
                    "{verdict:?}, {interval} ms: {gap:?}"
                );
            }
        }
    }

    #[test]
    fn a_probe_that_took_longer_than_the_interval_is_followed_at_once() {
        let start = Instant::now();
        let mut schedule = begun(start);
        schedule.finished(0, start + INTERVAL * 2, INTERVAL, Pace::Steady);
        assert_eq!(schedule.next(), Some(start + INTERVAL * 2));
    }

    #[test]
    fn a_failed_connect_hastens_the_probe_but_a_storm_of_them_is_one_probe_per_gap() {
        let start = Instant::now();
        let mut schedule = begun(start);
        schedule.hasten(0, start);
        assert_eq!(schedule.next(), None, "a probe is under way");
        schedule.finished(0, start, INTERVAL, Pace::Steady);
        let later = start + 300 * MS;
        schedule.hasten(0, later);
        assert_eq!(begin_due(&mut schedule, later), [0]);
        schedule.finished(0, later, INTERVAL, Pace::Steady);
        for _ in 0..1000 {
            schedule.hasten(0, later);
        }
        assert_eq!(schedule.take(later), None);
        assert_eq!(schedule.next(), Some(later + SHORTEST_GAP));
    }

    #[test]
    fn a_connect_counts_once_and_only_if_it_is_later_than_the_last_probe() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1, 7);
        assert!(
            !schedule.count_connect(0, start, start),
            "no probe was before it"
        );
        let mut schedule = begun(start);
        let due = start + INTERVAL;
        assert!(!schedule.count_connect(0, start, due));
        assert!(schedule.count_connect(0, start + MS, due));
        assert!(
            !schedule.count_connect(0, start + MS, due),
            "the same again"
        );
        assert!(schedule.count_connect(0, due + MS, due + INTERVAL));
        schedule.follow(0, due + MS, due + MS, INTERVAL, Pace::Steady);
        let next = schedule.next().unwrap() - (due + MS);
        assert!(next >= INTERVAL * 9 / 10 && next <= INTERVAL, "{next:?}");
        schedule.hasten(0, due + 2 * MS);
        assert_eq!(
            schedule.next(),
            Some(due + 2 * MS),
            "no probe was so lately"
        );
    }

    #[test]
    fn a_backend_that_was_left_alone_is_due_at_once_when_it_is_probed_again() {
        let start = Instant::now();
        let mut schedule = begun(start);
        schedule.finished(0, start, INTERVAL, Pace::Steady);
        schedule.cancel(0);
        schedule.hasten(0, start + INTERVAL);
        assert_eq!(schedule.next(), None);
        schedule.resume(0, start + INTERVAL);
        assert_eq!(schedule.next(), Some(start + INTERVAL));
        let counts = schedule.count_connect(0, start + MS, start + INTERVAL);
        assert!(!counts, "a connect of the time before says nothing");
    }

    #[test]
    fn afresh_keeps_the_gap_to_the_last_probe_but_not_to_that_of_one_that_is_gone() {
        let start = Instant::now();
        let mut schedule = begun(start);
        schedule.make_room(3);
        schedule.begin(2, start);
        schedule.forget(2);
        schedule.cancel(0);
        schedule.spread(&[0, 1, 2], start + MS, INTERVAL);
        let moments = [0, 1, 2].map(|backend| schedule.due.moment(backend));
        let expected = [SHORTEST_GAP, 2 * MS, 3 * MS].map(|gap| Some(start + gap));
        assert_eq!(moments, expected);
    }

    #[test]
    fn jitter_spreads_probes_that_began_together() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1000, 7);
        let mut moments = BTreeSet::new();
        for backend in 0..1000 {
            schedule.begin(backend, start);
            schedule.finished(backend, start, INTERVAL, Pace::Steady);
            moments.insert(schedule.due.moment(backend));
        }
        assert!(moments.len() > 900, "{}", moments.len());
    }
}
