//! When clients' failed connects take a backend out, and for how long. Pure.
//!
//! ```text
//!  Never --ejected--> Out --time is over, or a check passed--> Back --ejected again--> Out
//! ```
//! After Envoy's outlier detection: each ejection is longer than the one before, and that is
//! forgotten step by step while a backend is in.

use std::time::{Duration, Instant};

use crate::config::EjectConfig;

/// One backend's ejections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ejection {
    Never,
    Out {
        until: Instant,
        span: Duration,
        /// How often it was ejected, less what is forgotten.
        times: u32,
    },
    Back {
        since: Instant,
        times: u32,
    },
}

/// What of a pool decides whether one more of its backends may be ejected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Census {
    pub(super) backends: usize,
    pub(super) ejected: usize,
    /// Backends that may get sessions, without the one in question.
    pub(super) others: usize,
}

impl Census {
    /// Never the last one that may get sessions, and no more than a share of all, though always one.
    pub(super) fn allows_ejection(self, config: &EjectConfig) -> bool {
        let most = self.backends * usize::from(config.max_percent) / 100;
        self.others > 0 && self.ejected < most.max(1)
    }
}

impl Ejection {
    /// When the time of one who is out is over.
    pub(super) const fn until(&self) -> Option<Instant> {
        match self {
            Self::Out { until, .. } => Some(*until),
            Self::Never | Self::Back { .. } => None,
        }
    }

    /// Ejects, and says for how long; one who is out stays out as long as it was said.
    pub(super) fn begin(&mut self, config: &EjectConfig, now: Instant) -> Duration {
        let before = match *self {
            Self::Out { span, .. } => return span,
            Self::Never => 0,
            Self::Back { since, times } => {
                let behaved = now.saturating_duration_since(since).as_nanos();
                let forgotten = behaved.checked_div(config.base.as_nanos());
                let forgotten = forgotten.and_then(|it| u32::try_from(it).ok());
                times.saturating_sub(forgotten.unwrap_or(u32::MAX))
            }
        };
        let times = before.saturating_add(1);
        let span = config.base.saturating_mul(times).min(config.max);
        *self = Self::Out {
            until: now + span,
            span,
            times,
        };
        span
    }

    /// Ends the ejection, if there is one, and says how long it was meant to be.
    pub(super) const fn end(&mut self, now: Instant) -> Option<Duration> {
        let Self::Out { span, times, .. } = *self else {
            return None;
        };
        *self = Self::Back { since: now, times };
        Some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_ejection_is_longer_up_to_a_maximum_and_good_behaviour_is_rewarded() {
        let config = EjectConfig::default();
        let mut now = Instant::now();
        let mut ejection = Ejection::Never;
        // Seconds spent in between, and of the ejection that follows.
        let table = [
            (0, 30),
            (0, 60),
            (29, 90),
            (30, 90),
            (61, 60),
            (1_000_000, 30),
        ];
        for (between, expected) in table {
            now += between * SECOND;
            let span = ejection.begin(&config, now);
            assert_eq!(span, expected * SECOND, "after {between} s");
            assert_eq!(ejection.until(), Some(now + span));
            assert_eq!(ejection.begin(&config, now + SECOND), span, "it is out");
            now += span;
            assert_eq!(ejection.end(now), Some(span));
            assert_eq!((ejection.end(now), ejection.until()), (None, None));
        }
        for _ in 0..100 {
            assert!(ejection.begin(&config, now) <= config.max);
            ejection.end(now);
        }
        assert_eq!(ejection.begin(&config, now), 300 * SECOND);
    }

    #[test]
    fn a_share_of_the_pool_may_be_out_though_always_one_and_never_the_last() {
        // Backends, ejected, others, percent.
        let table = [
            ((3, 0, 2, 50), true),
            ((3, 1, 1, 50), false),
            ((4, 1, 2, 50), true),
            ((4, 2, 1, 50), false),
            ((10, 4, 5, 50), true),
            ((10, 0, 9, 0), true),
            ((10, 1, 8, 0), false),
            ((2, 1, 0, 100), false),
            ((1, 0, 0, 100), false),
            ((3, 1, 1, 100), true),
        ];
        for ((backends, ejected, others, max_percent), allowed) in table {
            let census = Census {
                backends,
                ejected,
                others,
            };
            let config = EjectConfig {
                max_percent,
                ..EjectConfig::default()
            };
            assert_eq!(census.allows_ejection(&config), allowed, "{census:?}");
        }
    }
}
