//! From where backends are said to be to their addresses.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use super::registry::Addresses;
use crate::config::{Config, Target};

/// What has been looked up.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct AddressBook {
    known: HashMap<Target, SocketAddr>,
}

/// Where the backends of a configuration are.
pub(super) struct Found {
    /// To be kept, once the configuration is served.
    pub(super) book: AddressBook,
    /// By pool.
    pub(super) addresses: Addresses,
    /// What is different from before, or could not be looked up, a sentence each.
    pub(super) remarks: Vec<String>,
}

impl AddressBook {
    /// Finds the backends of `config`. A name that is known is looked up only if it is to be looked up
    /// `again`, and keeps its address where that fails.
    pub(super) fn find(&self, config: &Config, again: bool) -> Result<Found, String> {
        let mut found = Found {
            book: Self::default(),
            addresses: Addresses::new(),
            remarks: Vec::new(),
        };
        for pool in &config.pools {
            let mut addresses = Vec::new();
            for backend in &pool.backends {
                addresses.push(self.address(&backend.target, again, &mut found)?);
            }
            found.addresses.push(addresses);
        }
        Ok(found)
    }

    fn address(
        &self,
        target: &Target,
        again: bool,
        found: &mut Found,
    ) -> Result<SocketAddr, String> {
        if let Some(address) = found.book.known.get(target) {
            return Ok(*address);
        }
        let address = match self.known.get(target) {
            None => address(target)?,
            Some(known) if !again => *known,
            Some(known) => match address(target) {
                Ok(now) => {
                    if *known != now {
                        found.remarks.push(format!("{target}: {known} -> {now}"));
                    }
                    now
                }
                Err(why) => {
                    found.remarks.push(format!("{why}: {known} is kept"));
                    *known
                }
            },
        };
        found.book.known.insert(target.clone(), address);
        Ok(address)
    }
}

fn address(target: &Target) -> Result<SocketAddr, String> {
    match target {
        Target::Address(address) => Ok(*address),
        Target::Name { host, port } => {
            let found = (&**host, *port).to_socket_addrs();
            let found =
                found.map_err(|error| format!("cannot resolve '{host}': {}", reason(&error)));
            let found: Vec<SocketAddr> = found?.collect();
            preferred(&found).ok_or_else(|| format!("'{host}' has no address"))
        }
        Target::Service(_) => Err(format!("{target}: services (SRV) are not supported yet")),
    }
}

/// Of several addresses the first IPv4 one, else the first.
fn preferred(found: &[SocketAddr]) -> Option<SocketAddr> {
    let first_v4 = found.iter().find(|address| address.is_ipv4());
    first_v4.or_else(|| found.first()).copied()
}

/// The resolver's words without the standard library's preface.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.rsplit(": ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_addresses_one_of_ipv4_is_preferred() {
        let table = [
            (
                &["[::1]:80", "10.0.0.2:80", "10.0.0.1:80"][..],
                Some("10.0.0.2:80"),
            ),
            (&["[::2]:80", "[::1]:80"], Some("[::2]:80")),
            (&[], None),
        ];
        for (found, wanted) in table {
            let found: Vec<SocketAddr> = found.iter().map(|it| it.parse().unwrap()).collect();
            let wanted = wanted.map(|it| it.parse().unwrap());
            assert_eq!(preferred(&found), wanted, "{found:?}");
        }
    }

    #[test]
    fn a_target_has_an_address_or_the_reason_why_not() {
        let of = |text| address(&Target::parse(text).unwrap());
        let known = |text: &str| Ok(text.parse().unwrap());
        assert_eq!(of("10.0.0.1:80"), known("10.0.0.1:80"));
        assert_eq!(of("[::1]:80"), known("[::1]:80"));
        assert_eq!(of("localhost:80"), known("127.0.0.1:80"));
        let unknown = of("no-such-name.invalid:80").unwrap_err();
        assert!(
            unknown.starts_with("cannot resolve 'no-such-name.invalid': "),
            "{unknown}"
        );
        let service = of("srv:_http._tcp.web.example").unwrap_err();
        assert!(
            service.starts_with("srv:_http._tcp.web.example: "),
            "{service}"
        );
    }
}
