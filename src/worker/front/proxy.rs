//! Who the client is: hears it from a proxy in front of it, and tells the backend, by PROXY headers.

use std::net::SocketAddr;

use super::Front;
use super::preamble::Awaiting;
use crate::config::SendProxy;
use crate::proxy_protocol::{
    Addresses, Command, Decoded, Header, Ssl, Tlvs, decode, encode_v1, encode_v2,
};
use crate::session::{Cause, Deadline, Direction, Outcome, Side};
use crate::tls::Certificate;
use crate::worker::connect;
use crate::worker::shell::Shell;
use crate::worker::slot::Slot;
use rustix::net::RecvFlags;
use rustls::{CommonState, ProtocolVersion};

impl Shell {
    /// Goes on to hear a PROXY header. What it says of the client holds from then on.
    pub(super) fn hear_proxy(&mut self, slot: &mut Slot) -> Outcome {
        let outcome = self.hear(slot);
        let (Outcome::Moved(_), Some(front)) = (outcome, slot.front.as_deref_mut()) else {
            return outcome;
        };
        match decode(&front.inbox) {
            Ok(Decoded::Incomplete) => outcome,
            Ok(Decoded::Header(header, length)) => {
                if let Some((client, _)) = stated(&header) {
                    // As the listener has it: an IPv4 client is one, whatever its address came in.
                    slot.client_address =
                        SocketAddr::new(client.ip().to_canonical(), client.port());
                }
                let rest = front.inbox.split_off(length);
                front.header = std::mem::replace(&mut front.inbox, rest).into();
                front.awaiting = Awaiting::after_proxy(&slot.listener.config);
                slot.armed = Deadline::Never; // from now on another time may count
                Outcome::Interrupted
            }
            Err(_) => Outcome::Denied(Cause::BadPreamble),
        }
    }

    /// A backend is connected: where its pool wants it, the first that it gets is who the client is.
    pub(in crate::worker) fn introduce(&mut self, slot: &mut Slot) {
        if slot.speaks_http() {
            slot.take_back_upload(); // from an attempt that was given up; its request is written anew
        }
        let backend = slot.backend.as_deref();
        if backend.is_some_and(|it| it.tls.is_some()) {
            let front = slot
                .front
                .get_or_insert_with(|| Front::silent(slot.accepted));
            return front.forget_backend(); // that of an attempt before; the handshake says it
        }
        match self.introduction(slot) {
            Some(text) => self.lead_with(slot, text),
            None if slot.front.as_ref().is_some_and(|it| it.is_spent()) => slot.front = None,
            None => {}
        }
    }

    /// Has the text go before all else, in one packet with what the client has said already.
    fn lead_with(&mut self, slot: &mut Slot, mut text: Vec<u8>) {
        let upload = Direction::Upload;
        let front = slot
            .front
            .get_or_insert_with(|| Front::silent(slot.accepted));
        let preface = &mut front.prefaces[upload.index()];
        let (own, mut read) = (text.len(), 0);
        // Where nothing can be read nothing is tried: an error is for the session to find.
        let is_plain = front.http.is_none() && front.secure.iter().all(Option::is_none);
        if is_plain && preface.is_empty() && connect::unread(&slot.client) > 0 {
            let none = RecvFlags::empty();
            let (outcome, bytes) = self.relay.receive(&slot.client, usize::MAX, none);
            if let Outcome::Moved(bytes_read) = outcome {
                text.extend_from_slice(bytes);
                read = bytes_read;
            }
        }
        text.append(preface);
        *preface = text;
        slot.session.preface(upload, read, own + read);
        if read > 0 {
            slot.first_byte[Side::Client.index()].get_or_insert_with(|| self.clock.moment());
            self.dialer.heard_first(slot.pool(), Side::Client);
        }
    }

    /// The PROXY header for the backend of a session, where its pool sends one.
    pub(super) fn introduction(&self, slot: &Slot) -> Option<Vec<u8>> {
        let version = self.dialer.config(slot.pool()).send_proxy?;
        let front = slot.front.as_deref();
        let header = front.and_then(Front::header);
        let hello = front.and_then(|it| it.hello.as_ref());
        let addresses = header.as_ref().and_then(stated).or_else(|| {
            // A socket that cannot be asked any more has lost its client.
            let local = slot.client.local_addr().ok()?.as_socket()?;
            Some((slot.client_address, local))
        });
        Some(match version {
            SendProxy::V1 => encode_v1(addresses),
            SendProxy::V2 => {
                let id = format!("{:x}", slot.id);
                let said = header.map(|it| it.tlvs).unwrap_or_default();
                let client = front.and_then(|it| it.secure[Side::Client.index()].as_deref());
                let client = client.map(|it| Client::of(it.terminal.common()));
                let tlvs = Tlvs {
                    unique_id: said.unique_id.or(Some(id.as_bytes())),
                    alpn: client.as_ref().map_or(said.alpn, |it| it.alpn),
                    ssl: client.as_ref().map_or(said.ssl, |it| Some(it.ssl())),
                    authority: said.authority.or_else(|| hello?.server_name.as_deref()),
                };
                encode_v2(addresses, &tlvs)
            }
        })
    }
}

/// What is known of a client by TLS.
struct Client<'a> {
    version: &'static str,
    alpn: Option<&'a [u8]>,
    /// Whether it has shown a certificate, whatever can be read in it.
    is_certified: bool,
    certificate: Option<Certificate>,
}

impl<'a> Client<'a> {
    fn of(common: &'a CommonState) -> Self {
        let shown = common.peer_certificates().and_then(<[_]>::first);
        Self {
            version: match common.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            alpn: common.alpn_protocol(),
            is_certified: shown.is_some(),
            certificate: shown.and_then(|it| Certificate::read(it)),
        }
    }

    /// A certificate that was not right has ended the handshake.
    fn ssl(&self) -> Ssl<'_> {
        let certificate = self.certificate.as_ref();
        Ssl {
            version: self.version,
            client_cert: self.is_certified,
            verified: self.is_certified,
            common_name: certificate.and_then(|it| it.common_name.as_deref()),
        }
    }
}

/// The addresses that hold in the place of the socket's.
fn stated(header: &Header<'_>) -> Option<Addresses> {
    header
        .addresses
        .filter(|_| header.command == Command::Proxy)
}

impl Front {
    /// What a proxy has said of the client, where it has.
    fn header(&self) -> Option<Header<'_>> {
        match decode(&self.header) {
            Ok(Decoded::Header(header, _)) => Some(header),
            Ok(Decoded::Incomplete) | Err(_) => None,
        }
    }

    /// The port that the client came to, where a proxy says so.
    pub(super) fn stated_port(&self) -> Option<u16> {
        let (_, destination) = stated(&self.header()?)?;
        Some(destination.port())
    }

    /// Whether a proxy says that the client speaks TLS with it.
    pub(super) fn states_tls(&self) -> bool {
        let header = self.header();
        header.is_some_and(|it| it.command == Command::Proxy && it.tlvs.ssl.is_some())
    }
}
