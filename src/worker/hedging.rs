//! When a connect takes unusually long, and whether it may be raced by a second one. Pure.
//!
//! "Unusually" is longer than 95 of 100 connects of the pool, after Dean and Barroso, "The tail at
//! scale" (2013). Times are counted in buckets that are a quarter of their power of two wide; when
//! there are many, all counts are halved, so that old times fade.

use std::time::Duration;

/// Connects that are known before the first one is raced.
const FEWEST_KNOWN: u32 = 20;

/// Halved at that many.
const MOST_KNOWN: u32 = 1024;

/// A connect earns a twentieth of a race: at most 5 % more connects.
const CONNECTS_PER_RACE: u32 = 20;

/// Races that can be saved up for a bad moment.
const MOST_SAVED: u32 = 50;

const BUCKETS: usize = 4 * 32;

/// What is known of a pool's connects.
pub(super) struct Hedging {
    counts: [u32; BUCKETS],
    known: u32,
    /// In connects.
    saved: u32,
    usual: Duration,
}

impl Hedging {
    pub(super) const fn new() -> Self {
        Self {
            counts: [0; BUCKETS],
            known: 0,
            saved: 0,
            usual: Duration::ZERO,
        }
    }

    /// A connect has taken `took`.
    pub(super) fn connected(&mut self, took: Duration) {
        self.saved = (self.saved + 1).min(MOST_SAVED * CONNECTS_PER_RACE);
        self.counts[bucket(took)] += 1;
        self.known += 1;
        if self.known >= MOST_KNOWN {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.known = self.counts.iter().sum();
        }
        let mut rest = self.known / 20;
        let longest = self.counts.iter().rposition(|&count| {
            let is_beyond = count <= rest;
            rest = rest.saturating_sub(count);
            !is_beyond
        });
        self.usual = longest.map_or(Duration::ZERO, end);
    }

    /// After what time a connect may be raced, if it may.
    pub(super) fn delay(&self) -> Option<Duration> {
        let may = self.known >= FEWEST_KNOWN && self.saved >= CONNECTS_PER_RACE;
        may.then_some(self.usual)
    }

    /// A race begins, if it still may.
    pub(super) const fn spend(&mut self) -> bool {
        let may = self.saved >= CONNECTS_PER_RACE;
        if may {
            self.saved -= CONNECTS_PER_RACE;
        }
        may
    }
}

/// Quarters of powers of two of microseconds.
fn bucket(time: Duration) -> usize {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(4);
    let power = micros.ilog2();
    let quarter = (micros >> (power - 2)) & 3;
    (power * 4 + quarter) as usize
}

/// The first time that is beyond a bucket.
fn end(bucket: usize) -> Duration {
    let (power, quarter) = (bucket / 4, bucket as u64 % 4);
    Duration::from_micros((4 + quarter + 1) << (power.max(2) - 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_time_lies_in_its_bucket() {
        for micros in [0, 1, 4, 5, 7, 8, 9, 100, 12_345, 3_000_000, u64::MAX / 2] {
            let bucket = bucket(Duration::from_micros(micros));
            let end = end(bucket);
            assert!(bucket < BUCKETS);
            if micros < u64::from(u32::MAX) {
                assert!(Duration::from_micros(micros) < end, "{micros}");
                assert!(
                    end <= Duration::from_micros(micros.max(4) * 5 / 4 + 1),
                    "{micros}"
                );
            }
        }
    }

    #[test]
    fn the_delay_is_what_95_of_100_connects_do_not_reach() {
        let mut hedging = Hedging::new();
        for place in 0..100 {
            hedging.connected(if place % 20 == 0 { 80 * MS } else { MS });
            assert_eq!(hedging.delay().is_some(), place >= 19, "{place}");
        }
        let delay = hedging.delay().unwrap();
        assert!(delay >= MS && delay <= 2 * MS, "{delay:?}");
        (0..100).for_each(|_| hedging.connected(40 * MS));
        let delay = hedging.delay().unwrap();
        assert!(delay >= 40 * MS && delay <= 50 * MS, "{delay:?}");
        (0..5000).for_each(|_| hedging.connected(MS));
        assert!(hedging.delay().unwrap() <= 2 * MS, "old times fade");
    }

    #[test]
    fn one_connect_in_twenty_is_raced_however_bad_things_are() {
        let mut hedging = Hedging::new();
        let (mut races, mut connects) = (0, 0);
        for _ in 0..10_000 {
            connects += 1;
            hedging.connected(MS);
            races += u32::from(hedging.delay().is_some() && hedging.spend());
            assert!(races * CONNECTS_PER_RACE <= connects);
        }
        assert_eq!(races, 500);
        (0..10_000).for_each(|_| hedging.connected(MS));
        let saved = (0..10_000).filter(|_| hedging.spend()).count();
        assert_eq!(saved, MOST_SAVED as usize);
    }
}
