//! How one backend stands: an operator's order, the probes' verdict, ejection and slow start put
//! together. Pure.
//!
//! Maintenance goes before drain, that before down, that before ejected. Who comes back from any of
//! them but drain is cold, and warms up step by step.

use std::time::{Duration, Instant};

use super::ejection::Ejection;
use super::schedule::Pace;
use super::verdict::{Change, Verdict};
use crate::config::{EjectConfig, HealthConfig};
use crate::pool::Order;
use crate::pool::{State, WARM};

/// What a result stems from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Probe,
    /// A client's connect, which counts as a passed probe, though it ends no ejection.
    Traffic,
}

#[derive(Clone, Copy, Debug)]
enum Warming {
    Warm,
    /// It gets no sessions, and has been away when it does again.
    Cold,
    Since(Instant),
}

/// What one result has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) change: Option<Change>,
    pub(super) ended_ejection: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    order: Order,
    verdict: Verdict,
    ejection: Ejection,
    warming: Warming,
}

impl Standing {
    /// At the start of the process: up, and warm.
    pub(super) const fn new() -> Self {
        Self {
            order: Order::Ready,
            verdict: Verdict::new(),
            ejection: Ejection::Never,
            warming: Warming::Warm,
        }
    }

    /// One that joins others later on: up, and cold.
    pub(super) const fn newcomer(now: Instant) -> Self {
        Self {
            warming: Warming::Since(now),
            ..Self::new()
        }
    }

    pub(super) const fn state(&self) -> State {
        match self.order {
            Order::Maint => State::Maint,
            Order::Drain => State::Drain,
            Order::Ready => self.fitness(),
        }
    }

    /// The state as far as no operator decides it.
    const fn fitness(&self) -> State {
        match (self.verdict, self.ejection) {
            (Verdict::Down { .. }, _) => State::Down,
            (Verdict::Up { .. }, Ejection::Out { .. }) => State::Ejected,
            (Verdict::Up { .. }, Ejection::Never | Ejection::Back { .. }) => State::Up,
        }
    }

    pub(super) const fn is_probed(&self) -> bool {
        !matches!(self.order, Order::Maint)
    }

    pub(super) const fn pace(&self) -> Pace {
        Pace::after(self.verdict)
    }

    /// When its ejection is over.
    pub(super) const fn out_until(&self) -> Option<Instant> {
        self.ejection.until()
    }

    /// How far a slow start of that length has come: 1 to [`WARM`].
    pub(super) fn warmth(&self, slow_start: Duration, now: Instant) -> u8 {
        let since = match self.warming {
            Warming::Warm => return WARM,
            Warming::Cold => now,
            Warming::Since(since) => since,
        };
        let gone = now.saturating_duration_since(since).as_nanos();
        let steps = (gone * u128::from(WARM - 1)).checked_div(slow_start.as_nanos());
        let steps = steps.and_then(|it| u8::try_from(it).ok());
        steps.map_or(WARM, |it| it.saturating_add(1).min(WARM))
    }

    /// Whether its warmth grows by and by.
    pub(super) fn is_warming(&self, slow_start: Duration, now: Instant) -> bool {
        matches!(self.warming, Warming::Since(_)) && self.warmth(slow_start, now) < WARM
    }

    /// Whoever is warm by now stays so, whatever becomes of the slow start that was configured.
    pub(super) fn stay_warm(&mut self, slow_start: Duration, now: Instant) {
        self.warming = match self.warming {
            Warming::Since(_) if self.warmth(slow_start, now) == WARM => Warming::Warm,
            Warming::Warm | Warming::Cold | Warming::Since(_) => self.warming,
        };
    }

    /// Nobody checks it any more: what checks have found does not hold any longer.
    pub(super) fn acquit(&mut self, now: Instant) {
        self.verdict = Verdict::new();
        self.update_warming(now);
    }

    /// An operator wants something of it. Who is sent to maintenance comes back with a clean slate.
    pub(super) fn obey(&mut self, order: Order, now: Instant) {
        self.order = order;
        match order {
            Order::Maint => {
                self.verdict = Verdict::new();
                self.ejection.end(now);
            }
            Order::Ready | Order::Drain => {}
        }
        self.update_warming(now);
    }

    /// Takes one result.
    pub(super) fn record(
        &mut self,
        passed: bool,
        sign: Sign,
        config: &HealthConfig,
        now: Instant,
    ) -> Effect {
        let change = self.verdict.record(passed, config);
        let ends_ejection = passed && sign == Sign::Probe;
        let ended_ejection = ends_ejection && self.ejection.end(now).is_some();
        self.update_warming(now);
        Effect {
            change,
            ended_ejection,
        }
    }

