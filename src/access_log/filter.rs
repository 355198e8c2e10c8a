//! Which sessions have lines. Pure.

use std::time::Duration;

use crate::config::LineFilter;

/// Says of a session whether it has a line. One that did not end by itself always has.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    only_errors: bool,
    min_duration: Duration,
    /// Draws below this one are kept, all where there is none.
    below: Option<u64>,
}

impl Filter {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share from 0 to 1 of all draws; a float becomes the nearest whole number in range"
    )]
    pub(super) fn new(config: &LineFilter) -> Self {
        let below = (config.sample * u64::MAX as f64) as u64;
        Self {
            only_errors: config.only_errors,
            min_duration: config.min_duration,
            below: (config.sample < 1.0).then_some(below),
        }
    }

    /// Whether session `id` has a line, when it has lasted so long.
    pub(crate) fn keeps(&self, is_error: bool, lasted: Duration, id: u64) -> bool {
        is_error
            || (!self.only_errors
                && lasted >= self.min_duration
                && self.below.is_none_or(|below| draw(id) < below))
    }
}

/// A number that looks drawn by lot, always the same for a session, so that it has all its lines or
/// none: the last step of `SplitMix64` (Steele, Lea and Flood, 2014).
const fn draw(id: u64) -> u64 {
    let mut z = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(change: impl FnOnce(&mut LineFilter)) -> Filter {
        let mut config = LineFilter::default();
        change(&mut config);
        Filter::new(&config)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn errors_are_always_kept_and_all_else_as_the_filters_say() {
        let all = filter(|_| {});
        let errors = filter(|it| it.only_errors = true);
        let long = filter(|it| it.min_duration = SECOND);
        let none = filter(|it| it.sample = 0.0);
        let both = filter(|it| (it.min_duration, it.sample) = (SECOND, 0.0));
        let short = Duration::from_millis(999);
        for (filter, keeps_short, keeps_long) in [
            (all, true, true),
            (errors, false, false),
            (long, false, true),
            (none, false, false),
            (both, false, false),
        ] {
            assert!(filter.keeps(true, Duration::ZERO, 7), "{filter:?}");
            assert_eq!(filter.keeps(false, short, 7), keeps_short, "{filter:?}");
            assert_eq!(filter.keeps(false, SECOND, 7), keeps_long, "{filter:?}");
        }
    }

    #[test]
    fn a_sample_is_the_share_that_was_asked_for_and_the_same_every_time() {
        const SESSIONS: u64 = 100_000;
        for (share, least, most) in [
            (0.0, 0, 0),
            (0.01, 900, 1_100),
            (0.1, 9_700, 10_300),
            (0.5, 49_000, 51_000),
            (1.0, SESSIONS, SESSIONS),
        ] {
            let filter = filter(|it| it.sample = share);
            // Ids of one of four workers.
            let ids = || (0..SESSIONS).map(|it| 4 * it + 3);
            let kept = |id: &u64| filter.keeps(false, SECOND, *id);
            let count = ids().filter(kept).count() as u64;
            assert!((least..=most).contains(&count), "{share}: {count}");
            assert!(ids().filter(kept).eq(ids().filter(kept)));
        }
    }
}
