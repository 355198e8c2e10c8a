//! Backends that die under load, one or all of them: what clients feel of it.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{site, whoami};
use crate::harness::{Options, PATIENCE, eventually};

/// Clients that ask anew, again and again, and write down when a request that failed had begun.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    answered: AtomicUsize,
    failed: Mutex<Vec<(Instant, String)>>,
}

impl Load {
    fn ask_on(&self, address: SocketAddr) {
        while !self.over.load(Ordering::Relaxed) {
            let began = Instant::now();
            match whoami(address) {
                Ok(_) => _ = self.answered.fetch_add(1, Ordering::Relaxed),
                Err(error) => self.failed.lock().unwrap().push((began, error.to_string())),
            }
        }
    }

    #[track_caller]
    fn wait_for_more(&self, count: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + count;
        eventually("answers", || {
            self.answered.load(Ordering::Relaxed) >= enough
        });
    }
}

/// Stops b of three sites under load, and starts it again; `changes` awaits what is to be logged.
fn stop_and_start_under_load(options: Options, has_health: bool) {
    let [a, mut b, c] = ["a", "b", "c"].map(site);
    let options = options
        .backend(a.addr())
        .backend(b.addr())
        .backend(c.addr());
    let mut l4lb = options.start();
    let (load, address) = (Load::default(), l4lb.address());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load.ask_on(address));
        }
        load.wait_for_more(200);
        b.stop();
        let stopped = Instant::now();
        load.wait_for_more(200);
        if has_health {
            l4lb.wait_for_log("app/b is down");
        }
        b.start_again().unwrap();
        let before = b.accepted();
        if has_health {
            l4lb.wait_for_log("app/b is up");
        }
        load.wait_for_more(200);
        load.over.store(true, Ordering::Relaxed);
        assert!(b.accepted() > before + 20, "b has its share again");
        // What b was serving when it stopped is lost with it; nothing else is.
        let failed = load.failed.lock().unwrap();
        let later: Vec<_> = failed
            .iter()
            .filter(|(began, _)| *began >= stopped)
            .collect();
        assert!(later.is_empty(), "{later:?}");
    });
}

/// Facts 10 and 11: a refused connect is noticed and costs the client nothing.
#[test]
fn no_new_connection_fails_when_a_backend_dies_under_load() {
    stop_and_start_under_load(Options::new().arg("--health-interval=100ms"), true);
}

#[test]
fn no_new_connection_fails_without_health_checks_either() {
    stop_and_start_under_load(Options::new().arg("--health=off"), false);
}

/// Connects and reads: the reset may come before either is done.
fn is_reset_at_once(address: SocketAddr) -> bool {
    let began = Instant::now();
    let answer = TcpStream::connect(address).and_then(|mut client| {
        client.set_read_timeout(Some(PATIENCE))?;
        client.read(&mut [0])
    });
    let is_reset = answer.is_err_and(|it| it.kind() == std::io::ErrorKind::ConnectionReset);
    is_reset && began.elapsed() < Duration::from_secs(2)
}

#[test]
fn with_all_backends_down_clients_are_reset_at_once_and_recovery_needs_no_restart() {
    let [mut a, mut b] = ["a", "b"].map(site);
    let options = Options::new().arg("--health-interval=50ms").arg("--fall=1");
    let mut l4lb = options.backend(a.addr()).backend(b.addr()).start();
    a.stop();
    b.stop();
    l4lb.wait_for_log("app/a is down");
    l4lb.wait_for_log("app/b is down");
    let is_known = || {
        let known = is_reset_at_once(l4lb.address());
        let log = l4lb.access_log();
        known && log.last().is_some_and(|line| line.contains(" app/- - "))
    };
    eventually("that the worker knows it too", is_known);
    for _ in 0..20 {
        assert!(is_reset_at_once(l4lb.address()));
    }
    eventually("twenty lines", || {
        let log = l4lb.access_log();
        log.iter()
            .filter(|line| line.contains(" app/- - 0.0/-/"))
            .count()
            >= 20
    });
    for line in l4lb
        .access_log()
        .iter()
        .filter(|line| line.contains(" app/- "))
    {
        assert!(line.contains(" 0/0 SC 0 "), "{line}");
    }
    a.start_again().unwrap();
    l4lb.wait_for_log("app/a is up");
    eventually("answers again", || {
        whoami(l4lb.address()).is_ok_and(|name| name == "a")
    });
    for _ in 0..10 {
        assert_eq!(whoami(l4lb.address()).unwrap(), "a");
    }
}
