//! Hears the first message of a TLS client, and has it go where it wants to. The message is the first
//! of the stream, byte for byte: nobody but the backend answers it, unless TLS is spoken here.

use super::super::shell::Shell;
use super::super::slot::Slot;
use super::answer::Answer;
use super::preamble::{Awaiting, INBOX_BYTES};
use crate::client_hello::{Progress, WIRE_BYTES};
use crate::session::{Cause, Outcome};

/// A record that tells a client that nobody here has this name: fatal, `unrecognized_name` (RFC 6066).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// A record of the longest kind, which may be there all but its last byte.
const RECORD_BYTES: usize = 16 * 1024 + 5;

const _: () = assert!(INBOX_BYTES >= WIRE_BYTES + RECORD_BYTES);

impl Shell {
    /// Goes on to hear it.
    pub(super) fn hello(&mut self, slot: &mut Slot) -> Outcome {
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        match front.reader.read(&front.inbox) {
            Progress::Incomplete => self.hear(slot),
            // Whoever speaks TLS here says what is wrong, in words of TLS.
            Progress::Malformed(_) | Progress::TooLong
                if slot.listener.tls.is_some() && slot.listener.config.routes.is_none() =>
            {
                front.awaiting = Awaiting::Tls;
                Outcome::Interrupted
            }
            Progress::Malformed(_) | Progress::TooLong => Outcome::Denied(Cause::BadPreamble),
            Progress::Hello(hello) => {
                front.hello = Some(hello);
                let Some(destination) = front.destination(&slot.listener) else {
                    front.answer = Some(Answer::new(UNRECOGNIZED_NAME.to_vec()));
                    return Outcome::Denied(Cause::Denied);
                };
                if slot.listener.tls.is_some() {
                    front.awaiting = Awaiting::Tls;
                    return Outcome::Interrupted;
                }
                front.awaiting = Awaiting::Nothing;
                slot.destination = destination;
                self.end_preamble(slot)
            }
        }
    }
}
