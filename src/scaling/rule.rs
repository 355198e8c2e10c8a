//! When a pool's command is to be run. Pure; time is an argument.
//!
//! ```text
//!            too few or too many        for `after`
//!   Steady ---------------------> Holding ---------> Due --began--> (runs) --ended--> Resting
//!     ^  ^--- as many as wanted --'                                                     |
//!     |                                                                  pause is over  |
//!     '---------------------------------------------------------------------------------'
//! ```

use std::time::{Duration, Instant};

use crate::config::ScaleConfig;

/// Between two looks that are further apart nobody has seen what was.
const LONGEST_GAP: Duration = Duration::from_secs(5);

/// Between two looks at a pool.
const LONGEST_STEP: Duration = Duration::from_secs(1);

/// The same for a pool that wants to be answered at once.
const SHORTEST_STEP: Duration = Duration::from_millis(100);

/// How often it is looked within `after`, at least.
const LOOKS: u32 = 4;

/// After failures the pause grows to so many times the cool-down.
const LONGEST_PAUSE: u32 = 10;

/// What a pool has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Sessions of the backends in service, and clients who wait for one.
    pub sessions: u32,
    /// Backends that may get sessions before any backup.
    pub in_service: u32,
    /// All backends, whatever their state.
    pub backends: u32,
}

impl Measure {
    /// How many backends these sessions want.
    #[must_use]
    pub fn wanted(&self, settings: &ScaleConfig) -> u32 {
        let wanted = self.sessions.div_ceil(settings.target);
        wanted.clamp(settings.min, settings.max)
    }
}

/// More backends, or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More.
    Up,
    /// Fewer.
    Down,
}

/// How a pool stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// As many backends are in service as are wanted.
    #[default]
    Steady,
    /// More are wanted, but there can be none: some of them are down.
    Full,
    /// Too few or too many, though not for long enough yet.
    Holding(Direction),
    /// Too few or too many, but there was a run a short while ago.
    Resting(Direction),
    /// The command has to be run.
    Due(Direction),
}

/// Remembers since when a pool has had too few or too many backends, and when its command was run.
#[derive(Debug, Default)]
pub struct Rule {
    hold: Option<(Direction, Instant)>,
    looked: Option<Instant>,
    rest: Option<Instant>,
    /// Runs that have failed since the last one that did not.
    failures: u32,
}

impl Rule {
    /// Takes note of what there is now.
    pub fn look(&mut self, settings: &ScaleConfig, measure: Measure, now: Instant) -> Verdict {
        let before = self.looked.replace(now);
        if before.is_some_and(|it| now.saturating_duration_since(it) > LONGEST_GAP) {
            self.hold = None;
        }
        let wanted = measure.wanted(settings);
        let direction = if wanted < measure.in_service {
            Direction::Down
        } else if wanted == measure.in_service {
            self.hold = None;
            return Verdict::Steady;
        } else if measure.backends >= settings.max {
            self.hold = None;
            return Verdict::Full;
        } else {
            Direction::Up
        };
        let same = self.hold.filter(|(held, _)| *held == direction);
        let (_, since) = *self.hold.insert(same.unwrap_or((direction, now)));
        let pause = pause(settings, self.failures);
        if self.rest.is_some_and(|it| now < it + pause) {
            Verdict::Resting(direction)
        } else if now < since + settings.after {
            Verdict::Holding(direction)
        } else {
            Verdict::Due(direction)
        }
    }

    /// A run has ended: what was before it counts no more.
    pub fn ended(&mut self, is_well: bool, now: Instant) {
        self.hold = None;
        self.rest = Some(now);
        self.failures = if is_well {
            0
        } else {
            self.failures.saturating_add(1)
        };
    }
}

/// The time between two looks at a pool with these settings.
#[must_use]
pub fn step(settings: &ScaleConfig) -> Duration {
    (settings.after / LOOKS).clamp(SHORTEST_STEP, LONGEST_STEP)
}

