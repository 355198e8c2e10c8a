//! Handshakes of TLS: with the client before a backend is picked, where `gate` lets it, with the backend
//! before bytes are relayed.

use std::sync::Arc;

use rustix::net::RecvFlags;
use rustls::pki_types::ServerName;
use rustls::{CommonState, HandshakeKind, ProtocolVersion};

use super::super::shell::Shell;
use super::super::slot::Slot;
use super::answer::Answer;
use super::gate::Permit;
use super::preamble::Awaiting;
use super::secure::Secure;
use crate::client_hello::Hello;
use crate::messages::TlsRecord;
use crate::metrics::HandshakeEnd;
use crate::session::{Cause, Deadline, DialError, Outcome, Side};
use crate::tls::{Certificate, Failure, Handshake, Reason, Terminal};

/// The most bytes that are read at once: what comes behind a handshake is kept until it is over.
const READ_BYTES: usize = 16 * 1024;

/// How far the handshake with a client is.
pub(super) enum Shake {
    /// Not begun.
    Due,
    /// There is no room for it yet.
    Waiting,
    /// Under way.
    Running { _permit: Arc<Permit> },
}

impl Shell {
    /// Goes on with the handshake of the client.
    pub(super) fn shake_client(&mut self, slot: &mut Slot) -> Outcome {
        if let Err(outcome) = self.begin(slot) {
            return outcome;
        }
        match self.flush(slot, Side::Client) {
            Outcome::Done => {}
            other => return other,
        }
        if !is_shaking(slot, Side::Client) {
            return self.client_is_secure(slot);
        }
        match self.step(slot, Side::Client) {
            Ok(outcome) => outcome,
            Err(failure) => self.refuse(slot, &failure),
        }
    }

    /// Begins, if there is room.
    fn begin(&mut self, slot: &mut Slot) -> Result<(), Outcome> {
        let listener = &slot.listener;
        let (Some(front), Some(config)) = (slot.front.as_deref_mut(), &listener.tls) else {
            return Err(Outcome::Broken);
        };
        let limit = listener.config.tls.as_ref();
        let limit = limit.map_or(u32::MAX, |it| it.max_handshakes);
        match &front.shake {
            Shake::Running { .. } if front.secure[Side::Client.index()].is_some() => return Ok(()),
            Shake::Running { .. } => {}
            Shake::Waiting => return Err(Outcome::WouldBlock),
            Shake::Due => {
                let now = self.clock.moment();
                let name = &listener.config.name;
                let Some(permit) = self.handshakes.admit(slot.key, name, limit, now) else {
                    front.shake = Shake::Waiting;
                    return Err(Outcome::WouldBlock);
                };
                front.shake = Shake::Running { _permit: permit };
            }
        }
        let terminal = Terminal::server(config).map_err(|_| Outcome::Broken)?;
        front.secure[Side::Client.index()] = Some(Box::new(Secure::new(terminal)));
        Ok(())
    }

    /// Reads once, and goes on with what was read.
    fn step(&mut self, slot: &mut Slot, side: Side) -> Result<Outcome, Failure> {
        let socket = match side {
            Side::Client => Some(&slot.client),
            Side::Backend => slot.backend_socket.as_ref(),
        };
        let (Some(front), Some(socket)) = (slot.front.as_deref_mut(), socket) else {
            return Ok(Outcome::Broken);
        };
        let Some(secure) = front.secure[side.index()].as_deref_mut() else {
            return Ok(Outcome::Broken);
        };
        let raw = self.bench.raw();
        let kept = secure.terminal.resume(raw);
        let end = raw.len().min(kept + READ_BYTES);
        let room = &mut raw[kept..end];
        let outcome = if side == Side::Client && !front.inbox.is_empty() {
            Outcome::Moved(take(&mut front.inbox, room))
        } else {
            self.relay.read(socket, room, RecvFlags::empty())
        };
        let Outcome::Moved(bytes) = outcome else {
            return Ok(outcome);
        };
        self.handshakes.take_step();
        let _: Handshake = secure.terminal.handshake(&mut raw[..kept + bytes])?;
        Ok(Outcome::Moved(bytes))
    }

    /// The handshake is over: what follows is the client's plaintext.
    fn client_is_secure(&mut self, slot: &mut Slot) -> Outcome {
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let secure = front.secure[Side::Client.index()].as_deref();
        let kind = secure.and_then(|it| it.terminal.common().handshake_kind());
        let end = match kind {
            Some(HandshakeKind::Resumed) => HandshakeEnd::Resumed,
            _ => HandshakeEnd::Full,
        };
        let common = secure.map(|it| it.terminal.common());
        front.tls = common.map(|it| Arc::new(told(it, front.hello.as_ref())));
        let next = Awaiting::after_tls(&slot.listener.config);
        front.shaken(next, self.clock.moment());
        slot.armed = Deadline::Never; // from now on another time counts
        slot.session.hear_anew();
        let destination = front.destination(&slot.listener);
        slot.session.copy_only();
        slot.session.make_formal(Side::Client);
        self.count_handshake(slot, end);
        let Some(destination) = destination else {
            return Outcome::Denied(Cause::Denied);
        };
        slot.destination = destination;
        Outcome::Interrupted
    }

