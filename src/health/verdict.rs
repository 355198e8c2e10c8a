//! Rise and fall: when results of probes change a backend's state.
//!
//! ```text
//!  Up { failures } --fall consecutive failures--> Down { passes } --rise consecutive passes--> Up
//! ```
//! The opposite result sets a count back to nothing. Pure.

use crate::config::HealthConfig;

/// A backend's state, with the count that may end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Up { failures: u32 },
    Down { passes: u32 },
}

/// A change of state, and how many results in a row brought it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) up: bool,
    pub(super) results: u32,
}

impl Verdict {
    /// Every backend is taken for up until probes say otherwise.
    pub(super) const fn new() -> Self {
        Self::Up { failures: 0 }
    }

    /// Takes the result of one probe.
    pub(super) const fn record(&mut self, passed: bool, config: &HealthConfig) -> Option<Change> {
        match (*self, passed) {
            (Self::Up { .. }, true) => *self = Self::Up { failures: 0 },
            (Self::Down { .. }, false) => *self = Self::Down { passes: 0 },
            (Self::Up { failures }, false) if failures + 1 < config.fall => {
                *self = Self::Up {
                    failures: failures + 1,
                };
            }
            (Self::Down { passes }, true) if passes + 1 < config.rise => {
                *self = Self::Down { passes: passes + 1 };
            }
            (Self::Up { failures }, false) => {
                *self = Self::Down { passes: 0 };
                return Some(Change {
                    up: false,
                    results: failures + 1,
                });
            }
            (Self::Down { passes }, true) => {
                *self = Self::Up { failures: 0 };
                return Some(Change {
                    up: true,
                    results: passes + 1,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Plays results (`+` passed, `-` failed) and writes down changes (`u`, `d`) where they happen.
    fn play(results: &str, rise: u32, fall: u32) -> String {
        let second = Duration::from_secs(1);
        let config = HealthConfig {
            interval: second,
            timeout: second,
            rise,
            fall,
            ..HealthConfig::default()
        };
        let mut verdict = Verdict::new();
        let mut written = String::new();
        for result in results.chars() {
            written.push(result);
            if let Some(change) = verdict.record(result == '+', &config) {
                written.push(if change.up { 'u' } else { 'd' });
                assert_eq!(change.results, if change.up { rise } else { fall });
            }
            let last = written.rfind(['u', 'd']).map(|at| &written[at..=at]);
            let is_up = matches!(verdict, Verdict::Up { .. });
            assert_eq!(is_up, last != Some("d"));
        }
        written
    }

    #[test]
    fn only_consecutive_results_change_the_state_and_only_once() {
        let table = [
            (2, 3, "--+---", "--+---d"),
            (2, 3, "--+-----", "--+---d--"),
            (2, 3, "------", "---d---"),
            (2, 3, "---+-++", "---d+-++u"),
            (1, 1, "-+-+", "-d+u-d+u"),
            (3, 1, "-++-+++", "-d++-+++u"),
            (2, 3, "++++", "++++"),
        ];
        for (rise, fall, results, expected) in table {
            assert_eq!(
                play(results, rise, fall),
                expected,
                "rise {rise}, fall {fall}"
            );
        }
    }

    #[test]
    fn a_thousand_flaps_are_two_thousand_changes() {
        let written = play(&"---++".repeat(1000), 2, 3);
        assert_eq!(written.matches(['u', 'd']).count(), 2000);
    }
}
