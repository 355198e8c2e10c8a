//! What names stand for, as far as is known. Pure.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// The addresses of a name.
    Host(Arc<str>),
    /// The servers of a service (SRV).
    Service(Arc<str>),
}

/// One server of a service, as its SRV record has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceRecord {
    /// The lowest one that there is counts; the others are backups.
    pub priority: u16,
    /// Its share.
    pub weight: u16,
    /// Where it listens.
    pub port: u16,
    /// The name that has its addresses.
    pub host: Arc<str>,
}

/// The last good answer to each question; what is not here has never been answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Counts what was made known: of two the higher one is the newer one.
    pub number: u64,
    /// The addresses of names.
    pub hosts: HashMap<Arc<str>, Vec<IpAddr>>,
    /// The servers of services.
    pub services: HashMap<Arc<str>, Arc<[ServiceRecord]>>,
}

impl Answers {
    /// The addresses of a name, in the order of the numbers, IPv4 before IPv6.
    pub(super) fn addresses(&self, host: &str) -> Vec<IpAddr> {
        if is_loopback(host) {
            return vec![LOOPBACK];
        }
        let mut addresses = self.hosts.get(host).cloned().unwrap_or_default();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// What `localhost` stands for.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Whether a name is that of the machine itself, which is nobody else's business (RFC 6761, 6.3).
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_the_machine_itself() {
        for host in ["localhost", "LocalHost.", "a.localhost", "a.b.localhost."] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", ".", "alocalhost", "localhost.example", "localhost.."] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn addresses_come_in_their_order_and_once() {
        let all = ["::1", "10.0.0.2", "10.0.0.1", "10.0.0.2"];
        let all = all.map(|it| it.parse().unwrap());
        let answers = Answers {
            hosts: [("a".into(), all.to_vec())].into(),
            ..Answers::default()
        };
        let texts = answers.addresses("a");
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.1", "10.0.0.2", "::1"]);
        assert!(answers.addresses("b").is_empty());
        assert_eq!(answers.addresses("x.localhost"), [LOOPBACK]);
    }
}
