//! What a client may call the server that it wants.

use std::net::IpAddr;

/// The longest name of DNS, without the dot at its end, and the longest label of one.
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

/// A host name as DNS compares it: in lower case, without the dot at its end. `None` where it is none,
/// as with an address. Underscores are allowed, since names that are in use have them.
#[must_use]
pub fn host_name(text: &str) -> Option<Box<str>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label =
        |label: &str| (1..=LABEL_BYTES).contains(&label.len()) && label.bytes().all(allowed);
    let is_name = text.len() <= NAME_BYTES && text.split('.').all(is_label);
    (is_name && !is_address(text)).then(|| text.to_ascii_lowercase().into())
}

/// Whether it is an address, which is no name though some clients send it as one.
pub(super) fn is_address(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    inner.unwrap_or(text).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lowered_and_loses_one_dot() {
        let label = "x".repeat(63);
        let longest = [&*label, &label, &label, &label[..61]].join(".");
        let table = [
            ("shop.example", "shop.example"),
            ("SHOP.Example", "shop.example"),
            ("shop.example.", "shop.example"),
            ("localhost", "localhost"),
            ("_x.r3---sn-8.example", "_x.r3---sn-8.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("1.2.3", "1.2.3"),
            (&longest, &longest),
        ];
        for (text, wanted) in table {
            assert_eq!(host_name(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        let label = "x".repeat(64);
        let long = [&label[1..]; 4].join(".");
        let table = [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a..",
            "a b",
            "a\0b",
            "*.example",
            "a/b",
            "a:1",
            "b\u{fc}cher",
            "10.0.0.1",
            "10.0.0.1.",
            "::1",
            "[::1]",
            &label,
            &long,
        ];
        for text in table {
            assert_eq!(host_name(text), None, "{text:?}");
        }
        for text in ["10.0.0.1", "10.0.0.1.", "::1", "[::1]", "::ffff:10.0.0.1"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["", "1.2.3", "a", "[::1", "10.0.0.1.."] {
            assert!(!is_address(text), "{text}");
        }
    }
}
