//! Pipes in a slab: a flow has one only while there are bytes in it.
//!
//! A pipe that is given back is empty, or it is closed: one client's bytes must never reach another
//! (pipe(7); docs/adr/0003 for the size). Their number is limited, as each takes two descriptors.

use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use slab::Slab;

/// Wanted capacity of a pipe in bytes. The kernel's default remains where it refuses.
pub(super) const PIPE_BYTES: usize = 1024 * 1024;

/// Below this a pipe is not worth having: a user over pipe-user-pages-soft gets two pages.
const SMALLEST_PIPE_BYTES: usize = 32 * 1024;

/// Unused pipes that are kept open for the next bulk flow.
const SPARE_PIPES: usize = 16;

/// Names a pipe that a flow has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PipeKey(u32);

impl PipeKey {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "descriptors end long before their numbers do"
    )]
    const fn of(place: usize) -> Self {
        Self(place as u32)
    }

    const fn place(&self) -> usize {
        self.0 as usize
    }
}

pub(super) struct Pipe {
    pub(super) read: OwnedFd,
    pub(super) write: OwnedFd,
}

pub(super) struct Pipes {
    slab: Slab<Pipe>,
    spare: Vec<PipeKey>,
    limit: usize,
    /// One was taken since the last look.
    used: bool,
}

impl Pipes {
    /// At most `limit` pipes at once.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            slab: Slab::new(),
            spare: Vec::with_capacity(SPARE_PIPES),
            limit,
            used: false,
        }
    }

    /// An empty pipe, or none where the limit is reached or the kernel refuses.
    pub(super) fn take(&mut self) -> Option<PipeKey> {
        self.used = true;
        if let Some(key) = self.spare.pop() {
            return Some(key);
        }
        if self.slab.len() >= self.limit {
            return None;
        }
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // Refused above pipe-max-size or pipe-user-pages-soft: then it is as large as it is.
        let _ = fcntl_setpipe_size(&write, PIPE_BYTES);
        if rustix::pipe::fcntl_getpipe_size(&write).ok()? < SMALLEST_PIPE_BYTES {
            return None;
        }
        Some(PipeKey::of(self.slab.insert(Pipe { read, write })))
    }

    pub(super) fn get(&self, key: &PipeKey) -> &Pipe {
        &self.slab[key.place()]
    }

    /// Takes a pipe back which is empty.
    pub(super) fn release(&mut self, key: PipeKey) {
        if self.spare.len() < SPARE_PIPES {
            self.spare.push(key);
        } else {
            self.slab.remove(key.place());
        }
    }

    /// Closes a pipe in which bytes may be left.
    pub(super) fn destroy(&mut self, key: &PipeKey) {
        self.slab.remove(key.place());
    }

    /// Pipes that flows have, and those that are kept for the next one.
    pub(super) fn counts(&self) -> (usize, usize) {
        let idle = self.spare.len();
        (self.slab.len() - idle, idle)
    }

    /// Whether a pipe was taken since the last call.
    pub(super) fn take_used(&mut self) -> bool {
        std::mem::take(&mut self.used)
    }

    /// Closes the pipes that nobody uses. Whether there were any.
    pub(super) fn shed(&mut self) -> bool {
        let had = !self.spare.is_empty();
        for key in self.spare.drain(..) {
            self.slab.remove(key.place());
        }
        had
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_are_reused_limited_and_shed() {
        let mut pipes = Pipes::new(2);
        let first = pipes.take().unwrap();
        let second = pipes.take().unwrap();
        assert!(pipes.take().is_none(), "the limit is two");
        pipes.release(first);
        assert!(pipes.take().is_some(), "a released pipe is given out again");
        pipes.release(second);
        assert!(pipes.shed());
        assert_eq!(pipes.slab.len(), 1);
        assert!(!pipes.shed());
    }

    #[test]
    fn a_pipe_with_a_byte_left_in_it_is_closed_and_never_given_out_again() {
        let mut pipes = Pipes::new(1);
        let key = pipes.take().unwrap();
        rustix::io::write(&pipes.get(&key).write, b"secret").unwrap();
        pipes.destroy(&key);
        let next = pipes.take().unwrap();
        let mut byte = [0];
        let read = rustix::io::read(&pipes.get(&next).read, &mut byte);
        assert_eq!(
            read,
            Err(rustix::io::Errno::AGAIN),
            "the next pipe is empty"
        );
    }
}
