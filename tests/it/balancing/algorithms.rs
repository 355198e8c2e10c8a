//! Each algorithm through the real program: who gets what is read off the access log.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};
use test_backends::{Behaviour, Server};

use crate::harness::{L4lb, Options, PATIENCE, eventually};
use crate::life::{expect_echo, site, whoami};

/// Sites that say their names, a to z.
fn sites(count: u8) -> Vec<Server> {
    let name = |place| char::from(b'a' + place).to_string();
    (0..count).map(|place| site(&name(place))).collect()
}

/// l4lb in front of them, each with the options of its place, if any.
fn before(sites: &[Server], options: &[&str], arguments: &[&str]) -> L4lb {
    let specs = sites.iter().enumerate().map(|(place, site)| {
        let name = char::from(b'a' + u8::try_from(place).unwrap());
        let options = options.get(place).unwrap_or(&"");
        format!("--backend={name}={}{options}", site.addr())
    });
    let all = specs.collect::<Vec<_>>();
    let arguments = arguments.iter().map(|it| (*it).to_owned()).chain(all);
    arguments
        .fold(Options::new(), |all, it| all.arg(&it))
        .start()
}

/// Who serves so many clients, one after the other.
fn order(l4lb: &L4lb, clients: usize) -> String {
    (0..clients)
        .map(|_| whoami(l4lb.address()).unwrap())
        .collect()
}

/// How many of these sessions each backend has.
fn counts(names: &str) -> BTreeMap<char, usize> {
    let mut counts = BTreeMap::new();
    names
        .chars()
        .for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}

#[test]
fn weights_five_one_one_are_spread_smoothly() {
    let sites = sites(3);
    let l4lb = before(&sites, &[",weight=5", "", ",weight=1"], &[]);
    assert_eq!(order(&l4lb, 14), "aabacaaaabacaa");
}

#[test]
fn a_backend_of_weight_nothing_gets_nobody() {
    let sites = sites(3);
    let l4lb = before(&sites, &["", ",weight=0"], &[]);
    assert_eq!(order(&l4lb, 6), "acacac");
}

#[test]
fn a_backup_serves_only_while_no_other_one_is_there() {
    let mut sites = sites(3);
    let l4lb = before(&sites, &["", "", ",backup"], &["--health-interval=30ms"]);
    assert_eq!(order(&l4lb, 4), "abab");
    sites[0].stop();
    sites[1].stop();
    eventually("the backup serves", || {
        whoami(l4lb.address()).is_ok_and(|it| it == "c")
    });
    sites[1].start_again().unwrap();
    eventually("b is back", || {
        whoami(l4lb.address()).is_ok_and(|it| it == "b")
    });
    assert_eq!(order(&l4lb, 4), "bbbb");
}

/// So many sessions that stay open, and how many of them each backend has.
fn long_sessions(l4lb: &L4lb, servers: &[Server], count: usize) -> (Vec<TcpStream>, Vec<usize>) {
    let start = servers.iter().map(Server::accepted).collect::<Vec<_>>();
    let clients: Vec<_> = (0..count)
        .map(|_| {
            let mut client = l4lb.connect();
            expect_echo(&mut client, b"here");
            client
        })
        .collect();
    let now = servers.iter().map(Server::accepted);
    let counts = now
        .zip(start)
        .map(|(now, start)| usize::try_from(now - start).unwrap());
    (clients, counts.collect())
}

fn echoes(count: usize) -> Vec<Server> {
    (0..count)
        .map(|_| Server::start("127.0.0.1:0", Behaviour::Echo).unwrap())
        .collect()
}

