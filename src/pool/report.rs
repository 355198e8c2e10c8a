//! What health knows of a backend, for people: the health thread writes it, the admin API reads it.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use super::State;

/// Checks that are remembered.
pub const RECENT_CHECKS: usize = 60;

/// How a backend stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it is now.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// Why; nothing as long as it is as it was at first.
    pub why: String,
    /// How often it has become each state.
    pub transitions: [u64; State::ALL.len()],
    /// The last check, if there was one.
    pub last_check: Option<LastCheck>,
    /// Checks that have passed.
    pub passed: u64,
    /// Checks that have failed.
    pub failed: u64,
    /// The last [`RECENT_CHECKS`] checks, the oldest first.
    pub recent: VecDeque<Mark>,
}

impl Default for Report {
    /// Up, as every backend is at first; since when is for health to say.
    fn default() -> Self {
        Self {
            state: State::Up,
            since: SystemTime::UNIX_EPOCH,
            why: String::new(),
            transitions: [0; State::ALL.len()],
            last_check: None,
            passed: 0,
            failed: 0,
            recent: VecDeque::new(),
        }
    }
}

impl Report {
    /// It has become another one.
    pub fn turned(&mut self, state: State, why: &str, now: SystemTime) {
        self.state = state;
        self.since = now;
        why.clone_into(&mut self.why);
        self.transitions[state as usize] += 1;
    }

    /// A check is over.
    pub fn checked(&mut self, check: LastCheck) {
        if check.passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        if self.recent.len() == RECENT_CHECKS {
            self.recent.pop_front();
        }
        self.recent.push_back(Mark::of(&check));
        self.last_check = Some(check);
    }
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCheck {
    /// Whether it has passed.
    pub passed: bool,
    /// When it was over.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What it found: `connected`, `status 503`.
    pub detail: String,
}

/// A check in short, in two words: there are [`RECENT_CHECKS`] of them for each backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    at_millis: u64,
    took_micros: u32,
    /// Whether it has passed.
    pub passed: bool,
}

impl Mark {
    fn of(check: &LastCheck) -> Self {
        let at = check.at.duration_since(SystemTime::UNIX_EPOCH);
        let at = at.unwrap_or_default().as_millis();
        Self {
            at_millis: u64::try_from(at).unwrap_or(u64::MAX),
            took_micros: u32::try_from(check.took.as_micros()).unwrap_or(u32::MAX),
            passed: check.passed,
        }
    }

    /// When it was over, to the millisecond.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.at_millis)
    }

    /// How long it took.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.took_micros.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_checks_are_counted_and_the_last_sixty_remembered() {
        let mut report = Report::default();
        for number in 0..100 {
            report.checked(LastCheck {
                passed: number % 10 == 0,
                at: SystemTime::UNIX_EPOCH + Duration::from_secs(number),
                took: Duration::from_micros(number),
                detail: String::new(),
            });
        }
        assert_eq!((report.passed, report.failed), (10, 90));
        assert_eq!(report.recent.len(), RECENT_CHECKS);
        let (first, last) = (report.recent[0], report.recent[59]);
        assert_eq!(first.at(), SystemTime::UNIX_EPOCH + Duration::from_secs(40));
        assert_eq!((first.passed, last.passed), (true, false));
        assert_eq!(last.took(), Duration::from_micros(99));
    }

    #[test]
    fn it_says_why_it_is_what_it_is_and_how_often_it_was() {
        let mut report = Report::default();
        for (second, state) in [(1, State::Down), (2, State::Up), (3, State::Down)] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            report.turned(state, "connection refused (3 of 3)", now);
        }
        assert_eq!(report.transitions, [1, 2, 0, 0, 0]);
        assert_eq!(
            report.since,
            SystemTime::UNIX_EPOCH + Duration::from_secs(3)
        );
        assert_eq!(report.why, "connection refused (3 of 3)");
    }
}
