//! The door to DNS: one question in, one outcome out. Nothing is kept here between two questions.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::timeout;

use super::answers::{Question, ServiceRecord};
use super::expand::MOST_BACKENDS;
use super::outcome::{Found, Outcome};

/// For one packet to come back, and how often another one is sent.
const TRY: Duration = Duration::from_millis(700);
const MORE_TRIES: usize = 1;

/// For everything that a question takes, TCP and other name servers among it.
const LOOKUP: Duration = Duration::from_millis(1500);

/// How long what the hosts file says is taken for true.
const HOSTS_LIVE: Duration = Duration::from_secs(10);

/// Where the hosts file is.
const HOSTS: &str = "/etc/hosts";

/// Servers of a service that are looked at: one more than can be used, so that it shows that there are
/// more.
const MOST_SERVERS: usize = MOST_BACKENDS + 1;

/// Asks name servers.
pub(super) struct Resolver {
    dns: TokioResolver,
    /// The hosts file as it was read last; `None` where only given servers count.
    hosts: Option<(Option<SystemTime>, Hosts)>,
}

impl Resolver {
    /// Asks these servers, or where there are none, whom the system asks.
    pub(super) fn new(servers: &[SocketAddr]) -> Result<Self, String> {
        let runtime = TokioRuntimeProvider::default();
        let is_system = servers.is_empty();
        let of = |servers: &[SocketAddr]| {
            let servers = servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, runtime.clone())
        };
        let mut builder = if is_system {
            // resolv.conf(5): with no name server in it, that of the machine itself is asked.
            let local = || of(&[(Ipv4Addr::LOCALHOST, 53).into()]);
            TokioResolver::builder(runtime.clone()).unwrap_or_else(|_| local())
        } else {
            of(servers)
        };
        let options = builder.options_mut();
        options.timeout = TRY;
        options.attempts = MORE_TRIES;
        options.use_hosts_file = ResolveHosts::Never;
        // A question is asked when its time has come: an answer from memory would be the old one.
        options.cache_size = 0;
        let dns = builder.build();
        Ok(Self {
            dns: dns.map_err(|error| format!("cannot ask name servers: {error}"))?,
            hosts: is_system.then(Default::default),
        })
    }

    /// What the hosts file says. A name that it has is not asked of anybody else.
    pub(super) fn in_hosts_file(&mut self, question: &Question) -> Option<Outcome> {
        let (Question::Host(host), Some((read, hosts))) = (question, &mut self.hosts) else {
            return None;
        };
        let changed = std::fs::metadata(HOSTS).and_then(|it| it.modified()).ok();
        if *read != changed {
            *hosts = Hosts::from_system().unwrap_or_default();
            *read = changed;
        }
        static_host(hosts, host)
    }

    /// Asks. What takes too long is not known.
    pub(super) fn ask(&self, question: Question) -> impl Future<Output = Outcome> + use<> {
        let dns = self.dns.clone();
        async move {
            match question {
                Question::Host(host) => {
                    let v4 = lookup(&dns, &host, RecordType::A, ip);
                    let v6 = lookup(&dns, &host, RecordType::AAAA, ip);
                    let (v4, v6) = tokio::join!(v4, v6);
                    Outcome::Host([v4, v6])
                }
                Question::Service(name) => {
                    let found = lookup(&dns, &name, RecordType::SRV, server).await;
                    Outcome::Service(servers(found))
                }
            }
        }
    }
}

fn static_host(hosts: &Hosts, host: &str) -> Option<Outcome> {
    // As the hosts file is read: names are the same whatever the case of their letters.
    let name = Name::from_ascii(host.to_ascii_lowercase()).ok()?;
    let of = |kind| {
        let lookup = hosts.lookup_static_host(&Query::query(name.clone(), kind));
        let answers = lookup.iter().flat_map(Lookup::answers);
        answers.filter_map(|it| ip(&it.data)).collect::<Vec<_>>()
    };
    let families = [RecordType::A, RecordType::AAAA].map(of);
    let is_there = families.iter().any(|it| !it.is_empty());
    is_there.then(|| {
        Outcome::Host(families.map(|addresses| match addresses[..] {
            [] => Found::Nothing("no address in the hosts file".to_owned()),
            _ => Found::Records(addresses, HOSTS_LIVE),
        }))
    })
}

