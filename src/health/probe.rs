//! One probe of one backend: connect, and leave politely.
//!
//! ```text
//!  Connecting --connected: passed--> Leaving --the backend closed, or time is over--> (dropped)
//!      +------refused, no answer: failed--> (dropped)
//! ```
//! Leaving ends our stream and reads on until the backend ends its own: a reset, which closing with
//! unread bytes would cause, fills backends' logs.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use crate::reason;
use socket2::{Domain, Protocol, Socket, Type};

/// Bytes of a talkative backend that are read before it is left all the same.
const POLITE_BYTES: usize = 64 * 1024;

/// What a probe found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Passed,
    /// The backend failed, with the reason.
    Failed(String),
    /// This machine could not even ask: nothing is said of the backend.
    Unable(String),
}

pub(super) enum Probe {
    Connecting(Socket),
    Leaving { socket: Socket, read: usize },
}

impl Probe {
    /// Starts to connect. What failed at once is found at once.
    pub(super) fn start(address: SocketAddr) -> Result<Self, Finding> {
        let kind = Type::STREAM.nonblocking();
        let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))
            .map_err(|error| Finding::Unable(reason::of(&error)))?;
        match socket.connect(&address.into()) {
            Ok(()) => Ok(Self::Connecting(socket)),
            Err(error) if is_under_way(&error) => Ok(Self::Connecting(socket)),
            Err(error) => Err(finding(&error)),
        }
    }

    pub(super) const fn socket(&self) -> &Socket {
        match self {
            Self::Connecting(socket) | Self::Leaving { socket, .. } => socket,
        }
    }

    /// What a connecting probe has found, once it has (connect(2), EINPROGRESS).
    pub(super) fn finding(&self) -> Option<Finding> {
        let Self::Connecting(socket) = self else {
            return None;
        };
        let Ok(peer) = socket.peer_addr() else {
            return match socket.take_error() {
                Ok(None) => None,
                Ok(Some(error)) | Err(error) => Some(finding(&error)),
            };
        };
        if socket.local_addr().is_ok_and(|local| local == peer) {
            // Nobody listens: the kernel gave the probe the very port that it connects to.
            let _ = socket.set_linger(Some(Duration::ZERO));
            return Some(Finding::Failed("connection refused".to_owned()));
        }
        Some(Finding::Passed)
    }

    /// The probe has passed: says goodbye, unless the backend has gone already.
    pub(super) fn leave(self) -> Option<Self> {
        let socket = match self {
            Self::Connecting(socket) | Self::Leaving { socket, .. } => socket,
        };
        socket
            .shutdown(Shutdown::Write)
            .is_ok()
            .then_some(Self::Leaving { socket, read: 0 })
    }

    /// Reads what the backend says. Whether it may say more.
    pub(super) fn listen_on(&mut self) -> bool {
        let Self::Leaving { socket, read } = self else {
            return true;
        };
        let mut bytes = [0; 4096];
        loop {
            match socket.read(&mut bytes) {
                Ok(0) => return false,
                Ok(more) => *read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
            if *read >= POLITE_BYTES {
                return false;
            }
        }
    }
}

fn is_under_way(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INPROGRESS | Errno::INTR)
    )
}

/// Tells a backend's failure from one of this machine.
fn finding(error: &io::Error) -> Finding {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::ADDRNOTAVAIL | Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM | Errno::INVAL) => {
            Finding::Unable(reason::of(error))
        }
        _ => Finding::Failed(reason::of(error)),
    }
}
