//! One line per accepted connection, each field of it as the contract says.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use test_backends::{Behaviour, Server};

use super::{site, whoami};
use crate::harness::Options;

/// The fields of a line of the default form; parsing one fails the test.
#[derive(Debug)]
struct Line {
    client: SocketAddr,
    backend: String,
    millis: [f64; 3],
    bytes: [u64; 2],
    letters: String,
    active: [u64; 3],
    path: String,
    id: u64,
}

impl Line {
    #[track_caller]
    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let [
            time,
            client,
            listener,
            backend,
            address,
            times,
            bytes,
            letters,
            retries,
            active,
            path,
            id,
        ] = words[..]
        else {
            panic!("not twelve fields: {line:?}")
        };
        let time = humantime::parse_rfc3339(time).unwrap();
        let age = time.elapsed().unwrap_or_else(|it| it.duration());
        assert!(age.as_secs() < 60, "{line}");
        assert_eq!((listener, retries), ("web", "0"));
        address.parse::<SocketAddr>().unwrap();
        Self {
            client: client.parse().unwrap(),
            backend: backend.to_owned(),
            millis: numbers(times),
            bytes: numbers(bytes),
            letters: letters.to_owned(),
            active: numbers(active),
            path: path.to_owned(),
            id: u64::from_str_radix(id.strip_prefix("c=").unwrap(), 16).unwrap(),
        }
    }
}

#[track_caller]
fn numbers<T: std::str::FromStr<Err: std::fmt::Debug>, const N: usize>(field: &str) -> [T; N] {
    let parsed: Vec<T> = field.split('/').map(|it| it.parse().unwrap()).collect();
    parsed
        .try_into()
        .unwrap_or_else(|_| panic!("{N} numbers: {field}"))
}

/// How many bytes a site answers with to the question who it is.
fn reply_bytes(address: SocketAddr) -> u64 {
    let mut client = TcpStream::connect(address).unwrap();
    let request = b"GET /whoami HTTP/1.1\r\nHost: l4lb\r\nConnection: close\r\n\r\n";
    client.write_all(request).unwrap();
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).unwrap() as u64
}

#[test]
fn a_burst_leaves_one_whole_line_per_connection_and_all_of_them_are_there_at_the_end() {
    const CLIENTS: usize = 4;
    const REQUESTS: usize = 250;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let sites = ["a", "b"].map(site);
    let reply = reply_bytes(sites[0].addr());
    let flag = format!("--access-log={}", path.display());
    let options = Options::new().arg(&flag).backend(sites[0].addr());
    let mut l4lb = options.backend(sites[1].addr()).start();
    let address = l4lb.address();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(move || (0..REQUESTS).for_each(|_| _ = whoami(address).unwrap()));
        }
    });
    l4lb.signal("TERM");
    assert_eq!(l4lb.wait().code(), Some(0));
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<Line> = text.lines().map(Line::parse).collect();
    assert_eq!(lines.len(), CLIENTS * REQUESTS);
    let ids: HashSet<u64> = lines.iter().map(|line| line.id).collect();
    assert_eq!(ids.len(), lines.len(), "each connection has its own id");
    for line in &lines {
        let [queued, connect, total] = line.millis;
        assert!(queued == 0.0 && connect <= total, "{line:?}");
        assert_eq!(line.bytes[1], reply, "{line:?}");
        assert_eq!(
            (line.letters.as_str(), line.path.as_str()),
            ("--", "copy"),
            "{line:?}"
        );
        let [all, listener, backend] = line.active;
        assert!(
            all == listener && listener >= backend && backend >= 1,
            "{line:?}"
        );
    }
    let of_a = lines.iter().filter(|line| line.backend == "app/a").count();
    assert_eq!(of_a, lines.len() / 2);
}

#[test]
fn a_line_counts_every_byte_and_names_the_client() {
    const BYTES: u64 = 3_000_000;
    let behaviour = Behaviour::Source { bytes: Some(BYTES) };
    let source = Server::start("127.0.0.1:0", behaviour).unwrap();
    let l4lb = Options::new().backend(source.addr()).start();
    let mut client = l4lb.connect();
    let address = client.local_addr().unwrap();
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    drop(client);
    let line = Line::parse(&l4lb.wait_for_access_log(1)[0]);
    assert_eq!((line.client, line.bytes), (address, [0, BYTES]));
    assert_eq!((line.letters.as_str(), line.active), ("--", [1, 1, 1]));
}