/// How long there is no run after the last one: the cool-down, twice that after the second failure in
/// a row, and so on up to ten times that.
#[must_use]
pub fn pause(settings: &ScaleConfig, failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    settings.cool_down * doubled.min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Down, Up};
    use Verdict::{Due, Full, Holding, Resting, Steady};

    fn settings() -> ScaleConfig {
        ScaleConfig {
            target: 10,
            command: ["scale".to_owned()].into(),
            after: Duration::from_secs(5),
            cool_down: Duration::from_secs(20),
            min: 2,
            max: 4,
            timeout: Duration::from_secs(1),
        }
    }

    const fn measure(sessions: u32, in_service: u32, backends: u32) -> Measure {
        Measure {
            sessions,
            in_service,
            backends,
        }
    }

    /// What is said each second of a pool that stays as it is.
    fn verdicts(measure: Measure, seconds: u64) -> Vec<Verdict> {
        let (mut rule, start) = (Rule::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);
        (0..seconds)
            .map(|second| rule.look(&settings(), measure, at(second)))
            .collect()
    }

    #[test]
    fn a_pool_wants_as_many_as_its_sessions_need_within_its_bounds() {
        let table = [
            (0, 2),
            (20, 2),
            (21, 3),
            (30, 3),
            (31, 4),
            (41, 4),
            (u32::MAX, 4),
        ];
        for (sessions, wanted) in table {
            let found = measure(sessions, 0, 0).wanted(&settings());
            assert_eq!(found, wanted, "{sessions}");
        }
    }

    #[test]
    fn a_pool_is_looked_at_more_often_the_less_it_waits() {
        let table = [
            (1, 100),
            (400, 100),
            (2000, 500),
            (4000, 1000),
            (30_000, 1000),
        ];
        for (after, wanted) in table {
            let settings = ScaleConfig {
                after: Duration::from_millis(after),
                ..settings()
            };
            assert_eq!(step(&settings), Duration::from_millis(wanted), "{after}");
        }
    }

    #[test]
    fn what_holds_for_long_enough_is_due() {
        let table = [
            (measure(20, 2, 2), Steady),
            (measure(21, 2, 2), Due(Up)),
            (measure(0, 1, 1), Due(Up)), // below the fewest
            (measure(20, 3, 3), Due(Down)),
            (measure(99, 5, 5), Due(Down)), // above the most
            (measure(99, 4, 4), Steady),
            (measure(0, 0, 4), Full), // all are down: there are as many as can be
            (measure(0, 0, 3), Due(Up)),
            (measure(99, 3, 4), Full),
            (measure(99, 4, 5), Steady), // one more than allowed, but it serves nobody
        ];
        for (measure, verdict) in table {
            assert_eq!(verdicts(measure, 6)[5], verdict, "{measure:?}");
        }
        let early = verdicts(measure(21, 2, 2), 5);
        assert_eq!(early, [Holding(Up); 5]);
    }

    #[test]
    fn a_moment_of_something_else_begins_it_anew() {
        let (few, enough, many) = (measure(21, 2, 2), measure(20, 2, 2), measure(0, 3, 3));
        for moment in [enough, many] {
            let (mut rule, start) = (Rule::default(), Instant::now());
            let mut at =
                |second, it| rule.look(&settings(), it, start + Duration::from_secs(second));
            (0..5).for_each(|second| _ = at(second, few));
            at(5, moment);
            for second in 6..11 {
                assert_eq!(at(second, few), Holding(Up), "{second}");
            }
            assert_eq!(at(11, few), Due(Up));
        }
    }

    #[test]
    fn time_in_which_nobody_looked_does_not_count() {
        let (mut rule, start, few) = (Rule::default(), Instant::now(), measure(21, 2, 2));
        let mut at = |second| rule.look(&settings(), few, start + Duration::from_secs(second));
        assert_eq!([at(0), at(30), at(34)], [Holding(Up); 3]);
        assert_eq!(at(35), Due(Up));
    }

    #[test]
    fn after_a_run_there_is_a_pause_that_failures_make_longer() {
        let table = [
            (0, 20),
            (1, 20),
            (2, 40),
            (3, 80),
            (4, 160),
            (5, 200),
            (99, 200),
        ];
        for (failures, seconds) in table {
            let (mut rule, start, few) = (Rule::default(), Instant::now(), measure(21, 2, 2));
            let at = |second| start + Duration::from_secs(second);
            (0..failures).for_each(|_| rule.ended(false, start));
            if failures == 0 {
                rule.ended(true, start);
            }
            for second in 0..seconds {
                let verdict = rule.look(&settings(), few, at(second));
                assert_eq!(verdict, Resting(Up), "{failures} failures, second {second}");
            }
            let verdict = rule.look(&settings(), few, at(seconds));
            assert_eq!(verdict, Due(Up), "{failures} failures");
        }
        let (mut rule, start) = (Rule::default(), Instant::now());
        (0..9).for_each(|_| rule.ended(false, start));
        rule.ended(true, start);
        assert_eq!(rule.failures, 0, "one that is well ends it");
    }

    #[test]
    fn what_was_too_few_before_a_run_has_to_last_after_it() {
        let slow = ScaleConfig {
            after: Duration::from_secs(30),
            ..settings()
        };
        let (mut rule, start, few) = (Rule::default(), Instant::now(), measure(99, 2, 2));
        let mut at = |second, ended| {
            let now = start + Duration::from_secs(second);
            if ended {
                rule.ended(true, now);
            }
            rule.look(&slow, few, now)
        };
        let first = (0..=30).map(|second| at(second, false)).last();
        assert_eq!(first, Some(Due(Up)));
        at(31, true);
        let verdicts: Vec<_> = (32..=61).map(|second| at(second, false)).collect();
        assert_eq!(verdicts[18], Resting(Up));
        assert_eq!(verdicts[28], Holding(Up));
        assert_eq!(verdicts[29], Due(Up));
    }

    /// A pool under a load that chance moves, whose command does what it is asked for, fails now and
    /// then, and takes its time. Whatever happens, runs keep their distance, bounds hold, and a load
    /// that stays is met.
    #[test]
    fn whole_days_of_chance_keep_the_promises() {
        for seed in 0..200 {
            let mut chance = fastrand::Rng::with_seed(seed);
            let (settings, start) = (settings(), Instant::now());
            let (mut rule, mut serving, mut sessions) = (Rule::default(), 2_u32, 0_u32);
            let mut running: Option<(u64, Direction)> = None;
            let (mut rested_until, mut calm_since) = (0, 0);
            for second in 0..2000 {
                let now = start + Duration::from_secs(second);
                if second < 1500 && chance.u8(..20) == 0 {
                    sessions = chance.u32(..60);
                    calm_since = second;
                }
                if let Some((end, direction)) = running
                    && second >= end
                {
                    let is_well = second >= 1500 || chance.u8(..4) > 0;
                    if is_well {
                        match direction {
                            Up => serving += 1,
                            Down => serving -= 1,
                        }
                    }
                    running = None;
                    rule.ended(is_well, now);
                    rested_until = second + 20;
                }
                let measure = measure(sessions, serving, serving);
                if let Due(direction) = rule.look(&settings, measure, now)
                    && running.is_none()
                {
                    assert!(second >= rested_until, "seed {seed}: too soon");
                    assert!(second >= calm_since.min(5), "seed {seed}");
                    running = Some((second + chance.u64(1..4), direction));
                }
                assert!((2..=4).contains(&serving), "seed {seed}: {serving}");
            }
            let wanted = measure(sessions, 0, 0).wanted(&settings);
            assert_eq!(serving, wanted, "seed {seed}: a load that stays is met");
        }
    }
}
