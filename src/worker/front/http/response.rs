//! Takes what a backend says: heads, which are edited, and the body behind the last one.

use super::request::{expand, has_fields};
use super::{Download, Exchange, Http};
use crate::config::{HttpConfig, Template};
use crate::http::edit::{self, Persistence, ResponseEdit};
use crate::http::{Body, Framing, Kind, Parsed, Refusal, ResponseHead, Scheme, Status, Version};
use crate::messages::SessionRecord;
use crate::session::{Cause, Direction, Edit, Outcome, Place, Side};
use crate::worker::shell::Shell;
use crate::worker::slot::Slot;

/// What bytes of a response have come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Its head is not whole.
    Part,
    /// A final head, and perhaps some of its body.
    Head { over: bool },
    /// The head after which both sides speak another protocol.
    Upgrade,
}

/// Of a backend that changes the protocol in the midst of a request.
const EARLY_UPGRADE: Refusal = Refusal {
    status: Status::BadGateway,
    why: "101 before the end of the request",
};

/// With what a response is edited.
struct Editor<'a> {
    config: &'a HttpConfig,
    record: Option<SessionRecord>,
    scheme: Scheme,
    is_draining: bool,
    /// Whether the backend has been sent all of the request.
    may_upgrade: bool,
}

impl Shell {
    /// Reads once more from the backend.
    pub(super) fn hear_response(&mut self, slot: &mut Slot) -> Outcome {
        match slot.exchange().map(|it| &it.download) {
            Some(Download::Head { .. }) => self.hear_head(slot),
            Some(Download::Body(_)) => self.hear_body(slot, Direction::Download),
            Some(Download::Upgraded) | None => Outcome::Broken,
        }
    }

    fn hear_head(&mut self, slot: &mut Slot) -> Outcome {
        let now = self.clock.moment();
        let is_draining = self.peers.is_draining();
        let known = slot
            .http()
            .is_some_and(|it| has_fields(&it.config.response_headers));
        let record = known.then(|| self.ledger.record(slot, &self.clock));
        let outcome = self.read_side(slot, Side::Backend, usize::MAX);
        let scheme = slot.scheme();
        let known_drained = |it| slot.is_drained(Side::Backend, it, usize::MAX);
        let drained = matches!(outcome, Outcome::Moved(read) if known_drained(read));
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let Some(Http {
            exchange: Some(exchange),
            config,
            refused,
            ..
        }) = front.http.as_deref_mut()
        else {
            return Outcome::Broken;
        };
        let read = match outcome {
            Outcome::Moved(read) => read,
            Outcome::Ended | Outcome::Broken => return exchange.broke_off(refused),
            other => return other,
        };
        exchange.first_byte.get_or_insert(now);
        exchange.said = Vec::new(); // it is not repeated any more
        let preface = &mut front.prefaces[Direction::Download.index()];
        let written = preface.len();
        let editor = Editor {
            config,
            record,
            scheme,
            is_draining,
            may_upgrade: slot.session.flow(Direction::Upload).rests(),
        };
        let bytes = &self.relay.scratch()[..read];
        let Ok(heard) = exchange.take(bytes, editor, preface) else {
            preface.truncate(written);
            return exchange.broke_off(refused);
        };
        let edit = Edit {
            read,
            held: preface.len() - written,
            place: Place::Preface,
            over: heard == Heard::Head { over: true },
            drained,
        };
        match heard {
            Heard::Part => {}
            Heard::Head { .. } => self.count_response(slot, false),
            Heard::Upgrade => {
                self.count_response(slot, false);
                upgrade(slot);
            }
        }
        Outcome::Edited(edit)
    }
}

