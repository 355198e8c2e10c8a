//! Durations as people write them: a number with a unit.

use std::fmt;
use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError(String);

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnitError {}

/// The longest duration that is taken: longer ones are typing errors.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Parses `250ms`, `5s`, `10m`, `1h` or a sum such as `1h30m`. Zero is refused: no timeout of ours
/// has a meaning at zero.
///
/// # Errors
///
/// A sentence that says what is wrong; for a bare number it suggests the unit.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnitError(format!(
            "'{text}' has no unit: write {text}s or {text}ms"
        )));
    }
    let value = humantime::parse_duration(text).map_err(|_| {
        UnitError(format!(
            "'{text}' is not a duration: write it like 250ms, 5s, 10m or 1h"
        ))
    })?;
    if value < Duration::from_millis(1) {
        return Err(UnitError(format!(
            "'{text}' is too short: the shortest is 1ms"
        )));
    }
    if value > LONGEST {
        return Err(UnitError(format!(
            "'{text}' is too long: the longest is 366d"
        )));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_carry_a_unit() {
        let table = [
            ("250ms", 250),
            ("5s", 5_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
        ];
        for (text, millis) in table {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5_400)));
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_hint() {
        let table = [
            ("5", "write 5s or 5ms"),
            ("", "not a duration"),
            ("5 parsecs", "not a duration"),
            ("-1s", "not a duration"),
            ("0s", "too short"),
            ("10us", "too short"),
            ("999999999999h", "too long"),
            ("400d", "too long"),
            ("99999999999999999999999s", "not a duration"),
        ];
        for (text, hint) in table {
            let error = duration(text).unwrap_err().to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = duration(&text);
        }
    }
}
