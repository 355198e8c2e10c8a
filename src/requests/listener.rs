//! A listener, as the overview shows it: its traffic, where its clients go, and what it has said in TLS and in
//! HTTP. Only types live here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A listener, now.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct ListenerNow {
    /// Its name.
    pub name: String,
    /// Where it listens, with real ports.
    pub addresses: Vec<String>,
    /// Its pool; `-` where it has routes alone.
    pub pool: String,
    /// Where some of its clients go instead, in the order of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Sessions now.
    pub sessions: u32,
    /// Connections that were accepted.
    pub connections_per_second: f64,
    /// Bytes from clients.
    pub bytes_in_per_second: f64,
    /// Bytes to clients.
    pub bytes_out_per_second: f64,
    /// Connections that were ended for want of a live backend, of room at one, or of something of this machine.
    pub rejected_total: u64,
    /// What it says in TLS, where it speaks that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsNow>,
    /// What was answered in HTTP, where it reads that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpNow>,
}

/// Where clients go who ask for one of these names and offer one of these protocols.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Route {
    /// Names of servers; empty is any name, and none.
    pub sni: Vec<String>,
    /// Protocols; empty is whatever they offer, and nothing.
    pub alpn: Vec<String>,
    /// Their pool.
    pub pool: String,
}

/// TLS with the clients of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TlsNow {
    /// Its handshakes.
    pub handshakes: Handshakes,
    /// Its certificates, those first whose time is over first.
    pub certificates: Vec<CertificateNow>,
}

/// Handshakes of clients, since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Handshakes {
    /// New sessions.
    pub full: u64,
    /// Sessions that were resumed.
    pub resumed: u64,
    /// Those that have failed.
    pub failed: u64,
    /// Why they have failed, by the names that metrics have; those that never occurred are not there.
    pub failures: BTreeMap<String, u64>,
}

/// A certificate that clients are shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct CertificateNow {
    /// The file that it is in.
    pub file: String,
    /// Whose it is, as `CN=web.example,O=Example`.
    pub subject: String,
    /// The names of servers that it is for.
    pub names: Vec<String>,
    /// From when it is valid, RFC 3339.
    pub not_before: String,
    /// Until when it is valid, RFC 3339.
    pub not_after: String,
    /// Whole days until its time is over; negative when it has expired.
    pub days_left: i64,
    /// Whether its authority's word on it goes along (OCSP).
    pub ocsp_stapled: bool,
}

/// What was answered in HTTP, by the class of the status (`1xx` to `5xx`), since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct HttpNow {
    /// Responses of backends.
    pub responses: BTreeMap<String, u64>,
    /// Responses that l4lb itself has made.
    pub own_responses: BTreeMap<String, u64>,
}
