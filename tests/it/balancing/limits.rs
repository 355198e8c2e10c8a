//! Limits of backends, and the line of those who wait.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use l4lb::config::Balance;
use test_backends::{Behaviour, Server};

use crate::harness::{Embedded, Options, PATIENCE, cpu_time, eventually, pool_over};
use crate::life::let_pass;

/// A backend that says its name to each client, waits for one byte, and knows how many it had at once.
/// It ends with the test process.
struct Counting {
    address: std::net::SocketAddr,
    most: Arc<AtomicUsize>,
}

fn counting() -> Counting {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let most = Arc::new(AtomicUsize::new(0));
    let now = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let (now, most) = (Arc::clone(&now), Arc::clone(&seen));
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let served = client.read_exact(&mut [0]).is_ok();
                // Whoever comes next may come as soon as this one has gone.
                now.fetch_sub(1, Ordering::SeqCst);
                if served {
                    let _ = client.write_all(b"!");
                }
            });
        }
    });
    Counting { address, most }
}

/// Asks once; the answer has come.
fn ask(client: &mut TcpStream) -> bool {
    client.write_all(b"?").unwrap();
    matches!(client.read(&mut [0]), Ok(1))
}

fn five_hundred_clients_are_served_ten_at_a_time(workers: usize) {
    const CLIENTS: usize = 500;
    let backends = [counting(), counting()];
    let mut pool = pool_over(&backends.each_ref().map(|it| it.address));
    pool.queue_timeout = PATIENCE;
    for backend in &mut pool.backends {
        backend.max_connections = Some(10);
    }
    let l4lb = Embedded::with_workers(workers, pool);
    let start = Barrier::new(CLIENTS);
    let served = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                start.wait();
                let mut client = l4lb.connect();
                served.fetch_add(usize::from(ask(&mut client)), Ordering::SeqCst);
            });
        }
    });
    assert_eq!(served.into_inner(), CLIENTS);
    for backend in backends {
        let most = backend.most.load(Ordering::SeqCst);
        assert!((5..=10).contains(&most), "{most}");
    }
    let lines = l4lb.wait_for_access_log(CLIENTS);
    assert!(lines.iter().all(|line| line.contains(" -- ")), "{lines:?}");
    for name in ["a", "b"] {
        assert_eq!(l4lb.backend(name).load.active.count(), 0);
    }
}

#[test]
fn a_limit_is_never_exceeded_and_everybody_is_served() {
    five_hundred_clients_are_served_ten_at_a_time(1);
}

#[test]
fn a_limit_holds_over_all_workers() {
    five_hundred_clients_are_served_ten_at_a_time(3);
}

#[test]
fn those_who_wait_are_served_in_their_order() {
    let backend = counting();
    let mut pool = pool_over(&[backend.address]);
    pool.backends[0].max_connections = Some(1);
    let l4lb = Embedded::start(pool);
    let mut clients: Vec<TcpStream> = Vec::new();
    for count in 1..=5 {
        clients.push(l4lb.connect());
        eventually("it is the first one's turn", || {
            count > 1 || l4lb.backend("a").load.active.count() == 1
        });
    }
    for client in &mut clients {
        client.write_all(b"?").unwrap();
    }
    for mut client in clients {
        assert!(matches!(client.read(&mut [0]), Ok(1)));
    }
    let lines = l4lb.wait_for_access_log(5);
    let ids: Vec<_> = lines.iter().map(|line| line.split(" c=").nth(1)).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(ids, sorted);
    let waited = |line: &String| line.split(' ').nth(5).unwrap().split('/').next() != Some("0.0");
    assert!(!waited(&lines[0]) && waited(&lines[4]), "{lines:?}");
}

#[test]
fn whoever_waits_too_long_is_reset_and_logged_as_queued() {
    let backend = counting();
    let mut pool = pool_over(&[backend.address]);
    pool.backends[0].max_connections = Some(1);
    pool.queue_timeout = Duration::from_millis(200);
    let l4lb = Embedded::start(pool);
    let mut first = l4lb.connect();
    eventually("the first one has the backend", || {
        l4lb.backend("a").load.active.count() == 1
    });
    let asked = Instant::now();
    let mut second = l4lb.connect();
    let error = second.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(asked.elapsed() >= Duration::from_millis(200));
    let lines = l4lb.wait_for_access_log(1);
    assert!(lines[0].contains(" sQ 0 "), "{lines:?}");
    let times = lines[0].split(' ').nth(5).unwrap();
    let queued: f64 = times.split('/').next().unwrap().parse().unwrap();
    assert!((199.0..5000.0).contains(&queued), "{times}");
    assert!(ask(&mut first), "the first one has noticed nothing");
}

