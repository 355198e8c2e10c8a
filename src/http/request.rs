//! The head of a request, strictly: what two parsers could understand as two different things is
//! refused.
//!
//! Where RFC 9112 leaves a choice: one empty line before a request is skipped, a second one refused
//! (2.2). CONNECT is answered with 501: l4lb is the way to its backends and to nothing else. An
//! absolute target is passed on where its authority is that of the Host field, as HAProxy does; a
//! fragment or a byte beyond ASCII in a target is refused.

use std::borrow::Cow;

use super::field::{self, Field};
use super::framing::{self, Declared, Framing};
use super::head::{self, Head, Scan, Version};
use super::{Parsed, Refusal, Status, host};

/// A request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// `GET`, or another token, in its own case.
    pub method: &'a str,
    /// As it was written: `/path?query`, `http://host/path` or `*`.
    pub target: &'a str,
    /// As it was written.
    pub version: Version,
    /// What the Host field says; only HTTP/1.0 knows requests without one.
    pub host: Option<&'a str>,
    /// All fields, in their order.
    pub fields: Vec<Field<'a>>,
    /// Where the request ends.
    pub framing: Framing,
    /// How many bytes the head has.
    pub consumed: usize,
    asked: Asked,
}

/// What has to be known of a request when its response comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The client's version.
    pub version: Version,
    /// The method is HEAD: whatever the response says of its length, nothing follows its head.
    pub is_head: bool,
    /// Another protocol is asked for, and a backend may go over to it.
    pub upgrades: bool,
    /// The client would send another request on this connection.
    pub persists: bool,
}

/// Reads one request's head, in as many pieces as it comes in.
#[derive(Clone, Debug)]
pub struct Reader(Scan);

impl Default for Reader {
    fn default() -> Self {
        Self(Scan::new(true))
    }
}

impl Reader {
    /// `bytes` are all bytes of the request so far, of which those that were shown before are not
    /// looked at again. Not to be called again after anything but [`Parsed::Incomplete`].
    pub fn read<'a>(&mut self, bytes: &'a [u8]) -> Parsed<RequestHead<'a>> {
        match self.0.read(bytes, |line| first_line(line).map(|_| ())) {
            Ok(None) => Parsed::Incomplete,
            Ok(Some(head)) => whole(&head).map_or_else(Parsed::Bad, Parsed::Head),
            Err(refusal) => Parsed::Bad(refusal),
        }
    }
}

/// Parses what is there from the beginning of a request.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed<RequestHead<'_>> {
    Reader::default().read(bytes)
}

impl<'a> RequestHead<'a> {
    /// What has to be known of it when its response comes.
    #[must_use]
    pub const fn asked(&self) -> Asked {
        self.asked
    }

    /// The path, for the log: without a query, and without scheme and host.
    #[must_use]
    pub fn path(&self) -> &'a str {
        let path = match authority(self.target) {
            Some((_, _, path)) => path,
            None => self.target,
        };
        match path.split_once('?').map_or(path, |(path, _)| path) {
            "" => "/",
            path => path,
        }
    }

    /// The target without scheme and host (RFC 9112, 3.2.1).
    pub(super) fn origin_form(&self) -> Cow<'a, str> {
        match authority(self.target) {
            Some((_, _, "")) if self.method == "OPTIONS" => "*".into(),
            Some((_, _, path)) if path.starts_with('/') => path.into(),
            Some((_, _, path)) => format!("/{path}").into(),
            None => self.target.into(),
        }
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        let field = self.fields.iter().find(|field| field.is(name));
        field.map(|field| field.value)
    }

    /// The client waits for 100 before it sends the body (RFC 9110, 10.1.1).
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11
            && field::has_element(&self.fields, "Expect", "100-continue")
    }

    /// Whether asking twice does no harm (RFC 9110, 9.2.2), so that it may be asked again where
    /// nothing was answered.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"].contains(&self.method)
    }
}

