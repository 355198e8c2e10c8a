//! HTTP/1.0 and 1.1 as l4lb has to know it: heads, how long a body is, and what is changed in a
//! head. Pure.
//!
//! [`request::Reader`] and [`response::Reader`] are shown all bytes of a message from its first one
//! on, as often as some are added, until they have a head. Its `framing` makes a [`Body`], which
//! says of the bytes after the head (`consumed`) how many belong to the message; [`edit`] writes
//! the head that is sent instead. What leaves room for two opinions on where a message ends is a
//! [`Refusal`]: a client gets its status as a [`page`] and is closed.
//!
//! Of a request the front keeps [`Asked`], which a response cannot be understood without. After 101
//! ([`Kind::Upgraded`]) both directions are plain bytes. Imports nothing. Called by worker::front.

mod body;
mod chunks;
pub mod edit;
mod extension;
pub mod field;
mod forwarded;
mod framing;
mod head;
mod host;
mod page;
pub mod request;
pub mod response;
mod security;
#[cfg(test)]
mod tests;

pub use body::{Body, Passed};
pub use field::Field;
pub use forwarded::{Forwarded, Origin, Scheme};
pub use framing::Framing;
pub use head::{MOST_FIELDS, MOST_HEAD_BYTES, Version};
pub use page::{Status, page};
pub use request::{Asked, RequestHead};
pub use response::{Kind, ResponseHead};

/// What bytes from the beginning of a message are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<Head> {
    /// The beginning of a head.
    Incomplete,
    /// A whole head, and perhaps more.
    Head(Head),
    /// No head that is taken, whatever follows.
    Bad(Refusal),
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the client is answered.
    pub status: Status,
    /// For whoever reads the log.
    pub why: &'static str,
}

impl Refusal {
    const fn bad(why: &'static str) -> Self {
        Self {
            status: Status::BadRequest,
            why,
        }
    }
}
