//! What few sessions have: a preamble of the client, a greeting of the backend, texts of their own in the
//! stream, an answer of l4lb's own. A plain session has no [`Front`], and nothing here is asked of it.
//!
//! `preamble` hears what comes first: `proxy` knows PROXY headers, `hello` where a TLS client wants to go.
//! `handshake` is TLS with either side, let in by `gate`, and `secure` what is read and sent in it then.
//! `greeting` speaks to the connected backend, `passage` moves the bytes of sessions with a front, `exchange`
//! says what follows an exchange, `http` is all of an HTTP listener, `answer` tells a client why it is not served.

mod answer;
mod exchange;
mod gate;
mod greeting;
mod handshake;
mod hello;
mod http;
mod passage;
mod preamble;
mod proxy;
mod secure;

pub(super) use gate::{Handshakes, Permit};
pub(super) use secure::Workbench;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Moment;
use crate::client_hello::{Hello, Reader};
use crate::config::ListenerConfig;
use crate::messages::TlsRecord;
use crate::plan::PlannedListener;
use crate::pool::Backend;
use crate::session::{Cause, Direction, Session, Side};
use answer::Answer;
use handshake::Shake;
use http::Http;
use preamble::Awaiting;
use secure::Secure;

/// What is special of a session.
pub(super) struct Front {
    /// What the client has to say next, before a backend is picked.
    awaiting: Awaiting,
    /// What was read from the client and has no place in the stream yet.
    inbox: Vec<u8>,
    /// The PROXY header that the client began with, where it did.
    header: Box<[u8]>,
    /// What has read the inbox so far, while a ClientHello is awaited.
    reader: Reader,
    /// Where the client wants to go, if it has said so.
    hello: Option<Hello>,
    /// By direction: a text that goes before all that is read from now on.
    prefaces: [Vec<u8>; 2],
    /// When the preamble that is awaited could begin.
    since: Moment,
    /// What the client is told, while it is told.
    answer: Option<Answer>,
    /// Where it speaks HTTP.
    http: Option<Box<Http>>,
    /// By side: TLS, where it is spoken.
    secure: [Option<Box<Secure>>; 2],
    /// What the client's handshake has told.
    pub(super) tls: Option<Arc<TlsRecord>>,
    /// How far the handshake with the client is, where there has to be one.
    shake: Shake,
}

impl Front {
    /// What a client of this listener has to have; most have nothing.
    pub(super) fn of(listener: &PlannedListener, accepted: Moment) -> Option<Box<Self>> {
        let awaiting = Awaiting::of(&listener.config);
        (awaiting != Awaiting::Nothing).then(|| {
            let mut front = Self::silent(accepted);
            front.awaiting = awaiting;
            front.http = Http::of(listener, accepted);
            front
        })
    }

    /// Of a client that has nothing to say first.
    pub(super) fn silent(accepted: Moment) -> Box<Self> {
        Box::new(Self {
            awaiting: Awaiting::Nothing,
            inbox: Vec::new(),
            header: Box::default(),
            reader: Reader::default(),
            hello: None,
            prefaces: [Vec::new(), Vec::new()],
            since: accepted,
            answer: None,
            http: None,
            secure: [None, None],
            tls: None,
            shake: Shake::Due,
        })
    }

    /// The session of a client that has connected from `address`. Where proxies say who their clients
    /// are, whoever is none of them is not even heard.
    pub(super) fn session(&self, listener: &PlannedListener, address: IpAddr) -> Session {
        let proxies = &listener.config.accept_proxy;
        let mut session = if self.expects() {
            Session::expecting()
        } else {
            Session::new()
        };
        if proxies.as_ref().is_some_and(|it| !it.trusts(address)) {
            session.cut(Cause::Denied);
        }
        session
    }

    /// Whether the client has something to say before a backend is picked.
    pub(super) fn expects(&self) -> bool {
        self.awaiting != Awaiting::Nothing
    }

