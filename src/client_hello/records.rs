//! Puts the message together from the records that it comes in, each byte looked at once.

use super::message::{self, CLIENT_HELLO};
use super::{HELLO_BYTES, Progress, WIRE_BYTES};

/// The type of records that carry the handshake.
const HANDSHAKE: u8 = 22;
/// The first byte of all versions from SSL 3 on.
const MAJOR: u8 = 3;
const HEADER_BYTES: usize = 5;
/// The most bytes in a record that is not encrypted.
const RECORD_BYTES: usize = 16 * 1024;

/// Of a message, its type and three bytes of length.
const MESSAGE_HEADER_BYTES: usize = 4;

/// Reads what a client sends, as it comes.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// Where the next record begins.
    at: usize,
    /// What the records before it have carried.
    message: Vec<u8>,
}

impl Reader {
    /// Reads on. `bytes` are all that the client has sent, from the first one: each time at least
    /// those of the time before.
    #[must_use]
    pub fn read(&mut self, bytes: &[u8]) -> Progress {
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            if let Some(why) = wrong_header(rest) {
                return Progress::Malformed(why);
            }
            let Some(body) = body(rest) else {
                return Progress::Incomplete;
            };
            self.message.extend_from_slice(body);
            self.at += HEADER_BYTES + body.len();
            if self.at > WIRE_BYTES {
                return Progress::TooLong;
            }
            match self.end() {
                Progress::Incomplete => {}
                end => return end,
            }
        }
    }

    /// What the message is after one more record.
    fn end(&mut self) -> Progress {
        match self.message[..] {
            [CLIENT_HELLO, a, b, c, ..] => {
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                let whole = MESSAGE_HEADER_BYTES + length;
                if whole > HELLO_BYTES {
                    Progress::TooLong
                } else if self.message.len() < whole {
                    Progress::Incomplete
                } else if self.message.len() > whole {
                    Progress::Malformed("something follows the hello in its record")
                } else {
                    message::read(&std::mem::take(&mut self.message)[MESSAGE_HEADER_BYTES..])
                }
            }
            [] | [CLIENT_HELLO, ..] => Progress::Incomplete,
            _ => Progress::Malformed("the first message is no ClientHello"),
        }
    }
}

/// What is wrong with the header of a record, of which the first bytes may be there.
fn wrong_header(record: &[u8]) -> Option<&'static str> {
    match *record {
        [kind, ..] if kind != HANDSHAKE => Some("this is no TLS handshake"),
        [_, major, ..] if major != MAJOR => Some("this is no version of TLS"),
        [_, _, _, high, low, ..] => match length(high, low) {
            0 => Some("a record is empty"),
            1..=RECORD_BYTES => None,
            _ => Some("a record is longer than TLS allows"),
        },
        _ => None,
    }
}

/// What a record carries, where it is there whole.
fn body(record: &[u8]) -> Option<&[u8]> {
    let [_, _, _, high, low, rest @ ..] = record else {
        return None;
    };
    rest.get(..length(*high, *low))
}

fn length(high: u8, low: u8) -> usize {
    u16::from_be_bytes([high, low]).into()
}
