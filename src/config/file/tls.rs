//! The keys of TLS: their types, what is made of them, and how they go together.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::form::{AlpnProtocol, FilePath, ServerName, Written};
use super::node::{Kind, Node};
use crate::config::{self, ClientCertificates, TlsVersion};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenerTls {
    /// The certificates: a folder, or files. In a folder, all that end with `.pem` or `.crt`, in the order
    /// of their names, each with its key in `NAME.key` or in the same file. The first one is for clients
    /// that ask for no name or for an unknown one. Read again when they change.
    pub(super) certificates: Certificates,
    /// The oldest version of TLS that is spoken.
    #[serde(default = "min_version")]
    pub(super) min_version: Written<TlsVersion>,
    /// Protocols that clients may choose from (ALPN), the best first, such as `["h2", "http/1.1"]`. Not
    /// set: none is agreed upon.
    #[schemars(length(min = 1))]
    pub(super) alpn: Option<Vec<Written<AlpnProtocol>>>,
    /// A file with the certificates of those who vouch for clients. Not set: no client is asked for a
    /// certificate.
    pub(super) client_ca: Option<Written<FilePath>>,
    /// Whether a client needs a certificate, with a `client_ca`, which this goes with; one that is shown
    /// must be right. Not set: `"required"`.
    pub(super) client_certificates: Option<Written<ClientCertificates>>,
    /// How long a handshake may take.
    #[serde(default = "handshake_timeout")]
    pub(super) handshake_timeout: Written<Duration>,
    /// Handshakes at once, for each event loop; further clients wait.
    #[serde(default = "max_handshakes")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(super) max_handshakes: u32,
    /// Whether clients may resume sessions, by tickets.
    #[serde(default = "session_tickets")]
    pub(super) session_tickets: bool,
}

/// A folder, or files.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Certificates {
    Folder(Written<FilePath>),
    Files(#[schemars(length(min = 1))] Vec<CertificateFiles>),
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateFiles {
    /// The file with the certificate, and behind it those that vouch for it, in PEM. In a file of that
    /// name with `.ocsp` behind it may be what its authority says of it (OCSP).
    pub(super) cert: Written<FilePath>,
    /// The file with its key, without a passphrase. Not set: it is in the same file.
    pub(super) key: Option<Written<FilePath>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolTls {
    /// Whether backends have to show certificates that can be trusted, for their names.
    #[serde(default = "verify")]
    pub(super) verify: bool,
    /// A file with the certificates of those who vouch for backends. Not set: those that the system
    /// trusts.
    pub(super) ca: Option<Written<FilePath>>,
    /// The name that backends are asked for, and have to show. Not set: the host of the address.
    pub(super) server_name: Option<Written<ServerName>>,
    /// Protocols that backends may choose from (ALPN), the best first. Not set: none is asked for.
    #[schemars(length(min = 1))]
    pub(super) alpn: Option<Vec<Written<AlpnProtocol>>>,
    /// The file with the certificate that backends are shown which ask for one. Not set: there is none.
    pub(super) cert: Option<Written<FilePath>>,
    /// The file with its key. Not set: it is in the same file.
    pub(super) key: Option<Written<FilePath>>,
}

const fn min_version() -> Written<TlsVersion> {
    Written(TlsVersion::V1_2)
}

const fn handshake_timeout() -> Written<Duration> {
    Written(config::ListenerTls::HANDSHAKE_TIMEOUT)
}

const fn max_handshakes() -> u32 {
    config::ListenerTls::MAX_HANDSHAKES
}

const fn session_tickets() -> bool {
    true
}

const fn verify() -> bool {
    true
}

impl ListenerTls {
    pub(super) fn build(&self) -> config::ListenerTls {
        let asked = self.client_certificates.as_ref();
        config::ListenerTls {
            certificates: match &self.certificates {
                Certificates::Folder(path) => config::Certificates::Folder(path.0.0.clone()),
                Certificates::Files(files) => {
                    let files = files.iter().map(CertificateFiles::build);
                    config::Certificates::Files(files.collect())
                }
            },
            min_version: self.min_version.0,
            alpn: protocols(self.alpn.as_ref()),
            client_ca: self.client_ca.as_ref().map(|it| it.0.0.clone()),
            client_certificates: asked.map_or(ClientCertificates::Required, |it| it.0),
            handshake_timeout: self.handshake_timeout.0,
            max_handshakes: self.max_handshakes,
            session_tickets: self.session_tickets,
        }
    }
}

impl CertificateFiles {
    fn build(&self) -> config::CertificateFiles {
        config::CertificateFiles {
            cert: self.cert.0.0.clone(),
            key: self.key.as_ref().map(|it| it.0.0.clone()),
        }
    }
}

impl PoolTls {
    pub(super) fn build(&self) -> config::PoolTls {
        let key = self.key.as_ref();
        config::PoolTls {
            verify: self.verify,
            ca: self.ca.as_ref().map(|it| it.0.0.clone()),
            server_name: self.server_name.as_ref().map(|it| it.0.0.clone()),
            alpn: protocols(self.alpn.as_ref()),
            certificate: self.cert.as_ref().map(|cert| config::CertificateFiles {
                cert: cert.0.0.clone(),
                key: key.map(|it| it.0.0.clone()),
            }),
        }
    }
}

fn protocols(alpn: Option<&Vec<Written<AlpnProtocol>>>) -> Vec<Arc<str>> {
    alpn.into_iter()
        .flatten()
        .map(|it| Arc::from(&*it.0.0))
        .collect()
}

/// What cannot be meant like that on a listener.
pub(super) fn check_listener(path: &str, node: &Node, faults: &mut Vec<Fault>) {
    if let Some(asked) = node.at("client_certificates")
        && node.at("client_ca").is_none()
    {
        let what = format!("{path}: client_certificates needs client_ca: who vouches for clients");
        faults.push(Fault::lack(asked.span.clone(), what));
    }
}

/// What cannot be meant like that for backends.
pub(super) fn check_pool(path: &str, node: &Node, faults: &mut Vec<Fault>) {
    if let Some(key) = node.at("key")
        && node.at("cert").is_none()
    {
        let what = format!("{path}: key needs cert: the certificate that it belongs to");
        faults.push(Fault::lack(key.span.clone(), what));
    }
    if let Some(ca) = node.at("ca")
        && matches!(
            node.at("verify").map(|it| &it.kind),
            Some(Kind::Boolean(false))
        )
    {
        let what = format!("{path}: ca says who is trusted, and verify = false that all are");
        faults.push(Fault::new(ca.span.clone(), what));
    }
}