    /// Whether a connected backend has to be greeted.
    pub(super) fn greets(&self, backend: Option<&Backend>) -> bool {
        backend.is_some_and(|it| it.tls.is_some())
            || self.http.as_ref().is_some_and(|it| it.greets())
    }

    /// Whether the client can be told why it is not served: not in the midst of another answer.
    pub(super) fn answers(&self) -> bool {
        let has_heard = self.awaiting == Awaiting::Request && !self.inbox.is_empty();
        // What it has heard of a response, if only of an interim one, cannot be taken back.
        let is_unheard = self.prefaces[Direction::Download.index()].is_empty();
        let http = self.http.as_ref().filter(|_| is_unheard);
        self.answer.is_some() || http.is_some_and(|it| it.answers(has_heard))
    }

    /// Whether the client has said where it wants to go.
    pub(super) const fn has_said_where(&self) -> bool {
        self.hello.is_some()
    }

    /// Which destination of `listener` the client goes to by what it has said; `None` denies it. A
    /// protocol that was agreed upon counts, and before that each one that the client offers.
    pub(super) fn destination(&self, listener: &PlannedListener) -> Option<u16> {
        let Some(hello) = &self.hello else {
            return Some(0);
        };
        let terminal = self.secure[Side::Client.index()].as_deref();
        let agreed = terminal.map(|it| it.terminal.common().alpn_protocol());
        let offers = |protocol: &[u8]| match agreed {
            Some(agreed) => agreed == Some(protocol),
            None => hello.alpn.iter().any(|it| it == protocol),
        };
        listener.destination(hello.server_name.as_deref(), offers)
    }

    /// Whether the client's handshake is awaited, or under way.
    pub(super) fn is_shaking(&self) -> bool {
        self.awaiting == Awaiting::Tls
    }

    /// There is room for the handshake that waits.
    pub(super) fn let_in(&mut self, permit: Arc<Permit>) {
        self.shake = Shake::Running { _permit: permit };
    }

    /// The client's handshake is over, and this is what comes now.
    fn shaken(&mut self, next: Awaiting, now: Moment) {
        (self.awaiting, self.since) = (next, now);
        self.shake = Shake::Due;
    }

    /// Whether a side has said something in TLS that nobody has read, if only that it ends.
    fn has_read_ahead(&self, side: Side) -> bool {
        let secure = self.secure[side.index()].as_deref();
        secure.is_some_and(Secure::has_read_ahead)
    }

    /// Whether a side has ended its stream in TLS without saying so.
    fn has_ended_silently(&self, side: Side) -> bool {
        let secure = self.secure[side.index()].as_deref();
        secure.is_some_and(Secure::has_ended_silently)
    }

    /// TLS with a side, where it is spoken.
    fn secure(&mut self, side: Side) -> Option<&mut Secure> {
        self.secure[side.index()].as_deref_mut()
    }

    /// The backend is another one from now on, or none.
    pub(super) fn forget_backend(&mut self) {
        self.secure[Side::Backend.index()] = None;
    }

    /// When the preamble that is awaited could begin.
    pub(super) const fn since(&self) -> Moment {
        self.since
    }

    /// How long that may take.
    pub(super) fn patience(&self, listener: &ListenerConfig) -> Duration {
        match (self.awaiting, &self.http, &listener.tls) {
            (Awaiting::Request, Some(http), _) => http.patience(self.inbox.is_empty()),
            (Awaiting::Hello | Awaiting::Tls, _, Some(tls)) => tls.handshake_timeout,
            _ => listener.preamble_timeout,
        }
    }

    /// Whether nothing is left to do for it: the session is a plain one from now on.
    fn is_spent(&self) -> bool {
        !self.expects()
            && self.secure.iter().all(Option::is_none)
            && self.inbox.is_empty()
            && self.prefaces.iter().all(Vec::is_empty)
    }
}
