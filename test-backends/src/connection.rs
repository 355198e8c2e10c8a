//! One accepted connection: every byte read, written, counted or cut off passes here.
//!
//! The socket does not block; waiting is [`Stop`]'s, so each call ends with an error soon after the
//! server is stopped.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rustix::event::PollFlags;
use socket2::SockRef;

use crate::{pattern, stop::Stop};

/// How much a behaviour reads or writes at a time.
pub(crate) const CHUNK_BYTES: usize = 32 * 1024;

/// How a behaviour wants its connection to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a FIN, unless one was sent before.
    Close,
    /// With a RST; what is not delivered yet is lost.
    Reset,
}

/// What a server has seen; it goes on over stops and starts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Connection<'server> {
    stream: TcpStream,
    stop: &'server Stop,
    counters: &'server Counters,
}

impl<'server> Connection<'server> {
    pub(crate) fn new(
        stream: TcpStream,
        stop: &'server Stop,
        counters: &'server Counters,
    ) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            stop,
            counters,
        })
    }

    /// Waits for bytes; 0 is the end of the stream.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_until(buffer, None)
    }

    fn read_until(&mut self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        loop {
            self.stop.check()?;
            match self.stream.read(buffer) {
                Ok(count) => {
                    self.counters
                        .bytes_received
                        .fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.stop.wait_for(&self.stream, PollFlags::IN, deadline)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads and forgets up to `limit` bytes; returns how many came before the end of the stream.
    pub(crate) fn discard(&mut self, limit: u64) -> io::Result<u64> {
        let mut buffer = vec![0; clamped(limit)];
        let mut count = 0;
        while count < limit {
            let wanted = clamped(limit - count);
            match self.read(&mut buffer[..wanted])? {
                0 => break,
                read => count += read as u64,
            }
        }
        Ok(count)
    }

    pub(crate) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stop.check()?;
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.stop.wait_for(&self.stream, PollFlags::OUT, None)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes the first `count` bytes of the [`pattern`].
    pub(crate) fn write_pattern(&mut self, count: u64) -> io::Result<()> {
        let mut buffer = vec![0; clamped(count)];
        let mut at = 0;
        while at < count {
            let piece = &mut buffer[..clamped(count - at)];
            pattern::fill(at, piece);
            self.write_all(piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Sends a FIN.
    pub(crate) fn finish_writing(&self) -> io::Result<()> {
        self.stop.check()?;
        self.stream.shutdown(Shutdown::Write)
    }

    /// Sends a FIN and gives the peer a moment to end too. Closing with bytes unread would make the
    /// kernel send a reset, and that can overtake our last answer.
    pub(crate) fn finish_and_linger(&mut self, patience: Duration) -> io::Result<()> {
        self.finish_writing()?;
        let deadline = Instant::now().checked_add(patience);
        let mut buffer = [0; 4096];
        while self.read_until(&mut buffer, deadline)? > 0
            && deadline.is_none_or(|deadline| Instant::now() < deadline)
        {}
        Ok(())
    }

    pub(crate) fn pause(&self, time: Duration) -> io::Result<()> {
        self.stop.pause(time)
    }

    /// The only way out. Whatever a stopped server interrupts ends with a reset.
    pub(crate) fn end(self, result: io::Result<Ending>) {
        let ending = match result {
            Ok(ending) => ending,
            Err(_) if self.stop.is_raised() => Ending::Reset,
            Err(_) => Ending::Close,
        };
        if ending == Ending::Reset {
            // Fails only on a socket that is closed, and this one is not.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// As much of it as fits into one chunk.
fn clamped(count: u64) -> usize {
    usize::try_from(count)
        .unwrap_or(CHUNK_BYTES)
        .min(CHUNK_BYTES)
}
