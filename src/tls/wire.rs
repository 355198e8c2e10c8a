//! Bytes on their way to a peer: a buffer that is filled behind and emptied in front. Pure.

/// Bytes that wait to be sent. Empty and new, it has no memory.
#[derive(Debug, Default)]
pub struct Wire {
    /// As long as it has ever been needed; what is not between the marks means nothing.
    bytes: Vec<u8>,
    sent: usize,
    end: usize,
}

impl Wire {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            sent: 0,
            end: 0,
        }
    }

    /// What waits.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.sent..self.end]
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sent == self.end
    }

    /// So many of the bytes have been sent.
    pub fn sent(&mut self, count: usize) {
        self.sent = self.end.min(self.sent.saturating_add(count));
        if self.is_empty() {
            (self.sent, self.end) = (0, 0);
        }
    }

    /// These bytes follow, as they are.
    pub fn say(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }

    /// Room for so many bytes behind the others, or more.
    pub(super) fn room(&mut self, size: usize) -> &mut [u8] {
        if self.bytes.len() < self.end + size {
            self.bytes.resize(self.end + size, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// So many bytes of the room are filled.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(wire: &mut Wire, bytes: &[u8]) {
        wire.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        wire.filled(bytes.len());
    }

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let mut wire = Wire::default();
        assert!(wire.is_empty() && wire.bytes().is_empty());
        add(&mut wire, b"abc");
        wire.sent(1);
        add(&mut wire, b"de");
        assert_eq!(wire.bytes(), b"bcde");
        wire.sent(4);
        assert!(wire.is_empty());
        add(&mut wire, b"f");
        assert_eq!(wire.bytes(), b"f");
    }

    #[test]
    fn memory_is_used_again() {
        let mut wire = Wire::default();
        for _ in 0..100 {
            add(&mut wire, &[7; 100]);
            wire.sent(100);
        }
        assert_eq!(wire.bytes.len(), 100);
    }
}
