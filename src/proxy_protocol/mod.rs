//! The PROXY protocol, versions 1 and 2: what a proxy says of a client before the client's first byte.
//!
//! Pure: bytes in, header out, and the other way round. As HAProxy's proxy-protocol.txt has it, and
//! strict: what that text does not allow is refused, and nothing is ever guessed. Imports nothing of
//! ours; called by worker and health.

mod checksum;
mod tlv;
mod v1;
mod v2;

pub use tlv::{Ssl, Tlvs};
pub use v1::encode as encode_v1;
pub use v2::encode as encode_v2;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The longest header that is accepted. Version 2 could say 64 KiB; nobody's needs a tenth of that.
pub const MOST_BYTES: usize = 16 * 1024;

/// A client's address, and the one that it connected to.
pub type Addresses = (SocketAddr, SocketAddr);

/// What the first bytes of a connection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// The beginning of a header, or nothing yet.
    Incomplete,
    /// A header, and how many bytes it has. What follows is the client's.
    Header(Header<'a>, usize),
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// For whom the connection is.
    pub command: Command,
    /// The client and the address it connected to, where it came by TCP over IP and the header says so.
    pub addresses: Option<Addresses>,
    /// What else is said of the connection; nothing in version 1.
    pub tlvs: Tlvs<'a>,
}

/// For whom a proxy has opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// For itself, to see whether anybody is there: the connection's own addresses hold.
    Local,
    /// For a client.
    Proxy,
}

/// Why bytes are no header, nor the beginning of one. Displays as a sentence without its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError(&'static str);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for DecodeError {}

/// What the first bytes of a connection are, of either version. Given more of them it says the same
/// thing, once it is not [`Decoded::Incomplete`].
///
/// # Errors
///
/// They are no header, whatever may follow.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    if begins(bytes, v1::SIGNATURE) {
        v1::decode(bytes)
    } else if begins(bytes, v2::SIGNATURE) {
        v2::decode(bytes)
    } else {
        Err(DecodeError("does not begin as a PROXY header does"))
    }
}

/// Whether the bytes begin with the signature, as far as there are any.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    bytes
        .iter()
        .zip(signature)
        .all(|(byte, wanted)| byte == wanted)
}

/// Both addresses in one family, as a header has them: an IPv4 address beside one of IPv6 is mapped.
fn in_one_family((client, destination): Addresses) -> Addresses {
    let canonical = |it: SocketAddr| SocketAddr::new(it.ip().to_canonical(), it.port());
    let mapped = |it: SocketAddr| match it.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), it.port()),
        IpAddr::V6(ip) => SocketAddr::new(ip.into(), it.port()),
    };
    let (client, destination) = (canonical(client), canonical(destination));
    if client.is_ipv4() == destination.is_ipv4() {
        (client, destination)
    } else {
        (mapped(client), mapped(destination))
    }
}

#[cfg(test)]
mod tests;
