//! All that a live session is, in one plain value.

use std::net::SocketAddr;
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use socket2::Socket;
use std::io;
use std::os::fd::AsRawFd;

use super::clock::Moment;
use super::front::Front;
use super::relay::Hold;
use super::token::{SessionKey, Target};
use crate::messages::{FailedAttempt, FailedAttempts};
use crate::plan::{Destination, PlannedListener};
use crate::pool::{Backend, BackendId, Line};
use crate::session::{Deadline, DialError, Session, Side};

/// So many failed attempts of a session are remembered: retries may be many, and lines wait in memory.
const FAILED_ATTEMPTS: usize = 32;

pub(super) struct Slot {
    pub(super) session: Session,
    pub(super) key: SessionKey,
    /// Unique in the process; the generation is its lower half.
    pub(super) id: u64,
    pub(super) client: Socket,
    pub(super) client_address: SocketAddr,
    pub(super) listener: Arc<PlannedListener>,
    /// Which of its destinations this session has.
    pub(super) destination: u16,
    /// What is special of it, where anything is.
    pub(super) front: Option<Box<Front>>,
    /// The last backend that was picked.
    pub(super) backend: Option<Arc<Backend>>,
    /// Whether it counts among the sessions of that backend.
    pub(super) leased: bool,
    pub(super) backend_socket: Option<Socket>,
    /// When that socket began to connect.
    pub(super) dialed: Moment,
    /// The second one of two connects.
    pub(super) rival: Option<Box<Rival>>,
    pub(super) holds: [Hold; 2],
    pub(super) accepted: Moment,
    pub(super) connected: Option<Moment>,
    /// When the first byte was read, by side.
    pub(super) first_byte: [Option<Moment>; 2],
    /// What connecting has come to so far, where it was not done with the first attempt.
    pub(super) trials: Option<Box<Trials>>,
    /// While it stands in the line of those who wait for a backend below its limit: since when.
    pub(super) lined_up: Option<Moment>,
    /// The microseconds that it has waited there before.
    pub(super) waited: u64,
    /// When a byte moved last, in the milliseconds of the timers.
    pub(super) moved: u64,
    /// Whether the acknowledgement of the handshake is held back on the backend's socket.
    pub(super) acknowledgement_held: bool,
    /// Bytes of the client that were read before a backend was connected: what it sent is counted there.
    pub(super) unclaimed: u32,
    /// Before a reset: the fewest bytes that were seen unacknowledged.
    pub(super) undelivered: u32,
    /// What its timer is set for.
    pub(super) armed: Deadline,
    /// Whether it stands in the run queue.
    pub(super) queued: bool,
}

/// What most sessions never have.
#[derive(Default)]
pub(super) struct Trials {
    /// Backends that are not to be picked again for now; none of a connected session.
    tried: Vec<BackendId>,
    failed: Option<Box<FailedAttempts>>,
}

/// A connect that races the first one of its session.
pub(super) struct Rival {
    pub(super) backend: Arc<Backend>,
    pub(super) socket: Socket,
    /// When it began to connect.
    pub(super) dialed: Moment,
}

impl Slot {
    /// Where it goes.
    pub(super) fn destination(&self) -> &Destination {
        &self.listener.destinations[usize::from(self.destination)]
    }

    /// The place of its pool.
    pub(super) fn pool(&self) -> usize {
        self.destination().pool
    }

    /// Whether it has, or dials, this backend.
    pub(super) fn has_backend(&self, id: BackendId) -> bool {
        self.leased
            && self
                .backend
                .as_ref()
                .is_some_and(|backend| backend.id == id)
    }

    /// An attempt that began at `dialed` has failed.
    pub(super) fn note_failed(
        &mut self,
        backend: Arc<Backend>,
        error: DialError,
        dialed: Moment,
        now: Moment,
    ) {
        let trials = self.trials.get_or_insert_default();
        let failed = &mut trials.failed.get_or_insert_default().0;
        if failed.len() < FAILED_ATTEMPTS {
            failed.push(FailedAttempt {
                backend,
                error,
                took: now.since(dialed),
            });
        }
    }

    /// Attempts to connect that have failed, where any has.
    pub(super) fn failed(&self) -> Option<&FailedAttempts> {
        self.trials.as_ref()?.failed.as_deref()
    }

    /// Takes them.
    pub(super) fn take_failed(&mut self) -> Option<Box<FailedAttempts>> {
        self.trials.as_mut()?.failed.take()
    }

    /// Backends that are not to be picked again for now.
    pub(super) fn tried(&self) -> &[BackendId] {
        self.trials.as_ref().map_or(&[], |trials| &trials.tried)
    }

    /// This one is not to be picked again for now.
    pub(super) fn note_tried(&mut self, backend: BackendId) {
        self.trials.get_or_insert_default().tried.push(backend);
    }

    /// Every backend may be picked again.
    pub(super) fn forget_tried(&mut self) {
        if let Some(trials) = &mut self.trials {
            trials.tried = Vec::new();
        }
        if self.failed().is_none() {
            self.trials = None;
        }
    }

    /// Stands in the line of its pool no more.
    pub(super) fn leave_line(&mut self, line: &Line, now: Moment) {
        if let Some(since) = self.lined_up.take() {
            line.waiting.leave();
            let waited = u64::try_from(now.since(since).as_micros());
            self.waited = self.waited.saturating_add(waited.unwrap_or(u64::MAX));
        }
    }

    pub(super) const fn socket(&self, side: Side) -> Option<&Socket> {
        match side {
            Side::Client => Some(&self.client),
            Side::Backend => self.backend_socket.as_ref(),
        }
    }
}

const EVERYTHING: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);

/// Has the loop woken for everything that happens to a session's socket: once for its life,
/// edge-triggered. Urgent marks are among it, since splice stops at them.
pub(super) fn watch(registry: &Registry, socket: &Socket, target: Target) -> io::Result<()> {
    let token = target.into();
    registry.register(&mut SourceFd(&socket.as_raw_fd()), token, EVERYTHING)
}

/// Has everything told again that is true of a watched socket now, from now on to this target.
pub(super) fn ask_again(registry: &Registry, socket: &Socket, target: Target) -> io::Result<()> {
    let token = target.into();
    registry.reregister(&mut SourceFd(&socket.as_raw_fd()), token, EVERYTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_session_takes_little_memory() {
        let bytes = size_of::<Slot>();
        assert!(
            bytes <= 344,
            "{bytes}: what few sessions need goes to Trials"
        );
    }
}
