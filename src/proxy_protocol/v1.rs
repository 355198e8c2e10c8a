//! Version 1, a line of text: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, then CR LF.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Addresses, Command, DecodeError, Decoded, Header, Tlvs, in_one_family};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// The longest line, with its end.
const MOST_BYTES: usize = 107;

/// What is no client of TCP. The rest of its line is not looked at.
const UNKNOWN: &str = "UNKNOWN";

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    let line = &bytes[..bytes.len().min(MOST_BYTES)];
    let Some(end) = line.iter().position(|byte| b"\r\n".contains(byte)) else {
        return unfinished(line);
    };
    match line[end..] {
        [b'\r', b'\n', ..] => {}
        [b'\r'] => return unfinished(line),
        _ => return Err(DecodeError("has a line that does not end with CR LF")),
    }
    let header = Header {
        command: Command::Proxy,
        // The signature has no end of a line.
        addresses: addresses(&line[SIGNATURE.len()..end])?,
        tlvs: Tlvs::default(),
    };
    Ok(Decoded::Header(header, end + 2))
}

const fn unfinished(line: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    if line.len() < MOST_BYTES {
        Ok(Decoded::Incomplete)
    } else {
        Err(DecodeError("has a line of more than 107 bytes"))
    }
}

/// What stands behind the signature.
fn addresses(rest: &[u8]) -> Result<Option<Addresses>, DecodeError> {
    let unknown = rest.strip_prefix(UNKNOWN.as_bytes());
    if unknown.is_some_and(|it| matches!(it, [] | [b' ', ..])) {
        return Ok(None);
    }
    let no_text = |_| DecodeError("has a line that is no ASCII");
    let rest = std::str::from_utf8(rest).map_err(no_text)?;
    let mut words = rest.split(' ');
    let mut next = || words.next().ok_or(DecodeError("lacks a part of its line"));
    let family = match next()? {
        "TCP4" => |text: &str| text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        "TCP6" => |text: &str| text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        _ => return Err(DecodeError("names neither TCP4, TCP6 nor UNKNOWN")),
    };
    let wrong = DecodeError("has an address that is none of its family");
    let client = family(next()?).ok_or(wrong)?;
    let destination = family(next()?).ok_or(wrong)?;
    let (from, to) = (port(next()?)?, port(next()?)?);
    if words.next().is_some() {
        return Err(DecodeError("has more in its line than belongs there"));
    }
    let client = SocketAddr::new(client, from);
    Ok(Some((client, SocketAddr::new(destination, to))))
}

/// A number up to 65535, without anything that a number may do without.
fn port(text: &str) -> Result<u16, DecodeError> {
    let is_plain =
        text.bytes().all(|it| it.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let port = text.parse().ok().filter(|_| is_plain);
    port.ok_or(DecodeError("has a port that is none"))
}

/// The line for a client, or for a connection that is nobody's.
#[must_use]
pub fn encode(addresses: Option<Addresses>) -> Vec<u8> {
    let Some((client, destination)) = addresses.map(in_one_family) else {
        return format!("PROXY {UNKNOWN}\r\n").into_bytes();
    };
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (client.port(), destination.port());
    let (client, destination) = (client.ip(), destination.ip());
    format!("PROXY {family} {client} {destination} {from} {to}\r\n").into_bytes()
}
