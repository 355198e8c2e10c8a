//! The chunks of a body (RFC 9112, 7.1): which bytes are theirs, and where they end.
//!
//! They are passed on as they came, so a backend has to see them as they are seen here: line
//! endings are CRLF and nothing else, sizes are digits and nothing else, and whatever may follow
//! them is bounded. Trailers are the exception: only the empty line after them passes. Whoever
//! takes them for fields of the head would be told there what nobody has looked at (RFC 9110,
//! 6.5.1).

use std::ops::Range;

use super::extension::Extensions;
use super::{Refusal, head};

/// The most digits of a size: what 15 of them say, any signed integer of 64 bits can hold.
const MOST_DIGITS: u8 = 15;

/// The longest trailers, in bytes, with the empty line.
const MOST_TRAILER_BYTES: usize = 8 * 1024;

const EMPTY_LINE: &[u8] = b"\r\n";

/// Follows the chunks of one body.
#[derive(Clone, Debug)]
pub(super) struct Chunks {
    at: At,
    /// The lines after the last chunk, as far as they have come.
    trailers: Vec<u8>,
}

/// What the next byte belongs to.
///
/// ```text
/// Size --> [Extensions] --> SizeEnd --> Data --> DataReturn --> DataEnd --> Size ...
///                              | size 0
///                              v
///                           Trailers --> TrailersEnd --> Over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The digits of a size.
    Size { size: u64, digits: u8 },
    /// What may follow a size.
    Extensions { size: u64, extensions: Extensions },
    /// The line feed after a size.
    SizeEnd { size: u64 },
    /// Data: so many bytes of it are left, at least one.
    Data { left: u64 },
    /// The carriage return after the data.
    DataReturn,
    /// The line feed after the data.
    DataEnd,
    /// Trailers, or the carriage return of the empty line.
    Trailers,
    /// The line feed of the empty line.
    TrailersEnd,
    /// Another message.
    Over,
}

const FIRST: At = At::Size { size: 0, digits: 0 };

impl Default for Chunks {
    fn default() -> Self {
        Self {
            at: FIRST,
            trailers: Vec::new(),
        }
    }
}

impl Chunks {
    /// Whether the last chunk and the trailers have passed.
    pub(super) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// So many of the next bytes are data, whatever they are.
    pub(super) const fn unseen(&self) -> u64 {
        match self.at {
            At::Data { left } => left,
            At::Size { .. }
            | At::Extensions { .. }
            | At::SizeEnd { .. }
            | At::DataReturn
            | At::DataEnd
            | At::Trailers
            | At::TrailersEnd
            | At::Over => 0,
        }
    }

    /// So many bytes of data have passed, at most [`Chunks::unseen`].
    pub(super) fn pass_unseen(&mut self, bytes: u64) {
        debug_assert!(bytes <= self.unseen(), "more than the chunk holds");
        if let At::Data { left } = self.at {
            self.at = match left.saturating_sub(bytes) {
                0 => At::DataReturn,
                left => At::Data { left },
            };
        }
    }

    /// Says how many of these bytes are of the body, all of them unless it is over, and which ones
    /// of them do not pass.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Result<(usize, Range<usize>), Refusal> {
        let mut passed = 0;
        let mut omitted = 0..0;
        while !self.is_over()
            && let Some(&byte) = bytes.get(passed)
        {
            let rest = bytes.len() - passed;
            let data = usize::try_from(self.unseen()).map_or(rest, |unseen| unseen.min(rest));
            if data == 0 {
                let before = self.at;
                self.at = self.step(byte)?;
                passed += 1;
                if (before, self.at) == (At::Trailers, At::Trailers) {
                    omitted = passed - 1 - omitted.len()..passed;
                }
            } else {
                self.pass_unseen(data as u64);
                passed += data;
            }
        }
        Ok((passed, omitted))
    }

    /// Takes a byte that is not data.
    fn step(&mut self, byte: u8) -> Result<At, Refusal> {
        match self.at {
            At::Size { size, digits } => sized(size, digits, byte),
            At::Extensions { size, extensions } if byte == b'\r' && extensions.may_end() => {
                Ok(At::SizeEnd { size })
            }
            At::Extensions { size, extensions } => Ok(At::Extensions {
                size,
                extensions: extensions.step(byte)?,
            }),
            At::SizeEnd { size: 0 } if byte == b'\n' => Ok(At::Trailers),
            At::SizeEnd { size } if byte == b'\n' => Ok(At::Data { left: size }),
            At::SizeEnd { .. } => Err(Refusal::bad("a carriage return without a line feed")),
            At::DataReturn if byte == b'\r' => Ok(At::DataEnd),
            At::DataEnd if byte == b'\n' => Ok(FIRST),
            At::DataReturn | At::DataEnd => Err(Refusal::bad("a chunk that outlasts its size")),
            At::Trailers if byte == b'\r' && self.begins_line() => Ok(At::TrailersEnd),
            At::Trailers => self.trailer(byte),
            At::TrailersEnd if byte == b'\n' => self.trailers_end(),
            At::TrailersEnd => Err(Refusal::bad("a carriage return without a line feed")),
            At::Data { .. } | At::Over => Ok(self.at),
        }
    }

    fn begins_line(&self) -> bool {
        self.trailers.is_empty() || self.trailers.ends_with(EMPTY_LINE)
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Refusal> {
        if self.trailers.len() + EMPTY_LINE.len() == MOST_TRAILER_BYTES {
            return Err(Refusal::bad("trailers of more than 8 KiB"));
        }
        if byte == b'\n' && !self.trailers.ends_with(b"\r") {
            return Err(Refusal::bad("a line feed without a carriage return"));
        }
        self.trailers.push(byte);
        Ok(At::Trailers)
    }

    /// Trailers that are none may be the beginning of another message, or a part of the body.
    fn trailers_end(&mut self) -> Result<At, Refusal> {
        let mut trailers = std::mem::take(&mut self.trailers);
        trailers.extend_from_slice(EMPTY_LINE);
        head::fields(&trailers).map(|_| At::Over)
    }
}

fn sized(size: u64, digits: u8, byte: u8) -> Result<At, Refusal> {
    let digit = char::from(byte).to_digit(16);
    match (digit, Extensions::begin(byte)) {
        (Some(_), _) if digits == MOST_DIGITS => {
            Err(Refusal::bad("the size of a chunk with too many digits"))
        }
        (Some(digit), _) => Ok(At::Size {
            size: size * 16 + u64::from(digit),
            digits: digits + 1,
        }),
        (None, _) if digits == 0 => Err(Refusal::bad("a chunk without a size")),
        (None, Some(extensions)) => Ok(At::Extensions { size, extensions }),
        (None, None) if byte == b'\r' => Ok(At::SizeEnd { size }),
        (None, None) => Err(Refusal::bad("the size of a chunk that is no number")),
    }
}
