//! The clients of one worker that wait in a pool's line for a backend below its limit.

use std::collections::VecDeque;

use super::token::SessionKey;
use crate::pool::Line;

/// The clients of one worker that wait for one pool.
#[derive(Default)]
pub(super) struct Waiting {
    clients: VecDeque<(u64, SessionKey)>,
    /// Something has changed since it was looked whether anybody can be served.
    pub(super) is_due: bool,
}

impl Waiting {
    /// `key` comes last.
    pub(super) fn join(&mut self, key: SessionKey, line: &Line, worker: usize) {
        self.clients.push_back((line.ticket(), key));
        self.publish(line, worker);
        self.is_due = true;
    }

    /// Who comes first.
    pub(super) fn first(&self) -> Option<SessionKey> {
        self.clients.front().map(|(_, key)| *key)
    }

    /// All of them, and those who have gone since.
    pub(super) fn keys(&self) -> impl Iterator<Item = SessionKey> {
        self.clients.iter().map(|(_, key)| *key)
    }

    /// Whoever comes first waits no more.
    pub(super) fn drop_first(&mut self, line: &Line, worker: usize) {
        self.clients.pop_front();
        self.publish(line, worker);
    }

    fn publish(&self, line: &Line, worker: usize) {
        line.publish(worker, self.clients.front().map(|(ticket, _)| *ticket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(slot: usize) -> SessionKey {
        SessionKey {
            slot,
            generation: 0,
        }
    }

    #[test]
    fn the_first_of_all_is_whoever_came_first_to_any_worker() {
        let line = Line::new(2);
        let mut waiting = [Waiting::default(), Waiting::default()];
        assert_eq!(line.first(), None);
        waiting[1].join(key(7), &line, 1);
        waiting[0].join(key(8), &line, 0);
        waiting[1].join(key(9), &line, 1);
        assert_eq!((line.first(), waiting[1].first()), (Some(1), Some(key(7))));
        waiting[1].drop_first(&line, 1);
        assert_eq!((line.first(), waiting[0].first()), (Some(0), Some(key(8))));
        waiting[0].drop_first(&line, 0);
        assert_eq!((line.first(), waiting[1].first()), (Some(1), Some(key(9))));
        waiting[1].drop_first(&line, 1);
        assert_eq!((line.first(), waiting[1].first()), (None, None));
    }
}
