//! Text that somebody else may have chosen, made harmless: the only way of such text into a line.

use std::fmt::{self, Display, Write};

/// One word of a line: nothing in it ends the word, the line or a quoted text, or is obeyed by a
/// terminal. What JSON would escape is escaped in its way, so that a template may write JSON.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.bytes().all(is_plain) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if is_obeyed(c) => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A text between quotes, in which spaces stay as they are; the rest as with [`Escaped`].
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut words = self.0.split(' ');
        if let Some(first) = words.next() {
            Escaped(first).fmt(f)?;
        }
        words.try_for_each(|word| write!(f, " {}", Escaped(word)))?;
        f.write_char('"')
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

/// What is a space, commands a terminal, or changes the order in which the rest is read. None of it
/// lies beyond the four digits of `\u`.
fn is_obeyed(c: char) -> bool {
    let is_of_bidi = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || c.is_whitespace() || is_of_bidi
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_break_a_line_is_escaped_and_the_rest_stays() {
        let table = [
            ("b2", "b2"),
            ("[::1]:80", "[::1]:80"),
            ("gr\u{f6}\u{df}e\u{1f600}", "gr\u{f6}\u{df}e\u{1f600}"),
            ("a b", "a\\u0020b"),
            ("a\"b\\c", "a\\\"b\\\\c"),
            ("a\r\nb\tc\0", "a\\u000d\\u000ab\\u0009c\\u0000"),
            (
                "\u{1b}[31m\u{7f}\u{9b}\u{202e}",
                "\\u001b[31m\\u007f\\u009b\\u202e",
            ),
        ];
        for (text, wanted) in table {
            assert_eq!(Escaped(text).to_string(), wanted, "{text:?}");
        }
    }

    #[test]
    fn between_quotes_a_space_is_a_space() {
        let table = [
            ("", "\"\""),
            (" a  b ", "\" a  b \""),
            ("a \"b\"\n", "\"a \\\"b\\\"\\u000a\""),
        ];
        for (text, wanted) in table {
            assert_eq!(Quoted(text).to_string(), wanted, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_word_and_a_json_string_of_the_same_text(text in "\\PC*|[\\x00-\\x7f]*|.*") {
            let escaped = Escaped(&text).to_string();
            let is_bad = |c: char| c.is_control() || c.is_whitespace();
            prop_assert!(!escaped.contains(is_bad), "{escaped:?}");
            let read: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
            prop_assert_eq!(read, text);
        }
    }
}