    /// Too many connects of clients have failed. For how long it is out.
    pub(super) fn eject(&mut self, config: &EjectConfig, now: Instant) -> Duration {
        let span = self.ejection.begin(config, now);
        self.update_warming(now);
        span
    }

    /// The time of its ejection is over. How long that was, if there was one.
    pub(super) fn end_ejection(&mut self, now: Instant) -> Option<Duration> {
        let span = self.ejection.end(now);
        self.update_warming(now);
        span
    }

    fn update_warming(&mut self, now: Instant) {
        self.warming = match (self.order, self.fitness(), self.warming) {
            (Order::Maint, _, _) => Warming::Cold,
            (_, State::Down | State::Ejected, _) => Warming::Cold,
            (Order::Ready, State::Up, Warming::Cold) => Warming::Since(now),
            (_, State::Up | State::Drain | State::Maint, warming) => warming,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SLOW_START: Duration = Duration::from_millis(190);

    /// Plays what happens to a backend, a word each, a millisecond apart, and writes its states down
    /// with how far it has warmed up.
    fn play(words: &str) -> String {
        let health = HealthConfig {
            rise: 2,
            fall: 1,
            ..HealthConfig::default()
        };
        let mut standing = Standing::new();
        let mut now = Instant::now();
        let mut step = |word: &str| {
            match word {
                "ready" => standing.obey(Order::Ready, now),
                "drain" => standing.obey(Order::Drain, now),
                "maint" => standing.obey(Order::Maint, now),
                "+" => _ = standing.record(true, Sign::Probe, &health, now),
                "~" => _ = standing.record(true, Sign::Traffic, &health, now),
                "-" => _ = standing.record(false, Sign::Probe, &health, now),
                "out" => _ = standing.eject(&EjectConfig::default(), now),
                "back" => _ = standing.end_ejection(now),
                _ => now += word.parse::<u32>().unwrap() * MS,
            }
            assert_eq!(standing.is_probed(), standing.state() != State::Maint);
            assert_eq!(standing.warmth(Duration::ZERO, now), WARM, "no slow start");
            format!("{}{}", standing.state(), standing.warmth(SLOW_START, now))
        };
        words
            .split(' ')
            .map(&mut step)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn an_operator_goes_before_probes_and_those_before_ejection() {
        let table = [
            ("- + +", "down1 down1 up1"),
            ("- ~ ~", "down1 down1 up1"),
            (
                "out - drain maint ready",
                "ejected1 down1 drain1 maint1 up1",
            ),
            ("drain - + + ready", "drain20 drain1 drain1 drain1 up1"),
            ("drain ready", "drain20 up20"),
            ("out drain ready", "ejected1 drain1 ejected1"),
            ("out back", "ejected1 up1"),
            ("out +", "ejected1 up1"),
            ("out ~ -", "ejected1 ejected1 down1"),
            ("out - back + +", "ejected1 down1 down1 down1 up1"),
            ("out - + +", "ejected1 down1 down1 up1"),
            ("maint drain ready", "maint1 drain1 up1"),
            ("- maint ready -", "down1 maint1 up1 down1"),
        ];
        for (words, expected) in table {
            assert_eq!(play(words), expected, "{words}");
        }
    }

    #[test]
    fn who_comes_back_warms_up_step_by_step_but_not_who_was_never_away() {
        let table = [
            ("1000", "up20"),
            (
                "- + + 9 1 90 89 1 1",
                "down1 down1 up1 up1 up2 up11 up19 up20 up20",
            ),
            (
                "- + + 100 drain 20 ready",
                "down1 down1 up1 up11 drain11 drain13 up13",
            ),
            ("- + + 100 - + +", "down1 down1 up1 up11 down1 down1 up1"),
            (
                "maint 500 drain 500 ready 20",
                "maint1 maint1 drain1 drain1 up1 up3",
            ),
            ("- + + 190 - 1", "down1 down1 up1 up20 down1 down1"),
        ];
        for (words, expected) in table {
            assert_eq!(play(words), expected, "{words}");
        }
    }

    #[test]
    fn a_pass_that_brings_a_backend_up_and_one_that_ends_an_ejection_are_told_apart() {
        let (now, health) = (Instant::now(), HealthConfig::default());
        let mut standing = Standing::new();
        let mut effect = |passed| standing.record(passed, Sign::Probe, &health, now);
        let change = |up, results| Some(Change { up, results });
        let found = [false, false, false, true, true].map(|it| effect(it).change);
        assert_eq!(found, [None, None, change(false, 3), None, change(true, 2)]);
        standing.eject(&EjectConfig::default(), now);
        let ended = [false, true, true].map(|passed| {
            let effect = standing.record(passed, Sign::Probe, &health, now);
            effect.ended_ejection
        });
        assert_eq!(ended, [false, true, false]);
    }
}