    /// The handshake has failed: the client is told so by an alert.
    fn refuse(&mut self, slot: &mut Slot, failure: &Failure) -> Outcome {
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        if let Some(secure) = &mut front.secure[Side::Client.index()] {
            let alert = secure.terminal.wire().bytes().to_vec();
            front.answer = Some(Answer::new(alert));
        }
        front.shaken(Awaiting::Nothing, self.clock.moment());
        front.secure[Side::Client.index()] = None;
        self.count_handshake(slot, HandshakeEnd::of(failure.reason.word()));
        Outcome::Denied(match failure.reason {
            Reason::Certificate => Cause::Denied,
            Reason::NotTls | Reason::Incompatible | Reason::Alert | Reason::Protocol => {
                Cause::BadPreamble
            }
        })
    }

    /// A session has ended; its client's handshake may not be over.
    pub(in crate::worker) fn count_unfinished(&self, slot: &Slot, cause: Cause) {
        let front = slot.front.as_deref();
        if front.is_some_and(super::Front::is_shaking) {
            let end = match cause {
                Cause::PreambleTimeout => HandshakeEnd::Timeout,
                _ => HandshakeEnd::Closed,
            };
            self.count_handshake(slot, end);
        }
    }

    fn count_handshake(&self, slot: &Slot, end: HandshakeEnd) {
        if let Some(tally) = slot.listener.tallies.get(self.peers.me()) {
            tally.shaken(end);
        }
    }

    /// Goes on with the handshake of the backend.
    pub(super) fn shake_backend(&mut self, slot: &mut Slot) -> Outcome {
        if !has_begun(slot) {
            let begun = self.approach(slot);
            let (Some(front), Some(terminal)) = (slot.front.as_deref_mut(), begun) else {
                return self.backend_failed(slot, DialError::Local);
            };
            front.secure[Side::Backend.index()] = Some(Box::new(Secure::new(terminal)));
        }
        match self.flush(slot, Side::Backend) {
            Outcome::Done => {}
            outcome @ (Outcome::Full | Outcome::Interrupted) => return outcome,
            _ => return self.backend_failed(slot, DialError::Reset),
        }
        if !is_shaking(slot, Side::Backend) {
            slot.session.copy_only();
            slot.session.make_formal(Side::Backend);
            return Outcome::Done;
        }
        match self.step(slot, Side::Backend) {
            Ok(outcome @ (Outcome::Moved(_) | Outcome::WouldBlock | Outcome::Interrupted)) => {
                outcome
            }
            Ok(_) => self.backend_failed(slot, DialError::Tls),
            Err(_) => {
                let _ = self.flush(slot, Side::Backend); // the alert, if there is one
                self.backend_failed(slot, DialError::Tls)
            }
        }
    }

    /// The end of a client of the backend that is connected; what it says first stands in its wire.
    fn approach(&self, slot: &Slot) -> Option<Terminal> {
        let config = self.dialer.tls(slot.pool())?;
        let host = slot.backend.as_ref()?.tls.as_deref()?;
        let name = self.dialer.config(slot.pool()).server_name(host);
        let name = ServerName::try_from(name).ok()?.to_owned();
        let mut terminal = Terminal::client(config, name).ok()?;
        if let Some(text) = self.introduction(slot) {
            terminal.wire().say(&text); // before TLS, and in one packet with its beginning
        }
        terminal.handshake(&mut []).ok()?;
        Some(terminal)
    }

    fn backend_failed(&mut self, slot: &mut Slot, error: DialError) -> Outcome {
        let outcome = Outcome::Failed(error);
        if let Some(front) = slot.front.as_deref_mut() {
            front.forget_backend();
        }
        if let Some(backend) = slot.backend.as_ref().map(Arc::clone) {
            self.judge(slot, &backend, slot.dialed, outcome);
        }
        outcome
    }
}

/// What a handshake that is over has told of the client.
fn told(common: &CommonState, hello: Option<&Hello>) -> TlsRecord {
    let shown = common.peer_certificates().and_then(<[_]>::first);
    let certificate = shown.and_then(|it| Certificate::read(it));
    let cipher = common.negotiated_cipher_suite();
    let cipher = cipher.and_then(|it| it.suite().as_str()).unwrap_or("-");
    TlsRecord {
        version: match common.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        },
        // What rustls calls TLS13_ has no number in its name.
        cipher: cipher.replacen("TLS13_", "TLS_", 1).into(),
        server_name: hello.and_then(|it| it.server_name.clone()),
        common_name: certificate
            .as_ref()
            .and_then(|it| it.common_name.as_deref().map(Box::from)),
        subject: certificate.map(|it| it.subject.into()),
    }
}

/// Moves what fits from the beginning of the inbox.
fn take(inbox: &mut Vec<u8>, room: &mut [u8]) -> usize {
    let count = inbox.len().min(room.len());
    room[..count].copy_from_slice(&inbox[..count]);
    inbox.drain(..count);
    if inbox.is_empty() {
        *inbox = Vec::new();
    }
    count
}

fn common(slot: &Slot, side: Side) -> Option<&CommonState> {
    let secure = slot.front.as_deref()?.secure[side.index()].as_deref()?;
    Some(secure.terminal.common())
}

fn is_shaking(slot: &Slot, side: Side) -> bool {
    common(slot, side).is_some_and(CommonState::is_handshaking)
}

fn has_begun(slot: &Slot) -> bool {
    common(slot, Side::Backend).is_some()
}
