//! The keys that say who the client is.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::file::form::Written;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config::file) struct AcceptProxy {
    /// Networks and addresses of the proxies.
    #[schemars(length(min = 1))]
    pub(in crate::config::file) from: Vec<Written<IpNet>>,
}

/// An address that backends see.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config::file) enum Source {
    Client(Client),
    Addresses(#[schemars(length(min = 1))] Vec<Written<IpAddr>>),
}

/// The client's own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config::file) enum Client {
    Client,
}
