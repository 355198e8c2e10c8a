//! One end of a connection: sends the pattern, checks what it gets, tells a clean end from a reset.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use l4lb::sys::unacknowledged_bytes;
use socket2::SockRef;
use test_backends::pattern;

use crate::harness::eventually;

const CHUNK_BYTES: usize = 64 * 1024;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Clean,
    Reset,
}

/// Sends `count` bytes of the pattern from `offset` on.
#[track_caller]
pub(super) fn send(sink: &TcpStream, offset: u64, count: u64) {
    let mut left = count;
    let sizes = std::iter::from_fn(|| {
        let size = left.min(CHUNK_BYTES as u64);
        left -= size;
        (size > 0).then_some(size)
    });
    send_in(sink, offset, sizes);
}

/// Sends the pattern from `offset` on, in writes of these sizes.
#[track_caller]
pub(super) fn send_in(mut sink: &TcpStream, offset: u64, sizes: impl IntoIterator<Item = u64>) {
    let mut bytes = Vec::new();
    let mut at = offset;
    for size in sizes {
        bytes.resize(usize::try_from(size).unwrap(), 0);
        pattern::fill(at, &mut bytes);
        sink.write_all(&bytes).expect("bytes are taken in time");
        at += size;
    }
}

/// Sends as many bytes of the pattern as the sockets on the way take now. Returns their number.
pub(super) fn send_until_blocked(mut sink: &TcpStream, offset: u64) -> u64 {
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut count = 0;
    sink.set_nonblocking(true).unwrap();
    loop {
        pattern::fill(offset + count, &mut bytes);
        match sink.write(&bytes) {
            Ok(taken) => count += taken as u64,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("a write failed: {error}"),
        }
    }
    sink.set_nonblocking(false).unwrap();
    count
}

/// Sends the pattern until nobody on the way takes a byte any more. Returns the number of bytes.
pub(super) fn send_until_stuck(sink: &TcpStream, offset: u64) -> u64 {
    let mut count = 0;
    let mut calm = 0;
    eventually("nobody takes any more bytes", || {
        let taken = send_until_blocked(sink, offset + count);
        calm = if taken == 0 { calm + 1 } else { 0 };
        count += taken;
        calm == 50
    });
    count
}

/// Fills every buffer between `source` and `sink`, then reads sip by sip until the last byte has
/// left the source's kernel. Returns the numbers of bytes sent and read: the rest is on the way.
pub(super) fn fill_the_way(source: &TcpStream, sink: &TcpStream) -> (u64, u64) {
    const SIP: u64 = 1 << 16;
    let sent = send_until_stuck(source, 0);
    let mut read = 0;
    while unacknowledged_bytes(&SockRef::from(source)).unwrap() > 0 {
        receive_exactly(sink, read, SIP);
        read += SIP;
    }
    (sent, read)
}

/// Reads to the end, and checks that it gets the pattern from `offset` on.
#[track_caller]
pub(super) fn receive(source: &TcpStream, offset: u64) -> (u64, Ending) {
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut count = 0;
    loop {
        match read(source, &mut bytes) {
            Ok(0) => return (count, Ending::Clean),
            Ok(read) => {
                assert_eq!(pattern::check(offset + count, &bytes[..read]), Ok(()));
                count += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return (count, Ending::Reset);
            }
            Err(error) => panic!("after {count} bytes: {error}"),
        }
    }
}

/// Reads `count` bytes, and checks that they are the pattern from `offset` on.
#[track_caller]
pub(super) fn receive_exactly(source: &TcpStream, offset: u64, count: u64) {
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < count {
        let wanted = bytes.len().min(usize::try_from(count - at).unwrap());
        let read = match read(source, &mut bytes[..wanted]) {
            Ok(0) => panic!("the end came after {at} of {count} bytes"),
            Ok(read) => read,
            Err(error) => panic!("after {at} of {count} bytes: {error}"),
        };
        assert_eq!(pattern::check(offset + at, &bytes[..read]), Ok(()));
        at += read as u64;
    }
}

/// A read with a deadline may be interrupted by more than signals with a handler: signal(7).
fn read(mut source: &TcpStream, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

/// Ends its own stream; it may still read.
pub(super) fn finish(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).expect("a FIN is sent");
}

/// Closes with a reset, once all it sent has arrived in the peer's kernel.
pub(super) fn reset(stream: TcpStream) {
    await_arrival(&stream);
    reset_at_once(stream);
}

/// Closes with a reset: what is still on its way is lost.
pub(super) fn reset_at_once(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(stream);
}

/// Waits until the peer's kernel has acknowledged all bytes.
#[track_caller]
pub(super) fn await_arrival(stream: &TcpStream) {
    eventually("all bytes are acknowledged", || {
        unacknowledged_bytes(&SockRef::from(stream)).unwrap() == 0
    });
}

/// For so long nothing comes, neither a byte nor an end. It is also how a test lets time pass.
#[track_caller]
pub(super) fn assert_silent(stream: &TcpStream, time: Duration) {
    let before = stream.read_timeout().unwrap();
    stream.set_read_timeout(Some(time)).unwrap();
    let answer = read(stream, &mut [0]);
    let kind = answer.map_err(|error| error.kind());
    assert_eq!(kind, Err(ErrorKind::WouldBlock), "it is not silent");
    stream.set_read_timeout(before).unwrap();
}
