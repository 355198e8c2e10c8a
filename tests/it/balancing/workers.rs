//! Several workers are one balancer.

use std::net::TcpStream;

use test_backends::{Behaviour, Server};

use crate::harness::{L4lb, Options, eventually};
use crate::life::expect_echo;

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

fn clients(l4lb: &L4lb, count: usize) -> Vec<TcpStream> {
    let client = |_| {
        let mut client = l4lb.connect();
        expect_echo(&mut client, b"here");
        client
    };
    (0..count).map(client).collect()
}

/// CPU time in clock ticks, by worker (proc(5), stat).
fn worker_times(l4lb: &L4lb) -> Vec<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", l4lb.pid())).unwrap();
    let mut times = Vec::new();
    for task in tasks.flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.trim() == "worker" {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap();
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
            times.push(fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap());
        }
    }
    times
}

#[test]
fn long_sessions_are_spread_evenly_over_the_workers() {
    let backend = echo();
    let options = Options::new().arg("--workers=4").arg("--health=off");
    let l4lb = options.backend(backend.addr()).start();
    // A thread takes its name by itself, a moment after it was started.
    eventually("four workers", || worker_times(&l4lb).len() == 4);
    let _clients = clients(&l4lb, 100);
    // Each worker watches its own sessions, two sockets each, in its own epoll instance (that another
    // descriptor may speak of too).
    let watched = watched_sockets(l4lb.pid());
    let workers: Vec<_> = watched.into_iter().filter(|&it| it > 4).collect();
    assert!(workers.len() >= 4, "{workers:?}");
    let (fewest, most) = (workers.iter().min().unwrap(), workers.iter().max().unwrap());
    assert!(most - fewest <= 2 * 8, "{workers:?}");
}

/// By epoll instance: what it watches (proc(5), fdinfo).
fn watched_sockets(pid: u32) -> Vec<usize> {
    let mut watched = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
    {
        let Ok(target) = std::fs::read_link(entry.path()) else {
            continue;
        };
        if target.to_string_lossy() != "anon_inode:[eventpoll]" {
            continue;
        }
        let info = format!("/proc/{pid}/fdinfo/{}", entry.file_name().to_string_lossy());
        let text = std::fs::read_to_string(info).unwrap();
        watched.push(text.lines().filter(|line| line.starts_with("tfd:")).count());
    }
    watched
}

#[test]
fn a_full_house_is_full_over_all_workers_and_whoever_waits_gets_in() {
    let backend = echo();
    let options = Options::new().arg("--workers=3").arg("--health=off");
    let l4lb = options
        .arg("--max-connections=10")
        .backend(backend.addr())
        .start();
    let mut inside = clients(&l4lb, 10);
    let mut outside: Vec<_> = (0..20).map(|_| l4lb.connect()).collect();
    for client in &mut outside {
        std::io::Write::write_all(client, b"wait").unwrap();
    }
    assert_eq!(backend.accepted(), 10);
    // Each that leaves lets one in, whichever workers they are with.
    for count in 11..=20 {
        drop(inside.pop());
        eventually("the next one is let in", || backend.accepted() == count);
    }
    drop(outside);
    let lines = l4lb.wait_for_access_log(30);
    assert_eq!(lines.len(), 30);
    let busiest = |line: &String| -> u32 {
        let counts = line.split(' ').nth(9).unwrap();
        counts.split('/').next().unwrap().parse().unwrap()
    };
    assert!(lines.iter().all(|line| busiest(line) <= 10), "{lines:?}");
}

#[test]
fn ids_of_connections_are_unique_over_all_workers() {
    let backend = echo();
    let options = Options::new().arg("--workers=4").arg("--health=off");
    let l4lb = options.backend(backend.addr()).start();
    drop(clients(&l4lb, 60));
    let lines = l4lb.wait_for_access_log(60);
    let mut ids: Vec<_> = lines.iter().map(|line| line.split(" c=").nth(1)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 60);
}

#[test]
fn a_drain_waits_for_the_sessions_of_all_workers() {
    let backend = echo();
    let options = Options::new().arg("--workers=4").arg("--health=off");
    let mut l4lb = options.backend(backend.addr()).start();
    let mut clients = clients(&l4lb, 12);
    l4lb.signal("TERM");
    eventually("nobody listens", || {
        TcpStream::connect(l4lb.address()).is_err()
    });
    for client in &mut clients {
        expect_echo(client, b"still here");
    }
    drop(clients);
    assert_eq!(l4lb.wait().code(), Some(0));
    let is_whole = |line: &&String| line.contains(" 14/14 -- ");
    eventually("a line for each, and all of their bytes", || {
        l4lb.access_log().iter().filter(is_whole).count() == 12
    });
}
