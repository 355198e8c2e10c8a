//! Sessions of an HTTP listener: exchange by exchange, a request and its response.
//!
//! `request` hears a head and writes the one that is sent, `response` takes what the backend says, `body` moves what
//! follows heads, `between` keeps backends' connections from one exchange to the next, `told` is what the log and the
//! client are told. What a message is, and what is changed in it, is decided in crate::http.

mod between;
mod body;
mod request;
mod response;
mod told;

use std::sync::Arc;
use std::time::Duration;

use crate::config::HttpConfig;
use crate::http::{self, Asked, Body, Framing, Origin, RequestHead, Scheme, Status};
use crate::messages::RequestRecord;
use crate::plan::PlannedListener;
use crate::session::{Cause, Direction, Side};
use crate::worker::clock::Moment;
use crate::worker::front::Front;
use crate::worker::slot::Slot;
use between::Parked;

/// What an HTTP session has besides its sockets.
pub(in crate::worker) struct Http {
    config: Arc<HttpConfig>,
    reader: http::request::Reader,
    /// The request that is being served.
    exchange: Option<Box<Exchange>>,
    /// What is wrong with what came in the place of a request.
    refused: Option<Status>,
    /// Whether any request was heard: then the connection has no line of its own.
    has_served: bool,
    /// When the first byte came of the head that is heard now.
    began: Moment,
    /// Whether the backend's connection is the last exchange's.
    is_kept: bool,
    /// How often backends had been lost when it was last known that this one was not.
    losses: u64,
    /// Connections to backends that this client may have again.
    parked: Vec<Parked>,
    /// Who the client is, as backends are told it.
    origin: Option<Origin>,
}

/// A request and its response.
pub(in crate::worker) struct Exchange {
    /// The head as it came, and what is sent on of the body that came with it.
    said: Vec<u8>,
    /// Bytes of the client that were read for it.
    read: usize,
    asked: Asked,
    framing: Framing,
    /// Of the request, as much as was read.
    upload: Body,
    download: Download,
    /// When its first byte came, and the last one of its head.
    began: Moment,
    heard: Moment,
    /// When the first byte of the response came.
    first_byte: Option<Moment>,
    record: RequestRecord,
    /// Bytes from client and backend, and microseconds in line, of the exchanges before.
    before: [u64; 3],
    sent: Sent,
    /// Whether its bytes were counted as the client's.
    is_counted: bool,
    /// Whether asking twice does no harm.
    may_repeat: bool,
    /// The client waits for a word before it sends the body.
    is_waiting: bool,
    /// Whether both connections live on after it.
    persists: [bool; 2],
}

/// Whether a request was given to a backend.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Not,
    /// Over a connection that was made for it.
    Fresh,
    /// Over one that was kept, and may be dead.
    Kept,
}

/// What was heard of the response.
enum Download {
    /// Its head is not whole.
    Head {
        reader: http::response::Reader,
        heard: Vec<u8>,
    },
    Body(Body),
    /// Both sides speak another protocol from now on.
    Upgraded,
}

impl Http {
    /// What a client of this listener has, if it speaks HTTP.
    pub(super) fn of(listener: &PlannedListener, accepted: Moment) -> Option<Box<Self>> {
        let config = Arc::clone(listener.config.http.as_ref()?);
        Some(Box::new(Self {
            config,
            reader: http::request::Reader::default(),
            exchange: None,
            refused: None,
            has_served: false,
            began: accepted,
            is_kept: false,
            losses: 0,
            parked: Vec::new(),
            origin: None,
        }))
    }

    /// The listener is another one from now on, and may trust others.
    pub(super) fn renew(&mut self, config: &Arc<HttpConfig>) {
        self.config = Arc::clone(config);
        self.origin = None;
    }

    /// How long the client may take for a head, or for the pause before it.
    pub(super) fn patience(&self, is_silent: bool) -> Duration {
        if self.has_served && is_silent {
            self.config.keep_alive
        } else {
            self.config.head_timeout
        }
    }

