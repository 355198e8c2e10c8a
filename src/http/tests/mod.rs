//! The room as a whole: RFC 9112 rule by rule, what smugglers try, and properties of all messages.

/// The rows of a table, a line each: `a, b => c;` is `(a, b, c)`.
macro_rules! rows {
    ($($($cell:expr),+ $(=> $expected:expr)?;)+) => {
        [$(($($cell,)+ $($expected)?)),+]
    };
}

mod bodies;
mod differential;
mod edits;
mod lengths;
mod pieces;
mod properties;
mod proxies;
mod requests;
mod responses;
mod smuggling;

use super::{Asked, Parsed, Refusal, RequestHead, ResponseHead, Version, request, response};

/// A GET without anything special to it, of a client who stays.
const ASKED: Asked = Asked {
    version: Version::Http11,
    is_head: false,
    upgrades: false,
    persists: true,
};

/// The head of a request, which is the same in one piece and byte by byte; `None` where it is not
/// whole.
#[track_caller]
fn read_request(bytes: &[u8]) -> Option<Result<RequestHead<'_>, Refusal>> {
    let mut reader = request::Reader::default();
    let by_byte = (1..=bytes.len()).find_map(|end| match reader.read(&bytes[..end]) {
        Parsed::Incomplete => None,
        Parsed::Head(head) => Some(Ok(head)),
        Parsed::Bad(refusal) => Some(Err(refusal)),
    });
    let at_once = match request::parse(bytes) {
        Parsed::Incomplete => None,
        Parsed::Head(head) => Some(Ok(head)),
        Parsed::Bad(refusal) => Some(Err(refusal)),
    };
    assert_eq!(
        at_once,
        by_byte,
        "byte by byte: {:?}",
        bytes.escape_ascii().to_string()
    );
    at_once
}

/// As [`read_request`], of a head that is whole or refused.
#[track_caller]
fn request_in(bytes: &[u8]) -> Result<RequestHead<'_>, Refusal> {
    read_request(bytes)
        .unwrap_or_else(|| panic!("not whole: {:?}", bytes.escape_ascii().to_string()))
}

/// As [`request_in`], of a response.
#[track_caller]
fn response_in(bytes: &[u8], asked: Asked) -> Result<ResponseHead<'_>, Refusal> {
    let mut reader = response::Reader::default();
    let by_byte = (1..=bytes.len()).find_map(|end| match reader.read(&bytes[..end], asked) {
        Parsed::Incomplete => None,
        Parsed::Head(head) => Some(Ok(head)),
        Parsed::Bad(refusal) => Some(Err(refusal)),
    });
    let at_once = match response::parse(bytes, asked) {
        Parsed::Incomplete => None,
        Parsed::Head(head) => Some(Ok(head)),
        Parsed::Bad(refusal) => Some(Err(refusal)),
    };
    assert_eq!(
        at_once,
        by_byte,
        "byte by byte: {:?}",
        bytes.escape_ascii().to_string()
    );
    at_once.unwrap_or_else(|| panic!("not whole: {:?}", bytes.escape_ascii().to_string()))
}
