//! The first message of a TLS client, read as far as it says where the client wants to go.
//!
//! Pure: bytes in, a name and protocols out. The hello is read and nothing else: no key, no session,
//! and none of its bytes is changed. `records` puts the message together, `message` reads it, `name`
//! says what a server may be called. What is not exactly as RFC 8446, RFC 6066 and RFC 7301 have it is
//! malformed: a guess here would send a client to the wrong pool. Imports nothing of ours.

mod message;
mod name;
mod records;
#[cfg(test)]
mod tests;

pub use message::{Hello, Protocols};
pub use name::host_name;
pub use records::Reader;

/// The longest hello, with the header of its message: post-quantum keys take some kilobytes.
pub const HELLO_BYTES: usize = 64 * 1024;
/// The most bytes that a hello may take with the headers of its records, 2,400 of them. It is counted by
/// the record, so that no more than one is read in vain.
pub const WIRE_BYTES: usize = HELLO_BYTES + 12 * 1024;

/// How far the bytes of a client go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// They are the beginning of a hello, or nothing yet.
    Incomplete,
    /// There is a whole one.
    Hello(Hello),
    /// They are no hello, whatever may follow, and why not.
    Malformed(&'static str),
    /// The hello is longer than [`HELLO_BYTES`], or takes more than [`WIRE_BYTES`].
    TooLong,
}

/// Reads the first bytes of a client at once. [`Reader`] reads them as they come.
#[must_use]
pub fn parse(bytes: &[u8]) -> Progress {
    Reader::default().read(bytes)
}
