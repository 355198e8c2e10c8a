//! An access log that is stuck, full or gone delays no traffic, and its losses are told.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{echo, expect_echo, site, whoami};
use crate::harness::{L4lb, Options, PATIENCE, resident_bytes};

/// More lines than the queue and a pipe of 64 KiB hold together.
const TOO_MANY: usize = 12_000;

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Has more connections ended than there is room for lines: all backends are down, so that each is
/// one reset.
fn end_too_many(l4lb: &L4lb) {
    let address = l4lb.address();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..TOO_MANY / 4 {
                    // The reset may come before the connect is done.
                    let answer = TcpStream::connect(address).and_then(|mut it| {
                        it.set_read_timeout(Some(PATIENCE))?;
                        it.read(&mut [0])
                    });
                    let kind = answer.expect_err("a reset").kind();
                    assert_eq!(kind, ErrorKind::ConnectionReset);
                }
            });
        }
    });
}

#[test]
fn a_fifo_that_nobody_reads_does_not_keep_it_from_serving_or_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    make_fifo(&path);
    let a = site("a");
    let flag = format!("--access-log={}", path.display());
    let mut l4lb = Options::new().arg(&flag).backend(a.addr()).start();
    let mut client = l4lb.connect();
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    client
        .write_all(b"GET /whoami HTTP/1.1\r\nHost: l4lb\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("a\n"));
    drop(client);
    l4lb.signal("TERM");
    assert_eq!(l4lb.wait().code(), Some(0));
}

/// A pipe that is held open and never read from, and an l4lb whose standard output it is.
fn logging_to_a_pipe(folder: &tempfile::TempDir) -> (fs::File, Options) {
    let path = folder.path().join("fifo");
    make_fifo(&path);
    let reader = OpenOptions::new().read(true).write(true).open(&path);
    let script = format!("exec \"$@\" >'{}'", path.display());
    let options = Options::new().wrapped_in(&["sh", "-c", &script, "sh"]);
    (reader.unwrap(), options)
}

/// Standard output is a pipe that is full: `l4lb --access-log - | less`.
#[test]
fn a_full_pipe_delays_no_traffic_and_the_dropped_lines_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, options) = logging_to_a_pipe(&folder);
    let mut backend = echo();
    let options = options.arg("--fall=1").arg("--health-interval=50ms");
    let mut l4lb = options.backend(backend.addr()).start();
    let mut client = l4lb.connect();
    expect_echo(&mut client, b"before");
    backend.stop();
    l4lb.wait_for_log("app/a is down");
    end_too_many(&l4lb);
    backend.start_again().unwrap();
    l4lb.wait_for_log("app/a is up");
    for _ in 0..20 {
        let began = Instant::now();
        expect_echo(&mut l4lb.connect(), b"after");
        assert!(began.elapsed() < Duration::from_secs(2));
    }
    l4lb.wait_for_log("lines of the access log were dropped");
    l4lb.signal("TERM");
    assert_eq!(l4lb.wait().code(), Some(0));
}

#[test]
fn a_full_disk_is_told_and_delays_no_traffic() {
    let a = site("a");
    let mut l4lb = Options::new()
        .arg("--access-log=/dev/full")
        .backend(a.addr())
        .start();
    for _ in 0..50 {
        assert_eq!(whoami(l4lb.address()).unwrap(), "a");
    }
    l4lb.wait_for_log("the access log cannot be written");
    l4lb.signal("TERM");
    assert_eq!(l4lb.wait().code(), Some(0));
    let log = l4lb.log().join("\n");
    assert!(
        log.contains("lines of the access log were dropped"),
        "{log}"
    );
}

#[test]
fn a_reader_of_the_log_that_has_gone_away_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, options) = logging_to_a_pipe(&folder);
    let a = site("a");
    let mut l4lb = options.backend(a.addr()).start();
    drop(reader);
    fs::remove_file(folder.path().join("fifo")).unwrap();
    for _ in 0..20 {
        assert_eq!(whoami(l4lb.address()).unwrap(), "a");
    }
    l4lb.wait_for_log("the access log cannot be written: ");
    assert_eq!(whoami(l4lb.address()).unwrap(), "a");
}

/// So many clients, four at a time, each with a connection of its own: the time that 99 of 100 took at most.
fn p99(l4lb: &L4lb, clients: usize) -> Duration {
    let ask = |_| {
        let began = Instant::now();
        expect_echo(&mut l4lb.connect(), b"quick");
        began.elapsed()
    };
    let ask_on = || (0..clients / 4).map(ask).collect::<Vec<_>>();
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask_on)).collect();
        let times = threads.into_iter().map(|it| it.join().unwrap());
        times.flatten().collect()
    });
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// A stuck log would hold a client up for ever, a slow one for as long as a write takes: far longer
/// than what a busy machine adds.
#[test]
fn whatever_becomes_of_the_log_clients_are_as_quick_as_without_and_memory_is_bounded() {
    const MEMORY: u64 = 24 << 20;
    let (backend, folder) = (echo(), tempfile::tempdir().unwrap());
    let [fifo, gone] = ["fifo", "gone"].map(|it| folder.path().join(it));
    make_fifo(&fifo);
    fs::create_dir(&gone).unwrap();
    let start = |sink: &str| {
        let options = Options::new().arg(&format!("--access-log={sink}"));
        options.backend(backend.addr()).start()
    };
    let lost = gone.join("log");
    let off = p99(&start("off"), 2_000);
    let table = [
        (
            fifo.to_str().unwrap(),
            TOO_MANY,
            "lines of the access log were dropped",
        ),
        ("/dev/full", 2_000, "the access log cannot be written"),
        (lost.to_str().unwrap(), 2_000, "cannot open it again"),
    ];
    for (sink, clients, says) in table {
        let mut l4lb = start(sink);
        if lost.to_str() == Some(sink) {
            fs::remove_dir_all(&gone).unwrap();
            l4lb.signal("USR1");
        }
        p99(&l4lb, 100);
        let before = resident_bytes(l4lb.pid());
        let p99 = p99(&l4lb, clients);
        assert!(
            p99 < 4 * off + Duration::from_millis(40),
            "{sink}: {p99:?}, {off:?} without"
        );
        let grown = resident_bytes(l4lb.pid()).saturating_sub(before);
        assert!(grown < MEMORY, "{sink}: {grown} bytes");
        l4lb.wait_for_log(says);
    }
}
