//! Who the client is, told to the backend: `X-Forwarded-*`, or `Forwarded` of RFC 7239.
//!
//! What a client says of this itself is believed of trusted proxies only; of all others it is taken
//! out, in either spelling, also what would look the same to a backend that takes `_` for `-`.

use std::net::IpAddr;

use super::field::{self, Field};

/// In which words a backend is told who the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`, `X-Forwarded-Port`.
    XForwarded,
    /// `Forwarded: for=192.0.2.7;host=shop.example;proto=https`.
    Rfc7239,
}

/// Whether the client came with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// It did not.
    Http,
    /// It did.
    Https,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub client: IpAddr,
    /// How it came.
    pub scheme: Scheme,
    /// The port it came to.
    pub port: u16,
    /// It is a proxy that may say for whom it asks.
    pub is_trusted: bool,
}

/// What the name of a field begins with that says something of this.
const PREFIX: &str = "X-Forwarded-";

/// Other fields that say something of this.
const NAMES: [&str; 2] = ["Forwarded", "X-Real-IP"];

/// Whether a field says who the client is, or how it came.
pub(super) fn says(name: &str) -> bool {
    let begins = |it: &str| field::same(it, PREFIX);
    name.get(..PREFIX.len()).is_some_and(begins) || NAMES.iter().any(|it| field::same(it, name))
}

impl Forwarded {
    /// Whether a field that the client has sent is passed on as it is.
    pub(super) fn keeps(self, name: &str, origin: &Origin) -> bool {
        !says(name) || (origin.is_trusted && !name.contains('_') && !self.replaces(name))
    }

    /// What a trusted proxy says in these fields goes into the field that is written.
    fn replaces(self, name: &str) -> bool {
        match self {
            Self::XForwarded => field::same(name, "X-Forwarded-For"),
            Self::Rfc7239 => field::same(name, "Forwarded"),
        }
    }

    /// Writes the lines that say it.
    pub(super) fn write(
        self,
        fields: &[Field<'_>],
        host: Option<&str>,
        origin: &Origin,
        out: &mut Vec<u8>,
    ) {
        match self {
            Self::XForwarded => {
                line(out, "X-Forwarded-For", |out| {
                    known(fields, "X-Forwarded-For", origin, out);
                    out.extend_from_slice(origin.client.to_string().as_bytes());
                });
                let mut tell = |name, value: &str| {
                    let is_told = origin.is_trusted && fields.iter().any(|it| it.is(name));
                    if !is_told {
                        line(out, name, |out| out.extend_from_slice(value.as_bytes()));
                    }
                };
                tell("X-Forwarded-Proto", origin.scheme.word());
                if let Some(host) = host {
                    tell("X-Forwarded-Host", host);
                }
                tell("X-Forwarded-Port", &origin.port.to_string());
            }
            Self::Rfc7239 => line(out, "Forwarded", |out| {
                known(fields, "Forwarded", origin, out);
                out.extend_from_slice(element(host, origin).as_bytes());
            }),
        }
    }
}

impl Scheme {
    const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What trusted proxies have said in this field, with a comma after it.
fn known(fields: &[Field<'_>], name: &str, origin: &Origin, out: &mut Vec<u8>) {
    let said = fields.iter().filter(|it| origin.is_trusted && it.is(name));
    for field in said.filter(|it| !it.value.is_empty()) {
        out.extend_from_slice(field.value);
        out.extend_from_slice(b", ");
    }
}

/// An element of RFC 7239, 4: an address of IPv6 is in brackets and quoted, and so is a host with a
/// port.
fn element(host: Option<&str>, origin: &Origin) -> String {
    let client = match origin.client {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let host = match host {
        None | Some("") => String::new(),
        Some(host) if host.bytes().all(field::is_token) => format!(";host={host}"),
        Some(host) => format!(";host=\"{host}\""),
    };
    format!("for={client}{host};proto={}", origin.scheme.word())
}

fn line(out: &mut Vec<u8>, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value(out);
    out.extend_from_slice(b"\r\n");
}