    /// Whether both sides speak another protocol by now.
    fn is_upgraded(&self) -> bool {
        let exchange = self.exchange.as_deref();
        exchange.is_some_and(|it| matches!(it.download, Download::Upgraded))
    }

    /// Whether a connected backend is told of a request.
    pub(super) fn greets(&self) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|it| it.sent == Sent::Not)
    }

    /// Whether the client can be told that its request is not served: it has heard nothing of a response.
    pub(super) fn answers(&self, has_heard: bool) -> bool {
        match &self.exchange {
            Some(exchange) => matches!(exchange.download, Download::Head { .. }),
            None => has_heard || self.refused.is_some(),
        }
    }
}

impl Exchange {
    /// A request whose head was heard, of which `said` has come.
    fn of(
        head: &RequestHead<'_>,
        upload: Body,
        said: Vec<u8>,
        [began, heard]: [Moment; 2],
    ) -> Self {
        let asked = head.asked();
        Self {
            read: said.len(),
            said,
            asked,
            framing: head.framing,
            upload,
            download: Download::awaited(),
            began,
            heard,
            first_byte: None,
            record: told::record(head, heard.since(began)),
            before: [0; 3],
            sent: Sent::Not,
            is_counted: false,
            may_repeat: head.is_idempotent() && head.framing == Framing::None,
            is_waiting: head.expects_continue(),
            persists: [asked.persists, true],
        }
    }

    /// Whether another backend may be asked where this one's connection turns out to be dead.
    const fn may_repeat(&self) -> bool {
        matches!(self.sent, Sent::Kept) && self.may_repeat && self.first_byte.is_none()
    }

    /// Whether all was said to the backend, and nothing heard of it.
    fn awaits_response(&self) -> bool {
        matches!(self.download, Download::Head { .. }) && self.upload.is_over()
    }
}

impl Download {
    fn awaited() -> Self {
        Self::Head {
            reader: http::response::Reader::default(),
            heard: Vec::new(),
        }
    }
}

impl Slot {
    /// What is special of it where it speaks HTTP.
    fn http(&self) -> Option<&Http> {
        self.front.as_ref()?.http.as_deref()
    }

    fn http_mut(&mut self) -> Option<&mut Http> {
        self.front.as_mut()?.http.as_deref_mut()
    }

    /// The request that is being served.
    fn exchange(&self) -> Option<&Exchange> {
        self.http()?.exchange.as_deref()
    }

    /// How the client has come here, or to the proxy that says so.
    fn scheme(&self) -> Scheme {
        let is_stated = || self.front.as_deref().is_some_and(Front::states_tls);
        if self.is_secure(Side::Client) || is_stated() {
            Scheme::Https
        } else {
            Scheme::Http
        }
    }

    /// Whether what it relays are messages of HTTP.
    pub(super) fn speaks_http(&self) -> bool {
        self.http().is_some_and(|it| !it.is_upgraded())
    }

    /// Whether all of its request was heard, and nothing of the response.
    pub(super) fn awaits_response(&self) -> bool {
        self.exchange().is_some_and(Exchange::awaits_response)
    }

    /// Whether its request may be given to another connection where this one is dead.
    pub(super) fn may_repeat(&self) -> bool {
        self.exchange().is_some_and(Exchange::may_repeat)
    }

    /// For how long no byte may move, and why the session ends then.
    pub(in crate::worker) fn silence(&self) -> (Duration, Cause) {
        let idle = self.listener.config.idle_timeout;
        let is_awaited = self.awaits_response() && self.session.flow(Direction::Upload).rests();
        let Some(http) = self.http().filter(|_| is_awaited) else {
            return (idle, Cause::IdleTimeout);
        };
        let response = http.config.response_timeout.unwrap_or(idle);
        (response.min(idle), Cause::ResponseTimeout)
    }
}
