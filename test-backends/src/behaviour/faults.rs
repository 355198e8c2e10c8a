//! Servers that break off, or fall silent, where a client does not expect it.

use std::{io, time::Duration};

use crate::connection::{Connection, Ending};

/// A reply that fits the client's window has arrived by then; std has no way to ask for the
/// acknowledgement itself.
const ARRIVAL: Duration = Duration::from_millis(50);

pub(super) fn reset_after(connection: &mut Connection<'_>, bytes: u64) -> io::Result<Ending> {
    connection.discard(bytes)?;
    Ok(Ending::Reset)
}

pub(super) fn reply_then_reset(connection: &mut Connection<'_>, bytes: u64) -> io::Result<Ending> {
    connection.write_pattern(bytes)?;
    connection.pause(ARRIVAL)?;
    Ok(Ending::Reset)
}

pub(super) fn shut_down_first(connection: &mut Connection<'_>) -> io::Result<Ending> {
    connection.finish_writing()?;
    connection.discard(u64::MAX)?;
    Ok(Ending::Close)
}
