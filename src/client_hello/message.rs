//! Reads the message: what there is of a hello, and of it the name and the protocols.

use std::fmt;

use super::Progress;
use super::name::{host_name, is_address};

/// The type of the message.
pub(super) const CLIENT_HELLO: u8 = 1;

/// Extensions that say where the client wants to go (RFC 6066, RFC 7301).
const SERVER_NAME: u16 = 0;
const PROTOCOLS: u16 = 16;
/// The one kind of name that there is.
const HOST_NAME: u8 = 0;
const RANDOM_BYTES: usize = 32;
const SESSION_BYTES: usize = 32;

/// Where a client wants to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// In lower case, without a dot at its end; `None` where the client names nobody, or an address.
    pub server_name: Option<Box<str>>,
    /// The protocols that it offers by ALPN.
    pub alpn: Protocols,
}

/// Protocols in the order of the client, as ALPN names them; those that it makes up to keep servers
/// in practice (GREASE, RFC 8701) are left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Protocols(Box<[u8]>);

impl Protocols {
    /// What stands in a list, each with its length before it.
    #[cfg(test)]
    pub(super) fn of(list: &[u8]) -> Self {
        Self(list.into())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = Fields(&self.0);
        let all = std::iter::from_fn(move || rest.vector(1).ok());
        all.filter(|it| !is_grease(it))
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.iter().map(String::from_utf8_lossy);
        f.debug_list().entries(names).finish()
    }
}

fn is_grease(protocol: &[u8]) -> bool {
    matches!(*protocol, [a, b] if a == b && a & 0x0f == 0x0a)
}

/// Reads the whole message, without its header.
pub(super) fn read(message: &[u8]) -> Progress {
    hello(message).map_or_else(Progress::Malformed, Progress::Hello)
}

fn hello(message: &[u8]) -> Result<Hello, &'static str> {
    let mut fields = Fields(message);
    let [3, _] = *fields.bytes(2)? else {
        return Err("the hello has no version of TLS");
    };
    fields.bytes(RANDOM_BYTES)?;
    if fields.vector(1)?.len() > SESSION_BYTES {
        return Err("the session id is too long");
    }
    let suites = fields.vector(2)?;
    if suites.is_empty() || !suites.len().is_multiple_of(2) {
        return Err("the cipher suites are no list of suites");
    }
    if fields.vector(1)?.is_empty() {
        return Err("the hello has no compression method");
    }
    let mut hello = Hello {
        server_name: None,
        alpn: Protocols::default(),
    };
    if fields.is_over() {
        return Ok(hello); // as before there were extensions
    }
    let mut extensions = Fields(fields.vector(2)?);
    fields.end()?;
    let mut kinds = Vec::new();
    while !extensions.is_over() {
        let kind = extensions.number()?;
        let data = extensions.vector(2)?;
        kinds.push(kind);
        match kind {
            SERVER_NAME => hello.server_name = server_name(data)?,
            PROTOCOLS => hello.alpn = protocols(data)?,
            _ => {}
        }
    }
    kinds.sort_unstable();
    if kinds.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("an extension is there twice");
    }
    Ok(hello)
}

fn server_name(data: &[u8]) -> Result<Option<Box<str>>, &'static str> {
    let mut list = Fields(data);
    let mut names = Fields(list.vector(2)?);
    list.end()?;
    let [HOST_NAME] = *names.bytes(1)? else {
        return Err("the server name is of no known kind");
    };
    let name = names.vector(2)?;
    names.end()?;
    let name = str::from_utf8(name).unwrap_or_default();
    match host_name(name) {
        None if !is_address(name) => Err("the server name is no host name"),
        name => Ok(name),
    }
}

fn protocols(data: &[u8]) -> Result<Protocols, &'static str> {
    let mut list = Fields(data);
    let names = list.vector(2)?;
    list.end()?;
    let mut rest = Fields(names);
    loop {
        if rest.vector(1)?.is_empty() {
            return Err("a protocol has no name");
        }
        if rest.is_over() {
            return Ok(Protocols(names.into()));
        }
    }
}

/// What is left to read of a structure.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], &'static str> {
        let (bytes, rest) = self
            .0
            .split_at_checked(count)
            .ok_or("the hello is cut off")?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A number of two bytes.
    fn number(&mut self) -> Result<u16, &'static str> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Bytes with their count before them, which takes so many bytes.
    fn vector(&mut self, of_count: usize) -> Result<&'a [u8], &'static str> {
        let count = self.bytes(of_count)?;
        let count = count
            .iter()
            .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        self.bytes(count)
    }

    const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn end(&self) -> Result<(), &'static str> {
        self.is_over()
            .then_some(())
            .ok_or("a list has more bytes than it says")
    }
}