fn whole<'a>(head: &Head<'a>) -> Result<RequestHead<'a>, Refusal> {
    let (method, target, version) = first_line(head.first)?;
    let fields = head::fields(head.fields)?;
    let declared = framing::declared(&fields, version)?;
    let host = host_of(&fields, version)?;
    if let Some((default, authority, _)) = authority(target) {
        let agrees = host.is_none_or(|host| host::same(authority, host, default));
        if !agrees || !host::is_host(authority.as_bytes()) || authority.is_empty() {
            return Err(Refusal::bad(
                "a target whose host is not that of the Host field",
            ));
        }
    }
    let asked = Asked {
        version,
        is_head: method == "HEAD",
        upgrades: upgrades(&fields, version),
        persists: framing::persists(&fields, version),
    };
    Ok(RequestHead {
        method,
        target,
        version,
        host,
        framing: match declared {
            Declared::Nothing | Declared::Length(0) => Framing::None,
            Declared::Length(length) => Framing::Length(length),
            Declared::Chunked => Framing::Chunked,
        },
        fields,
        consumed: head.consumed,
        asked,
    })
}

/// Method, target and version, with one space between them (RFC 9112, 3).
fn first_line(line: &[u8]) -> Result<(&str, &str, Version), Refusal> {
    let is_graphic = |it: &&str| it.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let line = str::from_utf8(line).ok().filter(is_graphic);
    let line = line.ok_or(Refusal::bad("a request line beyond ASCII"))?;
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::bad("a request line that is not three words"));
    };
    if method.is_empty() || !method.bytes().all(field::is_token) {
        return Err(Refusal::bad("a method that is no token"));
    }
    let version = Version::parse(version.as_bytes())?;
    if method == "CONNECT" {
        return Err(Refusal {
            status: Status::NotImplemented,
            why: "CONNECT",
        });
    }
    let is_known = target.starts_with('/')
        || authority(target).is_some()
        || (target == "*" && method == "OPTIONS");
    if !is_known || target.contains('#') {
        return Err(Refusal::bad(
            "a target that is neither a path nor a URI of HTTP",
        ));
    }
    Ok((method, target, version))
}

/// Of an absolute target: the port of its scheme, its authority, and its path.
fn authority(target: &str) -> Option<(&'static str, &str, &str)> {
    let after = |scheme: &str| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let (default, rest) = after("http://")
        .map(|rest| (":80", rest))
        .or_else(|| after("https://").map(|rest| (":443", rest)))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    Some((default, authority, path))
}

/// Exactly one in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112, 3.2).
fn host_of<'a>(fields: &[Field<'a>], version: Version) -> Result<Option<&'a str>, Refusal> {
    let mut hosts = fields.iter().filter(|field| field.is("Host"));
    let host = match (hosts.next(), hosts.next(), version) {
        (Some(_), Some(_), _) => return Err(Refusal::bad("more than one Host")),
        (None, _, Version::Http11) => return Err(Refusal::bad("no Host")),
        (None, _, Version::Http10) => return Ok(None),
        (Some(host), None, _) => host.value,
    };
    let host = str::from_utf8(host).ok().filter(|_| host::is_host(host));
    host.map(Some).ok_or(Refusal::bad("a Host that is none"))
}

/// What the names of protocols begin with that carry requests: other versions of HTTP, with or without
/// TLS, and what was a draft of them.
const CARRIERS: [&[u8]; 3] = [b"h2", b"HTTP", b"TLS"];

/// Whether the client offers to go over to another protocol. One that carries requests is none that
/// l4lb could vouch for: they would pass by all that is set here, so such an offer is not passed on,
/// which RFC 9110 (7.8) allows.
fn upgrades(fields: &[Field<'_>], version: Version) -> bool {
    version == Version::Http11
        && field::has_element(fields, "Connection", "upgrade")
        && field::elements(fields, "Upgrade").next().is_some()
        && !field::elements(fields, "Upgrade").any(|it| {
            let begins = |with: &&[u8]| {
                it.get(..with.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(with))
            };
            CARRIERS.iter().any(begins)
        })
}
