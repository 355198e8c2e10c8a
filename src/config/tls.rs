//! TLS towards clients and towards backends. Which files there are is said here, and read elsewhere.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::client_hello::host_name;

/// TLS on a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// Where its certificates are; the first one is for clients that ask for no known name.
    pub certificates: Certificates,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The protocols that clients may choose from, the best first; empty is that nobody asks.
    pub alpn: Vec<Arc<str>>,
    /// A file with those who vouch for clients; `None` asks no client for a certificate.
    pub client_ca: Option<PathBuf>,
    /// Whether a client may come without one, where it is asked.
    pub client_certificates: ClientCertificates,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// Handshakes at once, for each worker; further clients wait.
    pub max_handshakes: u32,
    /// Whether clients may resume sessions.
    pub session_tickets: bool,
}

impl ListenerTls {
    /// How long a handshake may take where nothing else is said.
    pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
    /// Handshakes at once where nothing else is said.
    pub const MAX_HANDSHAKES: u32 = 1000;
}

/// Where certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// In a folder: all its files that end with `.pem` or `.crt`, in the order of their names. The key of
    /// `NAME.pem` is in `NAME.key`, or in the same file.
    Folder(PathBuf),
    /// In these files, of which there is at least one.
    Files(Vec<CertificateFiles>),
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and then those who vouch for it.
    pub cert: PathBuf,
    /// The key; `None` is that it is in the same file.
    pub key: Option<PathBuf>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsVersion {
    /// All that are spoken.
    pub const ALL: [Self; 2] = [Self::V1_2, Self::V1_3];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

/// Whether clients need certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Without one there is no session.
    Required,
    /// One that is shown must be right.
    Optional,
}

impl ClientCertificates {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Required, Self::Optional];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
        }
    }
}

/// TLS to the backends of a pool that are written with `https://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolTls {
    /// Whether backends must show that they are who they should be.
    pub verify: bool,
    /// A file with those who vouch for backends; `None` is those that the system trusts.
    pub ca: Option<PathBuf>,
    /// The name that is asked for and verified; `None` is that of the backend's address.
    pub server_name: Option<Arc<str>>,
    /// The protocols that are asked for, the best first; empty is that nobody asks.
    pub alpn: Vec<Arc<str>>,
    /// What is shown to backends that ask who is there.
    pub certificate: Option<CertificateFiles>,
}

impl Default for PoolTls {
    fn default() -> Self {
        Self {
            verify: true,
            ca: None,
            server_name: None,
            alpn: Vec::new(),
            certificate: None,
        }
    }
}

/// Checks the name of a server, which may also be an IP address.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn server_name(text: &str) -> Result<Arc<str>, String> {
    if text.parse::<IpAddr>().is_ok() || is_name(text) {
        return Ok(text.into());
    }
    Err(format!(
        "'{text}' is neither the name of a server nor an IP address"
    ))
}

/// Whether a handshake can name it: a host, of which no label begins or ends with a hyphen, and the last
/// one is no number, as of an address.
fn is_name(text: &str) -> bool {
    let Some(host) = host_name(text) else {
        return false;
    };
    let is_number = |label: &str| label.bytes().all(|it| it.is_ascii_digit());
    let is_label = |label: &str| !label.starts_with('-') && !label.ends_with('-');
    host.split('.').all(is_label) && !host.rsplit('.').next().is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_name_or_an_address() {
        for good in ["web.example", "localhost", "10.0.0.1", "::1"] {
            assert_eq!(server_name(good).as_deref(), Ok(good));
        }
        for bad in ["", "web.example:443", "[::1]", "*.example", "a b"] {
            assert!(server_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_one_that_a_handshake_can_use() {
        let label = "x".repeat(63);
        let names = [
            "a_b.example",
            "web.example.",
            "a-b.7.example",
            "-bad.example",
            "bad-.example",
            "bad.example-",
            "a..b",
            ".a",
            "a..",
            ".",
            "-",
            "7",
            "a.7",
            "a.7.",
            "10.0.0",
            "10.0.0.1.",
            &label,
            &format!("{label}x.example"),
            &[&*label; 4].join("."),
        ];
        for name in names {
            let usable = rustls::pki_types::ServerName::try_from(name).is_ok();
            assert_eq!(server_name(name).is_ok(), usable, "{name:?}");
        }
    }
}
