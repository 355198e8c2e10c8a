//! Points by the second and by the minute, of the process or of one pool.
//!
//! A second that nobody sampled is a hole, not a zero. A minute is made of its seconds: the most sessions, the
//! fewest backends, the mean of rates, the percentiles of all its connects. One track takes 75 KB.

use std::collections::VecDeque;

use super::window::per_second;
use crate::counts::Distribution;

/// Points by the second: a quarter of an hour.
const SECONDS: usize = 900;
/// Points by the minute: a day.
const MINUTES: usize = 1440;
/// Seconds of a minute.
const MINUTE: u32 = 60;

/// What is told of a point in time. In the order of the columns of `requests::history`.
pub type Point = [f32; 8];

/// Nobody sampled.
const HOLE: Point = [f32::NAN; 8];

/// What has come since the sample before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interval {
    /// How long that is.
    pub seconds: f64,
    /// Sessions at its end.
    pub sessions: u32,
    /// Backends that are up at its end.
    pub backends_up: u32,
    /// Connections, bytes in, bytes out, errors.
    pub counts: [u64; 4],
    /// The time that connects took.
    pub connects: Distribution<100, 19>,
}

impl Interval {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "seven digits are enough for a picture"
    )]
    fn point(&self) -> Point {
        let [connections, bytes_in, bytes_out, errors] =
            self.counts.map(|it| per_second(it, self.seconds) as f32);
        let quantile = |part| {
            let seconds = self.connects.quantile(part);
            seconds.map_or(f32::NAN, |it| (it * 1000.0) as f32)
        };
        [
            self.sessions as f32,
            connections,
            bytes_in,
            bytes_out,
            errors,
            quantile(0.5),
            quantile(0.99),
            self.backends_up as f32,
        ]
    }

    /// Takes in the one that follows.
    fn extend(&mut self, next: &Self) {
        if self.seconds == 0.0 {
            self.backends_up = next.backends_up;
        }
        self.seconds += next.seconds;
        self.sessions = self.sessions.max(next.sessions);
        self.backends_up = self.backends_up.min(next.backends_up);
        let sums = self.counts.iter_mut();
        sums.zip(next.counts).for_each(|(sum, it)| *sum += it);
        self.connects.merge(&next.connects);
    }
}

/// Points that follow each other.
#[derive(Debug)]
pub struct Series<'a> {
    /// The seconds from one to the next.
    pub step: u32,
    /// How many seconds before the latest sample the last of them ended.
    pub age: u32,
    /// The points, the oldest first.
    pub points: &'a VecDeque<Point>,
}

/// The history of the process or of one pool.
#[derive(Debug, Default)]
pub struct Track {
    seconds: VecDeque<Point>,
    minutes: VecDeque<Point>,
    /// The minute that has begun: what has come so far, and how many of its seconds are over.
    minute: Interval,
    over: u32,
}

impl Track {
    /// So many seconds went by without a sample.
    pub fn skip(&mut self, seconds: u64) {
        let day = (MINUTES as u64) * u64::from(MINUTE);
        for _ in 0..seconds.min(day) {
            self.step(HOLE);
        }
    }

    /// The next second is over.
    pub fn record(&mut self, interval: &Interval) {
        self.minute.extend(interval);
        self.step(interval.point());
    }

    fn step(&mut self, point: Point) {
        append(&mut self.seconds, SECONDS, point);
        self.over += 1;
        if self.over == MINUTE {
            let minute = std::mem::take(&mut self.minute);
            let is_sampled = minute.seconds > 0.0;
            let point = if is_sampled { minute.point() } else { HOLE };
            append(&mut self.minutes, MINUTES, point);
            self.over = 0;
        }
    }

    /// The last quarter of an hour.
    #[must_use]
    pub const fn by_second(&self) -> Series<'_> {
        Series {
            step: 1,
            age: 0,
            points: &self.seconds,
        }
    }

    /// The last day.
    #[must_use]
    pub const fn by_minute(&self) -> Series<'_> {
        Series {
            step: MINUTE,
            age: self.over,
            points: &self.minutes,
        }
    }
}

fn append(points: &mut VecDeque<Point>, most: usize, point: Point) {
    if points.len() == most {
        points.pop_front();
    }
    points.push_back(point);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(connections: u64, sessions: u32, backends_up: u32) -> Interval {
        Interval {
            seconds: 1.0,
            sessions,
            backends_up,
            counts: [connections, 10 * connections, 100, 0],
            connects: Distribution::default(),
        }
    }

    #[test]
    fn a_minute_has_the_most_sessions_the_fewest_backends_and_the_mean_of_rates() {
        let mut track = Track::default();
        for at in 0..60 {
            track.record(&second(
                if at < 30 { 2 } else { 0 },
                at,
                if at == 7 { 1 } else { 3 },
            ));
        }
        assert_eq!(track.by_second().points.len(), 60);
        let minutes = track.by_minute();
        assert_eq!((minutes.points.len(), minutes.age), (1, 0));
        let [
            sessions,
            connections,
            bytes_in,
            bytes_out,
            errors,
            p50,
            p99,
            up,
        ] = minutes.points[0];
        assert_eq!([sessions, connections, bytes_in], [59.0, 1.0, 10.0]);
        assert_eq!([bytes_out, errors, up], [100.0, 0.0, 1.0]);
        assert!(p50.is_nan() && p99.is_nan(), "there was no connect");
    }

    #[test]
    fn seconds_without_a_sample_are_holes_and_memory_is_bounded() {
        let mut track = Track::default();
        track.record(&second(1, 1, 1));
        track.skip(2);
        track.record(&second(1, 1, 1));
        let is_hole: Vec<bool> = track
            .by_second()
            .points
            .iter()
            .map(|it| it[0].is_nan())
            .collect();
        assert_eq!(is_hole, [false, true, true, false]);
        track.skip(u64::MAX);
        for _ in 0..30 {
            track.record(&second(1, 1, 1));
        }
        assert_eq!(track.by_second().points.len(), 900);
        assert_eq!(track.by_minute().points.len(), 1440);
        assert_eq!(track.by_minute().age, 34);
        assert!(track.by_minute().points[1439].iter().all(|it| it.is_nan()));
    }
}
