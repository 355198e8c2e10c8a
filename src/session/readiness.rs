//! What is believed of a socket between two events: one byte of flags, sticky until disproved.
//!
//! Events are edge-triggered, so a flag stays set until a system call answers EAGAIN (or moves less
//! than it could, where that proves the same). A flag may be wrong, a system call is not.

use std::ops::{BitOr, BitOrAssign};

/// A set of beliefs about one socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness(u8);

impl Readiness {
    /// Nothing is known.
    pub const NONE: Self = Self(0);
    /// Reading would find bytes, the end or an error.
    pub const READABLE: Self = Self(1);
    /// Writing would take at least one byte, or find an error.
    pub const WRITABLE: Self = Self(2);
    /// The peer has ended its stream; bytes may still be queued before that end.
    pub const ENDING: Self = Self(4);
    /// An urgent mark was seen: a short read or an EAGAIN of splice may be the mark's doing.
    pub const URGENT: Self = Self(8);
    /// The kernel reports an error; if no read finds it, it has to be asked for.
    pub const SUSPECT: Self = Self(16);

    /// Whether every flag of `flags` is set.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether any flag of `flags` is set.
    #[must_use]
    pub const fn any(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// Takes the flags of `flags` away.
    pub const fn clear(&mut self, flags: Self) {
        self.0 &= !flags.0;
    }
}

impl BitOr for Readiness {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
