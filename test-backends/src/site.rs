//! An HTTP/1.1 site: keep-alive, pipelining, HEAD, bodies read and ignored.
//!
//! [`request`] turns bytes into requests and is pure, [`inbox`] holds what was read ahead,
//! [`response`] writes answers; here they meet. Nothing that a client sent is ever sent back.

mod inbox;
mod request;
mod response;

use std::{io, time::Duration};

use self::{
    inbox::{Head, Inbox},
    request::{Persistence, Refusal, Request, RequestBody, Route},
    response::{Content, Response},
};
use crate::{
    colour::Colour,
    connection::{Connection, Ending},
};

const LIGHT_BLUE: &str = include_str!("../sites/light-blue.html");
const LIGHT_GREEN: &str = include_str!("../sites/light-green.html");
const LIGHT_CORAL: &str = include_str!("../sites/light-coral.html");
const NOT_FOUND: &str = include_str!("../sites/not-found.html");

/// How long a client may take to end its side after we ended ours.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Site<'server> {
    name: &'server str,
    colour: Colour,
}

impl<'server> Site<'server> {
    pub(crate) const fn new(name: &'server str, colour: Colour) -> Self {
        Self { name, colour }
    }

    /// Answers request after request until one side wants to end.
    pub(crate) fn serve(&self, connection: &mut Connection<'_>) -> io::Result<Ending> {
        let mut inbox = Inbox::default();
        loop {
            let parsed = match inbox.read_head(connection)? {
                Head::Ended => return Ok(Ending::Close),
                Head::TooLong => Err(Refusal::HeadTooLong),
                Head::Complete(head) => request::parse(&head),
            };
            let response = match parsed {
                Err(refusal) => Response::refusing(self.name, refusal),
                Ok(request) => {
                    if !take_body(request.body, &mut inbox, connection)? {
                        return Ok(Ending::Close);
                    }
                    self.response_to(&request)
                }
            };
            response.write(connection)?;
            if response.persistence == Persistence::Closed {
                connection.finish_and_linger(PATIENCE)?;
                return Ok(Ending::Close);
            }
        }
    }

    fn response_to(&self, request: &Request) -> Response<'_> {
        let (status, content) = match request.route {
            Route::Page => ("200 OK", Content::Html(self.page())),
            Route::Health => ("200 OK", Content::Text("ok\n".to_owned())),
            Route::WhoAmI => ("200 OK", Content::Text(format!("{}\n", self.name))),
            Route::Bytes(count) => ("200 OK", Content::Pattern(count)),
            Route::Favicon => ("204 No Content", Content::Nothing),
            Route::Unknown => ("404 Not Found", Content::Html(NOT_FOUND.to_owned())),
        };
        Response {
            status,
            server: self.name,
            content,
            head_only: request.head_only,
            persistence: request.persistence,
        }
    }

    fn page(&self) -> String {
        let template = match self.colour {
            Colour::LightBlue => LIGHT_BLUE,
            Colour::LightGreen => LIGHT_GREEN,
            Colour::LightCoral => LIGHT_CORAL,
        };
        template.replace("{{name}}", &escaped(self.name))
    }
}

/// Reads and forgets it; false if the stream ended within it.
fn take_body(
    body: RequestBody,
    inbox: &mut Inbox,
    connection: &mut Connection<'_>,
) -> io::Result<bool> {
    if body.awaits_consent && body.len > 0 && inbox.is_empty() {
        connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    inbox.skip(connection, body.len)
}

/// Safe as text and as the value of an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Colour, Site};

    #[test]
    fn every_page_has_its_colour_and_its_name() {
        for colour in Colour::ALL {
            let page = Site::new("b7", colour).page();
            assert!(
                page.contains(&format!("background: {};", colour.css())),
                "{colour}"
            );
            assert!(page.contains("Served by b7"), "{colour}");
            assert!(!page.contains("{{"), "{colour}");
        }
    }

    #[test]
    fn a_name_with_markup_is_shown_as_text() {
        let page = Site::new("<script>\"'&\u{7}", Colour::LightBlue).page();
        assert!(page.contains("Served by &lt;script&gt;&quot;&#39;&amp;\u{fffd}"));
        assert!(!page.contains("<script"));
    }
}
