//! Cuts a log into lines, none of which takes more memory than a line may.

use std::io::{self, BufRead, Read};

/// The longest line that is looked at.
const LINE_BYTES: usize = 64 * 1024;

/// One line, without its end.
pub(super) enum Line<'a> {
    Empty,
    Text(&'a str),
    /// It is no text, or too long.
    Unreadable,
}

pub(super) struct Lines<R> {
    log: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn of(log: R) -> Self {
        let line = Vec::new();
        Self { log, line }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let most = LINE_BYTES as u64 + 1;
        let mut log = self.log.by_ref().take(most);
        let read = log.read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if read > LINE_BYTES {
            self.log.skip_until(b'\n')?;
            return Ok(Some(Line::Unreadable));
        }
        let line = self.line.trim_ascii();
        Ok(Some(match std::str::from_utf8(line) {
            Ok("") => Line::Empty,
            Ok(text) => Line::Text(text),
            Err(_) => Line::Unreadable,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_be_empty_or_no_text_or_too_long_and_the_next_one_is_whole() {
        let long = "x".repeat(LINE_BYTES + 1);
        let just = "y".repeat(LINE_BYTES);
        let log = format!("a\r\n\n{long}\n{just}\nlast");
        let log = [b"\xff\n", log.as_bytes()].concat();
        let mut lines = Lines::of(&log[..]);
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(match line {
                Line::Empty => "empty".to_owned(),
                Line::Text(text) => text.to_owned(),
                Line::Unreadable => "unreadable".to_owned(),
            });
        }
        let wanted = ["unreadable", "a", "empty", "unreadable", &just, "last"];
        assert_eq!(found, wanted);
    }
}
