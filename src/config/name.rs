//! What listeners, pools and backends may be called: one word of a log line, a label, a path of the API.

use std::net::SocketAddr;

use super::Target;

/// The longest name, in bytes.
const NAME_BYTES: usize = 64;

/// Checks the name of a listener, a pool or a backend; it may also look like an address.
///
/// # Errors
///
/// A sentence that says what a name is made of.
pub fn name(text: &str) -> Result<&str, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if !text.is_empty() && text.len() <= NAME_BYTES && text.bytes().all(allowed) {
        return Ok(text);
    }
    Err(format!(
        "a name has 1 to {NAME_BYTES} letters, digits, '-', '_' and '.'"
    ))
}

/// Checks what a backend that is served may be called: a name, or for one of several addresses of a
/// name `NAME@ADDRESS`, or where it has no name the address of its entry, however long.
///
/// # Errors
///
/// A sentence that says what a name is made of.
pub fn served_name(text: &str) -> Result<&str, String> {
    match text.split_once('@') {
        Some((own, address)) if address.parse::<SocketAddr>().is_ok() => name(own).map(|_| text),
        _ => name(text).or_else(|why| Target::parse(text).map(|_| text).map_err(|_| why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_a_log_line() {
        let longest = "x".repeat(64);
        for good in ["a", "web-1", "a_b.c", "[::1]:80", "10.0.0.1:80", &longest] {
            assert_eq!(name(good), Ok(good));
        }
        let long = "x".repeat(65);
        for bad in ["", "a b", "a/b", "na\u{ef}ve", "a\n", "a,b", "a=b", &long] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_backend_that_is_served_may_have_its_address_behind_its_name() {
        let long = format!("{}.example:80", "x".repeat(63));
        let own = ["web", "10.0.0.1:80", "web@10.0.0.1:80", "web@[::1]:80"];
        for good in own.into_iter().chain([&*long]) {
            assert_eq!(served_name(good), Ok(good));
        }
        for bad in ["web@", "web@10.0.0.1", "a b@10.0.0.1:80", "@10.0.0.1:80"] {
            assert!(served_name(bad).is_err(), "{bad:?}");
        }
    }
}
