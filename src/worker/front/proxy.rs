//! Who the client is: hears it from a proxy in front of it, and tells the backend, by PROXY headers.

use std::net::SocketAddr;

use super::Front;
use super::preamble::Awaiting;
use crate::config::SendProxy;
use crate::proxy_protocol::{
    Addresses, Command, Decoded, Header, Tlvs, decode, encode_v1, encode_v2,
};
use crate::session::{Cause, Direction, Outcome, Side};
use crate::worker::connect;
use crate::worker::shell::Shell;
use crate::worker::slot::Slot;
use rustix::net::RecvFlags;

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
                Outcome::Interrupted
            }
            Err(_) => Outcome::Denied(Cause::BadPreamble),
        }
    }

    /// A backend is connected: where its pool wants it, the first that it gets is who the client is.
    pub(in crate::worker) fn introduce(&mut self, slot: &mut Slot) {
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
        let may_read = preface.is_empty() && front.http.is_none();
        if may_read && connect::unread(&slot.client) > 0 {
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
    fn introduction(&self, slot: &Slot) -> Option<Vec<u8>> {
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
                let tlvs = Tlvs {
                    unique_id: said.unique_id.or(Some(id.as_bytes())),
                    authority: said.authority.or_else(|| hello?.server_name.as_deref()),
                    ..said
                };
                encode_v2(addresses, &tlvs)
            }
        })
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
}
