//! One end of a TLS connection, over byte slices: what a peer has sent goes in, what it means comes
//! out, and what is to be sent stands in the wire. No socket, no clock of ours, no certificate's file.
//!
//! Bytes that are not a whole record yet are kept here until the next ones stand behind them; nothing
//! else is, so that an idle terminal owns no buffer. Plaintext that comes along with the last bytes
//! of a handshake waits here too: [`Terminal::is_pending`] says so, since no socket will.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::{ClientConfig, CommonState, ServerConfig};

use super::failure::{Failure, Reason};
use super::turn::{self, RECORD_COST, Turn};
use super::wire::Wire;

/// The longest plaintext of a record.
const RECORD_BYTES: usize = 16 * 1024;

/// One end of a TLS connection.
pub struct Terminal {
    link: Link,
    /// Read, but not a whole record yet.
    unread: Vec<u8>,
    wire: Wire,
    /// Plaintext that came along with the end of the handshake.
    early: Vec<u8>,
    /// Nothing can be said any more.
    failed: bool,
    /// The peer has said that it sends nothing more.
    ended: bool,
}

enum Link {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

/// How far a handshake has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// It goes on with bytes of the peer, after those of the wire were sent.
    Waits,
    /// It is over when those of the wire were sent.
    Done,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// So many bytes of plaintext.
    pub plain: usize,
    /// Behind them, the peer's stream has ended.
    pub ended: bool,
}

impl Terminal {
    /// The end of a server, which waits for a client to begin.
    ///
    /// # Errors
    ///
    /// None that a peer could cause.
    pub fn server(config: &Arc<ServerConfig>) -> Result<Self, Failure> {
        let link = UnbufferedServerConnection::new(Arc::clone(config))?;
        Ok(Self::new(Link::Server(Box::new(link))))
    }

    /// The end of a client, which wants to speak with the server of that name.
    ///
    /// # Errors
    ///
    /// None that a peer could cause.
    pub fn client(config: &Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Failure> {
        let link = UnbufferedClientConnection::new(Arc::clone(config), name)?;
        Ok(Self::new(Link::Client(Box::new(link))))
    }

    const fn new(link: Link) -> Self {
        Self {
            link,
            unread: Vec::new(),
            wire: Wire::new(),
            early: Vec::new(),
            failed: false,
            ended: false,
        }
    }

    /// Puts what was read before, and not understood yet, at the beginning of `raw`, where the bytes
    /// that are read next have to stand behind it. How many bytes that are; all of `raw` where they do
    /// not fit, which no peer that keeps to the rules brings about.
    pub fn resume(&self, raw: &mut [u8]) -> usize {
        let count = self.unread.len().min(raw.len());
        raw[..count].copy_from_slice(&self.unread[..count]);
        count
    }

    /// Goes on with a handshake. `raw` begins with what [`Terminal::resume`] has put there.
    ///
    /// # Errors
    ///
    /// The handshake has failed. An alert for the peer may stand in the wire.
    pub fn handshake(&mut self, raw: &mut [u8]) -> Result<Handshake, Failure> {
        self.advance(raw, None)?;
        if self.common().is_handshaking() {
            Ok(Handshake::Waits)
        } else {
            Ok(Handshake::Done)
        }
    }

    /// Reads plaintext into `plain`, which is as long as `raw` or longer. `raw` begins with what
    /// [`Terminal::resume`] has put there; where [`Terminal::is_pending`], it may be that and no more.
    ///
    /// # Errors
    ///
    /// The peer has broken the rules, or has said that something is wrong. An alert for it may stand in
    /// the wire.
    pub fn open(&mut self, raw: &mut [u8], plain: &mut [u8]) -> Result<Opened, Failure> {
        let plain = if self.early.is_empty() {
            self.advance(raw, Some(plain))?
        } else {
            self.take_early(plain)
        };
        let ended = self.ended && self.early.is_empty();
        Ok(Opened { plain, ended })
    }

    /// Puts plaintext into the wire, as records.
    ///
    /// # Errors
    ///
    /// There is no key any more to do it with.
    pub fn seal(&mut self, plain: &[u8]) -> Result<(), Failure> {
        let records = plain.len().div_ceil(RECORD_BYTES) + 1;
        let size = plain.len() + records * RECORD_COST;
        if self.failed {
            return Err(Failure::new(Reason::Protocol, "it has failed before"));
        }
        let (unread, wire) = (&mut self.unread, &mut self.wire);
        match &mut self.link {
            Link::Server(link) => turn::write(&mut **link, unread, wire, plain, size),
            Link::Client(link) => turn::write(&mut **link, unread, wire, plain, size),
        }
    }

    /// Puts into the wire that nothing follows.
    pub fn close(&mut self) {
        if self.failed {
            return;
        }
        let (unread, wire) = (&mut self.unread, &mut self.wire);
        match &mut self.link {
            Link::Server(link) => turn::close(&mut **link, unread, wire),
            Link::Client(link) => turn::close(&mut **link, unread, wire),
        }
    }

    /// Whether it is worth to open though no byte was read.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        !self.early.is_empty() || self.ended
    }

    /// Bytes that it keeps besides those of the wire: none, for an idle one.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.unread.len() + self.early.len()
    }

    /// Uses this memory for what is to be sent, unless something waits already.
    pub fn borrow_wire(&mut self, spare: &mut Wire) {
        if self.wire.is_empty() {
            std::mem::swap(&mut self.wire, spare);
        }
    }

    /// Gives the memory of what was sent away.
    pub fn give_wire_back(&mut self, spare: &mut Wire) {
        if self.wire.is_empty() {
            *spare = std::mem::take(&mut self.wire);
        }
    }

    /// What is to be sent.
    pub const fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// What both ends have agreed upon.
    #[must_use]
    pub fn common(&self) -> &CommonState {
        match &self.link {
            Link::Server(link) => link,
            Link::Client(link) => link,
        }
    }

    fn advance(&mut self, raw: &mut [u8], plain: Option<&mut [u8]>) -> Result<usize, Failure> {
        let mut turn = Turn {
            plain,
            filled: 0,
            early: &mut self.early,
            wire: &mut self.wire,
            ended: &mut self.ended,
        };
        let read = match &mut self.link {
            Link::Server(link) => turn.run(&mut **link, raw),
            Link::Client(link) => turn.run(&mut **link, raw),
        };
        let filled = turn.filled;
        self.failed = read.is_err();
        let rest = &raw[read?..];
        if rest.is_empty() {
            self.unread = Vec::new();
        } else {
            self.unread.clear();
            self.unread.extend_from_slice(rest);
        }
        Ok(filled)
    }

    fn take_early(&mut self, plain: &mut [u8]) -> usize {
        let count = self.early.len().min(plain.len());
        plain[..count].copy_from_slice(&self.early[..count]);
        self.early.drain(..count);
        if self.early.is_empty() {
            self.early = Vec::new();
        }
        count
    }
}