/// From now on bytes are relayed as ever, in both directions; what the client has said already goes first.
fn upgrade(slot: &mut Slot) {
    slot.session.unbind();
    let Some(front) = slot.front.as_deref_mut() else {
        return;
    };
    if let Some(http) = front.http.as_deref_mut() {
        http.parked.clear();
    }
    let early = std::mem::take(&mut front.inbox);
    if !early.is_empty() {
        slot.session
            .preface(Direction::Upload, early.len(), early.len());
        front.prefaces[Direction::Upload.index()].extend_from_slice(&early);
    }
}

impl Exchange {
    /// The backend has ended, or has said what is no response, before there was a whole head.
    fn broke_off(&self, refused: &mut Option<Status>) -> Outcome {
        if self.may_repeat() {
            return Outcome::Gone;
        }
        *refused = Some(Status::BadGateway);
        Outcome::Denied(Cause::BackendAborted)
    }

    /// Takes bytes that the backend has said, and appends to `out` what the client is to hear for them.
    fn take(
        &mut self,
        bytes: &[u8],
        mut editor: Editor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Heard, Refusal> {
        let Download::Head { reader, heard } = &mut self.download else {
            return Ok(Heard::Part);
        };
        let (mut reader, mut all) = (std::mem::take(reader), std::mem::take(heard));
        all.extend_from_slice(bytes);
        let mut from = 0;
        loop {
            let head = match reader.read(&all[from..], self.asked) {
                Parsed::Incomplete => {
                    all.drain(..from);
                    self.download = Download::Head { reader, heard: all };
                    return Ok(Heard::Part);
                }
                Parsed::Bad(refusal) => return Err(refusal),
                Parsed::Head(head) => head,
            };
            let rest = from + head.consumed;
            match head.kind() {
                Kind::Interim => {
                    self.is_waiting = false;
                    if self.asked.version == Version::Http11 {
                        self.write(&head, &mut editor, out);
                    }
                    (from, reader) = (rest, reader.after_interim());
                }
                // It would agree to what it has not read.
                Kind::Upgraded if !editor.may_upgrade => return Err(EARLY_UPGRADE),
                Kind::Upgraded => {
                    self.write(&head, &mut editor, out);
                    out.extend_from_slice(&all[rest..]);
                    self.download = Download::Upgraded;
                    return Ok(Heard::Upgrade);
                }
                Kind::Final => {
                    let mut body = Body::new(head.framing);
                    let passed = body.pass(&all[rest..])?;
                    self.settle(&head, editor.is_draining);
                    self.write(&head, &mut editor, out);
                    for kept in passed.kept(&all[rest..]) {
                        out.extend_from_slice(kept);
                    }
                    // Whoever says more than was asked for is not asked again.
                    self.persists[1] &= rest + passed.length == all.len();
                    self.download = Download::Body(body);
                    return Ok(Heard::Head { over: passed.over });
                }
            }
        }
    }

    /// Says whether both connections live on after this response.
    fn settle(&mut self, head: &ResponseHead<'_>, is_draining: bool) {
        let [client, backend] = &mut self.persists;
        // Nobody knows whether a client that was told nothing sends its body.
        let has_end = head.framing != Framing::UntilClose;
        *client &= has_end && !is_draining && !self.is_waiting;
        *backend &= head.persists && self.asked.persists;
    }

    fn write(&mut self, head: &ResponseHead<'_>, editor: &mut Editor<'_>, out: &mut Vec<u8>) {
        if head.kind() != Kind::Interim {
            self.record.status = Some(head.status);
        }
        if let Some(request) = editor.record.as_mut().and_then(|it| it.request.as_mut()) {
            request.status = Some(head.status);
        }
        let edit = ResponseEdit {
            changes: &editor.config.response_headers,
            security: editor.config.security_headers.then_some(editor.scheme),
            persistence: if self.persists[0] {
                Persistence::Keep
            } else {
                Persistence::Close
            },
        };
        let record = editor.record.as_ref();
        let expand = |value: &Template, out: &mut Vec<u8>| expand(value, record, out);
        edit::response(head, self.asked, &edit, expand, out);
    }
}
