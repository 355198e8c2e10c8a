//! Numbers as people read them, and text of others without what would move a cursor. Pure.

use std::time::Duration;

/// Names of 1024 to the power of their place.
const SIZES: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `512B`, `1.5KiB`, `12MiB`: cut, not rounded, so that it is never more than there is.
pub(super) fn size(bytes: u64) -> String {
    let place = (1..SIZES.len())
        .take_while(|place| bytes >> (10 * place) > 0)
        .count();
    let whole = bytes >> (10 * place);
    if place == 0 || whole >= 10 {
        return format!("{whole}{}", SIZES[place]);
    }
    let rest = bytes - (whole << (10 * place));
    let tenths = (u128::from(rest) * 10) >> (10 * place);
    format!("{whole}.{tenths}{}", SIZES[place])
}

/// The two largest units: `250ms`, `12s`, `3m05s`, `2h00m`, `3d04h`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes, seconds) {
        (0, 0, 0, 0) if time.is_zero() => "0s".to_owned(),
        (0, 0, 0, 0) => format!("{}ms", time.as_millis()),
        (0, 0, 0, _) => format!("{seconds}s"),
        (0, 0, _, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, _, _, _) => format!("{hours}h{:02}m", minutes % 60),
        (_, _, _, _) => format!("{days}d{:02}h", hours % 24),
    }
}

/// Seconds of the API as a span; what is no time is none.
pub(super) fn seconds(seconds: f64) -> String {
    span(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Bytes a second as `480bit/s`, `1.2Mbit/s`: cut, not rounded.
pub(super) fn bits(bytes_per_second: f64) -> String {
    let names = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
    let mut number = bytes_per_second * 8.0;
    let mut place = 0;
    while number >= 1000.0 && place + 1 < names.len() {
        number /= 1000.0;
        place += 1;
    }
    let name = names[place];
    if place > 0 && number < 10.0 {
        return format!("{:.1}{name}", (number * 10.0).floor() / 10.0);
    }
    format!("{:.0}{name}", number.floor())
}

/// Something's number in a second: `0`, `0.25`, `12.3`, `480`.
pub(super) fn rate(number: f64) -> String {
    if number == 0.0 || number >= 100.0 {
        return format!("{number:.0}");
    }
    if number < 1.0 {
        return format!("{number:.2}");
    }
    format!("{number:.1}")
}

/// `0.42ms`, `12ms`, `1.2s`, or `-` where there is nothing to say.
pub(super) fn milliseconds(time: Option<f64>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) if time >= 1000.0 => format!("{:.1}s", time / 1000.0),
        Some(time) if time >= 10.0 => format!("{time:.0}ms"),
        Some(time) if time >= 1.0 => format!("{time:.1}ms"),
        Some(time) => format!("{time:.2}ms"),
    }
}

/// A part of a whole: `33%`.
pub(super) fn percent(part: f64) -> String {
    format!("{:.0}%", part * 100.0)
}

/// `1 session`, `2 sessions`.
pub(super) fn sessions(count: u32) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} session{plural}")
}

/// Text from the other side, with lines and without any other control character.
pub(super) fn printable(text: &str) -> String {
    let escaped = |c: char| match c {
        '\n' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_have_two_digits_or_more_and_a_unit() {
        let table = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0KiB"),
            (1536, "1.5KiB"),
            (10_239, "9.9KiB"),
            (10_240, "10KiB"),
            (1_048_575, "1023KiB"),
            (1_048_576, "1.0MiB"),
            (1_468_006, "1.3MiB"),
            (1_468_007, "1.4MiB"),
            (u64::MAX, "15EiB"),
        ];
        for (bytes, wanted) in table {
            assert_eq!(size(bytes), wanted, "{bytes}");
        }
    }

    #[test]
    fn spans_have_the_two_largest_units() {
        let table = [
            (0.0, "0s"),
            (0.25, "250ms"),
            (59.9, "59s"),
            (60.0, "1m00s"),
            (3_599.0, "59m59s"),
            (3_600.0, "1h00m"),
            (86_399.0, "23h59m"),
            (273_600.0, "3d04h"),
            (-1.0, "0s"),
            (f64::NAN, "0s"),
        ];
        for (time, wanted) in table {
            assert_eq!(seconds(time), wanted, "{time}");
        }
    }

    #[test]
    fn rates_times_and_parts_are_short() {
        let table = [
            (0.0, "0bit/s"),
            (60.0, "480bit/s"),
            (124.99, "999bit/s"),
            (125.0, "1.0kbit/s"),
            (158_000.0, "1.2Mbit/s"),
            (1_640_000.0, "13Mbit/s"),
            (1e15, "8000Tbit/s"),
        ];
        for (bytes, wanted) in table {
            assert_eq!(bits(bytes), wanted, "{bytes}");
        }
        let table = [(0.0, "0"), (0.25, "0.25"), (12.34, "12.3"), (480.4, "480")];
        for (number, wanted) in table {
            assert_eq!(rate(number), wanted);
        }
        let table = [
            (None, "-"),
            (Some(0.42), "0.42ms"),
            (Some(1.42), "1.4ms"),
            (Some(12.4), "12ms"),
            (Some(1240.0), "1.2s"),
        ];
        for (time, wanted) in table {
            assert_eq!(milliseconds(time), wanted);
        }
        assert_eq!([0.0, 1.0 / 3.0, 1.0].map(percent), ["0%", "33%", "100%"]);
    }

    #[test]
    fn one_session_is_not_sessions() {
        assert_eq!(
            [0, 1, 2].map(sessions),
            ["0 sessions", "1 session", "2 sessions"]
        );
    }

    #[test]
    fn a_text_keeps_its_lines_and_loses_what_a_terminal_obeys() {
        let table = [
            ("a\n ^ here", "a\n ^ here"),
            ("\x1b[2J", "\\u{1b}[2J"),
            ("a\rb\0", "a\\rb\\u{0}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{e9}t\u{e9}", "\u{e9}t\u{e9}"),
        ];
        for (text, wanted) in table {
            assert_eq!(printable(text), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_size_is_short_and_never_more_than_there_is(bytes: u64) {
            let text = size(bytes);
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let number: f64 = text[..text.len() - unit.len()].parse().unwrap();
            let place = SIZES.iter().position(|it| *it == unit).unwrap();
            let exponent = i32::try_from(place).unwrap();
            prop_assert!(text.len() <= 7, "{text}");
            // The number is a whole one of tenths: what there is lies less than a tenth above it.
            #[expect(clippy::cast_precision_loss, reason = "the comparison leaves room for it")]
            let exact = bytes as f64 / 1024_f64.powi(exponent);
            prop_assert!(exact >= number - 1e-9, "{text} of {bytes}");
            prop_assert!(exact < number + if text.contains('.') { 0.1 } else { 1.0 } + 1e-9, "{text} of {bytes}");
        }
    }
}
