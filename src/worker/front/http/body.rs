//! Moves what follows heads: as much of it as belongs to the message, copied or spliced.

use super::{Download, Exchange, Http, Sent};
use crate::http::{Body, Framing, Status};
use crate::session::{Cause, Direction, Edit, Outcome, Place, Step};
use crate::worker::shell::Shell;
use crate::worker::slot::Slot;

/// Fewer bytes than these are not worth a pipe.
const SPLICED_BYTES: u64 = 16 * 1024;

impl Shell {
    /// Performs a step of relaying of a session that speaks HTTP.
    pub(in crate::worker::front) fn pass_message(
        &mut self,
        slot: &mut Slot,
        step: Step,
        way: Direction,
    ) -> Outcome {
        match (step, way) {
            (Step::Receive(_), Direction::Upload) => self.hear_body(slot, way),
            (Step::Receive(_), Direction::Download) => self.hear_response(slot),
            (Step::Fill(_), _) => self.fill_body(slot, way),
            _ => self.relay_plain(slot, step, way),
        }
    }

    /// The kept connection was dead: the request is given to another one.
    pub(in crate::worker::front) fn repeat(&mut self, slot: &mut Slot) -> Outcome {
        self.forget_backend(slot);
        slot.take_back_upload();
        if let Some(exchange) = slot.http_mut().and_then(|it| it.exchange.as_deref_mut()) {
            exchange.sent = Sent::Not;
            exchange.download = Download::awaited();
        }
        Outcome::Gone
    }

    /// Reads more of a body into the scratch buffer.
    pub(super) fn hear_body(&mut self, slot: &mut Slot, way: Direction) -> Outcome {
        let most = slot.exchange().map_or(usize::MAX, |it| it.wanted(way));
        let outcome = self.read_side(slot, way.source(), most);
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let is_silent =
            front.has_ended_silently(way.source()) || slot.session.is_broken(way.source());
        let Some(Http {
            exchange: Some(exchange),
            refused,
            ..
        }) = front.http.as_deref_mut()
        else {
            return Outcome::Broken;
        };
        let Some(body) = exchange.body(way) else {
            return Outcome::Broken;
        };
        match outcome {
            Outcome::Moved(read) => {
                let bytes = &mut self.relay.scratch()[..read];
                let Ok(passed) = body.pass(bytes) else {
                    *refused = Some(match way {
                        Direction::Upload => Status::BadRequest,
                        Direction::Download => Status::BadGateway,
                    });
                    return Outcome::Denied(malformed(way));
                };
                let rest = &bytes[passed.length..];
                match way {
                    // The beginning of the next request.
                    Direction::Upload => front.inbox.extend_from_slice(rest),
                    Direction::Download => exchange.persists[1] &= rest.is_empty(),
                }
                let omitted = passed.omitted;
                if !omitted.is_empty() {
                    bytes.copy_within(omitted.end..passed.length, omitted.start);
                }
                Outcome::Edited(Edit {
                    read: passed.length,
                    held: passed.length - omitted.len(),
                    place: Place::Scratch,
                    over: passed.over,
                    drained: slot.is_drained(way.source(), read, most),
                })
            }
            // Where TLS is spoken, only a word of it ends a message (RFC 9112, 8).
            Outcome::Ended if body.may_end() && !is_silent => {
                exchange.persists = [false; 2];
                Outcome::Edited(Edit {
                    read: 0,
                    held: 0,
                    place: Place::Scratch,
                    over: true,
                    drained: false,
                })
            }
            // What was cut short must not look whole.
            Outcome::Ended => Outcome::Broken,
            other => other,
        }
    }

    /// Splices more of a body into a pipe, where what comes next is long and nobody's to look at.
    fn fill_body(&mut self, slot: &mut Slot, way: Direction) -> Outcome {
        let exchange = slot.http_mut().and_then(|it| it.exchange.as_deref_mut());
        let unseen = exchange
            .and_then(|it| it.body(way))
            .map_or(0, |it| it.unseen());
        if unseen < SPLICED_BYTES {
            return match way {
                Direction::Upload => self.hear_body(slot, way),
                Direction::Download => self.hear_response(slot),
            };
        }
        let source = match way {
            Direction::Upload => Some(&slot.client),
            Direction::Download => slot.backend_socket.as_ref(),
        };
        let Some(source) = source else {
            return Outcome::Broken;
        };
        let most = usize::try_from(unseen).unwrap_or(usize::MAX);
        let hold = &mut slot.holds[way.index()];
        let outcome = self.relay.fill(source, most, hold);
        let Outcome::Moved(bytes) = outcome else {
            return outcome;
        };
        let exchange = slot.http_mut().and_then(|it| it.exchange.as_deref_mut());
        let Some(body) = exchange.and_then(|it| it.body(way)) else {
            return Outcome::Broken;
        };
        body.pass_unseen(bytes as u64);
        Outcome::Edited(Edit {
            read: bytes,
            held: bytes,
            place: Place::Pipe,
            over: body.is_over(),
            drained: false,
        })
    }
}

/// Whose fault a body is that is none.
const fn malformed(way: Direction) -> Cause {
    match way {
        Direction::Upload => Cause::BadPreamble,
        Direction::Download => Cause::BackendAborted,
    }
}

impl Slot {
    /// Nothing was sent of what was to be said to the backend: it is said to another one.
    pub(in crate::worker::front) fn take_back_upload(&mut self) {
        self.session.take_back(Direction::Upload);
        if let Some(front) = self.front.as_deref_mut() {
            front.prefaces[Direction::Upload.index()].clear();
        }
    }
}

impl Exchange {
    /// The body that goes this way; none of a response whose head is awaited.
    fn body(&mut self, way: Direction) -> Option<&mut Body> {
        match (way, &mut self.download) {
            (Direction::Upload, _) => Some(&mut self.upload),
            (Direction::Download, Download::Body(body)) => Some(body),
            (Direction::Download, Download::Head { .. } | Download::Upgraded) => None,
        }
    }

    /// How much is read of a body at once: no more than belongs to it, where that is known.
    fn wanted(&self, way: Direction) -> usize {
        match (way, self.framing) {
            (Direction::Upload, Framing::Length(_)) => {
                usize::try_from(self.upload.unseen()).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        }
    }
}
