//! What few sessions have: a preamble of the client, a greeting of the backend, texts of their own in the
//! stream, an answer of l4lb's own. A plain session has no [`Front`], and nothing here is asked of it.
//!
//! `preamble` hears what comes first, `greeting` speaks to the connected backend, `passage` moves the
//! bytes of sessions with a front, `exchange` says what follows an exchange, `http` is all
//! of an HTTP listener, `answer` tells a client why it is not served.

mod answer;
mod exchange;
mod greeting;
mod http;
mod passage;
mod preamble;

use std::time::Duration;

use super::clock::Moment;
use crate::plan::PlannedListener;
use answer::Answer;
use http::Http;
use preamble::Awaiting;

/// What is special of a session.
pub(super) struct Front {
    /// What the client has to say next, before a backend is picked.
    awaiting: Awaiting,
    /// What was read from the client and has no place in the stream yet.
    inbox: Vec<u8>,
    /// By direction: a text that goes before all that is read from now on.
    prefaces: [Vec<u8>; 2],
    /// When the preamble that is awaited could begin.
    since: Moment,
    /// What the client is told, while it is told.
    answer: Option<Answer>,
    /// Where it speaks HTTP.
    http: Option<Box<Http>>,
}

impl Front {
    /// What a client of this listener has to have; most have nothing.
    pub(super) fn of(listener: &PlannedListener, accepted: Moment) -> Option<Box<Self>> {
        let awaiting = Awaiting::of(&listener.config);
        (awaiting != Awaiting::Nothing).then(|| {
            Box::new(Self {
                awaiting,
                inbox: Vec::new(),
                prefaces: [Vec::new(), Vec::new()],
                since: accepted,
                answer: None,
                http: Http::of(listener, accepted),
            })
        })
    }

    /// Whether the client has something to say before a backend is picked.
    pub(super) fn expects(&self) -> bool {
        self.awaiting != Awaiting::Nothing
    }

    /// Whether a connected backend has to be greeted.
    pub(super) fn greets(&self) -> bool {
        self.http.as_ref().is_some_and(|it| it.greets())
    }

    /// Whether the client can be told why it is not served: not in the midst of another answer.
    pub(super) fn answers(&self) -> bool {
        let has_heard = !self.inbox.is_empty();
        self.http.as_ref().is_some_and(|it| it.answers(has_heard))
    }

    /// When the preamble that is awaited could begin.
    pub(super) const fn since(&self) -> Moment {
        self.since
    }

    /// How long that may take; `None` is as long as any.
    pub(super) fn patience(&self) -> Option<Duration> {
        let http = self.http.as_ref()?;
        Some(http.patience(self.inbox.is_empty()))
    }

    /// Whether nothing is left to do for it: the session is a plain one from now on.
    fn is_spent(&self) -> bool {
        !self.expects() && self.inbox.is_empty() && self.prefaces.iter().all(Vec::is_empty)
    }
}
