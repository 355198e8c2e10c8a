//! Tells a loop that the process was stopped just after its wait had ended: what came meanwhile is not
//! in what the wait has brought, so nobody may be taken for late before the next one. Pure.
//!
//! A stop during the wait shows as EINTR (signal(7)); this is the rest. Imports nothing of ours. Used
//! by the loops of worker and health.

use std::time::{Duration, Instant};

/// A turn that comes so much later than it was to come shows that the process was stopped.
const TOLERANCE: Duration = Duration::from_millis(250);

/// What is remembered from turn to turn.
#[derive(Debug, Default)]
pub struct HeldUp {
    before: bool,
}

impl HeldUp {
    /// The loop was at `last` when it went to wait for `wait` at most, and goes on at `now`. Whether
    /// it was held up; never twice in a row, so that deadlines are kept on a machine that is slow.
    pub fn notes(&mut self, last: Instant, wait: Option<Duration>, now: Instant) -> bool {
        let is_late = wait.is_some_and(|wait| now.duration_since(last) > wait + TOLERANCE);
        self.before = is_late && !self.before;
        self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_comes_late_is_held_up_but_not_twice_in_a_row() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let second = Some(Duration::from_secs(1));
        let mut held_up = HeldUp::default();
        let table = [
            (second, 400, false),
            (second, 1200, false),
            (second, 1300, true),
            (second, 1300, false),
            (second, 1300, true),
            (Some(Duration::ZERO), 100, false),
            (Some(Duration::ZERO), 300, true),
            (None, 86_400_000, false),
        ];
        for (wait, ms, expected) in table {
            assert_eq!(
                held_up.notes(start, wait, after(ms)),
                expected,
                "{wait:?}, {ms}"
            );
        }
    }
}
