//! How the backends of a pool are approached by its checks: what is said before all else, and from where. Pure.

use std::net::{IpAddr, SocketAddr};

use crate::config::{DialFrom, PoolConfig, SendProxy};
use crate::proxy_protocol::{Tlvs, encode_v1, encode_v2};

/// How the backends of a pool are approached, whatever the check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Approach<'a> {
    send_proxy: Option<SendProxy>,
    source: Option<&'a DialFrom>,
}

impl<'a> Approach<'a> {
    pub(super) const fn of(pool: &'a PoolConfig) -> Self {
        Self {
            send_proxy: pool.send_proxy,
            source: pool.source.as_ref(),
        }
    }

    /// The same to a port that clients do not come to: nobody waits for a header there.
    pub(super) const fn aside(self) -> Self {
        Self {
            send_proxy: None,
            ..self
        }
    }

    /// What is sent before all else.
    pub(super) fn header(self) -> Vec<u8> {
        match self.send_proxy {
            None => Vec::new(),
            Some(SendProxy::V1) => encode_v1(None),
            Some(SendProxy::V2) => encode_v2(None, &Tlvs::default()),
        }
    }

    /// The first of the addresses that a backend at `address` can be dialed from. There is no client
    /// whose address it could be.
    pub(super) fn origin(self, address: SocketAddr) -> Option<IpAddr> {
        match self.source? {
            DialFrom::Client => None,
            DialFrom::Addresses(own) => {
                let mut own = own.iter();
                own.find(|it| it.is_ipv4() == address.is_ipv4()).copied()
            }
        }
    }
}
