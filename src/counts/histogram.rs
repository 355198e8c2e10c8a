//! Durations by their length, in buckets each of which reaches twice as far as the one before.
//!
//! The bucket of a duration is found by its highest bit: no search. What is known of a quantile is in
//! which bucket it lies; it is told as if durations lay evenly in there, so it is off by a factor of two at
//! the very most.

use std::array;
use std::time::Duration;

use super::Count;

/// How long connects take: up to 100 µs, 200 µs, and so on to 13.1 s, and longer.
pub type ConnectTimes = Histogram<100, 19>;

/// How long connections last: up to 1 ms, 2 ms, and so on to 70 minutes, and longer.
pub type Durations = Histogram<1000, 24>;

/// Durations that one thread counts. The first bucket goes up to `FIRST` microseconds, that included; the
/// last one has no bound.
#[derive(Debug)]
pub struct Histogram<const FIRST: u64, const BUCKETS: usize> {
    buckets: [Count; BUCKETS],
    micros: Count,
}

/// What histograms have counted, added up; by bucket, not cumulative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution<const FIRST: u64, const BUCKETS: usize> {
    buckets: [u64; BUCKETS],
    micros: u64,
}

impl<const FIRST: u64, const BUCKETS: usize> Default for Histogram<FIRST, BUCKETS> {
    fn default() -> Self {
        Self {
            buckets: array::from_fn(|_| Count::default()),
            micros: Count::default(),
        }
    }
}

impl<const FIRST: u64, const BUCKETS: usize> Histogram<FIRST, BUCKETS> {
    /// One more that took so long.
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[Self::bucket(micros)].add(1);
        self.micros.add(micros);
    }

    fn bucket(micros: u64) -> usize {
        let doublings = (micros.saturating_sub(1) / FIRST).checked_ilog2();
        let bucket = doublings.map_or(0, |it| it as usize + 1);
        bucket.min(BUCKETS - 1)
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Count::value).sum()
    }
}

impl<const FIRST: u64, const BUCKETS: usize> Default for Distribution<FIRST, BUCKETS> {
    fn default() -> Self {
        Self {
            buckets: [0; BUCKETS],
            micros: 0,
        }
    }
}

impl<const FIRST: u64, const BUCKETS: usize> Distribution<FIRST, BUCKETS> {
    /// Adds what `histogram` has counted.
    pub fn add(&mut self, histogram: &Histogram<FIRST, BUCKETS>) {
        for (sum, count) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += count.value();
        }
        self.micros += histogram.micros.value();
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += more;
        }
        self.micros += other.micros;
    }

    /// What was counted since it was `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            buckets: array::from_fn(|at| self.buckets[at].wrapping_sub(earlier.buckets[at])),
            micros: self.micros.wrapping_sub(earlier.micros),
        }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        seconds(self.micros)
    }

    /// Of each bucket its upper bound in seconds, and how many are in it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        self.buckets
            .iter()
            .enumerate()
            .map(|(at, &count)| (bound::<FIRST, BUCKETS>(at), count))
    }

    /// So many, of 1, took no longer than that many seconds; none where nothing was counted. What lies in
    /// the last bucket is told as its lower bound.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let mut left = part * as_f64(self.count());
        let mut from = 0.0;
        for (to, count) in self.buckets() {
            let count = as_f64(count);
            if left <= count && count > 0.0 {
                let bounded = from + (to - from) * left / count;
                return Some(if to.is_finite() { bounded } else { from });
            }
            left -= count;
            from = to;
        }
        None
    }
}

/// The upper bound of a bucket in seconds.
fn bound<const FIRST: u64, const BUCKETS: usize>(at: usize) -> f64 {
    if at + 1 == BUCKETS {
        f64::INFINITY
    } else {
        seconds(FIRST << at)
    }
}

fn seconds(micros: u64) -> f64 {
    as_f64(micros) / 1e6
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, and nothing is decided by the last digits"
)]
const fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distribution(micros: &[u64]) -> Distribution<100, 19> {
        let histogram = ConnectTimes::default();
        for &took in micros {
            histogram.record(Duration::from_micros(took));
        }
        let mut distribution = Distribution::default();
        distribution.add(&histogram);
        distribution
    }

    #[test]
    fn a_duration_is_in_the_first_bucket_that_reaches_so_far() {
        let table = [
            (0, 0),
            (100, 0),
            (101, 1),
            (200, 1),
            (201, 2),
            (400, 2),
            (13_107_200, 17),
            (13_107_201, 18),
            (u64::MAX, 18),
        ];
        for (micros, bucket) in table {
            assert_eq!(ConnectTimes::bucket(micros), bucket, "{micros}");
        }
        assert_eq!(Durations::bucket(4_194_304_000), 22);
        assert_eq!(Durations::bucket(4_194_304_001), 23);
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_of_its_rank() {
        let ten = distribution(&[50, 150, 150, 150, 150, 150, 150, 150, 150, 300]);
        assert_eq!(ten.quantile(0.1), Some(100e-6));
        assert_eq!(ten.quantile(0.5).map(|it| (it * 1e9).round()), Some(150e3));
        assert_eq!(
            ten.quantile(0.99).map(|it| it > 200e-6 && it <= 400e-6),
            Some(true)
        );
        assert_eq!(distribution(&[60_000_000]).quantile(0.5), Some(13.1072));
        assert_eq!(distribution(&[]).quantile(0.5), None);
    }

    #[test]
    fn what_was_counted_since_then_is_the_difference() {
        let (before, after) = (distribution(&[50, 900]), distribution(&[50, 900, 900]));
        let since = after.since(&before);
        assert_eq!(since, distribution(&[900]));
        assert_eq!((since.count(), since.seconds()), (1, 900e-6));
        let mut both = before;
        both.merge(&since);
        assert_eq!(both, after);
    }

    proptest! {
        #[test]
        fn every_duration_is_above_the_bucket_before_its_own_and_not_above_its_own(micros: u64) {
            let at = ConnectTimes::bucket(micros);
            if at < 18 {
                prop_assert!(micros <= 100 << at);
            }
            prop_assert!(at == 0 || micros > 100 << (at - 1));
        }
    }
}
