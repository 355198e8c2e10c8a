//! Single values of flags: a text becomes a number, a duration or a usage error that says where it
//! stands. Called by `settings`, `pool` and `health`.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::Failure;
use crate::config;

pub(super) fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    config::duration(text).map_err(|error| Failure::Usage(format!("{flag}: {error}")))
}

/// What a flag says, or what holds where it is not given.
pub(super) fn or_default<T>(
    text: Option<&String>,
    default: T,
    read: impl FnOnce(&str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    text.map_or(Ok(default), |text| read(text))
}

/// A number of `range`, or `None`.
pub(super) fn within<T: FromStr + PartialOrd>(text: &str, range: &RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|value| range.contains(value))
}

/// A number of `range`; the error begins with `place`, which is a flag or a part of one's value.
pub(super) fn number<T>(place: &str, text: &str, range: &RangeInclusive<T>) -> Result<T, Failure>
where
    T: FromStr + PartialOrd + Display,
{
    within(text, range).ok_or_else(|| {
        let (first, last) = (range.start(), range.end());
        Failure::Usage(format!(
            "{place}: {text:?} is not a number from {first} to {last}"
        ))
    })
}

/// The error for a word that is not among the `known` ones.
pub(super) fn unknown(place: &str, word: &str, known: &[&str]) -> Failure {
    Failure::Usage(format!(
        "{place}: {word:?} is not one of {}{}",
        known.join(", "),
        config::hint(word, known)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_up_to_both_ends_of_its_range() {
        for (text, wanted) in [
            ("1", Some(1)),
            ("254", Some(254)),
            ("0", None),
            ("255", None),
            ("256", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ] {
            assert_eq!(within::<u8>(text, &(1..=254)), wanted, "{text:?}");
        }
    }

    #[test]
    fn an_error_names_the_place_and_what_may_stand_there() {
        let table = [
            (
                number::<u8>("--retries", "x", &(0..=254)).unwrap_err(),
                "--retries: \"x\" is not a number from 0 to 254",
            ),
            (
                unknown("--shape", "rond", &["round", "square"]),
                "--shape: \"rond\" is not one of round, square: did you mean round?",
            ),
        ];
        for (failure, text) in table {
            assert_eq!(failure, Failure::Usage(text.to_owned()));
        }
    }
}
