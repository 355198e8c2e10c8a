//! Hears the head of a request, and writes the one that is sent to the backend.

use std::net::IpAddr;
use std::time::SystemTime;

use super::{Exchange, Http, Sent};
use crate::access_log;
use crate::config::{HeaderEdits, Part, Template};
use crate::http::edit::{self, Change, Persistence, RequestEdit};
use crate::http::{self, Body, Origin, Parsed, Scheme, Status};
use crate::messages::SessionRecord;
use crate::session::{Cause, Direction, Outcome};
use crate::worker::front::Front;
use crate::worker::shell::Shell;
use crate::worker::slot::Slot;

impl Shell {
    /// Goes on to hear a request's head.
    pub(in crate::worker::front) fn hear_request(&mut self, slot: &mut Slot) -> Outcome {
        let now = self.clock.moment();
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let Some(http) = front.http.as_deref_mut() else {
            return Outcome::Broken;
        };
        if front.inbox.is_empty() {
            let outcome = self.hear(slot);
            if let (Outcome::Moved(_), Some(front)) = (outcome, slot.front.as_deref_mut()) {
                front.begin_request(now);
            }
            return outcome;
        }
        let head = match http.reader.read(&front.inbox) {
            Parsed::Incomplete => return self.hear(slot),
            Parsed::Bad(refusal) => return http.refuse(refusal.status),
            Parsed::Head(head) => head,
        };
        let mut upload = Body::new(head.framing);
        let Ok(passed) = upload.pass(&front.inbox[head.consumed..]) else {
            return http.refuse(Status::BadRequest);
        };
        let length = head.consumed + passed.length;
        let [first, last] = passed.kept(&front.inbox[head.consumed..]);
        let said = [&front.inbox[..head.consumed], first, last].concat();
        let mut exchange = Exchange::of(&head, upload, said, [http.began, now]);
        exchange.read = length;
        front.inbox.drain(..length);
        if front.inbox.is_empty() {
            front.inbox = Vec::new(); // an idle client holds no buffer
        }
        http.reader = http::request::Reader::default();
        http.has_served = true;
        http.exchange = Some(Box::new(exchange));
        self.renew(slot);
        let before = [
            slot.session.flow(Direction::Upload).received(),
            slot.session.flow(Direction::Download).received(),
            slot.waited,
        ];
        if let Some(exchange) = slot.http_mut().and_then(|it| it.exchange.as_deref_mut()) {
            exchange.before = before;
        }
        Outcome::Done
    }

    /// Gives the request to a backend that was just connected.
    pub(in crate::worker::front) fn tell_request(&mut self, slot: &mut Slot) -> Outcome {
        self.write_request(slot, Sent::Fresh)
    }

    /// Has the request wait to be sent to the backend.
    pub(super) fn write_request(&mut self, slot: &mut Slot, over: Sent) -> Outcome {
        let port = self.origin_port(slot);
        let known = slot
            .http()
            .is_some_and(|it| has_fields(&it.config.request_headers));
        let record = known.then(|| self.ledger.record(slot, &self.clock));
        let (client, scheme) = (slot.client_address.ip(), slot.scheme());
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let Some(http) = front.http.as_deref_mut() else {
            return Outcome::Broken;
        };
        let origin = http.origin(client, scheme, port);
        let (Some(exchange), config) = (http.exchange.as_deref_mut(), &http.config) else {
            return Outcome::Done; // greeted already
        };
        let Parsed::Head(head) = http::request::parse(&exchange.said) else {
            return Outcome::Broken;
        };
        let persistence = if exchange.asked.persists {
            Persistence::Keep
        } else {
            Persistence::Close
        };
        let preface = &mut front.prefaces[Direction::Upload.index()];
        let before = preface.len(); // who the client is
        let edit = RequestEdit {
            changes: &config.request_headers,
            forwarded: config.forwarded.map(|how| (how, origin)),
            persistence,
        };
        let expand = |value: &Template, out: &mut Vec<u8>| expand(value, record.as_ref(), out);
        edit::request(&head, &edit, expand, preface);
        preface.extend_from_slice(&exchange.said[head.consumed..]);
        let is_counted = std::mem::replace(&mut exchange.is_counted, true);
        let read = if is_counted { 0 } else { exchange.read };
        exchange.sent = over;
        slot.session
            .preface(Direction::Upload, read, preface.len() - before);
        if exchange.upload.is_over() {
            slot.session.end_message(Direction::Upload);
        }
        Outcome::Done
    }

    /// The port that the client came to, where backends are told and it is not known yet.
    #[expect(clippy::unused_self, reason = "all system calls are the shell's")]
    fn origin_port(&self, slot: &Slot) -> u16 {
        if let Some(port) = slot.front.as_deref().and_then(Front::stated_port) {
            return port;
        }
        let is_asked = |it: &&Http| it.config.forwarded.is_some() && it.origin.is_none();
        let address = slot
            .http()
            .filter(is_asked)
            .and_then(|_| slot.client.local_addr().ok());
        let address = address.and_then(|it| it.as_socket());
        address.map_or(0, |it| it.port())
    }
}

impl Front {
    /// The first bytes of a request are there.
    fn begin_request(&mut self, now: crate::worker::clock::Moment) {
        if let Some(http) = self.http.as_deref_mut() {
            http.began = now;
            // The time for the first head began when the client was accepted.
            if http.has_served {
                self.since = now;
            }
        }
    }
}

impl Http {
    const fn refuse(&mut self, status: Status) -> Outcome {
        self.refused = Some(status);
        Outcome::Denied(Cause::BadPreamble)
    }

    fn origin(&mut self, client: IpAddr, scheme: Scheme, port: u16) -> Origin {
        let trusted = &self.config.trusted_proxies;
        let known = Origin {
            client,
            scheme,
            port,
            is_trusted: trusted.iter().any(|it| it.contains(&client)),
        };
        *self.origin.get_or_insert(known)
    }
}

/// Whether anything has to be known of the session to write these.
pub(super) fn has_fields(edits: &HeaderEdits) -> bool {
    let is_field = |part: &Part| matches!(part, Part::Field(_));
    edits.iter().any(|edit| match edit {
        Change::Remove(_) => false,
        Change::Set(_, value) | Change::Add(_, value) => value.parts().iter().any(is_field),
    })
}

/// Writes the value of a header.
pub(super) fn expand(value: &Template, record: Option<&SessionRecord>, out: &mut Vec<u8>) {
    if let Some(record) = record {
        // Writing to memory cannot fail.
        let _ = access_log::append_value(out, value.parts(), record, SystemTime::now());
        return;
    }
    for part in value.parts() {
        if let Part::Text(text) = part {
            out.extend_from_slice(text.as_bytes());
        }
    }
}
