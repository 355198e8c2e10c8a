//! Who the client is: from whom a PROXY header is believed, what a backend is told, and from which address.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// Proxies that have to say who their client is. Nobody else is accepted beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptProxy {
    /// Where they are.
    pub from: Arc<[IpNet]>,
}

impl AcceptProxy {
    /// Whether `address` is one of theirs.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.from.iter().any(|network| network.contains(&address))
    }
}

/// The version of the PROXY header that backends get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendProxy {
    /// A line of text, with the addresses alone.
    V1,
    /// Binary, with what else is known.
    V2,
}

impl SendProxy {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    /// As flags and files name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// The address that a backend sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialFrom {
    /// The client's own: transparent.
    Client,
    /// Those of this machine, each in its turn; a backend is dialed from those of its family.
    Addresses(Arc<[IpAddr]>),
}

/// Parses a network such as `10.0.0.0/8`, or one address.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<IpAddr>().map(IpNet::from).ok();
    let network: Option<IpNet> = text.parse().ok().or_else(one);
    let network = network.ok_or_else(|| {
        format!("'{text}' is no network such as 10.0.0.0/8, and no address such as 10.0.0.1 or ::1")
    })?;
    if network.trunc() != network {
        let meant = network.trunc();
        return Err(format!("'{text}' has bits behind its prefix: {meant}?"));
    }
    if let IpNet::V6(network) = network
        && network.prefix_len() >= MAPPED_PREFIX
        && let Some(ip) = network.addr().to_ipv4_mapped()
    {
        let prefix = network.prefix_len() - MAPPED_PREFIX;
        return Err(format!("'{text}' is of IPv4: write {ip}/{prefix}"));
    }
    Ok(network)
}

/// Bits before the IPv4 address in a mapped one.
const MAPPED_PREFIX: u8 = 96;

/// Parses an address that connections can be made from.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn own_address(text: &str) -> Result<IpAddr, String> {
    let address: Option<IpAddr> = text.parse().ok();
    let address = address.map(|it| it.to_canonical());
    let address = address.filter(|it| !it.is_unspecified() && !it.is_multicast());
    address.ok_or_else(|| {
        format!("'{text}' is no address of a machine: write it like 10.0.0.5 or fd00::5")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_prefix_or_one_address() {
        let table = [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ];
        for (text, wanted) in table {
            assert_eq!(network(text).unwrap().to_string(), wanted);
        }
        for (text, wanted) in [
            ("10.0.0.1/8", "has bits behind its prefix: 10.0.0.0/8?"),
            ("::ffff:10.0.0.0/104", "is of IPv4: write 10.0.0.0/8"),
            ("::ffff:10.0.0.1", "is of IPv4: write 10.0.0.1/32"),
            ("10.0.0.0/33", "is no network"),
            ("", "is no network"),
            ("lb.example", "is no network"),
        ] {
            let error = network(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn who_is_in_one_of_the_networks_is_believed() {
        let from = ["10.0.0.0/8", "::1", "fd00::/16"].map(|it| network(it).unwrap());
        let accept = AcceptProxy { from: from.into() };
        for (address, trusted) in [
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("11.0.0.1", false),
            ("::1", true),
            ("::2", false),
            ("fd00:0:1::", true),
            ("fd01::", false),
            ("127.0.0.1", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(accept.trusts(address), trusted, "{address}");
        }
    }

    #[test]
    fn connections_are_made_from_addresses_of_machines() {
        for (text, wanted) in [("10.0.0.5", "10.0.0.5"), ("::ffff:10.0.0.5", "10.0.0.5")] {
            assert_eq!(own_address(text).unwrap().to_string(), wanted);
        }
        for text in [
            "",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "10.0.0.5:80",
            "eth0",
        ] {
            assert!(own_address(text).is_err(), "{text}");
        }
    }
}