#[test]
fn a_client_that_gives_up_waiting_is_forgotten_and_the_next_one_is_served() {
    let backend = counting();
    let mut pool = pool_over(&[backend.address]);
    pool.backends[0].max_connections = Some(1);
    pool.queue_timeout = PATIENCE;
    let l4lb = Embedded::start(pool);
    let mut first = l4lb.connect();
    eventually("the first one has the backend", || {
        l4lb.backend("a").load.active.count() == 1
    });
    let second = l4lb.connect();
    let mut third = l4lb.connect();
    socket2::SockRef::from(&second)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(second);
    let lines = l4lb.wait_for_access_log(1);
    assert!(lines[0].contains(" CQ "), "{lines:?}");
    assert!(ask(&mut first));
    drop(first);
    assert!(ask(&mut third));
}

#[test]
fn who_cannot_use_the_room_that_there_is_holds_up_nobody() {
    let full = counting();
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = refusing.local_addr().unwrap();
    drop(refusing);
    for workers in [1, 2] {
        let mut pool = pool_over(&[address, full.address]);
        pool.balance = Balance::First;
        pool.queue_timeout = Duration::from_secs(3);
        pool.backends[1].max_connections = Some(1);
        let l4lb = Embedded::with_workers(workers, pool);
        let mut inside = l4lb.connect();
        eventually("b is full", || l4lb.backend("b").load.active.count() == 1);
        // It has tried a, and b is full.
        let mut stuck = l4lb.connect();
        eventually("it has tried a", || l4lb.backend("a").load.failures() >= 2);
        let _a = Server::start(address.to_string(), Behaviour::Echo).unwrap();
        let asked = Instant::now();
        for _ in 0..12 {
            assert!(ask(&mut l4lb.connect()));
        }
        assert!(
            asked.elapsed() < Duration::from_secs(2),
            "{workers} workers"
        );
        // Its time runs out, and a serves by now.
        assert!(ask(&mut stuck));
        assert!(ask(&mut inside));
    }
}

#[test]
fn a_line_at_a_backend_that_has_gone_goes_to_the_other_one_and_keeps_nobody_busy() {
    let mut gone = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let other = counting();
    let l4lb = Options::new()
        .arg("--health=off")
        .arg("--connect-timeout=20s")
        .arg(&format!("--backend=a={},max-connections=1", gone.addr()))
        .arg(&format!("--backend=b={},max-connections=1", other.address))
        .start();
    let mut first = l4lb.connect();
    assert!(ask(&mut first));
    let others = [(); 3].map(|()| l4lb.connect());
    eventually("b has a client", || other.most.load(Ordering::SeqCst) == 1);
    let_pass(Duration::from_millis(100));
    gone.stop(); // and with it the first one: there is room where nobody listens
    assert!(!matches!(first.read(&mut [0]), Ok(1)));
    let_pass(Duration::from_millis(100));
    let before = cpu_time(l4lb.pid());
    let_pass(Duration::from_millis(500));
    let spent = cpu_time(l4lb.pid()) - before;
    assert!(spent < Duration::from_millis(100), "{spent:?}");
    let asked = Instant::now();
    for mut client in others {
        assert!(ask(&mut client));
    }
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_worker_that_has_drained_leaves_nobody_of_another_one_waiting() {
    let backend = counting();
    let mut pool = pool_over(&[backend.address]);
    pool.queue_timeout = Duration::from_secs(1);
    pool.backends[0].max_connections = Some(1);
    let l4lb = Embedded::draining_for(PATIENCE, 2, pool);
    let mut inside = l4lb.connect();
    eventually("it is full", || l4lb.backend("a").load.active.count() == 1);
    let _early: Vec<_> = (0..4).map(|_| l4lb.connect()).collect();
    let_pass(Duration::from_millis(700));
    let mut last = l4lb.connect();
    let_pass(Duration::from_millis(50));
    l4lb.handle.signal(signal_hook::consts::SIGTERM);
    l4lb.wait_for_access_log(4); // the early ones have waited too long
    assert!(ask(&mut inside));
    drop(inside);
    assert!(ask(&mut last));
}
