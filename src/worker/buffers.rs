//! Buffers in a slab: one of them is the scratch buffer that everything is read into.
//!
//! What a sink does not take at once stays where it was read: the session keeps the scratch buffer
//! and another one becomes scratch, so that nothing is ever copied between buffers.

use slab::Slab;

/// Length of every buffer in bytes (docs/adr/0002).
pub(super) const BUFFER_BYTES: usize = 32 * 1024;

/// Unused buffers that are kept for the next session; more are given back to the system.
const SPARE_BUFFERS: usize = 32;

/// Names a buffer that a session keeps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BufferKey(u32);

impl BufferKey {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "memory ends long before the numbers of buffers do"
    )]
    const fn of(place: usize) -> Self {
        Self(place as u32)
    }

    const fn place(&self) -> usize {
        self.0 as usize
    }
}

pub(super) struct Buffers {
    slab: Slab<Box<[u8]>>,
    spare: Vec<BufferKey>,
    scratch: BufferKey,
}

impl Buffers {
    pub(super) fn new() -> Self {
        let mut slab = Slab::new();
        let scratch = BufferKey::of(slab.insert(new_buffer()));
        Self {
            slab,
            spare: Vec::with_capacity(SPARE_BUFFERS),
            scratch,
        }
    }

    /// The buffer to read into: it belongs to whoever has its turn.
    pub(super) fn scratch(&mut self) -> &mut [u8] {
        &mut self.slab[self.scratch.place()]
    }

    /// A kept buffer's bytes, or those of the scratch buffer.
    pub(super) fn bytes(&self, kept: Option<&BufferKey>) -> &[u8] {
        &self.slab[kept.unwrap_or(&self.scratch).place()]
    }

    /// Gives the scratch buffer away with its bytes; another one takes its place.
    pub(super) fn keep_scratch(&mut self) -> BufferKey {
        let next = self
            .spare
            .pop()
            .unwrap_or_else(|| BufferKey::of(self.slab.insert(new_buffer())));
        std::mem::replace(&mut self.scratch, next)
    }

    /// Takes a kept buffer back.
    pub(super) fn release(&mut self, key: BufferKey) {
        if self.spare.len() < SPARE_BUFFERS {
            self.spare.push(key);
        } else {
            self.slab.remove(key.place());
        }
    }
}

fn new_buffer() -> Box<[u8]> {
    vec![0; BUFFER_BYTES].into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_while_the_scratch_buffer_is_written_again() {
        let mut buffers = Buffers::new();
        buffers.scratch()[..3].copy_from_slice(b"one");
        let one = buffers.keep_scratch();
        buffers.scratch()[..3].copy_from_slice(b"two");
        assert_eq!(&buffers.bytes(Some(&one))[..3], b"one");
        assert_eq!(&buffers.bytes(None)[..3], b"two");
    }

    #[test]
    fn released_buffers_are_reused_and_the_rest_is_given_back() {
        let mut buffers = Buffers::new();
        let kept: Vec<_> = (0..100).map(|_| buffers.keep_scratch()).collect();
        assert_eq!(buffers.slab.len(), 101);
        kept.into_iter().for_each(|key| buffers.release(key));
        assert_eq!(buffers.slab.len(), 1 + SPARE_BUFFERS);
        buffers.keep_scratch();
        assert_eq!(buffers.slab.len(), 1 + SPARE_BUFFERS);
    }
}
