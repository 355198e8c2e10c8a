//! Version 2: a signature, a command, a family, a length, the addresses, then TLVs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    Addresses, Command, DecodeError, Decoded, Header, MOST_BYTES, Tlvs, checksum, in_one_family,
};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, version and command, family and protocol, length of the rest.
const FIXED_BYTES: usize = 16;

/// Version 2, in the upper half of its byte.
const VERSION: u8 = 0x20;

/// Commands, in the lower half of it.
const LOCAL: u8 = 0;
const PROXY: u8 = 1;

/// Families of addresses with the protocol, and the bytes that two addresses take.
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const UDP4: u8 = 0x12;
const TCP6: u8 = 0x21;
const UDP6: u8 = 0x22;
const UNIX_STREAM: u8 = 0x31;
const UNIX_DATAGRAM: u8 = 0x32;

/// Bytes of the addresses of both ends.
const IPV4_BYTES: usize = 12;
const IPV6_BYTES: usize = 36;
const UNIX_BYTES: usize = 216;

pub(super) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    let Some(&version_and_command) = bytes.get(SIGNATURE.len()) else {
        return Ok(Decoded::Incomplete);
    };
    let command = match version_and_command ^ VERSION {
        LOCAL => Command::Local,
        PROXY => Command::Proxy,
        it if it >> 4 != 0 => return Err(DecodeError("is of an unknown version")),
        _ => return Err(DecodeError("has an unknown command")),
    };
    let Some(&[family, high, low]) = bytes.get(SIGNATURE.len() + 1..FIXED_BYTES) else {
        return Ok(Decoded::Incomplete);
    };
    let address_bytes = match (command, family) {
        // Whose family and whatever else it says are to be ignored.
        (Command::Local, _) | (_, UNSPECIFIED) => None,
        (_, TCP4 | UDP4) => Some(IPV4_BYTES),
        (_, TCP6 | UDP6) => Some(IPV6_BYTES),
        (_, UNIX_STREAM | UNIX_DATAGRAM) => Some(UNIX_BYTES),
        _ => return Err(DecodeError("has an unknown family or protocol")),
    };
    let length = FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if length > MOST_BYTES {
        return Err(DecodeError("is longer than 16 KiB"));
    }
    if length < FIXED_BYTES + address_bytes.unwrap_or(0) {
        return Err(DecodeError("is too short for its addresses"));
    }
    let Some(whole) = bytes.get(..length) else {
        return Ok(Decoded::Incomplete);
    };
    let mut header = Header {
        command,
        addresses: None,
        tlvs: Tlvs::default(),
    };
    if let Some(address_bytes) = address_bytes {
        let (block, tlvs) = whole[FIXED_BYTES..].split_at(address_bytes);
        header.addresses = addresses(family, block);
        let (tlvs, checksum) = Tlvs::read(tlvs)?;
        let tlvs_at = FIXED_BYTES + address_bytes;
        if checksum.is_some_and(|at| !checksum::holds(whole, tlvs_at + at)) {
            return Err(DecodeError("has a checksum that is not that of its bytes"));
        }
        header.tlvs = tlvs;
    }
    Ok(Decoded::Header(header, length))
}

/// The addresses of TCP over IP; others say nothing of a TCP client.
fn addresses(family: u8, block: &[u8]) -> Option<Addresses> {
    let port = |at: usize| Some(u16::from_be_bytes([*block.get(at)?, *block.get(at + 1)?]));
    let (client, destination, from, to): (IpAddr, IpAddr, _, _) = match family {
        TCP4 => {
            let ip = |at: usize| Some(Ipv4Addr::from(*block.get(at..)?.first_chunk::<4>()?));
            (ip(0)?.into(), ip(4)?.into(), port(8)?, port(10)?)
        }
        TCP6 => {
            let ip = |at: usize| Some(Ipv6Addr::from(*block.get(at..)?.first_chunk::<16>()?));
            (ip(0)?.into(), ip(16)?.into(), port(32)?, port(34)?)
        }
        _ => return None,
    };
    Some((
        SocketAddr::new(client, from),
        SocketAddr::new(destination, to),
    ))
}

/// The header for a client, or for a connection that is nobody's, which says nothing else either.
#[must_use]
pub fn encode(addresses: Option<Addresses>, tlvs: &Tlvs<'_>) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    let Some((client, destination)) = addresses.map(in_one_family) else {
        header.extend([VERSION | LOCAL, UNSPECIFIED, 0, 0]);
        return header;
    };
    let mut rest = Vec::new();
    for address in [client, destination] {
        match address.ip() {
            IpAddr::V4(ip) => rest.extend(ip.octets()),
            IpAddr::V6(ip) => rest.extend(ip.octets()),
        }
    }
    rest.extend(client.port().to_be_bytes());
    rest.extend(destination.port().to_be_bytes());
    tlvs.write(&mut rest);
    // What is written of TLVs is bounded, so that this holds.
    let length = u16::try_from(rest.len()).unwrap_or(0);
    let family = if client.is_ipv4() { TCP4 } else { TCP6 };
    header.extend([VERSION | PROXY, family]);
    header.extend(length.to_be_bytes());
    header.extend(rest);
    header
}
