//! The bytes after a head: how many of them are of the message.

use std::ops::Range;

use super::chunks::Chunks;
use super::{Framing, Refusal};

/// Follows one body to its end.
#[derive(Clone, Debug)]
pub struct Body(State);

#[derive(Clone, Debug)]
enum State {
    /// So many bytes are left; it is over when there are none.
    Length {
        left: u64,
    },
    Chunked(Chunks),
    UntilClose,
}

/// What bytes have come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// So many of them are of the message.
    pub length: usize,
    /// Those of them that are not sent on: trailers.
    pub omitted: Range<usize>,
    /// The message ends with them; what follows is another one.
    pub over: bool,
}

impl Passed {
    /// What is sent on of these bytes.
    #[must_use]
    pub fn kept<'a>(&self, bytes: &'a [u8]) -> [&'a [u8]; 2] {
        [
            &bytes[..self.omitted.start],
            &bytes[self.omitted.end..self.length],
        ]
    }
}

impl Body {
    /// A body of which nothing has passed yet.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None => State::Length { left: 0 },
            Framing::Length(left) => State::Length { left },
            Framing::Chunked => State::Chunked(Chunks::default()),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    ///
    /// They are no body of this framing. What has passed before may have been sent; none of these
    /// bytes may, and the connection to whom the body was for is to be cut.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<Passed, Refusal> {
        let (length, omitted) = match &mut self.0 {
            State::Length { left } => {
                let length = usize::try_from(*left).map_or(bytes.len(), |it| it.min(bytes.len()));
                *left -= length as u64;
                (length, 0..0)
            }
            State::Chunked(chunks) => chunks.pass(bytes)?,
            State::UntilClose => (bytes.len(), 0..0),
        };
        Ok(Passed {
            length,
            omitted,
            over: self.is_over(),
        })
    }

    /// So many of the next bytes are of the message whatever they are, so that they may be spliced.
    #[must_use]
    pub const fn unseen(&self) -> u64 {
        match &self.0 {
            State::Length { left } => *left,
            State::Chunked(chunks) => chunks.unseen(),
            State::UntilClose => u64::MAX,
        }
    }

    /// So many bytes have passed without being looked at: at most [`Body::unseen`].
    pub fn pass_unseen(&mut self, bytes: u64) {
        match &mut self.0 {
            State::Length { left } => {
                debug_assert!(bytes <= *left, "more than the body has");
                *left = left.saturating_sub(bytes);
            }
            State::Chunked(chunks) => chunks.pass_unseen(bytes),
            State::UntilClose => {}
        }
    }

    /// Whether all of the message has passed. One that ends with the connection never is over
    /// before.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match &self.0 {
            State::Length { left } => *left == 0,
            State::Chunked(chunks) => chunks.is_over(),
            State::UntilClose => false,
        }
    }

    /// Whether it is whole if the connection ends now.
    #[must_use]
    pub fn may_end(&self) -> bool {
        match &self.0 {
            State::UntilClose => true,
            State::Length { .. } | State::Chunked(_) => self.is_over(),
        }
    }
}
