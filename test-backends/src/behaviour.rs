//! What a server does to its connections, as data.
//!
//! Each kind that serves connections is one small function: [`streams`] moves bytes as a server
//! should, [`faults`] holds what goes wrong, `site` speaks HTTP. Not accepting and flapping concern
//! the listener and are carried out in `running`.

mod faults;
mod streams;

use std::{fmt, io, time::Duration};

use crate::{
    colour::Colour,
    connection::{Connection, Ending},
    site::Site,
};

/// What a server does to the connections that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// An HTTP/1.1 site: `/`, `/health`, `/whoami`, `/bytes/N`.
    Site {
        /// Shown in the page, in `/whoami` and in the header `X-Backend`.
        name: String,
        /// The background of the page.
        colour: Colour,
    },
    /// Writes back what it reads; after the end of the stream it sends its own.
    Echo,
    /// Reads and forgets; closes at the end of the stream.
    Discard,
    /// Writes the [`pattern`](crate::pattern), shuts down its write side, reads to the end.
    Source {
        /// How much it writes; without a number it never ends.
        bytes: Option<u64>,
    },
    /// Reads slowly; closes at the end of the stream.
    SlowReader {
        /// 0: it never reads.
        bytes_per_second: u64,
    },
    /// Listens and never accepts: one connection fits into the queue, later SYNs hang.
    NeverAccept,
    /// Sends nothing, reads so much (or to the end of the stream, if that is sooner), then resets.
    ResetAfter {
        /// 0: it reads nothing and resets at once.
        bytes: u64,
    },
    /// Writes so much of the [`pattern`](crate::pattern), gives it a moment to arrive, resets.
    ReplyThenReset {
        /// The length of the reply.
        bytes: u64,
    },
    /// Reads to the end of the stream, only then writes so much of the
    /// [`pattern`](crate::pattern), and closes.
    HalfClose {
        /// The length of the reply.
        bytes: u64,
    },
    /// Shuts down its write side at once, then reads to the end.
    ShutdownFirst,
    /// Speaks first, then echoes.
    Greet {
        /// What it says; a line feed is added.
        line: String,
    },
    /// Listens for some time, is down for some time (live connections are reset, new ones refused,
    /// as after a crash), and so on.
    Flapping {
        /// How long it listens.
        up: Duration,
        /// How long it refuses.
        down: Duration,
        /// What it does while it is up.
        inner: Box<Self>,
    },
}

impl Behaviour {
    pub(crate) fn serve(&self, connection: &mut Connection<'_>) -> io::Result<Ending> {
        match self {
            Self::Site { name, colour } => Site::new(name, *colour).serve(connection),
            Self::Echo => streams::echo(connection),
            Self::Discard => streams::discard(connection),
            Self::Source { bytes } => streams::source(connection, *bytes),
            Self::SlowReader { bytes_per_second } => {
                streams::read_slowly(connection, *bytes_per_second)
            }
            Self::ResetAfter { bytes } => faults::reset_after(connection, *bytes),
            Self::ReplyThenReset { bytes } => faults::reply_then_reset(connection, *bytes),
            Self::HalfClose { bytes } => streams::reply_after_end(connection, *bytes),
            Self::ShutdownFirst => faults::shut_down_first(connection),
            Self::Greet { line } => streams::greet(connection, line),
            // Its listener hands out no connection.
            Self::NeverAccept => Ok(Ending::Reset),
            Self::Flapping { inner, .. } => inner.serve(connection),
        }
    }

    /// How many connections wait to be accepted before SYNs are dropped. Linux lets one more in
    /// than it is told (listen(2) and the test of `NeverAccept`).
    pub(crate) fn backlog(&self) -> i32 {
        match self {
            Self::NeverAccept => 0,
            Self::Flapping { inner, .. } => inner.backlog(),
            _ => 1024,
        }
    }
}

/// As the program names them: `site b1`, `echo`, `flapping site b1`.
impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site { name, .. } => write!(f, "site {}", name.escape_debug()),
            Self::Echo => f.write_str("echo"),
            Self::Discard => f.write_str("discard"),
            Self::Source { .. } => f.write_str("source"),
            Self::SlowReader { .. } => f.write_str("slow-reader"),
            Self::NeverAccept => f.write_str("never-accept"),
            Self::ResetAfter { .. } => f.write_str("reset-after"),
            Self::ReplyThenReset { .. } => f.write_str("reply-then-reset"),
            Self::HalfClose { .. } => f.write_str("half-close"),
            Self::ShutdownFirst => f.write_str("shutdown-first"),
            Self::Greet { .. } => f.write_str("greet"),
            Self::Flapping { inner, .. } => write!(f, "flapping {inner}"),
        }
    }
}
