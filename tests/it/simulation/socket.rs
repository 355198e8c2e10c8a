//! A fake TCP socket with its peer: as much of tcp(7) as the session machine can see.

use l4lb::session::{Outcome, Readiness};

use super::chance::Chance;

/// Our end and the peer's.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own in the fake kernel"
)]
pub(super) struct Socket {
    /// All that the peer has written.
    pub(super) stream: Vec<u8>,
    /// How much of it was read.
    pub(super) read: usize,
    /// Where an urgent mark is.
    pub(super) urgent: Option<usize>,
    pub(super) ended: bool,
    pub(super) reset: bool,
    /// A reset is reported by one call, once.
    error: bool,
    /// All that was written to the peer, and how much of it the peer has acknowledged.
    pub(super) written: Vec<u8>,
    pub(super) acknowledged: usize,
    /// Bytes that may be written and unacknowledged.
    pub(super) capacity: usize,
    /// The peer was told that our stream has ended.
    pub(super) shut: bool,
    wants_room: bool,
    /// An edge that was not told yet.
    pub(super) edge: bool,
}

impl Socket {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    pub(super) fn unread(&self) -> usize {
        self.stream.len() - self.read
    }

    pub(super) fn unacknowledged(&self) -> usize {
        if self.reset {
            0
        } else {
            self.written.len() - self.acknowledged
        }
    }

    fn room(&self) -> usize {
        self.capacity - (self.written.len() - self.acknowledged)
    }

    /// What epoll would say of it now.
    pub(super) fn flags(&self) -> Readiness {
        let mut flags = Readiness::NONE;
        if self.unread() > 0 || self.ended || self.reset {
            flags |= Readiness::READABLE;
        }
        if self.ended || self.reset {
            flags |= Readiness::ENDING;
        }
        if self.room() > 0 || self.reset {
            flags |= Readiness::WRITABLE;
        }
        if self.urgent.is_some_and(|at| at >= self.read) {
            flags |= Readiness::URGENT;
        }
        if self.error {
            flags |= Readiness::SUSPECT;
        }
        flags
    }

    /// What the peer does.
    pub(super) fn peer_writes(&mut self, bytes: &[u8], urgent: bool) {
        if self.ended || self.reset {
            return;
        }
        if urgent {
            self.urgent = Some(self.stream.len() + bytes.len() - 1);
        }
        self.stream.extend_from_slice(bytes);
        self.edge = true;
    }

    pub(super) fn peer_ends(&mut self) {
        if !self.reset {
            self.ended = true;
            self.edge = true;
        }
    }

    pub(super) fn peer_resets(&mut self) {
        if !self.reset {
            self.reset = true;
            self.error = true;
            self.edge = true;
        }
    }

    pub(super) fn peer_reads(&mut self, bytes: usize) {
        if self.reset {
            return;
        }
        self.acknowledged += bytes.min(self.unacknowledged());
        if self.wants_room && self.room() > 0 {
            self.wants_room = false;
            self.edge = true;
        }
    }

    /// recv(2): stops before an urgent mark, passes it when it begins there.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Outcome {
        let before_mark = self
            .urgent
            .filter(|&at| at > self.read)
            .map(|at| at - self.read);
        let bytes = self
            .unread()
            .min(buffer.len())
            .min(before_mark.unwrap_or(usize::MAX));
        if bytes == 0 {
            return self.nothing_to_read();
        }
        buffer[..bytes].copy_from_slice(&self.stream[self.read..self.read + bytes]);
        self.read += bytes;
        self.urgent = self.urgent.filter(|&at| at >= self.read);
        Outcome::Moved(bytes)
    }

    /// splice(2) into an empty pipe: moves any part of what there is, and never passes a mark.
    pub(super) fn fill(&mut self, pipe: &mut Vec<u8>, chance: &mut Chance) -> Outcome {
        let before_mark = self.urgent.map_or(usize::MAX, |at| at - self.read);
        let possible = self.unread().min(before_mark);
        if possible == 0 {
            return self.nothing_to_read();
        }
        let bytes = chance.between(1, possible);
        pipe.extend_from_slice(&self.stream[self.read..self.read + bytes]);
        self.read += bytes;
        Outcome::Moved(bytes)
    }

    /// An end that was received hides the error of a reset; an error is reported once.
    fn nothing_to_read(&mut self) -> Outcome {
        if self.ended {
            Outcome::Ended
        } else if std::mem::take(&mut self.error) {
            Outcome::Broken
        } else if self.reset {
            Outcome::Ended
        } else {
            Outcome::WouldBlock
        }
    }

    /// send(2): short only where the buffer is full.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Outcome {
        if self.reset {
            self.error = false;
            return Outcome::Broken;
        }
        assert!(!self.shut, "bytes after the end");
        let moved = bytes.len().min(self.room());
        self.wants_room |= moved < bytes.len();
        if moved == 0 {
            return Outcome::WouldBlock;
        }
        self.written.extend_from_slice(&bytes[..moved]);
        Outcome::Moved(moved)
    }

    pub(super) fn shutdown(&mut self) -> Outcome {
        if self.reset {
            return Outcome::Broken;
        }
        assert!(!self.shut, "a second shutdown");
        self.shut = true;
        Outcome::Done
    }

    pub(super) fn take_error(&mut self) -> Outcome {
        if std::mem::take(&mut self.error) {
            Outcome::BrokenWith(self.unread())
        } else {
            Outcome::Done
        }
    }
}
