//! Where a message ends (RFC 9112, 6.3), and whether the connection lives on (9.3).

use super::field::{self, Field};
use super::head::Version;
use super::{Refusal, forwarded};

/// How the end of a message is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It ends with its head.
    None,
    /// So many bytes follow the head, at least one.
    Length(u64),
    /// Chunks follow the head.
    Chunked,
    /// It ends with the connection. Only responses do.
    UntilClose,
}

/// What the fields of a message say of its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    Nothing,
    Length(u64),
    Chunked,
}

/// The fields that decide where a message ends, and which site it is for.
const DECISIVE: [&str; 3] = ["Content-Length", "Transfer-Encoding", "Host"];

/// All Connection fields of a head have at most so many bytes.
const MOST_CONNECTION_BYTES: usize = 1024;

/// Finds what is declared, and takes nothing of which there could be two opinions.
pub(super) fn declared(fields: &[Field<'_>], version: Version) -> Result<Declared, Refusal> {
    let mut declared = Declared::Nothing;
    for field in fields {
        if field::mimics(field.name, &DECISIVE) {
            return Err(Refusal::bad(
                "the name of a decisive field, with an underscore",
            ));
        }
        let found = if field.is("Content-Length") {
            Declared::Length(length(field.value)?)
        } else if field.is("Transfer-Encoding") {
            coding(field.value, version)?
        } else {
            continue;
        };
        match (declared, found) {
            (Declared::Nothing, found) => declared = found,
            (Declared::Length(_), Declared::Length(_)) => {
                return Err(Refusal::bad("more than one Content-Length"));
            }
            (Declared::Chunked, Declared::Chunked) => {
                return Err(Refusal::bad("more than one Transfer-Encoding"));
            }
            (_, _) => return Err(Refusal::bad("Content-Length and Transfer-Encoding")),
        }
    }
    connection(fields)?;
    Ok(declared)
}

/// A Connection field may not take away what others rely on, nor be so long that it costs more to
/// compare with all other fields than to send.
fn connection(fields: &[Field<'_>]) -> Result<(), Refusal> {
    let lists = fields.iter().filter(|field| field.is("Connection"));
    if lists.map(|field| field.value.len()).sum::<usize>() > MOST_CONNECTION_BYTES {
        return Err(Refusal::bad("Connection fields of more than 1 KiB"));
    }
    let is_another = |it: &[u8]| {
        let name = str::from_utf8(it).unwrap_or_default();
        DECISIVE.iter().any(|it| field::same(it, name)) || forwarded::says(name)
    };
    if field::elements(fields, "Connection").any(is_another) {
        return Err(Refusal::bad("a Connection field that names a decisive one"));
    }
    Ok(())
}

/// One number, digits only, such as also those can hold who have signed integers.
fn length(value: &[u8]) -> Result<u64, Refusal> {
    // A sign would parse.
    let is_plain = value.iter().all(u8::is_ascii_digit);
    let text = str::from_utf8(value).ok().filter(|_| is_plain);
    let length = text.and_then(|it| it.parse::<i64>().ok());
    let length = length.and_then(|it| u64::try_from(it).ok());
    length.ok_or(Refusal::bad("a Content-Length that is no number"))
}

/// `chunked`, and nothing before or after it (RFC 9112, 6.1).
fn coding(value: &[u8], version: Version) -> Result<Declared, Refusal> {
    match version {
        Version::Http10 => Err(Refusal::bad("a Transfer-Encoding in HTTP/1.0")),
        Version::Http11 if value.eq_ignore_ascii_case(b"chunked") => Ok(Declared::Chunked),
        Version::Http11 => Err(Refusal::bad("a Transfer-Encoding other than chunked")),
    }
}

/// Whether the sender of a message wants the connection to live on after it.
pub(super) fn persists(fields: &[Field<'_>], version: Version) -> bool {
    let says = |word| field::has_element(fields, "Connection", word);
    !says("close") && (version == Version::Http11 || says("keep-alive"))
}
