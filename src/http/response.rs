//! The head of a response, as strictly as that of a request: each refusal is a bad gateway to the
//! client.

use super::field::Field;
use super::framing::{self, Declared, Framing};
use super::head::{self, Head, Scan, Version};
use super::{Asked, Parsed, Refusal, Status, field};

/// A response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// From 100 to 999.
    pub status: u16,
    /// The words after the status: perhaps none, and nobody promises that they are UTF-8.
    pub reason: &'a [u8],
    /// As it was written.
    pub version: Version,
    /// All fields, in their order.
    pub fields: Vec<Field<'a>>,
    /// Where the response ends.
    pub framing: Framing,
    /// How many bytes the head has.
    pub consumed: usize,
    /// The backend would take another request on this connection.
    pub persists: bool,
}

/// What comes after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another response to the same request.
    Interim,
    /// Bytes of another protocol, in both directions.
    Upgraded,
    /// Its own body, if any, and then the response to the next request.
    Final,
}

/// The most interim responses to one request: each is a sign of life, so that nothing else ends them.
const MOST_INTERIMS: u8 = 32;

/// Reads one response's head, in as many pieces as it comes in.
#[derive(Clone, Debug)]
pub struct Reader {
    scan: Scan,
    /// Interim responses before this one.
    interims: u8,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            scan: Scan::new(false),
            interims: 0,
        }
    }
}

impl Reader {
    /// The one of the response after an interim one.
    #[must_use]
    pub fn after_interim(self) -> Self {
        Self {
            interims: self.interims.saturating_add(1),
            ..Self::default()
        }
    }

    /// `bytes` are all bytes of the response so far, of which those that were shown before are not
    /// looked at again. Not to be called again after anything but [`Parsed::Incomplete`]; the
    /// response after an interim one has its own reader.
    pub fn read<'a>(&mut self, bytes: &'a [u8], asked: Asked) -> Parsed<ResponseHead<'a>> {
        let read = self.scan.read(bytes, |line| first_line(line).map(|_| ()));
        match read.and_then(|head| head.map(|it| whole(&it, asked)).transpose()) {
            Ok(Some(head)) if head.kind() == Kind::Interim && self.interims == MOST_INTERIMS => {
                Parsed::Bad(Refusal {
                    status: Status::BadGateway,
                    why: "more than 32 interim responses",
                })
            }
            Ok(None) => Parsed::Incomplete,
            Ok(Some(head)) => Parsed::Head(head),
            Err(Refusal { why, .. }) => Parsed::Bad(Refusal {
                status: Status::BadGateway,
                why,
            }),
        }
    }
}

/// Parses what is there from the beginning of a response.
#[must_use]
pub fn parse(bytes: &[u8], asked: Asked) -> Parsed<ResponseHead<'_>> {
    Reader::default().read(bytes, asked)
}

impl ResponseHead<'_> {
    /// What comes after it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.status {
            101 => Kind::Upgraded,
            100..200 => Kind::Interim,
            _ => Kind::Final,
        }
    }

    /// Whether the client is sent it: HTTP/1.0 does not know interim responses (RFC 9110, 15.2).
    #[must_use]
    pub fn is_for(&self, asked: Asked) -> bool {
        asked.version == Version::Http11 || self.kind() != Kind::Interim
    }
}

fn whole<'a>(head: &Head<'a>, asked: Asked) -> Result<ResponseHead<'a>, Refusal> {
    let (version, status, reason) = first_line(head.first)?;
    let fields = head::fields(head.fields)?;
    let declared = framing::declared(&fields, version)?;
    if status == 101 && !(asked.upgrades && field::elements(&fields, "Upgrade").next().is_some()) {
        return Err(Refusal::bad(
            "a change of protocol that nobody has asked for",
        ));
    }
    // RFC 9112, 6.3: these end with their heads, whatever they say of their length.
    let is_bare = asked.is_head || matches!(status, 100..200 | 204 | 304);
    let framing = match declared {
        // RFC 9112, 6.1: to somebody who knows no chunks, they are a part of the content.
        Declared::Chunked if asked.version == Version::Http10 => {
            return Err(Refusal::bad("chunks to a client of HTTP/1.0"));
        }
        _ if is_bare => Framing::None,
        Declared::Length(0) => Framing::None,
        Declared::Length(length) => Framing::Length(length),
        Declared::Chunked => Framing::Chunked,
        Declared::Nothing => Framing::UntilClose,
    };
    Ok(ResponseHead {
        status,
        reason,
        version,
        persists: framing != Framing::UntilClose && framing::persists(&fields, version),
        fields,
        framing,
        consumed: head.consumed,
    })
}

/// Version, status and reason (RFC 9112, 4). The space before an empty reason is often left out,
/// and harms nobody.
fn first_line(line: &[u8]) -> Result<(Version, u16, &[u8]), Refusal> {
    let (version, rest) = line
        .split_at_checked(9)
        .filter(|(version, _)| version.ends_with(b" "))
        .ok_or(Refusal::bad("a status line without a version"))?;
    let version = Version::parse(&version[..8])?;
    let (status, reason) = match rest {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            let digit = |it: &u8| u16::from(it - b'0');
            (digit(a) * 100 + digit(b) * 10 + digit(c), rest)
        }
        _ => return Err(Refusal::bad("a status that is no number of three digits")),
    };
    match reason {
        [] => Ok((version, status, reason)),
        [b' ', reason @ ..] => Ok((version, status, reason)),
        _ => Err(Refusal::bad("a status that is no number of three digits")),
    }
}
