//! A point in time, as a sentence tells it. Whoever makes one says what the time is.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A time of day that is longer ago could be any day's.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Displays as `12:20:02Z`, or as `2026-11-18 12:20 UTC` where that is not within the last day. Later ones are
/// greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    at: SystemTime,
    text: String,
}

impl Moment {
    /// How `at` is told `now`.
    pub(super) fn told(at: SystemTime, now: SystemTime) -> Self {
        let at = at.max(SystemTime::UNIX_EPOCH);
        let text = humantime::format_rfc3339_seconds(at).to_string();
        let (date, time) = text.split_once('T').unwrap_or_default();
        let text = if now.duration_since(at).is_ok_and(|ago| ago < DAY) {
            time.to_owned()
        } else {
            format!("{date} {} UTC", time.get(..5).unwrap_or_default())
        };
        Self { at, text }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_ago_than_a_day_has_its_date() {
        let epoch = SystemTime::UNIX_EPOCH;
        let (second, lunch) = (
            Duration::from_secs(1),
            epoch + Duration::from_secs(1_795_004_402),
        );
        let dated = "2026-11-18 12:20 UTC";
        for (at, now, wanted) in [
            (lunch, lunch, "12:20:02Z"),
            (lunch, lunch + DAY - second, "12:20:02Z"),
            (lunch, lunch + DAY, dated),
            (lunch, lunch - second, dated), // somebody has set the clock back
            (epoch - DAY, lunch, "1970-01-01 00:00 UTC"),
        ] {
            assert_eq!(Moment::told(at, now).to_string(), wanted);
        }
    }

    #[test]
    fn a_later_one_is_greater_also_across_midnight() {
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_046_399);
        let after = before + Duration::from_secs(1);
        let [before, after] = [before, after].map(|it| Moment::told(it, after));
        assert_eq!(
            [before.to_string(), after.to_string()],
            ["23:59:59Z", "00:00:00Z"]
        );
        assert!(after > before);
    }
}
