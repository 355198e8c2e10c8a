//! Paced drains: the sessions of a drained backend are ended at a steady rate, so that their clients
//! do not all come back at once. Pure; time is an argument.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pool::Backend;

/// How often sessions are ended, while any drain is paced.
pub(super) const STEP: Duration = Duration::from_millis(500);

/// One paced drain.
pub(super) struct Pacing {
    pub(super) backend: Arc<Backend>,
    began: Instant,
    over: Duration,
    /// Sessions when it began.
    sessions: u32,
    /// Sessions that it has ended so far.
    pub(super) closed: u32,
}

impl Pacing {
    /// From `now` on, over that time.
    pub(super) fn new(backend: Arc<Backend>, now: Instant, over: Duration) -> Self {
        Self {
            sessions: backend.load.active.count(),
            backend,
            began: now,
            over,
            closed: 0,
        }
    }

    /// Until its last session is ended.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        let gone = now.saturating_duration_since(self.began);
        self.over.saturating_sub(gone)
    }

    /// How many sessions have to be ended now, of `left`, to keep the pace; those that ended of
    /// themselves count.
    pub(super) fn due(&self, now: Instant, left: u32) -> u32 {
        let part = self.time_left(now).as_nanos() * u128::from(self.sessions);
        let planned = part.div_ceil(self.over.as_nanos().max(1));
        left.saturating_sub(u32::try_from(planned).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::BackendId;

    #[test]
    fn sessions_are_ended_at_a_steady_rate_and_all_of_them() {
        let address = ([127, 0, 0, 1], 80).into();
        let backend = Arc::new(Backend::new(
            BackendId(0),
            "app".into(),
            "a".into(),
            address,
            1,
        ));
        (0..100).for_each(|_| _ = backend.load.active.enter(u32::MAX));
        let start = Instant::now();
        let pacing = Pacing::new(backend, start, Duration::from_secs(100));
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(pacing.due(start, 100), 0);
        assert_eq!(pacing.due(at(10), 100), 10);
        assert_eq!(pacing.due(at(10), 90), 0);
        assert_eq!(pacing.due(at(50), 30), 0, "many have gone of themselves");
        assert_eq!(pacing.due(at(99), 30), 29);
        assert_eq!(pacing.due(at(100), 1), 1);
        assert_eq!(pacing.time_left(at(30)), Duration::from_secs(70));
    }
}
