//! One behaviour after the other, as its client sees it.

use std::{
    io::ErrorKind,
    net::TcpStream,
    time::{Duration, Instant},
};

use test_backends::{Behaviour, Colour, pattern};

use crate::client::{Client, End, eventually, eventually_some, start};

/// Beyond what the buffers of both sockets hold by default.
const LARGE: usize = 8 << 20;

#[test]
fn echo_returns_every_byte_and_ends_after_its_client() {
    let server = start(Behaviour::Echo);
    let mut client = Client::connect(server.addr());
    for size in [1, 2, 100, 40_000] {
        let mut sent = vec![0; size];
        pattern::fill(size as u64, &mut sent);
        client.send(&sent);
        assert_eq!(client.take(size), sent);
    }
    client.send("last");
    client.finish();
    assert_eq!(client.take_rest(), (b"last".to_vec(), End::Fin));
    assert_eq!(server.bytes_received(), 40_107);
}

#[test]
fn discard_counts_what_it_swallows_and_closes() {
    let server = start(Behaviour::Discard);
    let mut client = Client::connect(server.addr());
    client.send(vec![7; LARGE]);
    client.finish();
    assert_eq!(client.take_rest(), (vec![], End::Fin));
    assert_eq!(server.bytes_received(), LARGE as u64);
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_source_writes_its_bytes_and_then_listens_to_the_end() {
    for count in [0, 1, 32_768, LARGE] {
        let server = start(Behaviour::Source {
            bytes: Some(count as u64),
        });
        let mut client = Client::connect(server.addr());
        client.take_pattern_to_the_end(count);
        client.send("still heard");
        eventually("the bytes sent after its end", || {
            server.bytes_received() == 11
        });
    }
}

#[test]
fn an_endless_source_goes_on_after_its_client_has_ended() {
    let server = start(Behaviour::Source { bytes: None });
    let mut client = Client::connect(server.addr());
    client.finish();
    assert_eq!(pattern::check(0, &client.take(LARGE)), Ok(()));
}

#[test]
fn a_slow_reader_takes_its_time() {
    let server = start(Behaviour::SlowReader {
        bytes_per_second: 10_000,
    });
    let started = Instant::now();
    let mut client = Client::connect(server.addr());
    client.send([7; 2_000]);
    client.finish();
    assert_eq!(client.take_rest(), (vec![], End::Fin));
    assert_eq!(server.bytes_received(), 2_000);
    assert!(
        started.elapsed() >= Duration::from_millis(200),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_reader_at_rate_zero_never_reads_and_can_be_stopped() {
    let mut server = start(Behaviour::SlowReader {
        bytes_per_second: 0,
    });
    let mut client = Client::connect(server.addr());
    client.send("unheard");
    eventually("accepted", || server.accepted() == 1);
    server.stop();
    assert_eq!(client.take_rest(), (vec![], End::Reset));
    assert_eq!(server.bytes_received(), 0);
}

#[test]
fn who_never_accepts_lets_one_in_and_the_next_hang() {
    let mut server = start(Behaviour::NeverAccept);
    let mut queued = Client::connect(server.addr());
    let refusal = TcpStream::connect_timeout(&server.addr(), Duration::from_millis(100));
    assert_eq!(refusal.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(server.accepted(), 0);
    server.stop();
    assert_eq!(queued.take_rest(), (vec![], End::Reset));
}

#[test]
fn reset_after_no_bytes_comes_at_once() {
    let server = start(Behaviour::ResetAfter { bytes: 0 });
    let mut client = Client::connect(server.addr());
    assert_eq!(client.take_rest(), (vec![], End::Reset));
    assert_eq!(server.accepted(), 1);
}

#[test]
fn reset_after_bytes_waits_for_exactly_these() {
    let server = start(Behaviour::ResetAfter { bytes: 10 });
    let mut client = Client::connect(server.addr());
    client.send("123456789");
    eventually("nine bytes read", || server.bytes_received() == 9);
    client.send("0 and more");
    assert_eq!(client.take_rest(), (vec![], End::Reset));
    assert_eq!(server.bytes_received(), 10);
}

#[test]
fn reset_after_bytes_comes_at_the_end_of_a_shorter_stream_too() {
    let server = start(Behaviour::ResetAfter { bytes: 10 });
    let mut client = Client::connect(server.addr());
    client.send("12345");
    client.finish();
    assert_eq!(client.take_rest(), (vec![], End::Reset));
    assert_eq!(server.bytes_received(), 5);
}

#[test]
fn reply_then_reset_delivers_its_reply_first() {
    let server = start(Behaviour::ReplyThenReset { bytes: 3_000 });
    let mut client = Client::connect(server.addr());
    let (bytes, end) = client.take_rest();
    assert_eq!((bytes.len(), end), (3_000, End::Reset));
    assert_eq!(pattern::check(0, &bytes), Ok(()));
}

#[test]
fn half_close_answers_only_after_the_end_of_the_stream() {
    let server = start(Behaviour::HalfClose {
        bytes: LARGE as u64,
    });
    let mut client = Client::connect(server.addr());
    client.send("question");
    eventually("the question read", || server.bytes_received() == 8);
    client.assert_silent();
    client.finish();
    client.take_pattern_to_the_end(LARGE);
}

#[test]
fn shutdown_first_ends_before_it_reads() {
    let server = start(Behaviour::ShutdownFirst);
    let mut client = Client::connect(server.addr());
    assert_eq!(client.take_rest(), (vec![], End::Fin));
    client.send("still heard");
    eventually("the bytes sent after its end", || {
        server.bytes_received() == 11
    });
}

#[test]
fn greet_speaks_first_and_echoes_then() {
    let server = start(Behaviour::Greet {
        line: "220 hello".to_owned(),
    });
    let mut client = Client::connect(server.addr());
    assert_eq!(client.take(10), b"220 hello\n");
    client.send("ping");
    client.finish();
    assert_eq!(client.take_rest(), (b"ping".to_vec(), End::Fin));
}

#[test]
fn flapping_goes_down_with_its_connections_and_comes_back() {
    let spell = Duration::from_millis(30);
    let inner = Box::new(Behaviour::Greet {
        line: "up".to_owned(),
    });
    let server = start(Behaviour::Flapping {
        up: spell,
        down: spell,
        inner,
    });
    for _ in 0..3 {
        let mut live = eventually_some("up", || Client::try_connect(server.addr()).ok());
        assert_eq!(live.take_rest().1, End::Reset);
        eventually("refused while down", || {
            let refusal = Client::try_connect(server.addr()).err();
            refusal.is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        });
    }
}

#[test]
fn flapping_is_up_from_the_start() {
    let inner = Box::new(Behaviour::Site {
        name: "b1".to_owned(),
        colour: Colour::LightBlue,
    });
    let hour = Duration::from_secs(3600);
    let server = start(Behaviour::Flapping {
        up: hour,
        down: hour,
        inner,
    });
    let mut client = Client::connect(server.addr());
    client.send("GET /whoami HTTP/1.0\r\n\r\n");
    let (answer, end) = client.take_rest();
    assert!(answer.ends_with(b"\r\n\r\nb1\n"));
    assert_eq!(end, End::Fin);
}
