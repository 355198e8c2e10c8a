//! What a client has sent and nobody has looked at yet: at most one head's worth of bytes.

use std::io;

use crate::connection::Connection;

/// The longest request line with all its header fields.
pub(super) const HEAD_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Without the empty line behind it.
    Complete(Vec<u8>),
    /// The stream ended, between requests or within one.
    Ended,
    /// No empty line within [`HEAD_BYTES`].
    TooLong,
}

impl Inbox {
    pub(super) fn read_head(&mut self, connection: &mut Connection<'_>) -> io::Result<Head> {
        let mut chunk = [0; 4096];
        loop {
            self.drop_leading_line_ends();
            if let Some((len, end)) = head_end(&self.bytes) {
                let head = self.bytes[..len].to_vec();
                self.bytes.drain(..end);
                return Ok(Head::Complete(head));
            }
            let room = chunk.len().min(HEAD_BYTES - self.bytes.len());
            if room == 0 {
                return Ok(Head::TooLong);
            }
            match connection.read(&mut chunk[..room])? {
                0 => return Ok(Head::Ended),
                count => self.bytes.extend_from_slice(&chunk[..count]),
            }
        }
    }

    /// Forgets a body; false if the stream ended within it.
    pub(super) fn skip(&mut self, connection: &mut Connection<'_>, count: u64) -> io::Result<bool> {
        let held = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(self.bytes.len());
        self.bytes.drain(..held);
        let missing = count - held as u64;
        Ok(missing == 0 || connection.discard(missing)? == missing)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Some clients send an empty line after a body (RFC 9112, 2.2).
    fn drop_leading_line_ends(&mut self) {
        let count = self
            .bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        self.bytes.drain(..count);
    }
}

/// The length of the head, and where what follows it starts. A line may end without its CR.
fn head_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let line_feeds = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    line_feeds
        .map(|(at, _)| at)
        .find_map(|at| match &bytes[at + 1..] {
            [b'\n', ..] => Some((at + 1, at + 2)),
            [b'\r', b'\n', ..] => Some((at + 1, at + 3)),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::head_end;

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        assert_eq!(head_end(b"a\r\nb\r\n\r\nc\r\n\r\n"), Some((6, 8)));
        assert_eq!(head_end(b"a\nb\n\nc"), Some((4, 5)));
        assert_eq!(head_end(b"a\n\r\nc"), Some((2, 4)));
    }

    #[test]
    fn a_head_without_an_empty_line_has_no_end() {
        for bytes in [
            &b""[..],
            b"a",
            b"a\r\n",
            b"a\r\n\r",
            b"a\r\nb\r\n",
            b"a\r\r\r",
        ] {
            assert_eq!(head_end(bytes), None, "{bytes:?}");
        }
    }
}
