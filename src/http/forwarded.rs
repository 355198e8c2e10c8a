//! Who the client is, told to the backend: `X-Forwarded-*`, or `Forwarded` of RFC 7239.
//!
//! What a client says of this itself is believed of trusted proxies only; of all others it is taken
//! out, in either spelling, also what would look the same to a backend that takes `_` for `-`.

use std::net::IpAddr;

use super::RequestHead;
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

/// Other fields that say something of this, in the words of many a proxy.
const NAMES: [&str; 7] = [
    "Client-IP",
    "Forwarded",
    "True-Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Forwarded",
    "X-Real-IP",
];

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

    /// Writes the lines that say it, but those that are changed after it.
    pub(super) fn write(
        self,
        head: &RequestHead<'_>,
        origin: &Origin,
        is_changed: impl Fn(&str) -> bool,
        out: &mut Vec<u8>,
    ) {
        let mut line = |name: &str, before: &[u8], value: &str| {
            if !is_changed(name) {
                let parts = [name.as_bytes(), b": ", before, value.as_bytes(), b"\r\n"];
                parts.iter().for_each(|it| out.extend_from_slice(it));
            }
        };
        let client = origin.client.to_canonical();
        match self {
            Self::XForwarded => {
                let said = said(&head.fields, "X-Forwarded-For", origin);
                line("X-Forwarded-For", &said, &client.to_string());
                let port = origin.port.to_string();
                let facts = [
                    ("X-Forwarded-Proto", Some(origin.scheme.word())),
                    ("X-Forwarded-Host", head.host),
                    ("X-Forwarded-Port", Some(&*port)),
                ];
                for (name, value) in facts {
                    let is_told = origin.is_trusted && head.field(name).is_some();
                    value
                        .filter(|_| !is_told)
                        .into_iter()
                        .for_each(|it| line(name, b"", it));
                }
            }
            Self::Rfc7239 => {
                let said = said(&head.fields, "Forwarded", origin);
                line(
                    "Forwarded",
                    &said,
                    &element(client, head.host, origin.scheme),
                );
            }
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
fn said(fields: &[Field<'_>], name: &str, origin: &Origin) -> Vec<u8> {
    let lists = fields.iter().filter(|it| origin.is_trusted && it.is(name));
    let lists = lists.filter(|it| !it.value.is_empty());
    lists
        .flat_map(|it| [it.value, b", "])
        .collect::<Vec<_>>()
        .concat()
}

/// An element of RFC 7239, 4: an address of IPv6 is in brackets and quoted, and so is a host with a
/// port.
fn element(client: IpAddr, host: Option<&str>, scheme: Scheme) -> String {
    let client = match client {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let host = match host {
        None | Some("") => String::new(),
        Some(host) if host.bytes().all(field::is_token) => format!(";host={host}"),
        Some(host) => format!(";host=\"{host}\""),
    };
    format!("for={client}{host};proto={}", scheme.word())
}
