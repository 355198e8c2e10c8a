//! The extensions of a chunk (RFC 9112, 7.1.1): nobody uses them but to be understood in two ways,
//! so they are read to the letter of the grammar, and passed on.
//!
//! ```text
//! *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
//! ```

use super::{Refusal, field};

/// The longest extensions of a chunk, in bytes.
const MOST_BYTES: u16 = 1024;

/// The extensions of one chunk, from their first byte on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extensions {
    at: At,
    length: u16,
}

/// What has been read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// White space after the size, or after a name or a value that may not end there.
    Gap {
        may_assign: bool,
    },
    Semicolon,
    Name,
    Equals,
    Token,
    Quoted,
    Escape,
    QuotedEnd,
}

impl Extensions {
    /// The byte after the size of a chunk; `None` where it cannot begin them.
    pub(super) const fn begin(byte: u8) -> Option<Self> {
        let at = match byte {
            b';' => At::Semicolon,
            b' ' | b'\t' => At::Gap { may_assign: false },
            _ => return None,
        };
        Some(Self { at, length: 1 })
    }

    /// Whether the line may end here.
    pub(super) const fn may_end(self) -> bool {
        matches!(self.at, At::Name | At::Token | At::QuotedEnd)
    }

    pub(super) fn step(self, byte: u8) -> Result<Self, Refusal> {
        if self.length == MOST_BYTES {
            return Err(Refusal::bad("extensions of a chunk of more than 1 KiB"));
        }
        let at = next(self.at, byte).ok_or(Refusal::bad("an extension of a chunk"))?;
        let length = self.length + 1;
        Ok(Self { at, length })
    }
}

fn next(at: At, byte: u8) -> Option<At> {
    let is_space = matches!(byte, b' ' | b'\t');
    match at {
        At::Gap { may_assign: true } if byte == b'=' => Some(At::Equals),
        At::Gap { .. } if byte == b';' => Some(At::Semicolon),
        At::Semicolon | At::Equals | At::Gap { .. } if is_space => Some(at),
        At::Gap { .. } => None,
        At::Semicolon | At::Name if field::is_token(byte) => Some(At::Name),
        At::Equals if byte == b'"' => Some(At::Quoted),
        At::Equals | At::Token if field::is_token(byte) => Some(At::Token),
        At::Name if byte == b'=' => Some(At::Equals),
        At::Name if is_space => Some(At::Gap { may_assign: true }),
        At::Token | At::QuotedEnd if is_space => Some(At::Gap { may_assign: false }),
        At::Name | At::Token | At::QuotedEnd if byte == b';' => Some(At::Semicolon),
        At::Quoted | At::Escape if byte.is_ascii_control() && byte != b'\t' => None,
        At::Quoted => Some(match byte {
            b'"' => At::QuotedEnd,
            b'\\' => At::Escape,
            _ => At::Quoted,
        }),
        At::Escape => Some(At::Quoted),
        At::Semicolon | At::Name | At::Equals | At::Token | At::QuotedEnd => None,
    }
}
