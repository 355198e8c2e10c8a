//! Where a backend is, as it is written. Nothing is looked up here.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::address::{AddressError, is_host, split_port};

/// Where a backend is: an address, or a name that stands for one. Displays as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An IP address with its port.
    Address(SocketAddr),
    /// A DNS name with a port.
    Name {
        /// The name.
        host: Arc<str>,
        /// The port, not 0.
        port: u16,
    },
    /// The name of a DNS service (SRV), such as `_http._tcp.web.example`: it has the ports.
    Service(Arc<str>),
}

/// What an address of a service begins with.
const SERVICE: &str = "srv:";

impl Target {
    /// Parses `HOST:PORT`, where HOST is an IPv4 address, an IPv6 address in brackets or a DNS name,
    /// or `srv:_SERVICE._PROTOCOL.NAME`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(service) = text.strip_prefix(SERVICE) {
            return self::service(service);
        }
        let no_port = || AddressError(format!("port 0 in '{text}' cannot be connected to"));
        if let Ok(address) = text.parse::<SocketAddr>() {
            return match address.port() {
                0 => Err(no_port()),
                _ => Ok(Self::Address(address)),
            };
        }
        let (host, port) = split_port(text)?;
        if port == 0 {
            return Err(no_port());
        }
        // The resolver would take 10.1 for 10.0.0.1, and no name ends with a number.
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let labels = host.strip_suffix('.').unwrap_or(host);
        if labels.rsplit('.').next().is_some_and(is_number) {
            return Err(AddressError(format!(
                "'{host}' is neither an IPv4 address nor a name"
            )));
        }
        let host = host.into();
        Ok(Self::Name { host, port })
    }
}

fn service(name: &str) -> Result<Target, AddressError> {
    let mut labels = name.splitn(3, '.');
    let mut is_next = |marked: bool| {
        let label = labels.next().unwrap_or_default();
        let bare = label.strip_prefix('_').filter(|_| marked);
        !bare.unwrap_or(label).is_empty() && label.starts_with('_') == marked
    };
    if is_next(true) && is_next(true) && is_next(false) && is_host(name) {
        return Ok(Target::Service(name.into()));
    }
    Err(AddressError(format!(
        "'{name}' is no service: write it like {SERVICE}_http._tcp.web.example"
    )))
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Service(name) => write!(f, "{SERVICE}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_target_is_an_address_a_name_or_a_service() {
        let name = |host: &str, port| Target::Name {
            host: host.into(),
            port,
        };
        let address = |text: &str| Target::Address(text.parse().unwrap());
        let table = [
            ("10.0.0.1:80", address("10.0.0.1:80")),
            ("[::1]:80", address("[::1]:80")),
            ("localhost:80", name("localhost", 80)),
            ("web-1.internal:65535", name("web-1.internal", 65535)),
            ("1.example:80", name("1.example", 80)),
            ("web.example.:80", name("web.example.", 80)),
            (
                "srv:_http._tcp.web.example",
                Target::Service("_http._tcp.web.example".into()),
            ),
        ];
        for (text, target) in table {
            assert_eq!(Target::parse(text), Ok(target.clone()), "{text}");
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn what_can_be_no_target_is_explained() {
        let table = [
            ("10.0.0.1", "has no port"),
            ("10.0.0.1:0", "port 0"),
            ("localhost:0", "port 0"),
            ("::1:80", "needs brackets"),
            ("h\u{0}st:80", "no host name"),
            ("host:-1", "not a port"),
            ("10.0.0.256:80", "neither an IPv4 address nor a name"),
            ("10.1:80", "neither an IPv4 address nor a name"),
            ("10.0.0.1.:80", "neither an IPv4 address nor a name"),
            (".:80", "neither an IPv4 address nor a name"),
            ("", "has no port"),
            ("srv:", "no service"),
            ("srv:web.example", "no service"),
            ("srv:_http.web.example", "no service"),
            ("srv:_http._tcp", "no service"),
            ("srv:_http._tcp.", "no service"),
            ("srv:_._tcp.web", "no service"),
            ("srv:_http._tcp._x.web", "no service"),
            ("srv:_http._tcp.a b", "no service"),
        ];
        for (text, hint) in table {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_target_is_written_as_it_is_read(text in "(srv:)?[_a-z0-9.:\\[\\]]{0,30}|\\PC*") {
            if let Ok(target) = Target::parse(&text) {
                prop_assert_eq!(Target::parse(&target.to_string()), Ok(target));
            }
        }
    }
}
