//! Alone in its process, since it counts the threads and descriptors of the whole process.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use test_backends::{Behaviour, Server};

/// Threads and descriptors of this process.
fn held() -> (usize, usize) {
    let count = |dir| fs::read_dir(dir).expect("proc is mounted").count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

#[test]
fn stopped_servers_leave_neither_threads_nor_descriptors() {
    let before = held();
    for behaviour in [
        Behaviour::Echo,
        Behaviour::Source { bytes: None },
        Behaviour::SlowReader {
            bytes_per_second: 1,
        },
        Behaviour::NeverAccept,
        Behaviour::ReplyThenReset { bytes: 1 },
        Behaviour::Flapping {
            up: Duration::from_millis(5),
            down: Duration::from_millis(5),
            inner: Box::new(Behaviour::Greet {
                line: "up".to_owned(),
            }),
        },
    ] {
        let shown = behaviour.to_string();
        let mut server = Server::start("127.0.0.1:0", behaviour).unwrap();
        for _ in 0..3 {
            use_it(&server);
            server.stop();
            server.start_again().unwrap();
        }
        drop(server);
        // A thread that has been joined may be listed for another moment.
        let deadline = Instant::now() + Duration::from_secs(20);
        while held() != before && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(held(), before, "{shown}");
    }
}

/// Some connections, each at another point of its life; they may fail while a server flaps.
fn use_it(server: &Server) {
    for round in 0..10 {
        let connected = TcpStream::connect_timeout(&server.addr(), Duration::from_millis(5));
        let Ok(mut client) = connected else { continue };
        let _ = client.set_read_timeout(Some(Duration::from_millis(1)));
        if round % 2 == 0 {
            let _ = client.write_all(b"hello");
        }
        if round % 3 == 0 {
            let _ = client.read(&mut [0; 10]);
        }
    }
}
