//! The parts of an HTTP check, as people write them. They go into a request as they are.

use std::ops::RangeInclusive;
use std::sync::Arc;

/// Ranges of statuses.
pub type Statuses = Arc<[RangeInclusive<u16>]>;

/// Statuses with which a check passes where nothing else is said.
pub const STATUS_PASSES: RangeInclusive<u16> = 200..=399;

/// All statuses that there can be.
const STATUSES: RangeInclusive<u16> = 100..=599;

/// The longest host, in bytes: that of a DNS name, with a port.
const HOST_BYTES: usize = 253 + 6;

/// Checks the path of a request: one word that begins with a slash.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn http_path(text: &str) -> Result<Arc<str>, String> {
    if !text.starts_with('/') {
        return Err("a path begins with '/'".to_owned());
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "a path has no spaces, control or non-ASCII characters: write them like %20".to_owned(),
        );
    }
    Ok(text.into())
}

/// Checks what goes into the Host header: one word.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn http_host(text: &str) -> Result<Arc<str>, String> {
    if (1..=HOST_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.into());
    }
    Err(format!(
        "a host has 1 to {HOST_BYTES} characters, none of them a space or a control character"
    ))
}

/// Parses `200`, `200-399` or several of these with commas between them.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn statuses(text: &str) -> Result<Statuses, String> {
    text.split(',').map(range).collect()
}

fn range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let status = |text: &str| {
        let text = text.trim();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let status = text.parse().ok().filter(|it| STATUSES.contains(it));
        status.filter(|_| is_plain).ok_or_else(|| {
            let (first, last) = STATUSES.into_inner();
            format!("'{text}' is not a status from {first} to {last}")
        })
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (status(first)?, status(last)?);
    if first > last {
        return Err(format!("'{text}' ends before it begins"));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statuses_are_numbers_and_ranges() {
        let table = [
            ("200", vec![200..=200]),
            ("200-399", vec![200..=399]),
            ("200,204", vec![200..=200, 204..=204]),
            ("200-299, 401", vec![200..=299, 401..=401]),
            ("100-599", vec![100..=599]),
        ];
        for (text, ranges) in table {
            assert_eq!(statuses(text).as_deref(), Ok(&ranges[..]), "{text}");
        }
    }

    #[test]
    fn what_can_be_no_status_is_named() {
        let table = [
            ("", "'' is not a status from 100 to 599"),
            ("ok", "'ok' is not a status"),
            ("99", "'99' is not a status"),
            ("600", "'600' is not a status"),
            ("+200", "'+200' is not a status"),
            ("200,", "'' is not a status"),
            ("200-", "'' is not a status"),
            ("2xx", "'2xx' is not a status"),
            ("399-200", "'399-200' ends before it begins"),
        ];
        for (text, hint) in table {
            let error = statuses(text).unwrap_err();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn a_host_is_one_word() {
        for good in ["web.example", "web.example:8080", "[::1]"] {
            assert_eq!(http_host(good).as_deref(), Ok(good));
        }
        let long = "x".repeat(260);
        for bad in ["", "a b", "a\r\nX: y", "na\u{ef}ve", &long] {
            assert!(http_host(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_is_taken_is_one_word_of_a_request(path in "/[!-~]{0,20}|/[ -~]*|\\PC*") {
            if let Ok(path) = http_path(&path) {
                let line = format!("GET {path} HTTP/1.1");
                prop_assert_eq!(line.split_ascii_whitespace().count(), 3);
                prop_assert!(path.starts_with('/') && path.is_ascii());
            }
        }
    }
}
