//! The addresses that it listens on, and the line that says so.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use super::{site, whoami};
use crate::harness::{L4lb, Options};

/// The addresses of the ready lines, in order.
fn announced(l4lb: &L4lb) -> Vec<SocketAddr> {
    let log = l4lb.log();
    let lines = log
        .iter()
        .filter_map(|line| line.strip_prefix("listening on "));
    lines
        .map(|line| line.strip_suffix(" (web)").unwrap().parse().unwrap())
        .collect()
}

fn has_ipv6() -> bool {
    let found = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !found {
        eprintln!("skipped: this machine has no IPv6");
    }
    found
}

#[test]
fn the_ready_line_has_the_real_port_and_the_name_of_the_listener() {
    let a = site("a");
    let l4lb = Options::new().backend(a.addr()).start();
    let log = l4lb.log();
    assert_eq!(log[0], format!("listening on {} (web)", l4lb.address()));
    assert_ne!(l4lb.address().port(), 0);
    assert_eq!(whoami(l4lb.address()).unwrap(), "a");
}

#[test]
fn every_listener_serves_on_its_own_address() {
    if !has_ipv6() {
        return;
    }
    let a = site("a");
    let mut l4lb = Options::new()
        .arg("--listen=127.0.0.1:0")
        .arg("--listen=[::1]:0")
        .arg("--listen=:0")
        .backend(a.addr())
        .start();
    l4lb.wait_for_log("listening on [::]:");
    let addresses = announced(&l4lb);
    assert_eq!(addresses.len(), 3);
    assert_eq!(addresses[1].ip(), Ipv6Addr::LOCALHOST);
    for address in addresses {
        assert_eq!(whoami(address).unwrap(), "a", "{address}");
    }
    l4lb.wait_for_access_log(3);
}

#[test]
fn a_listener_for_both_families_logs_each_client_as_what_it_is() {
    if !has_ipv6() {
        return;
    }
    let a = site("a");
    let l4lb = Options::new().arg("--listen=:0").backend(a.addr()).start();
    let port = l4lb.address().port();
    for (host, prefix) in [("127.0.0.1", "127.0.0.1:"), ("[::1]", "[::1]:")] {
        let before = l4lb.access_log().len();
        whoami(format!("{host}:{port}").parse().unwrap()).unwrap();
        let lines = l4lb.wait_for_access_log(before + 1);
        let client = lines[before].split(' ').nth(1).unwrap();
        assert!(client.starts_with(prefix), "{}", lines[before]);
    }
}

#[test]
fn a_port_can_be_taken_again_at_once_after_a_stop() {
    let a = site("a");
    let mut first = Options::new().backend(a.addr()).start();
    let address = first.address();
    for _ in 0..10 {
        whoami(address).unwrap();
    }
    first.signal("TERM");
    assert_eq!(first.wait().code(), Some(0));
    let listen = format!("--listen={address}");
    let second = Options::new().arg(&listen).backend(a.addr()).start();
    assert_eq!(second.address(), address);
    assert_eq!(whoami(address).unwrap(), "a");
}
