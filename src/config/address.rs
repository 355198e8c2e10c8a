//! Addresses as people write them: of listeners, and of backends, whose names are resolved.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Why a text is no address. Displays as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// It does not have the form of an address.
    Form(String),
    /// Its name has no address now.
    Unresolved(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) | Self::Unresolved(text) => f.write_str(text),
        }
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
    text.parse().map_err(|_| {
        AddressError::Form(match split_port(text) {
            Err(what) => what,
            Ok((host, port)) => format!(
                "'{host}' is not an IP address: write 0.0.0.0:{port}, [::1]:{port} or :{port}"
            ),
        })
    })
}

/// Parses `HOST:PORT` where HOST is an IPv4 address, an IPv6 address in brackets or a DNS name. A
/// name is looked up once; of several addresses the first IPv4 one is taken, else the first.
///
/// # Errors
///
/// [`AddressError::Form`], or [`AddressError::Unresolved`] where the name has no address.
pub fn resolve_backend(text: &str) -> Result<SocketAddr, AddressError> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() == 0 {
            Err(AddressError::Form(format!(
                "port 0 in '{text}' cannot be connected to"
            )))
        } else {
            Ok(address)
        };
    }
    let (host, port) = split_port(text).map_err(AddressError::Form)?;
    if port == 0 {
        return Err(AddressError::Form(format!(
            "port 0 in '{text}' cannot be connected to"
        )));
    }
    let found: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|error| {
            AddressError::Unresolved(format!("cannot resolve '{host}': {}", reason(&error)))
        })?
        .collect();
    let first_v4 = found.iter().find(|address| address.is_ipv4());
    first_v4
        .or_else(|| found.first())
        .copied()
        .ok_or_else(|| AddressError::Unresolved(format!("'{host}' has no address")))
}

/// The resolver's words without the standard library's preface.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.rsplit(": ").next().unwrap_or(&text).to_owned()
}

fn split_port(text: &str) -> Result<(&str, u16), String> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("'{text}' has no port: write {text}:PORT"));
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let well_formed = match bare {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => is_host(host),
    };
    if host.contains(':') && bare.is_none() {
        return Err(format!(
            "an IPv6 address needs brackets: write [{host}]:{port} or [{text}]:PORT"
        ));
    }
    if !well_formed {
        return Err(format!("'{host}' in '{text}' is no host name"));
    }
    let port = port
        .parse()
        .map_err(|_| format!("'{port}' in '{text}' is not a port: it is a number up to 65535"))?;
    Ok((host, port))
}

/// Whether `host` can be a DNS name or an IPv4 address.
fn is_host(host: &str) -> bool {
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

    #[test]
    fn backends_are_addresses_or_names() {
        let table = [
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:80", "127.0.0.1:80"),
        ];
        for (text, address) in table {
            assert_eq!(
                resolve_backend(text).map(|a| a.to_string()),
                Ok(address.into()),
                "{text}"
            );
        }
        for text in [
            "10.0.0.1",
            "10.0.0.1:0",
            "localhost:0",
            "::1:80",
            "h\u{0}st:80",
            "host:-1",
        ] {
            assert!(
                matches!(resolve_backend(text), Err(AddressError::Form(_))),
                "{text}"
            );
        }
        let unknown = resolve_backend("no-such-name.invalid:80");
        assert!(
            matches!(unknown, Err(AddressError::Unresolved(_))),
            "{unknown:?}"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_a_listen_address_panic(text in "\\PC*") {
            let _ = listen_address(&text);
        }
    }
}
