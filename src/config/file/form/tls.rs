//! Values of TLS.

use std::sync::Arc;

use super::Form;
use crate::config::{self, ClientCertificates, TlsVersion};

/// What ALPN calls a protocol.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config::file) struct AlpnProtocol(pub(in crate::config::file) Box<str>);

/// The longest one that fits there.
const PROTOCOL_BYTES: usize = 255;

/// The name of a server.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config::file) struct ServerName(pub(in crate::config::file) Arc<str>);

form!(
    ServerName,
    "l4lb-tls-server-name",
    |text| config::server_name(text).map(Self),
    |it: &Self| it.0.to_string()
);

form!(AlpnProtocol, "l4lb-protocol", read_protocol, |it: &Self| it
    .0
    .to_string());

words!(TlsVersion, "version of TLS", Self::ALL, Self::name);

words!(
    ClientCertificates,
    "way to ask clients for certificates",
    Self::ALL,
    Self::name
);

fn read_protocol(text: &str) -> Result<AlpnProtocol, String> {
    let is_name =
        (1..=PROTOCOL_BYTES).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic());
    is_name
        .then(|| AlpnProtocol(text.into()))
        .ok_or_else(|| format!("'{text}' is no protocol of ALPN: write it like h2 or http/1.1"))
}
