//! A backend that the command has taken away, until the command knows that it can be stopped. Pure;
//! time is an argument.
//!
//! The command is told when the last session has ended. If that takes longer than sessions are given to
//! finish, it is told before as well, with the number that is left: then it can wait or cut them.

use std::time::{Duration, Instant};

use super::rule::pause;
use crate::config::ScaleConfig;

/// After so many failed runs in a row nobody is told any more.
const TRIES: u32 = 5;

/// How far a backend has come on its way out.
#[derive(Debug)]
pub struct Leave {
    since: Instant,
    /// It is known that sessions are left when their time is over.
    is_late_known: bool,
    failures: u32,
    failed: Option<Instant>,
}

/// What comes of it that the command was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It was told that the last session has ended.
    Done,
    /// It has to be told later on, or once more.
    Again,
    /// It has failed too often.
    GivenUp,
}

impl Leave {
    /// It was taken away `now`.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self {
            since: now,
            is_late_known: false,
            failures: 0,
            failed: None,
        }
    }

    /// Whether the command has to be told that `left` sessions are left, which have `patience` to end.
    #[must_use]
    pub fn is_due(
        &self,
        settings: &ScaleConfig,
        left: u32,
        patience: Duration,
        now: Instant,
    ) -> bool {
        let is_late = !self.is_late_known && now >= self.since + patience;
        let rests = |failed| now < failed + pause(settings, self.failures);
        (left == 0 || is_late) && !self.failed.is_some_and(rests)
    }

    /// The command was told that `left` sessions are left.
    pub fn told(&mut self, left: u32, is_well: bool, now: Instant) -> Next {
        if !is_well {
            self.failures += 1;
            self.failed = Some(now);
            return if self.failures < TRIES {
                Next::Again
            } else {
                Next::GivenUp
            };
        }
        (self.failures, self.failed) = (0, None);
        if left == 0 {
            return Next::Done;
        }
        self.is_late_known = true;
        Next::Again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn settings() -> ScaleConfig {
        ScaleConfig {
            target: 1,
            command: ["scale".to_owned()].into(),
            after: Duration::from_secs(1),
            cool_down: Duration::from_secs(10),
            min: 1,
            max: 2,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_command_is_told_when_the_last_session_has_ended() {
        let start = Instant::now();
        let mut leave = Leave::new(start);
        assert!(!leave.is_due(&settings(), 1, PATIENCE, start));
        assert!(leave.is_due(&settings(), 0, PATIENCE, start));
        assert_eq!(leave.told(0, true, start), Next::Done);
    }

    #[test]
    fn it_is_told_once_of_those_that_take_too_long_and_then_of_the_end() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut leave = Leave::new(start);
        assert!(!leave.is_due(&settings(), 3, PATIENCE, at(29)));
        assert!(leave.is_due(&settings(), 3, PATIENCE, at(30)));
        assert_eq!(leave.told(3, true, at(31)), Next::Again);
        assert!(!leave.is_due(&settings(), 3, PATIENCE, at(999)));
        assert!(leave.is_due(&settings(), 0, PATIENCE, at(999)));
    }

    #[test]
    fn a_failure_is_tried_again_after_the_pause_and_not_for_ever() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut leave = Leave::new(start);
        let mut now = 0;
        for pause in [10, 20, 40, 80] {
            assert_eq!(leave.told(0, false, at(now)), Next::Again);
            assert!(!leave.is_due(&settings(), 0, PATIENCE, at(now + pause - 1)));
            now += pause;
            assert!(leave.is_due(&settings(), 0, PATIENCE, at(now)), "{pause}");
        }
        assert_eq!(leave.told(0, false, at(now)), Next::GivenUp);
    }
}
