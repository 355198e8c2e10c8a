//! Addresses as people write them: where to accept clients, and parts that targets share.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Where name servers are, if nothing else is said.
const DNS_PORT: u16 = 53;

/// Why a text is no address. Displays as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError(pub(super) String);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AddressError {}

/// Parses `0.0.0.0:9000`, `[::1]:9000` or `:9000`, which is every address of both families.
///
/// # Errors
///
/// A sentence that says what is missing.
pub fn listen_address(text: &str) -> Result<SocketAddr, AddressError> {
    if let Some(port) = text.strip_prefix(':')
        && let Ok(port) = port.parse()
    {
        return Ok((Ipv6Addr::UNSPECIFIED, port).into());
    }
    text.parse().map_err(|_| match split_port(text) {
        Err(error) => error,
        Ok((host, port)) => AddressError(format!(
            "'{host}' is not an IP address: write 0.0.0.0:{port}, [::1]:{port} or :{port}"
        )),
    })
}

/// Parses where a name server is: `10.0.0.2:53`, `[::1]:8600`, or an IP address alone.
///
/// # Errors
///
/// A sentence that says what is missing.
pub fn name_server(text: &str) -> Result<SocketAddr, String> {
    let alone = text.parse::<IpAddr>().map(|ip| (ip, DNS_PORT).into());
    let server: Result<SocketAddr, _> = alone.or_else(|_| text.parse());
    let server = server.ok().filter(|it| it.port() != 0);
    server.ok_or_else(|| {
        format!("'{text}' is no name server: write it like 10.0.0.2:{DNS_PORT} or [::1]:{DNS_PORT}")
    })
}

/// Parses the address of a client, which may have a port: `203.0.113.7`, `203.0.113.7:5555`, `::1`,
/// `[::1]:5555`. The port says nothing, as a client has another one each time.
///
/// # Errors
///
/// A sentence that says how it is written.
pub fn client_address(text: &str) -> Result<IpAddr, AddressError> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address.ip());
    }
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    bare.unwrap_or(text).parse().map_err(|_| {
        AddressError(format!(
            "'{text}' is no client: write it like 203.0.113.7 or [2001:db8::1]:5555"
        ))
    })
}

/// The host, which has the form of one, and the port.
pub(super) fn split_port(text: &str) -> Result<(&str, u16), AddressError> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(AddressError(format!(
            "'{text}' has no port: write {text}:PORT"
        )));
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let well_formed = match bare {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => is_host(host),
    };
    if host.contains(':') && bare.is_none() {
        return Err(AddressError(format!(
            "an IPv6 address needs brackets: write [{host}]:{port} or [{text}]:PORT"
        )));
    }
    if !well_formed {
        return Err(AddressError(format!(
            "'{host}' in '{text}' is no host name"
        )));
    }
    let port = port.parse().map_err(|_| {
        AddressError(format!(
            "'{port}' in '{text}' is not a port: it is a number up to 65535"
        ))
    })?;
    Ok((host, port))
}

/// Whether `host` can be a DNS name or an IPv4 address.
pub(super) fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.len() <= 253 && host.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn listen_addresses_are_of_either_family_or_of_both() {
        let table = [
            ("0.0.0.0:9000", "0.0.0.0:9000"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:9000", "[::1]:9000"),
            (":9000", "[::]:9000"),
        ];
        for (text, address) in table {
            assert_eq!(
                listen_address(text).map(|a| a.to_string()),
                Ok(address.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_name_server_has_an_ip_address_and_perhaps_a_port() {
        let table = [
            ("10.0.0.2:5353", Some("10.0.0.2:5353")),
            ("[::1]:8600", Some("[::1]:8600")),
            ("10.0.0.2", Some("10.0.0.2:53")),
            ("::1", Some("[::1]:53")),
            ("10.0.0.2:0", None),
            ("ns.example:53", None),
            ("", None),
        ];
        for (text, wanted) in table {
            let server = name_server(text).ok().map(|it| it.to_string());
            assert_eq!(server.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn a_wrong_address_is_explained() {
        let table = [
            ("9000", "has no port"),
            ("localhost:9000", "not an IP address"),
            ("0.0.0.0:http", "not a port"),
            ("0.0.0.0:65536", "not a port"),
            ("::1:9000", "needs brackets"),
            (":", "is no host name"),
            ("", "has no port"),
            ("a b:1", "no host name"),
        ];
        for (text, hint) in table {
            let error = listen_address(text).unwrap_err().to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_listen_address_panic(text in "\\PC*") {
            let _ = listen_address(&text);
        }
    }
}
