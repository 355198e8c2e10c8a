//! Tells a client why it is not served: sends a text and its end, then waits for the client's end, since
//! a socket that is closed with unread bytes resets what is under way (RFC 1122, 4.2.2.13).

use std::net::Shutdown;
use std::time::Duration;

use super::super::clock::millis;
use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::{Outcome, Side};
use rustix::net::RecvFlags;

/// How long a client that is not served, and silent, may take to hear why; and how long one that speaks on.
const ANSWER_TIME: Duration = Duration::from_secs(2);
const MOST_ANSWER_TIME: Duration = Duration::from_secs(30);

/// What the client is told.
pub(super) struct Answer {
    text: Vec<u8>,
    sent: usize,
    is_ended: bool,
}

impl Answer {
    /// Nothing of this is sent yet.
    pub(super) const fn new(text: Vec<u8>) -> Self {
        Self {
            text,
            sent: 0,
            is_ended: false,
        }
    }
}

impl Slot {
    /// When the client has to have heard why it is not served, in the milliseconds of the timers: the sooner, the longer
    /// it is silent.
    pub(in crate::worker) fn answer_due(&self, now: u64) -> u64 {
        let front = self.front.as_deref().filter(|it| it.answer.is_some());
        let since = front.map_or(now, |it| it.since().millis());
        let end = since + millis(MOST_ANSWER_TIME);
        end.min(since.max(self.moved) + millis(ANSWER_TIME))
    }
}

impl Shell {
    /// The backend, if there is one, is not needed any more.
    fn begin_answer(&mut self, slot: &mut Slot) {
        self.let_go(slot);
        let (reason, now) = (slot.session.refusal(), self.clock.moment());
        let Some(front) = slot.front.as_deref_mut() else {
            return;
        };
        let http = front.http.as_deref_mut();
        let page = http
            .zip(reason)
            .and_then(|(http, reason)| http.page(reason));
        let is_own = page.is_some();
        let mut text = page.unwrap_or_default();
        if let Some(secure) = front.secure(Side::Client) {
            text = secure.last_words(&text);
        }
        front.answer = Some(Answer::new(text));
        front.since = now;
        if is_own {
            self.count_response(slot, true);
        }
    }

    /// Goes on to tell the client.
    pub(in crate::worker) fn answer(&mut self, slot: &mut Slot) -> Outcome {
        if slot.front.as_ref().is_some_and(|it| it.answer.is_none()) {
            self.begin_answer(slot);
        }
        let Some(answer) = slot.front.as_deref_mut().and_then(|it| it.answer.as_mut()) else {
            return Outcome::Broken;
        };
        let left = &answer.text[answer.sent..];
        if !left.is_empty() {
            return match self.relay.send(&slot.client, left) {
                Outcome::Moved(bytes) => {
                    answer.sent += bytes;
                    Outcome::Moved(bytes)
                }
                Outcome::WouldBlock => Outcome::Full,
                other => other,
            };
        }
        if !std::mem::replace(&mut answer.is_ended, true)
            && slot.client.shutdown(Shutdown::Write).is_err()
        {
            return Outcome::Broken;
        }
        let (outcome, _) = self
            .relay
            .receive(&slot.client, usize::MAX, RecvFlags::empty());
        match outcome {
            Outcome::Moved(_) => {
                slot.moved = self.clock.millis();
                Outcome::Interrupted // nobody wants it
            }
            Outcome::Ended => Outcome::Done,
            other => other,
        }
    }
}
