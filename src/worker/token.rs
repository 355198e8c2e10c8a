//! What an event is about, packed into the 64 bits that the kernel hands back with it.
//!
//! ```text
//!  63 62 | 61 ........ 30 | 29 ....... 1 | 0
//!  kind  | generation     | slot         | side      (kind 0, a session)
//!  kind  |                  number                   (kind 1, a listener; kind 2, the mailbox)
//!  kind  | generation     | slot                     (kind 3, a session's parked connections)
//! ```
//! Slots of sessions are reused; the generation tells a stale event from one of the new session.

use mio::Token;

use crate::session::Side;

const KIND_SHIFT: u32 = 62;
const GENERATION_SHIFT: u32 = 30;
const SLOT_MASK: usize = (1 << 29) - 1;

/// The most sessions that a token can tell apart.
pub(super) const MAX_SLOTS: usize = SLOT_MASK + 1;

/// Names one session for its life, and nothing after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionKey {
    /// Its slot in the slab.
    pub(super) slot: usize,
    /// Tells it from earlier and later sessions of that slot.
    pub(super) generation: u32,
}

/// Who an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Session(SessionKey, Side),
    Listener(usize),
    Mailbox,
    /// A connection that the session has parked.
    Parked(SessionKey),
}

impl From<Target> for Token {
    fn from(target: Target) -> Self {
        Self(match target {
            Target::Session(key, side) => key.bits() | side.index(),
            Target::Parked(key) => 3 << KIND_SHIFT | key.bits(),
            Target::Listener(number) => 1 << KIND_SHIFT | number,
            Target::Mailbox => 2 << KIND_SHIFT,
        })
    }
}

impl From<Token> for Target {
    fn from(Token(bits): Token) -> Self {
        match bits >> KIND_SHIFT {
            0 if bits & 1 == 0 => Self::Session(SessionKey::of(bits), Side::Client),
            0 => Self::Session(SessionKey::of(bits), Side::Backend),
            1 => Self::Listener(bits & SLOT_MASK),
            3 => Self::Parked(SessionKey::of(bits)),
            _ => Self::Mailbox,
        }
    }
}

impl SessionKey {
    fn bits(self) -> usize {
        debug_assert!(
            self.slot < MAX_SLOTS,
            "the session limit is below MAX_SLOTS"
        );
        (self.generation as usize) << GENERATION_SHIFT | self.slot << 1
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the generation is 32 of the 64 bits"
    )]
    const fn of(bits: usize) -> Self {
        Self {
            slot: bits >> 1 & SLOT_MASK,
            generation: (bits >> GENERATION_SHIFT) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_back_what_was_packed() {
        for slot in [0, 1, 9_999, MAX_SLOTS - 1] {
            for generation in [0, 1, u32::MAX] {
                for side in Side::BOTH {
                    let target = Target::Session(SessionKey { slot, generation }, side);
                    assert_eq!(Target::from(Token::from(target)), target);
                }
                let target = Target::Parked(SessionKey { slot, generation });
                assert_eq!(Target::from(Token::from(target)), target);
            }
        }
        for target in [
            Target::Mailbox,
            Target::Listener(0),
            Target::Listener(70_000),
        ] {
            assert_eq!(Target::from(Token::from(target)), target);
        }
    }
}
