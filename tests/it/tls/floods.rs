//! Handshakes in great number, begun and left or carried through, beside plain traffic of the same worker.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use test_backends::{Behaviour, Server};

use super::{Files, Over, echoed, listener, metric, over, pool};
use crate::harness::{L4lb, PATIENCE, eventually, resident_bytes};
use crate::life::let_pass;

const FLOOD: usize = 2000;
const MOST: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(8);

/// One worker, with a listener in TLS and a plain one; and a client of the plain one.
fn scene(files: &Files, backend: &Server) -> (L4lb, TcpStream) {
    let plain = "[[listener]]\nname = \"plain\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n";
    let rest = plain.to_owned() + &pool(&backend.addr().to_string());
    let keys = format!(
        "max_handshakes = {MOST}, handshake_timeout = \"{}s\"",
        TIMEOUT.as_secs()
    );
    let l4lb = files.start(&("workers = 1\n".to_owned() + &listener(&keys, &rest)));
    let mut line = None;
    eventually("the second listener", || {
        line = l4lb.log().into_iter().find(|it| it.ends_with("(plain)"));
        line.is_some()
    });
    let line = line.unwrap();
    let address = line["listening on ".len()..].split(' ').next().unwrap();
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_nodelay(true).unwrap();
    (l4lb, client)
}

/// Pings until it is over. How often it was answered: each time.
fn ping(mut client: TcpStream, is_over: &AtomicBool) -> u64 {
    let mut rounds = 0;
    loop {
        let is_last = is_over.load(Ordering::Relaxed);
        let text = u64::to_be_bytes(rounds);
        client.write_all(&text).unwrap();
        let mut back = [0; 8];
        client.read_exact(&mut back).unwrap();
        assert_eq!(back, text);
        rounds += 1;
        if is_last {
            return rounds;
        }
    }
}

fn has_heard(client: &TcpStream) -> bool {
    matches!(client.peek(&mut [0]), Ok(1))
}

#[test]
fn handshakes_that_are_begun_and_left_take_no_more_than_their_share_and_end() {
    let files = Files::new(&["a.example"]);
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let (l4lb, plain) = scene(&files, &backend);
    assert_eq!(echoed(&mut files.client(&l4lb, "a.example"), b"x"), b"x");
    let before = resident_bytes(l4lb.pid());
    let mut hello = Vec::new();
    let mut client = files.client(&l4lb, "a.example");
    client.conn.write_tls(&mut hello).unwrap();
    drop(client);
    let is_over = AtomicBool::new(false);
    let (began, rounds) = (
        Instant::now(),
        thread::scope(|scope| {
            let pinging = Over(&is_over);
            let pings = scope.spawn(|| ping(plain, &is_over));
            let flood: Vec<TcpStream> = (0..FLOOD)
                .map(|_| {
                    let mut client = l4lb.connect();
                    client.write_all(&hello).unwrap();
                    client.set_nonblocking(true).unwrap();
                    client
                })
                .collect();
            let opened = Instant::now();
            let answered = || flood.iter().filter(|it| has_heard(it)).count();
            eventually("as many as may be are answered", || answered() >= MOST);
            let_pass(Duration::from_millis(300));
            let (count, grown) = (
                answered(),
                resident_bytes(l4lb.pid()).saturating_sub(before),
            );
            // On a machine that is slow enough the first ones have made room already.
            if opened.elapsed() < TIMEOUT / 2 {
                assert_eq!(count, MOST);
            }
            assert!(grown < 48 << 20, "{grown} bytes for {FLOOD} of them");
            let timeouts = || {
                metric(
                    &files,
                    "l4lb_tls_handshakes_total{listener=\"web\",result=\"timeout\"}",
                )
            };
            let deadline = Instant::now() + TIMEOUT + PATIENCE;
            while timeouts() < FLOOD as u64 {
                assert!(Instant::now() < deadline, "{} have ended", timeouts());
                let_pass(Duration::from_millis(50));
            }
            drop(pinging);
            pings.join().unwrap()
        }),
    );
    assert!(rounds > 100, "{rounds} in {:?}", began.elapsed());
    assert_eq!(echoed(&mut files.client(&l4lb, "a.example"), b"y"), b"y");
}

#[test]
fn handshakes_that_are_carried_through_are_all_served() {
    let files = Files::new(&["a.example"]);
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let (l4lb, plain) = scene(&files, &backend);
    let is_over = AtomicBool::new(false);
    let mut config = files.trusting();
    config.resumption = Resumption::disabled();
    thread::scope(|scope| {
        let pinging = Over(&is_over);
        let pings = scope.spawn(|| ping(plain, &is_over));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..FLOOD / 4 {
                        let mut client = over(l4lb.connect(), config.clone(), "a.example");
                        assert_eq!(echoed(&mut client, b"x"), b"x");
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|it| it.join().unwrap());
        drop(pinging);
        assert!(pings.join().unwrap() > 100);
    });
    let full = metric(
        &files,
        "l4lb_tls_handshakes_total{listener=\"web\",result=\"full\"}",
    );
    assert_eq!(full, FLOOD as u64);
}