#[test]
fn least_connections_keeps_a_hundred_long_sessions_even_for_any_number_of_workers() {
    for workers in ["--workers=1", "--workers=3"] {
        let servers = echoes(4);
        let arguments = ["--balance=least-connections", "--health=off", workers];
        let l4lb = before(&servers, &[], &arguments);
        let (mut clients, counts) = long_sessions(&l4lb, &servers, 100);
        assert!(
            counts.iter().all(|it| (24..=26).contains(it)),
            "{workers}: {counts:?}"
        );
        // Half of them go, and what comes fills the gaps.
        clients.truncate(50);
        l4lb.wait_for_access_log(50);
        let (_more, counts) = long_sessions(&l4lb, &servers, 50);
        assert_eq!(counts.iter().sum::<usize>(), 50);
        assert!(
            counts.iter().all(|it| (5..=20).contains(it)),
            "{workers}: {counts:?}"
        );
    }
}

#[test]
fn least_connections_goes_by_weight() {
    let servers = echoes(2);
    let arguments = ["--balance=least-connections", "--health=off"];
    let l4lb = before(&servers, &[",weight=3"], &arguments);
    let (_clients, counts) = long_sessions(&l4lb, &servers, 80);
    assert_eq!(counts, [60, 20]);
}

#[test]
fn two_choices_is_nearly_as_even() {
    let servers = echoes(4);
    let l4lb = before(&servers, &[], &["--balance=two-choices", "--health=off"]);
    let (_clients, counts) = long_sessions(&l4lb, &servers, 100);
    assert!(counts.iter().all(|it| (20..=30).contains(it)), "{counts:?}");
}

#[test]
fn random_gives_everybody_something_by_weight() {
    let sites = sites(2);
    let arguments = ["--balance=random", "--health=off"];
    let l4lb = before(&sites, &[",weight=3"], &arguments);
    let counts = counts(&order(&l4lb, 400));
    // Four standard deviations of a binomial distribution are 35.
    assert!((265..=335).contains(&counts[&'a']), "{counts:?}");
}

#[test]
fn first_fills_one_backend_up_to_its_limit_and_then_the_next() {
    let servers = echoes(3);
    let options = [",max-connections=10", ",max-connections=5", ""];
    let l4lb = before(&servers, &options, &["--balance=first", "--health=off"]);
    let (_clients, counts) = long_sessions(&l4lb, &servers, 18);
    assert_eq!(counts, [10, 5, 3]);
}

#[test]
fn least_latency_serves_and_does_not_stick_to_one_backend() {
    let servers = echoes(3);
    let l4lb = before(&servers, &[], &["--balance=least-latency", "--health=off"]);
    let (_clients, counts) = long_sessions(&l4lb, &servers, 60);
    // What a connect takes on a busy machine is chance, and with it the shares.
    assert_eq!(counts.iter().sum::<usize>(), 60);
    assert!(
        counts.iter().filter(|&&it| it > 0).count() >= 2,
        "{counts:?}"
    );
}

/// The site that serves a client with this address.
fn serves(address: SocketAddr, client: Ipv4Addr) -> Option<String> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((client, 0)).into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(&address.into()).ok()?;
    crate::life::whoami_over(socket.into()).ok()
}

#[test]
fn source_hash_moves_only_the_clients_of_a_backend_that_goes_and_gives_them_back() {
    let mut sites = sites(10);
    let arguments = ["--balance=source-hash", "--health-interval=100ms"];
    let l4lb = before(&sites, &[], &arguments);
    let clients: Vec<_> = (0..200)
        .map(|number| Ipv4Addr::new(127, 1, number / 100, 1 + number % 100))
        .collect();
    let mapping = || -> Vec<String> {
        let name = |client: &Ipv4Addr| serves(l4lb.address(), *client).unwrap();
        clients.iter().map(name).collect()
    };
    let at_first = mapping();
    assert_eq!(mapping(), at_first);
    assert_eq!(counts(&at_first.concat()).len(), 10, "all have clients");
    sites[3].stop();
    eventually("d is down", || mapping().iter().all(|name| name != "d"));
    let moved = |now: &[String]| {
        let pairs = at_first.iter().zip(now);
        pairs
            .filter(|(before, now)| *before != "d" && before != now)
            .count()
    };
    assert_eq!(moved(&mapping()), 0);
    sites[3].start_again().unwrap();
    eventually("d has its clients back", || mapping() == at_first);
}
