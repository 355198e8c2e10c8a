//! What the log is told of an exchange, and the client of one that cannot be.

use std::time::Duration;

use super::{Http, Sent};
use crate::http::{self, RequestHead, Status, Version};
use crate::messages::{RequestRecord, SessionRecord};
use crate::session::{Cause, CloseReason};
use crate::worker::clock::Moment;
use crate::worker::shell::Shell;
use crate::worker::slot::Slot;

/// The longest texts of a line, in bytes: lines wait in memory.
const METHOD_BYTES: usize = 32;
const PATH_BYTES: usize = 1024;
const HOST_BYTES: usize = 255;
const AGENT_BYTES: usize = 255;

/// What is told of a request.
pub(super) fn record(head: &RequestHead<'_>, took: Duration) -> RequestRecord {
    let agent = head.field("User-Agent").map(String::from_utf8_lossy);
    RequestRecord {
        method: cut(head.method, METHOD_BYTES),
        path: cut(head.path(), PATH_BYTES),
        minor: match head.version {
            Version::Http10 => 0,
            Version::Http11 => 1,
        },
        host: head.host.map(|it| cut(it, HOST_BYTES)),
        user_agent: agent.map(|it| cut(&it, AGENT_BYTES)),
        head: took,
        status: None,
    }
}

/// Of what was no request, or is none yet.
fn unknown(status: Status) -> RequestRecord {
    RequestRecord {
        method: "-".into(),
        path: "-".into(),
        minor: 1,
        host: None,
        user_agent: None,
        head: Duration::ZERO,
        status: Some(status.code()),
    }
}

fn cut(text: &str, most: usize) -> Box<str> {
    text[..text.floor_char_boundary(most)].into()
}

impl Slot {
    /// Since when what the log is to be told of now has been going on; `None` where it was told all.
    pub(in crate::worker) fn untold_since(&self) -> Option<Moment> {
        let Some(http) = self.http() else {
            return Some(self.accepted);
        };
        match &http.exchange {
            Some(exchange) => Some(exchange.began),
            None if http.refused.is_some() => Some(http.began),
            None => (!http.has_served).then_some(self.accepted),
        }
    }

    /// Makes of what is said of the session what is said of its request.
    pub(in crate::worker) fn tell_request(&self, record: &mut SessionRecord, now: Moment) {
        let Some(http) = self.http() else {
            return;
        };
        let Some(exchange) = &http.exchange else {
            record.request = http.refused.map(|status| Box::new(unknown(status)));
            return;
        };
        let [upload, download, waited] = exchange.before;
        record.bytes_in = record.bytes_in.saturating_sub(upload);
        record.bytes_out = record.bytes_out.saturating_sub(download);
        record.total = now.since(exchange.began);
        record.queued = record.queued.saturating_sub(Duration::from_micros(waited));
        record.connect = if exchange.sent == Sent::Kept {
            Some(Duration::ZERO)
        } else {
            let connected = self.connected.filter(|it| *it >= exchange.heard);
            connected.map(|it| it.since(exchange.heard).saturating_sub(record.queued))
        };
        let first_byte = exchange.first_byte.map(|it| it.since(exchange.began));
        record.first_byte = [Some(Duration::ZERO), first_byte];
        record.request = Some(Box::new(exchange.record.clone()));
    }
}

impl Http {
    /// What the client is told where its request is not served for this reason, and its status.
    pub(in crate::worker::front) fn page(&mut self, reason: CloseReason) -> Option<Vec<u8>> {
        let status = match (self.refused, reason.cause) {
            (_, Cause::Completed) => return None,
            (Some(status), Cause::BadPreamble | Cause::BackendAborted) => status,
            (_, Cause::BadPreamble) => Status::BadRequest,
            (_, Cause::Denied) => Status::Forbidden,
            (_, Cause::PreambleTimeout | Cause::IdleTimeout) => Status::RequestTimeout,
            (_, Cause::BackendRefused | Cause::BackendAborted | Cause::BackendDown) => {
                Status::BadGateway
            }
            (_, Cause::ConnectTimeout | Cause::ResponseTimeout) => Status::GatewayTimeout,
            (
                _,
                Cause::NoBackend
                | Cause::QueueTimeout
                | Cause::LocalResource
                | Cause::ClientAborted
                | Cause::Killed
                | Cause::Drained
                | Cause::Internal,
            ) => Status::ServiceUnavailable,
        };
        let is_head = self.exchange.as_ref().is_some_and(|it| it.asked.is_head);
        match &mut self.exchange {
            Some(exchange) => exchange.record.status = Some(status.code()),
            None => self.refused = Some(status),
        }
        Some(http::page(status, is_head))
    }
}

impl Shell {
    /// Counts the response to the request that is being served.
    pub(in crate::worker::front) fn count_response(&self, slot: &Slot, is_own: bool) {
        let http = slot.http();
        let known = http.and_then(|it| it.exchange.as_ref()?.record.status);
        let status = known.or_else(|| http?.refused.map(Status::code));
        if let (Some(status), Some(tally)) = (status, slot.destination().ends.get(self.peers.me()))
        {
            tally.answered(status, is_own);
        }
    }
}
