//! What counts were a while ago, so that it can be told what has come since.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Counts at several times, over a span of time.
#[derive(Clone, Debug)]
pub struct Window<T> {
    span: Duration,
    step: Duration,
    /// The oldest first; the first one is the newest that is not younger than the span, or the first of all.
    marks: VecDeque<(Instant, T)>,
    latest: (Instant, T),
}

impl<T: Copy> Window<T> {
    /// One that looks back for `span`, by marks a `step` apart, and begins with this.
    #[must_use]
    pub fn new(span: Duration, step: Duration, now: Instant, counts: T) -> Self {
        Self {
            span,
            step,
            marks: VecDeque::from([(now, counts)]),
            latest: (now, counts),
        }
    }

    /// Counts are this now.
    pub fn push(&mut self, now: Instant, counts: T) {
        self.latest = (now, counts);
        let newest = self.marks.back().map(|(at, _)| *at);
        if newest.is_none_or(|at| now.saturating_duration_since(at) >= self.step) {
            self.marks.push_back((now, counts));
        }
        let is_old = |mark: Option<&(Instant, T)>| {
            mark.is_some_and(|(at, _)| now.saturating_duration_since(*at) >= self.span)
        };
        while is_old(self.marks.get(1)) {
            self.marks.pop_front();
        }
    }

    /// What counts were when it begins, what they were last, and the seconds in between.
    #[must_use]
    pub fn ends(&self) -> (T, T, f64) {
        let (latest, counts) = self.latest;
        let (first, before) = self.marks.front().copied().unwrap_or(self.latest);
        let seconds = latest.saturating_duration_since(first).as_secs_f64();
        (before, counts, seconds)
    }

    /// What counts were last.
    #[must_use]
    pub const fn latest(&self) -> T {
        self.latest.1
    }
}

impl<const N: usize> Window<[u64; N]> {
    /// How much has come in a second, on average.
    #[must_use]
    pub fn rates(&self) -> [f64; N] {
        let (before, now, seconds) = self.ends();
        std::array::from_fn(|at| {
            let more = now[at].wrapping_sub(before[at]);
            per_second(more, seconds)
        })
    }
}

/// So many in so many seconds, as a rate; none in no time.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, and nothing is decided by the last digits"
)]
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_rate_is_that_of_the_span_and_of_what_there_is_while_it_is_young() {
        let start = Instant::now();
        let mut window = Window::new(5 * SECOND, SECOND, start, [0]);
        assert_eq!(window.rates(), [0.0]);
        for second in 1..=20_u32 {
            window.push(start + second * SECOND, [u64::from(second.min(10)) * 7]);
            let wanted = match second {
                1..=10 => 7.0,
                11..=14 => f64::from(15 - second) * 7.0 / 5.0,
                _ => 0.0,
            };
            assert_eq!(window.rates(), [wanted], "after {second} s");
            assert!(window.marks.len() <= 7);
        }
    }

    #[test]
    fn marks_are_a_step_apart_and_the_latest_counts_all_the_same() {
        let start = Instant::now();
        let mut window = Window::new(60 * SECOND, 15 * SECOND, start, [0]);
        for second in 1..=600_u32 {
            window.push(start + second * SECOND, [second.into()]);
            assert!(window.marks.len() <= 6);
            let (before, now, seconds) = window.ends();
            assert_eq!(now, [u64::from(second)]);
            assert!(
                seconds >= f64::from(second.min(60)) && seconds < 76.0,
                "{seconds}"
            );
            assert!(((now[0] - before[0]) as f64 - seconds).abs() < 1e-9);
        }
    }
}
