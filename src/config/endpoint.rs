//! A backend's address as it is written, with what is spoken there.

use std::fmt;
use std::sync::Arc;

use super::Target;
use super::address::AddressError;
use super::tls::server_name;

/// Where a backend is, and whether TLS is spoken there. Displays as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub target: Target,
    /// Whether TLS is spoken.
    pub tls: bool,
}

/// What the address of a backend that speaks TLS begins with.
const HTTPS: &str = "https://";

impl Endpoint {
    /// Parses a [`Target`], perhaps with `https://` before it.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let secure = text.strip_prefix(HTTPS);
        let target = secure.map(|it| it.strip_suffix('/').unwrap_or(it));
        let endpoint = Self {
            target: Target::parse(target.unwrap_or(text))?,
            tls: secure.is_some(),
        };
        match endpoint.server_name().map(|it| server_name(&it)) {
            Some(Err(why)) => Err(AddressError(why)),
            Some(Ok(_)) | None => Ok(endpoint),
        }
    }

    /// The name that the backend has to show with TLS: its host, or the domain of its service.
    #[must_use]
    pub fn server_name(&self) -> Option<Arc<str>> {
        let name = match &self.target {
            Target::Address(address) => address.ip().to_string(),
            Target::Name { host, .. } => host.trim_end_matches('.').to_owned(),
            Target::Service(name) => {
                let domain = name.splitn(3, '.').nth(2).unwrap_or_default();
                domain.trim_end_matches('.').to_owned()
            }
        };
        self.tls.then(|| name.into())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { HTTPS } else { "" };
        write!(f, "{scheme}{}", self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_whether_tls_is_spoken_and_with_whom() {
        let table = [
            ("10.0.0.1:80", None),
            ("https://10.0.0.1:443", Some("10.0.0.1")),
            ("https://[::1]:443", Some("::1")),
            ("https://web.example.:8443", Some("web.example")),
            ("https://srv:_https._tcp.web.example", Some("web.example")),
        ];
        for (text, name) in table {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.server_name().as_deref(), name, "{text}");
            assert_eq!(endpoint.to_string(), text);
        }
        assert!(Endpoint::parse("a-:1").is_ok(), "whom no handshake names");
        let endpoint = Endpoint::parse("https://web.example:443/").unwrap();
        assert_eq!(endpoint.to_string(), "https://web.example:443");
    }

    #[test]
    fn what_is_no_address_is_none_with_a_scheme_either() {
        for text in [
            "https://",
            "https://web.example",
            "https://a:1/x",
            "http://a:1",
            "HTTPS:/a:1",
            "https://-bad-.example:1",
            "https://a..b:1",
            "https://srv:_https._tcp.web-.example",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
