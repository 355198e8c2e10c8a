//! Probes keep good manners and their times.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use test_backends::{Behaviour, Server};

use super::watch::let_pass;
use super::{available, echo, site};
use crate::harness::{Options, PATIENCE};

/// A backend that greets first and says goodbye at the end, as mail servers do, and that tells how
/// each connection went. It ends with the test process.
fn polite_backend(greeting: &'static [u8]) -> (std::net::SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, endings) = channel();
    std::thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            let ending = farewell(client, greeting)
                .map_or_else(|error| error.to_string(), |()| String::new());
            if sender.send(ending).is_err() {
                return;
            }
        }
    });
    (address, endings)
}

fn farewell(mut client: TcpStream, greeting: &[u8]) -> std::io::Result<()> {
    client.write_all(greeting)?;
    let mut heard = Vec::new();
    client.read_to_end(&mut heard)?;
    if !greeting.is_empty() {
        // It takes its time: a client that has gone away for good answers with a reset.
        let_pass(Duration::from_millis(10));
        client.write_all(b"221 goodbye\r\n")?;
    }
    client.shutdown(std::net::Shutdown::Write)?;
    let_pass(Duration::from_millis(10));
    client.take_error()?.map_or(Ok(()), Err)
}

/// Fact 20: a probe that closes with a reset fills the logs of backends.
#[test]
fn no_probe_ends_with_a_reset_not_even_at_a_backend_that_speaks_first() {
    for greeting in [&b""[..], b"220 mail.example ready\r\n", &[b'x'; 10_000]] {
        let (address, endings) = polite_backend(greeting);
        let options = Options::new().arg("--health-interval=150ms");
        let _l4lb = options.arg("--health-timeout=10s").backend(address).start();
        for _ in 0..5 {
            let ending = endings.recv_timeout(PATIENCE).unwrap();
            assert_eq!(ending, "", "to a greeting of {} bytes", greeting.len());
        }
    }
}

/// Fact 19: no free port is a fault of this machine, and says nothing of the backend.
#[test]
fn a_machine_without_a_free_port_takes_no_backend_for_down() {
    if !available("strace") {
        return;
    }
    let a = echo();
    let options = Options::new().injecting("connect", "connect:error=EADDRNOTAVAIL");
    let mut l4lb = options
        .arg("--health-interval=10ms")
        .backend(a.addr())
        .start();
    l4lb.wait_for_log("cannot probe a backend");
    let_pass(Duration::from_millis(300));
    let mut client = l4lb.connect();
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
    let lines = l4lb.wait_for_access_log(1);
    assert!(lines[0].contains(" RC "), "{lines:?}");
    let log = l4lb.log();
    assert!(!log.iter().any(|line| line.contains("is down")), "{log:?}");
}

#[test]
fn two_hundred_black_holes_do_not_delay_the_news_of_a_good_backend() {
    let hole = Server::start("127.0.0.1:0", Behaviour::NeverAccept).unwrap();
    let _fills_it = TcpStream::connect(hole.addr()).unwrap();
    let mut good = site("good");
    let options = (0..200).fold(Options::new(), |it, number| {
        it.arg(&format!("--backend=hole{number}={}", hole.addr()))
    });
    let options = options
        .arg("--health-interval=100ms")
        .arg("--health-timeout=1500ms");
    let mut l4lb = options
        .arg(&format!("--backend=good={}", good.addr()))
        .start();
    good.stop();
    let stopped = Instant::now();
    l4lb.wait_for_log("backend app/good is down: connection refused (3 of 3)");
    let took = stopped.elapsed();
    // A prober that waited for the holes would need 1.5 s for each of its three probes.
    assert!(took < Duration::from_millis(1500), "{took:?}");
    l4lb.wait_for_log("backend app/hole199 is down: no answer within 1s 500ms (3 of 3)");
}

#[test]
fn a_client_that_is_refused_has_the_backend_probed_at_once() {
    let (a, mut b) = (site("a"), site("b"));
    let options = Options::new().arg("--health-interval=60s");
    let mut l4lb = options.backend(a.addr()).backend(b.addr()).start();
    crate::harness::eventually("the first probe", || b.accepted() == 1);
    b.stop();
    let stopped = Instant::now();
    crate::harness::eventually("b is down", || {
        assert_eq!(super::whoami(l4lb.address()).unwrap(), "a");
        l4lb.log().iter().any(|line| line.contains("app/b is down"))
    });
    assert!(stopped.elapsed() < Duration::from_secs(10));
    l4lb.wait_for_log("backend app/b is down: connection refused (3 of 3)");
}
