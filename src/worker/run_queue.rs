//! Sessions that want a turn: an event came for them, or their budget ended before their work.
//!
//! An edge does not fire again for what is ready already, so a session that stops early stands here.

use std::collections::VecDeque;

use super::token::SessionKey;

#[derive(Default)]
pub(super) struct RunQueue {
    keys: VecDeque<SessionKey>,
}

impl RunQueue {
    /// Appends a session; the caller sees to it that none is in it twice.
    pub(super) fn push(&mut self, key: SessionKey) {
        self.keys.push_back(key);
    }

    pub(super) fn pop(&mut self) -> Option<SessionKey> {
        self.keys.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
