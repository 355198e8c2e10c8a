//! What requests and responses have in common: the lines of a head, its version and its fields.
//!
//! httparse takes the fields apart. It lets line feeds without carriage returns pass, and would
//! look at all bytes again with each new one: the [`Scan`] before it finds the lines, each byte
//! once, and is strict.

use super::field::Field;
use super::{Refusal, Status};

/// A head has at most so many bytes, with its last empty line.
pub const MOST_HEAD_BYTES: usize = 64 * 1024;

/// A head has at most so many fields.
pub const MOST_FIELDS: usize = 100;

/// The version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// Parses `HTTP/1.1`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Refusal> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                Err(Refusal {
                    status: Status::VersionNotSupported,
                    why: "a version other than HTTP/1.0 and HTTP/1.1",
                })
            }
            _ => Err(Refusal::bad("the version is none of HTTP")),
        }
    }

    /// As it is written in a message.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// How far the lines of a head have been found.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// Whether an empty line may precede the first one (RFC 9112, 2.2): one, and of a request only.
    may_begin_empty: bool,
    /// Where the first line that is not empty begins.
    start: usize,
    /// Where it ends, without its line ending.
    first_end: Option<usize>,
    /// Where the line begins that is not yet whole.
    line: usize,
    /// The bytes before this one have been looked at.
    scanned: usize,
}

/// Where the parts of a head are.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// The first line, without its ending.
    pub(super) first: &'a [u8],
    /// The lines of fields, with the empty one.
    pub(super) fields: &'a [u8],
    /// All bytes up to the first one of the body.
    pub(super) consumed: usize,
}

impl Scan {
    pub(super) const fn new(may_begin_empty: bool) -> Self {
        Self {
            may_begin_empty,
            start: 0,
            first_end: None,
            line: 0,
            scanned: 0,
        }
    }

    /// Looks at what was added to `bytes`; `check` judges the first line as soon as it is whole.
    pub(super) fn read<'a>(
        &mut self,
        bytes: &'a [u8],
        check: fn(&[u8]) -> Result<(), Refusal>,
    ) -> Result<Option<Head<'a>>, Refusal> {
        let within = &bytes[..bytes.len().min(MOST_HEAD_BYTES)];
        while let Some(found) = within[self.scanned..].iter().position(u8::is_ascii_control) {
            let at = self.scanned + found;
            match (within[at], within.get(at + 1)) {
                (b'\t', _) => self.scanned = at + 1,
                (b'\r', Some(b'\n')) => {
                    self.scanned = at + 2;
                    if let Some(head) = self.line_ends(within, at, check)? {
                        return Ok(Some(head));
                    }
                }
                (b'\r', None) => {
                    self.scanned = at;
                    return self.unended(within.len());
                }
                (b'\r', Some(_)) => {
                    return Err(Refusal::bad("a carriage return without a line feed"));
                }
                (b'\n', _) => return Err(Refusal::bad("a line feed without a carriage return")),
                (0, _) => return Err(Refusal::bad("a NUL")),
                _ => return Err(Refusal::bad("a control character")),
            }
        }
        self.scanned = within.len();
        self.unended(within.len())
    }

    /// So many bytes hold no whole head.
    fn unended<'a>(&self, length: usize) -> Result<Option<Head<'a>>, Refusal> {
        match self.first_end {
            _ if length < MOST_HEAD_BYTES => Ok(None),
            Some(_) => Err(Refusal {
                status: Status::FieldsTooLarge,
                why: "a head of more than 64 KiB",
            }),
            None => Err(Refusal {
                status: Status::UriTooLong,
                why: "a first line of more than 64 KiB",
            }),
        }
    }

    /// A line has its end at `at`.
    fn line_ends<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        check: fn(&[u8]) -> Result<(), Refusal>,
    ) -> Result<Option<Head<'a>>, Refusal> {
        let line = &bytes[self.line..at];
        self.line = self.scanned;
        match (self.first_end, line.first()) {
            (None, None) if self.may_begin_empty && self.start == 0 => self.start = self.line,
            (None, None) => return Err(Refusal::bad("an empty line in the place of the first")),
            (None, Some(_)) => {
                check(line)?;
                self.first_end = Some(at);
            }
            (Some(end), None) => {
                return Ok(Some(Head {
                    first: &bytes[self.start..end],
                    fields: &bytes[end + 2..self.scanned],
                    consumed: self.scanned,
                }));
            }
            (Some(_), Some(b' ' | b'\t')) => return Err(Refusal::bad("a folded line")),
            (Some(_), Some(_)) => {}
        }
        Ok(None)
    }
}

/// Takes the lines of fields apart, which end with an empty one.
pub(super) fn fields(lines: &[u8]) -> Result<Vec<Field<'_>>, Refusal> {
    let mut storage = [httparse::EMPTY_HEADER; MOST_FIELDS];
    match httparse::parse_headers(lines, &mut storage) {
        Ok(httparse::Status::Complete((length, found))) if length == lines.len() => Ok(found
            .iter()
            .map(|it| Field {
                name: it.name,
                value: it.value,
            })
            .collect()),
        Err(httparse::Error::TooManyHeaders) => Err(Refusal {
            status: Status::FieldsTooLarge,
            why: "more than 100 fields",
        }),
        Err(httparse::Error::HeaderValue) => Err(Refusal::bad("a field's value")),
        Ok(_) | Err(_) => Err(Refusal::bad("a field's name")),
    }
}
