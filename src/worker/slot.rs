//! All that a live session is, in one plain value.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use socket2::Socket;
use std::io;
use std::os::fd::AsRawFd;

use super::relay::Hold;
use super::token::{SessionKey, Target};
use crate::pool::{Backend, BackendId};
use crate::session::{Deadline, Session, Side};

pub(super) struct Slot {
    pub(super) session: Session,
    pub(super) key: SessionKey,
    /// Unique in the process; the generation is its lower half.
    pub(super) id: u64,
    pub(super) client: Socket,
    pub(super) client_address: SocketAddr,
    pub(super) listener: usize,
    pub(super) backend: Option<Arc<Backend>>,
    pub(super) backend_socket: Option<Socket>,
    pub(super) tried: Vec<BackendId>,
    pub(super) holds: [Hold; 2],
    pub(super) accepted: Instant,
    pub(super) connected: Option<Instant>,
    /// The time of its last turn.
    pub(super) now: Instant,
    /// When a byte moved last, in the milliseconds of the timers.
    pub(super) moved: u64,
    /// Whether the acknowledgement of the handshake is held back on the backend's socket.
    pub(super) acknowledgement_held: bool,
    /// Before a reset: the fewest bytes that were seen unacknowledged.
    pub(super) undelivered: usize,
    /// What its timer is set for.
    pub(super) armed: Deadline,
    /// Whether it stands in the run queue.
    pub(super) queued: bool,
}

impl Slot {
    pub(super) fn backend_id(&self) -> Option<BackendId> {
        self.backend.as_ref().map(|backend| backend.id)
    }

    pub(super) const fn socket(&self, side: Side) -> Option<&Socket> {
        match side {
            Side::Client => Some(&self.client),
            Side::Backend => self.backend_socket.as_ref(),
        }
    }
}

/// Has the loop woken for everything that happens to a session's socket: once for its life,
/// edge-triggered. Urgent marks are among it, since splice stops at them.
pub(super) fn watch(
    registry: &Registry,
    socket: &Socket,
    key: SessionKey,
    side: Side,
) -> io::Result<()> {
    let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
    registry.register(
        &mut SourceFd(&socket.as_raw_fd()),
        Target::Session(key, side).into(),
        interest,
    )
}
