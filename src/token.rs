//! The token that changes need: read once, compared in constant time, never shown. The admin API asks for
//! it, the commands that talk to it bring it. Imports reason.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use subtle::ConstantTimeEq;

use crate::reason;

/// The longest token, in bytes.
const MOST_BYTES: usize = 1024;

/// What a client must know.
pub struct Token(Box<[u8]>);

impl Token {
    /// Reads the file: one line of visible ASCII, which is what a header can carry.
    ///
    /// # Errors
    ///
    /// A sentence that names the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let bytes = read(path).map_err(|error| {
            let why = reason::of(&error);
            format!("the token file {shown} cannot be read: {why}")
        })?;
        Self::parse(&bytes).map_err(|why| format!("the token file {shown} {why}"))
    }

    /// Takes the one line of a file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.len() {
            0 => Err("is empty".to_owned()),
            1..=MOST_BYTES if line.iter().all(u8::is_ascii_graphic) => Ok(Self(line.into())),
            1..=MOST_BYTES => Err("has more than one word of visible ASCII".to_owned()),
            _ => Err(format!("has more than {MOST_BYTES} bytes")),
        }
    }

    /// The line itself, for who has to show it.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a client knows it. How long this takes tells nothing but whether the length is right.
    #[must_use]
    pub fn is(&self, offered: &[u8]) -> bool {
        self.0.ct_eq(offered).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The file, or as much of it as shows that it is too long: it may be a device without an end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MOST_BYTES as u64 + 3;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line() {
        for text in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            let token = Token::parse(text.as_bytes()).unwrap();
            assert!(token.is(b"s3cret"), "{text:?}");
            for wrong in ["", "s3cre", "s3cret\n", "S3cret", "s3crets"] {
                assert!(!token.is(wrong.as_bytes()), "{text:?} {wrong:?}");
            }
        }
    }

    #[test]
    fn what_can_be_no_token_is_explained() {
        let long = "x".repeat(1025);
        let table = [
            ("", "is empty"),
            ("\n", "is empty"),
            ("a b", "one word"),
            ("a\n\n", "one word"),
            ("\u{e9}t\u{e9}", "visible ASCII"),
            (&long, "more than 1024 bytes"),
        ];
        for (text, hint) in table {
            let error = Token::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(hint), "{text:?}: {error}");
        }
        let error = Token::read(Path::new("/nowhere/token")).unwrap_err();
        let wanted = "the token file /nowhere/token cannot be read: no such file or directory";
        assert_eq!(error, wanted);
        assert!(Token::read(Path::new("/dev/zero")).is_err());
    }
}
