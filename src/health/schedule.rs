//! When each backend is probed next. Pure: time comes as an argument.
//!
//! Intervals are jittered by a tenth, so that backends that were started together, or several
//! balancers, do not probe in step. After a failed connect of a client a backend is due at once,
//! though not more often than every [`SHORTEST_GAP`], however many clients fail.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Between two probes of one backend, whatever asks for them.
const SHORTEST_GAP: Duration = Duration::from_millis(100);

pub(super) struct Schedule {
    queue: BTreeSet<(Instant, usize)>,
    /// By backend: when it is due, unless a probe of it is under way.
    due: Vec<Option<Instant>>,
    /// By backend: when its last probe began.
    began: Vec<Option<Instant>>,
    noise: u64,
}

impl Schedule {
    /// `count` backends, all due `now`.
    pub(super) fn new(count: usize, now: Instant, seed: u64) -> Self {
        Self {
            queue: (0..count).map(|backend| (now, backend)).collect(),
            due: vec![Some(now); count],
            began: vec![None; count],
            noise: seed | 1,
        }
    }

    /// When the next backend is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// One backend that is due: its probe begins `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        let (_, backend) = *self.queue.first().filter(|(at, _)| *at <= now)?;
        self.queue.pop_first();
        self.due[backend] = None;
        self.began[backend] = Some(now);
        Some(backend)
    }

    /// The probe of `backend` is over: the next one is due an interval after it began.
    pub(super) fn finished(&mut self, backend: usize, now: Instant, interval: Duration) {
        let began = self.began[backend].unwrap_or(now);
        let at = (began + self.jitter(interval)).max(now);
        self.set(backend, at);
    }

    /// A client's connect to `backend` failed: it is due at once, unless a probe is under way.
    pub(super) fn hasten(&mut self, backend: usize, now: Instant) {
        let earliest = self.began[backend]
            .map_or(now, |began| began + SHORTEST_GAP)
            .max(now);
        if self.due[backend].is_some_and(|due| due > earliest) {
            self.set(backend, earliest);
        }
    }

    fn set(&mut self, backend: usize, at: Instant) {
        if let Some(due) = self.due[backend].replace(at) {
            self.queue.remove(&(due, backend));
        }
        self.queue.insert((at, backend));
    }

    /// Between nine and ten tenths of `interval`: never late. Xorshift after Marsaglia (2003).
    fn jitter(&mut self, interval: Duration) -> Duration {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        let thousandths = u32::try_from(self.noise % 101).unwrap_or(0);
        interval * (1000 - thousandths) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    #[test]
    fn every_backend_is_due_at_once_and_then_within_its_interval() {
        let start = Instant::now();
        let mut schedule = Schedule::new(3, start, 7);
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(start)).collect();
        assert_eq!(taken, [0, 1, 2]);
        assert_eq!(schedule.next(), None, "probes under way are not due");
        schedule.finished(1, start + Duration::from_millis(5), INTERVAL);
        let next = schedule.next().unwrap() - start;
        assert!(next >= INTERVAL * 9 / 10 && next <= INTERVAL, "{next:?}");
    }

    #[test]
    fn a_probe_that_took_longer_than_the_interval_is_followed_at_once() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1, start, 7);
        schedule.take(start);
        schedule.finished(0, start + INTERVAL * 2, INTERVAL);
        assert_eq!(schedule.next(), Some(start + INTERVAL * 2));
    }

    #[test]
    fn a_failed_connect_hastens_the_probe_but_a_storm_of_them_is_one_probe_per_gap() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1, start, 7);
        schedule.take(start);
        schedule.hasten(0, start);
        assert_eq!(schedule.next(), None, "a probe is under way");
        schedule.finished(0, start, INTERVAL);
        let later = start + Duration::from_millis(300);
        schedule.hasten(0, later);
        assert_eq!(schedule.take(later), Some(0));
        schedule.finished(0, later, INTERVAL);
        for _ in 0..1000 {
            schedule.hasten(0, later);
        }
        assert_eq!(schedule.take(later), None);
        assert_eq!(schedule.next(), Some(later + SHORTEST_GAP));
    }

    #[test]
    fn jitter_spreads_probes_that_began_together() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1000, start, 7);
        while schedule.take(start).is_some() {}
        (0..1000).for_each(|backend| schedule.finished(backend, start, INTERVAL));
        let moments: BTreeSet<_> = schedule.queue.iter().map(|(at, _)| *at).collect();
        assert!(moments.len() > 50, "{}", moments.len());
    }
}
