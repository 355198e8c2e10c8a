//! Sessions of backends, counted over all workers, and the news of them.
//!
//! The count itself is an atomic of the backend. A balancer keeps backends ordered by what it knows
//! of their counts, so a worker that changes one tells the others, once until they have looked.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::pool::Backend;

/// One worker's door to the counts.
pub(super) struct Loads {
    me: u32,
    /// Whom to tell. A backend stands in a queue at most once (Load::tell): queues are bounded by the
    /// number of backends.
    others: Vec<(u32, Sender<Arc<Backend>>)>,
    news: Receiver<Arc<Backend>>,
}

impl Loads {
    /// A door for each of `count` workers.
    pub(super) fn doors(count: usize) -> Vec<Self> {
        let queues: Vec<_> = (0..count).map(|_| unbounded()).collect();
        let senders = (0..).zip(queues.iter().map(|(sender, _)| sender.clone()));
        let senders: Vec<(u32, Sender<_>)> = senders.collect();
        let door = |(me, (_, news))| Self {
            me,
            others: senders
                .iter()
                .filter(|(it, _)| *it != me)
                .cloned()
                .collect(),
            news,
        };
        (0..).zip(queues).map(door).collect()
    }

    /// One session more for `backend`, unless it is at its `limit`. How many it has now.
    pub(super) fn enter(&self, backend: &Arc<Backend>, limit: u32) -> Option<u32> {
        let active = backend.load.active.enter(limit)?;
        self.tell_others(backend);
        Some(active)
    }

    /// One session less for `backend`. How many it has now.
    pub(super) fn leave(&self, backend: &Arc<Backend>) -> u32 {
        let active = backend.load.active.leave();
        self.tell_others(backend);
        active
    }

    /// The number of this worker.
    pub(super) const fn me(&self) -> usize {
        self.me as usize
    }

    /// Whether there is no other worker.
    pub(super) const fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    fn tell_others(&self, backend: &Arc<Backend>) {
        for (worker, queue) in &self.others {
            if backend.load.tell(*worker) {
                // Whoever has ended does not need to know.
                let _ = queue.send(Arc::clone(backend));
            }
        }
    }

    /// A backend whose count another worker has changed, and the count.
    pub(super) fn news(&self) -> Option<(Arc<Backend>, u32)> {
        let backend = self.news.try_recv().ok()?;
        let active = backend.load.look(self.me);
        Some((backend, active))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::BackendId;

    #[test]
    fn others_hear_of_a_change_once_and_see_the_newest_count() {
        let backend = Arc::new(Backend::new(
            BackendId(0),
            "app".into(),
            "b1".into(),
            ([127, 0, 0, 1], 80).into(),
            1,
        ));
        let doors = Loads::doors(3);
        assert_eq!(doors[0].enter(&backend, 2), Some(1));
        assert_eq!(doors[1].enter(&backend, 2), Some(2));
        assert_eq!(doors[2].enter(&backend, 2), None);
        let counts = |door: &Loads| -> Vec<u32> {
            std::iter::from_fn(|| door.news())
                .map(|(_, count)| count)
                .collect()
        };
        assert_eq!(counts(&doors[2]), [2]);
        assert_eq!(counts(&doors[0]), [2], "it hears of the other's");
        assert_eq!(doors[2].leave(&backend), 1);
        assert!(counts(&doors[2]).is_empty(), "not of its own");
        assert_eq!(counts(&doors[0]), [1]);
    }
}
