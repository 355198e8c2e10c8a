//! The Host field and the authority of an absolute target: one host, and perhaps a port.

use std::net::Ipv6Addr;

/// Whether this is `uri-host [ ":" port ]` (RFC 9110, 7.2). An empty one is (RFC 9112, 3.2).
pub(super) fn is_host(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else {
        return false;
    };
    let (is_right, port) = match text.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, after)) => (is_literal(address), after),
            None => return false,
        },
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name.bytes().all(is_name), port)
        }
    };
    is_right && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Whether two of them are one to whoever chooses a site by them; `default` is the port of the
/// scheme.
pub(super) fn same(left: &str, right: &str, default: &str) -> bool {
    let bare = |it: &str| -> String {
        let it = it.strip_suffix(default).unwrap_or(it);
        it.strip_suffix(':').unwrap_or(it).to_ascii_lowercase()
    };
    bare(left) == bare(right)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.is_empty() || text.parse::<u16>().is_ok())
}

/// `IP-literal` of RFC 3986, without the brackets; nobody uses the versions to come.
fn is_literal(address: &str) -> bool {
    address.parse::<Ipv6Addr>().is_ok()
}

/// A byte of `reg-name` of RFC 3986.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}