async fn lookup<T>(
    dns: &TokioResolver,
    name: &str,
    kind: RecordType,
    read: fn(&RData) -> Option<T>,
) -> Found<T> {
    let name = match Name::from_ascii(name) {
        Ok(name) => name,
        Err(error) => return Found::Nothing(format!("it can be no name: {error}")),
    };
    match timeout(LOOKUP, dns.lookup(name, kind)).await {
        Ok(Ok(lookup)) => {
            let live = lookup.answers().iter().map(|it| it.ttl).min();
            let records = lookup.answers().iter().filter_map(|it| read(&it.data));
            match records.collect::<Vec<_>>() {
                records if records.is_empty() => nothing(kind),
                records => Found::Records(
                    records,
                    Duration::from_secs(live.unwrap_or_default().into()),
                ),
            }
        }
        Ok(Err(error)) if error.is_nx_domain() => {
            Found::Nothing("there is no such name".to_owned())
        }
        Ok(Err(error)) if error.is_no_records_found() => nothing(kind),
        Ok(Err(error)) => Found::Unknown(reason(&error)),
        Err(_) => Found::Unknown(reason(&NetError::Timeout)),
    }
}

fn nothing<T>(kind: RecordType) -> Found<T> {
    Found::Nothing(match kind {
        RecordType::SRV => "it has no server".to_owned(),
        _ => "it has no address".to_owned(),
    })
}

fn reason(error: &NetError) -> String {
    match error {
        NetError::Timeout => "no name server answers".to_owned(),
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the name server says {code}"),
        other => other.to_string(),
    }
}

/// A name server, over UDP, and over TCP for what does not fit.
fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let connections = connections.map(|mut it| {
        it.port = address.port();
        it
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// An address that a server can have.
fn ip(data: &RData) -> Option<IpAddr> {
    let ip = match data {
        RData::A(address) => IpAddr::V4(address.0),
        RData::AAAA(address) => IpAddr::V6(address.0),
        _ => return None,
    };
    let ip = ip.to_canonical();
    // Without a zone, which DNS does not have, nobody knows where that is.
    let is_of_a_link = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    Some(ip).filter(|it| !it.is_unspecified() && !it.is_multicast() && !is_of_a_link)
}

fn server(data: &RData) -> Option<ServiceRecord> {
    let RData::SRV(record) = data else {
        return None;
    };
    Some(ServiceRecord {
        priority: record.priority,
        weight: record.weight,
        port: record.port,
        host: record.target.to_lowercase().to_ascii().into(),
    })
}

/// Servers that can be connected to. The target `.` says that the service is not there (RFC 2782).
fn servers(found: Found<ServiceRecord>) -> Found<ServiceRecord> {
    match found {
        Found::Records(mut records, live) => {
            records.retain(|it| &*it.host != "." && it.port != 0);
            records.sort_unstable();
            records.truncate(MOST_SERVERS);
            Found::Records(records, live)
        }
        Found::Nothing(_) | Found::Unknown(_) => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_has_both_families_of_a_name_whatever_its_letters() {
        let mut hosts = Hosts::default();
        let text = "10.0.0.1 web Web2 # a comment\n10.0.0.2 web\n::1 web\n";
        hosts.read_hosts_conf(text.as_bytes()).unwrap();
        let found = |texts: &[&str]| {
            let addresses = texts.iter().map(|it| it.parse().unwrap());
            Found::Records(addresses.collect(), HOSTS_LIVE)
        };
        let both = [found(&["10.0.0.1", "10.0.0.2"]), found(&["::1"])];
        assert_eq!(static_host(&hosts, "WEB"), Some(Outcome::Host(both)));
        let none = Found::Nothing("no address in the hosts file".to_owned());
        let one = [found(&["10.0.0.1"]), none];
        assert_eq!(static_host(&hosts, "web2."), Some(Outcome::Host(one)));
        assert_eq!(static_host(&hosts, "other"), None, "that is for DNS");
    }

    #[test]
    fn servers_that_nobody_can_connect_to_are_none() {
        let record = |port, host: &str| ServiceRecord {
            priority: 1,
            weight: 1,
            port,
            host: host.into(),
        };
        let live = Duration::from_secs(60);
        let all = vec![record(80, "."), record(0, "a."), record(81, "b.")];
        let wanted = Found::Records(vec![record(81, "b.")], live);
        assert_eq!(servers(Found::Records(all, live)), wanted);
        let many = (0..2000).map(|it| record(80, &format!("{it}.")));
        match servers(Found::Records(many.collect(), live)) {
            Found::Records(kept, _) => assert_eq!(kept.len(), MOST_SERVERS),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn addresses_that_no_server_can_have_are_none() {
        let of = |text: &str| ip(&RData::from(text.parse::<IpAddr>().unwrap()));
        let mapped = "::ffff:10.0.0.1";
        assert_eq!(of(mapped), of("10.0.0.1"), "the same server");
        for bad in [
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "224.0.0.1",
            "ff02::1",
            "fe80::1",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
        for good in ["10.0.0.1", "127.0.0.1", "2001:db8::1"] {
            assert_eq!(of(good), Some(good.parse().unwrap()));
        }
    }
}
