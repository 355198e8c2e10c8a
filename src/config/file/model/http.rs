//! The keys of a listener that speaks HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::file::form::{HeaderName, HeaderValue, Written};
use crate::config::{HttpConfig, Per};
use crate::http::Forwarded;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config::file) struct Http {
    /// For the head of a request, from its first byte; for the first one, from the accept. Then 408.
    #[serde(default = "head_timeout")]
    pub(in crate::config::file) head_timeout: Written<Duration>,
    /// From the end of a request to the head of its response. Then 504. Not set: the `idle_timeout`.
    pub(in crate::config::file) response_timeout: Option<Written<Duration>>,
    /// How long a client may be silent between two requests.
    #[serde(default = "keep_alive")]
    pub(in crate::config::file) keep_alive: Written<Duration>,
    /// How long a client keeps its backend: for its connection, or for one request, so that the next
    /// one is balanced anew.
    #[serde(default = "per")]
    pub(in crate::config::file) per: Written<Per>,
    /// The headers by which a backend learns of its client: `X-Forwarded-For`, `-Proto` and `-Host`, or
    /// `Forwarded`. What clients send of these is replaced. Not set: it is left.
    pub(in crate::config::file) forwarded: Option<Written<Forwarded>>,
    /// Networks and addresses of proxies whose word of their clients is believed, and added to.
    #[serde(default)]
    pub(in crate::config::file) trusted_proxies: Vec<Written<IpNet>>,
    /// Whether responses get the headers that keep browsers careful, where the backend has not sent them.
    #[serde(default)]
    pub(in crate::config::file) security_headers: bool,
    /// What is changed in the heads of requests.
    pub(in crate::config::file) request_headers: Option<HttpHeaders>,
    /// What is changed in the heads of responses.
    pub(in crate::config::file) response_headers: Option<HttpHeaders>,
}

/// Changes of a head.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config::file) struct HttpHeaders {
    /// Headers that go away; this comes first.
    #[serde(default)]
    pub(in crate::config::file) remove: Vec<Written<HeaderName>>,
    /// Headers that take the place of all of their name, such as `X-Served-By = "{backend}"`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "type": "string", "format": "l4lb-header-name" }))]
    pub(in crate::config::file) set: BTreeMap<String, Written<HeaderValue>>,
    /// Headers that come beside those of their name.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "type": "string", "format": "l4lb-header-name" }))]
    pub(in crate::config::file) add: BTreeMap<String, Written<HeaderValue>>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            head_timeout: head_timeout(),
            response_timeout: None,
            keep_alive: keep_alive(),
            per: per(),
            forwarded: None,
            trusted_proxies: Vec::new(),
            security_headers: false,
            request_headers: None,
            response_headers: None,
        }
    }
}

fn head_timeout() -> Written<Duration> {
    Written(HttpConfig::HEAD_TIMEOUT)
}

fn keep_alive() -> Written<Duration> {
    Written(HttpConfig::KEEP_ALIVE)
}

fn per() -> Written<Per> {
    Written(Per::default())
}
