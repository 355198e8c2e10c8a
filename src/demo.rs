//! `l4lb demo`: three built-in sites behind a balancer, one of which stops now and then; in `certificate`
//! what it has for `--tls`.
//!
//! Imports cli's announcement, supervisor, config. The sites are those of the test-backends crate.

mod certificate;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use test_backends::{Behaviour, Colour, Server};

use crate::config::{
    AccessLogConfig, AccessLogOutput, AdminAddress, AdminConfig, AllDown, BackendConfig, Balance,
    Config, HealthConfig, ListenerConfig, ListenerTls, OnDown, PoolConfig, defaults,
};
use crate::{cli, supervisor};
use certificate::Certificate;

/// Where the balancer and the first site are, if those ports are free.
const BALANCER_PORT: u16 = 9000;
const FIRST_SITE_PORT: u16 = 9001;
/// Where the dashboard is, if that port is free.
const DASHBOARD_PORT: u16 = 9090;

/// Every so often a site stops, in turn, for a while.
const STOP_EVERY: Duration = Duration::from_secs(10);
const STOPPED_FOR: Duration = Duration::from_secs(4);

/// Runs until a signal ends it; clients are spoken to in TLS where that is wanted.
///
/// # Errors
///
/// A sentence where a site or the balancer finds no address to listen on, or no certificate can be made.
pub fn run(speaks_tls: bool) -> Result<(), String> {
    let names = ["b1", "b2", "b3"];
    let mut sites = Vec::new();
    for ((port, name), colour) in (FIRST_SITE_PORT..).zip(names).zip(Colour::ALL) {
        let behaviour = Behaviour::Site {
            name: name.to_owned(),
            colour,
        };
        let site = start_site(port, behaviour)
            .map_err(|error| format!("cannot start the site {name}: {error}"))?;
        eprintln!("site {name}, {colour}, on http://{}/", site.addr());
        sites.push(site);
    }
    let backends = names.iter().zip(&sites);
    let backends = backends
        .map(|(name, site)| BackendConfig::new((*name).into(), site.addr()))
        .collect();
    let dashboard = real_address(free_address(DASHBOARD_PORT))
        .map_err(|error| format!("cannot find a port for the dashboard: {error}"))?;
    let certificate = speaks_tls.then(Certificate::new).transpose()?;
    let tls = certificate.as_ref().map(Certificate::listener);
    let config = config(free_address(BALANCER_PORT), tls, dashboard, backends);
    std::thread::Builder::new()
        .name("demo".to_owned())
        .spawn(move || stop_one_now_and_then(&mut sites, &names))
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    supervisor::run(config, None, |listeners| {
        welcome(listeners, certificate.as_ref(), dashboard);
    })
}

fn welcome(
    listeners: &[(Arc<str>, SocketAddr)],
    certificate: Option<&Certificate>,
    dashboard: SocketAddr,
) {
    cli::announce(listeners);
    let scheme = certificate.map_or("http", |_| "https");
    for (_, address) in listeners {
        eprintln!("open {scheme}://{address}/ and reload it; Ctrl-C ends the demo");
        if let Some(certificate) = certificate {
            let file = certificate.file();
            eprintln!("nobody has signed its certificate but itself: your browser will warn of it");
            eprintln!(
                "try it: curl --cacert {} https://{address}/",
                file.display()
            );
            eprintln!("or, without a look at who is there: curl -k https://{address}/");
        }
    }
    eprintln!("watch it on the dashboard, http://{dashboard}/");
}

fn start_site(port: u16, behaviour: Behaviour) -> io::Result<Server> {
    Server::start((Ipv4Addr::LOCALHOST, port), behaviour.clone()).or_else(|_| {
        eprintln!("port {port} is taken: using another one");
        Server::start((Ipv4Addr::LOCALHOST, 0), behaviour)
    })
}

/// The address with this port, or with port 0, a free one, where it is taken.
fn free_address(port: u16) -> SocketAddr {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    if TcpListener::bind(address).is_ok() {
        return address;
    }
    eprintln!("port {port} is taken: using another one");
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// The address with a free port in the place of port 0.
fn real_address(address: SocketAddr) -> io::Result<SocketAddr> {
    TcpListener::bind(address)?.local_addr()
}

fn config(
    listen: SocketAddr,
    tls: Option<ListenerTls>,
    dashboard: SocketAddr,
    backends: Vec<BackendConfig>,
) -> Config {
    Config {
        listeners: vec![ListenerConfig {
            name: "web".into(),
            addresses: vec![listen],
            pool: 0,
            routes: None,
            idle_timeout: Duration::from_secs(3600),
            max_connections: None,
            accept_proxy: None,
            preamble_timeout: defaults::PREAMBLE_TIMEOUT,
            http: None,
            tls,
        }],
        pools: vec![PoolConfig {
            name: "app".into(),
            backends,
            backends_file: None,
            balance: Balance::RoundRobin,
            connect_timeout: Duration::from_secs(3),
            retries: 2,
            queue_timeout: Duration::from_secs(3),
            slow_start: Duration::ZERO,
            hedge: false,
            send_proxy: None,
            source: None,
            on_down: OnDown::Keep,
            all_down: AllDown::Reject,
            eject: None,
            scale: None,
            tls: None,
            health: Some(HealthConfig {
                interval: Duration::from_millis(500),
                timeout: Duration::from_millis(500),
                fall: 2,
                ..HealthConfig::default()
            }),
        }],
        workers: 1,
        max_connections: None,
        drain_timeout: Duration::from_secs(2),
        access_log: AccessLogConfig::to(AccessLogOutput::Stdout),
        log_level: log::LevelFilter::Info, // the caller has started the log
        admin: Some(AdminConfig {
            listen: AdminAddress::Tcp(dashboard),
            token_file: None,
        }),
        dns_servers: Vec::new(),
    }
}

/// Stops one site after the other for a while, so that a person sees traffic move.
fn stop_one_now_and_then(sites: &mut [Server], names: &[&str]) {
    for turn in (0..sites.len()).cycle() {
        std::thread::sleep(STOP_EVERY - STOPPED_FOR);
        eprintln!(
            "demo: {} stops for {} s",
            names[turn],
            STOPPED_FOR.as_secs()
        );
        sites[turn].stop();
        std::thread::sleep(STOPPED_FOR);
        match sites[turn].start_again() {
            Ok(()) => eprintln!("demo: {} is back", names[turn]),
            Err(error) => eprintln!("demo: {} cannot come back: {error}", names[turn]),
        }
    }
}
