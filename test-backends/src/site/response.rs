//! One answer, written with its head and a short body in one piece.

use std::io;

use super::request::{Persistence, Refusal};
use crate::connection::Connection;

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const BYTES: &str = "application/octet-stream";

#[derive(Debug)]
pub(super) struct Response<'site> {
    /// Code and reason.
    pub(super) status: &'static str,
    /// The name of the site.
    pub(super) server: &'site str,
    pub(super) content: Content,
    /// The answer to HEAD: the length of the body, without the body.
    pub(super) head_only: bool,
    pub(super) persistence: Persistence,
}

#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Html(String),
    Text(String),
    /// So many bytes of the [`pattern`](crate::pattern).
    Pattern(u64),
}

impl<'site> Response<'site> {
    pub(super) fn refusing(server: &'site str, refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::Malformed => "400 Bad Request",
            Refusal::HeadTooLong => "431 Request Header Fields Too Large",
            Refusal::TransferEncoding => "501 Not Implemented",
        };
        Self {
            status,
            server,
            content: Content::Text(format!("{status}\n")),
            head_only: false,
            persistence: Persistence::Closed,
        }
    }

    pub(super) fn write(&self, connection: &mut Connection<'_>) -> io::Result<()> {
        let mut message = self.head();
        if self.head_only {
            return connection.write_all(message.as_bytes());
        }
        match &self.content {
            Content::Nothing => connection.write_all(message.as_bytes()),
            Content::Html(text) | Content::Text(text) => {
                message.push_str(text);
                connection.write_all(message.as_bytes())
            }
            Content::Pattern(count) => {
                connection.write_all(message.as_bytes())?;
                connection.write_pattern(*count)
            }
        }
    }

    fn head(&self) -> String {
        let connection = match self.persistence {
            Persistence::Kept => "",
            Persistence::KeptOnDemand => "Connection: keep-alive\r\n",
            Persistence::Closed => "Connection: close\r\n",
        };
        format!(
            "HTTP/1.1 {}\r\nX-Backend: {}\r\nCache-Control: no-store\r\n{connection}{}\r\n",
            self.status,
            field_value(self.server),
            self.content.fields(),
        )
    }
}

impl Content {
    fn fields(&self) -> String {
        let (kind, len) = match self {
            // A 204 must not state a length (RFC 9110, 8.6).
            Self::Nothing => return String::new(),
            Self::Html(text) => (HTML, text.len() as u64),
            Self::Text(text) => (TEXT, text.len() as u64),
            Self::Pattern(count) => (BYTES, *count),
        };
        format!("Content-Type: {kind}\r\nContent-Length: {len}\r\n")
    }
}

/// A name may hold anything; a field's value may not.
fn field_value(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    name.chars()
        .map(|letter| if fits(letter) { letter } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Response};

    #[test]
    fn a_name_cannot_add_fields() {
        let head = Response::refusing("b1\r\nEvil: yes\u{e9}", Refusal::Malformed).head();
        assert!(head.contains("\r\nX-Backend: b1??Evil: yes?\r\n"), "{head}");
    }

    #[test]
    fn a_head_ends_with_one_empty_line() {
        let head = Response::refusing("b1", Refusal::HeadTooLong).head();
        assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
        assert_eq!(head.find("\r\n\r\n"), Some(head.len() - 4), "{head}");
    }
}
