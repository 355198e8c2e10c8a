//! Servers that keep the rules: they end when the client has ended, or when all is said.

use std::{io, time::Duration};

use crate::connection::{CHUNK_BYTES, Connection, Ending};

/// A slow reader takes its bytes in this many sips a second, if the rate allows.
const SIPS_PER_SECOND: u64 = 20;

/// Holds one chunk at most: a client that never reads is not read from either.
pub(super) fn echo(connection: &mut Connection<'_>) -> io::Result<Ending> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match connection.read(&mut buffer)? {
            0 => break,
            count => connection.write_all(&buffer[..count])?,
        }
    }
    connection.finish_writing()?;
    Ok(Ending::Close)
}

pub(super) fn greet(connection: &mut Connection<'_>, line: &str) -> io::Result<Ending> {
    connection.write_all(format!("{line}\n").as_bytes())?;
    echo(connection)
}

pub(super) fn discard(connection: &mut Connection<'_>) -> io::Result<Ending> {
    connection.discard(u64::MAX)?;
    Ok(Ending::Close)
}

pub(super) fn source(connection: &mut Connection<'_>, bytes: Option<u64>) -> io::Result<Ending> {
    // 2^64 bytes take centuries: endless enough.
    connection.write_pattern(bytes.unwrap_or(u64::MAX))?;
    connection.finish_writing()?;
    discard(connection)
}

pub(super) fn reply_after_end(connection: &mut Connection<'_>, bytes: u64) -> io::Result<Ending> {
    connection.discard(u64::MAX)?;
    connection.write_pattern(bytes)?;
    Ok(Ending::Close)
}

pub(super) fn read_slowly(connection: &mut Connection<'_>, rate: u64) -> io::Result<Ending> {
    if rate == 0 {
        connection.pause(Duration::MAX)?;
    }
    let sip = (rate / SIPS_PER_SECOND).clamp(1, CHUNK_BYTES as u64);
    loop {
        match connection.discard(sip)? {
            0 => return Ok(Ending::Close),
            count => connection.pause(Duration::from_nanos(count * 1_000_000_000 / rate))?,
        }
    }
}
