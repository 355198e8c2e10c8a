//! An operating system's error in words: for people, without its number.
//!
//! Imports nothing of ours. Used wherever an error is shown.

use std::io;

/// What `error` says, in lower case and without `(os error N)`: `connection refused`.
#[must_use]
pub fn of(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = words.chars();
    // Not where an abbreviation comes first, such as `RPC`.
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(words.chars().skip(1)).collect()
        }
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_words_without_numbers() {
        let table = [
            (98, "address already in use"),
            (111, "connection refused"),
            (113, "no route to host"),
            (24, "too many open files"),
            (72, "multihop attempted"),
            (71, "protocol error"),
        ];
        for (number, words) in table {
            assert_eq!(of(&io::Error::from_raw_os_error(number)), words);
        }
        assert_eq!(of(&io::Error::other("RPC failed")), "RPC failed");
    }
}
