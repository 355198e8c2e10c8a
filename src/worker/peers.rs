//! The other workers, as one of them sees them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use socket2::Socket;

use super::shared::Shared;
use crate::messages::{Mailbox, ToWorker};
use crate::plan::PlannedListener;

/// A worker hands its next client over when another one has so many sessions less, and a part of its
/// own besides: so long sessions spread evenly, and short ones stay where they are.
const UNEVEN: u32 = 4;
const UNEVEN_PART: u32 = 16;

pub(super) struct Peers {
    me: usize,
    shared: Arc<Shared>,
    /// By number, its own one among them.
    mailboxes: Arc<[Mailbox<ToWorker>]>,
}

impl Peers {
    pub(super) const fn new(
        me: usize,
        shared: Arc<Shared>,
        mailboxes: Arc<[Mailbox<ToWorker>]>,
    ) -> Self {
        Self {
            me,
            shared,
            mailboxes,
        }
    }

    pub(super) const fn me(&self) -> usize {
        self.me
    }

    /// How many workers there are.
    pub(super) fn count(&self) -> usize {
        self.mailboxes.len()
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn shared_handle(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Whether the process lets its sessions finish, and ends.
    pub(super) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::SeqCst)
    }

    /// The first client that waits for this pool is with that worker, and there may be room.
    pub(super) fn wake(&self, worker: usize, pool: usize) {
        // A full mailbox is about to be read, and lines are looked at after that.
        let _ = self.mailboxes[worker].offer(ToWorker::Room(pool));
    }

    /// Has a new client counted for whom it suits best: hands it over to a worker with fewer
    /// sessions, or gives it back.
    pub(super) fn place(
        &self,
        socket: Socket,
        address: SocketAddr,
        listener: &Arc<PlannedListener>,
    ) -> Option<(Socket, SocketAddr)> {
        let workers = &self.shared.workers;
        let is_draining = || self.is_draining();
        let Some(other) = self.less_busy().filter(|_| !is_draining()) else {
            workers[self.me].enter(u32::MAX);
            return Some((socket, address));
        };
        // Counted first: whoever ends looks at the count after draining has begun.
        workers[other].enter(u32::MAX);
        let client = ToWorker::Client {
            socket,
            address,
            listener: Arc::clone(listener),
        };
        let kept = if is_draining() {
            Err(client)
        } else {
            self.mailboxes[other].offer(client)
        };
        let Err(ToWorker::Client {
            socket, address, ..
        }) = kept
        else {
            return None;
        };
        workers[other].leave();
        // It may have looked meanwhile, and wait for a client that never comes.
        let _ = self.mailboxes[other].offer(ToWorker::Room(listener.config.pool));
        workers[self.me].enter(u32::MAX);
        Some((socket, address))
    }

    fn less_busy(&self) -> Option<usize> {
        if self.mailboxes.len() == 1 {
            return None;
        }
        let mine = self.shared.workers[self.me].count();
        let counts = self.shared.workers.iter().map(|it| it.count());
        let (fewest, worker) = counts.zip(0..).min()?;
        (mine >= fewest + UNEVEN + mine / UNEVEN_PART).then_some(worker)
    }
}
