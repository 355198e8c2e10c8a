//! A template for lines of the access log, taken apart once: texts, and placeholders between them.

use std::sync::Arc;

use super::hint;

/// The longest template, in bytes: a line is not longer than a few of them.
const MOST_BYTES: usize = 4096;

/// A line with placeholders: `{client} took {duration_ms}`. A brace is written twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Arc<str>,
    parts: Arc<[Part]>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Written as it is.
    Text(Box<str>),
    /// Stands for something of the session.
    Field(Placeholder),
}

/// One name for each placeholder.
macro_rules! placeholders {
    ($($(#[$about:meta])* $name:ident = $word:literal,)*) => {
        /// What a template can say of a session.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Placeholder {
            $($(#[$about])* $name,)*
        }

        impl Placeholder {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it is called in a template.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

placeholders! {
    /// When it ended.
    Time = "time",
    /// The client's address and port.
    Client = "client",
    /// The client's address.
    ClientIp = "client_ip",
    /// The client's port.
    ClientPort = "client_port",
    /// The listener's name.
    Listener = "listener",
    /// The pool's name.
    Pool = "pool",
    /// The backend's name.
    Backend = "backend",
    /// The backend's address and port.
    BackendAddress = "backend_addr",
    /// Milliseconds in line for a backend below its limit.
    QueuedMillis = "queued_ms",
    /// Milliseconds to the established backend connection, less those in line.
    ConnectMillis = "connect_ms",
    /// Milliseconds from accept to the first byte of the backend.
    FirstByteMillis = "first_byte_ms",
    /// Milliseconds from accept to the end.
    DurationMillis = "duration_ms",
    /// Bytes from the client.
    BytesIn = "bytes_in",
    /// Bytes from the backend.
    BytesOut = "bytes_out",
    /// The two letters of its end.
    Termination = "term",
    /// The end in words.
    Reason = "reason",
    /// Attempts to connect after the first one.
    Retries = "retries",
    /// How the bytes went.
    Path = "path",
    /// The connection's id.
    ConnectionId = "conn_id",
    /// Sessions in all.
    ActiveTotal = "active_total",
    /// Sessions on the listener.
    ActiveListener = "active_listener",
    /// Sessions on the backend.
    ActiveBackend = "active_backend",
    /// Of an HTTP request: its method.
    Method = "method",
    /// Of an HTTP request: the path, without the query.
    UrlPath = "url_path",
    /// Of an HTTP request: the host that it is for.
    Host = "host",
    /// Of an HTTP request: the status of the response.
    Status = "status",
    /// Of an HTTP request: the client's software, as it calls itself.
    UserAgent = "user_agent",
    /// Of a client in TLS: the version.
    TlsVersion = "tls_version",
    /// Of a client in TLS: the cipher suite.
    TlsCipher = "tls_cipher",
    /// Of a client in TLS: the name that it has asked for.
    TlsServerName = "tls_server_name",
    /// Of a client in TLS: whose its certificate is.
    TlsClientSubject = "tls_client_subject",
    /// Of a client in TLS: the common name of that.
    TlsClientName = "tls_client_cn",
}

impl Placeholder {
    /// Whether it is known at the end of a session or request only.
    #[must_use]
    pub const fn is_of_the_end(self) -> bool {
        match self {
            Self::DurationMillis
            | Self::BytesIn
            | Self::BytesOut
            | Self::Termination
            | Self::Reason
            | Self::Path => true,
            Self::Time
            | Self::Client
            | Self::ClientIp
            | Self::ClientPort
            | Self::Listener
            | Self::Pool
            | Self::Backend
            | Self::BackendAddress
            | Self::QueuedMillis
            | Self::ConnectMillis
            | Self::FirstByteMillis
            | Self::Retries
            | Self::ConnectionId
            | Self::ActiveTotal
            | Self::ActiveListener
            | Self::ActiveBackend
            | Self::Method
            | Self::UrlPath
            | Self::Host
            | Self::Status
            | Self::UserAgent
            | Self::TlsVersion
            | Self::TlsCipher
            | Self::TlsServerName
            | Self::TlsClientSubject
            | Self::TlsClientName => false,
        }
    }
}

impl Template {
    /// Takes a text apart that says something of a session.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, with the nearest name of a placeholder.
    pub fn parse(text: &str) -> Result<Self, String> {
        let template = Self::of(text)?;
        let mut parts = template.parts.iter();
        if !parts.any(|part| matches!(part, Part::Field(_))) {
            return Err("a template has at least one placeholder, such as {client}".to_owned());
        }
        Ok(template)
    }

    /// Takes the value of a header apart, which may be a text alone.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, with the nearest name of a placeholder.
    pub fn of_header(text: &str) -> Result<Self, String> {
        let template = Self::of(text)?;
        for part in &*template.parts {
            if let Part::Field(field) = part
                && field.is_of_the_end()
            {
                let word = field.word();
                return Err(format!("{{{word}}} is not known before the end"));
            }
        }
        Ok(template)
    }

    /// Takes a text apart.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, with the nearest name of a placeholder.
    fn of(text: &str) -> Result<Self, String> {
        if text.len() > MOST_BYTES {
            return Err(format!("a template has at most {MOST_BYTES} bytes"));
        }
        if text.contains(|c: char| c.is_control() && c != '\t') {
            return Err("a template is one line, without control characters".to_owned());
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain += before;
            if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                plain += &from[..1];
                rest = after;
                continue;
            }
            let Some((name, after)) = from.strip_prefix('{').and_then(|it| it.split_once('}'))
            else {
                return Err(
                    "a brace that opens or closes no placeholder is written twice".to_owned(),
                );
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into()));
            }
            parts.push(Part::Field(named(name)?));
            rest = after;
        }
        plain += rest;
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Ok(Self {
            text: text.into(),
            parts: parts.into(),
        })
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it is made of, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

fn named(name: &str) -> Result<Placeholder, String> {
    let found = Placeholder::ALL.iter().find(|it| it.word() == name);
    found.copied().ok_or_else(|| {
        let words: Vec<&str> = Placeholder::ALL.iter().map(|it| it.word()).collect();
        let mut shown: String = name.chars().take(40).collect();
        if shown.len() < name.len() {
            shown += "...";
        }
        format!("unknown placeholder {shown:?}{}", hint(name, &words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    #[test]
    fn a_template_is_texts_and_placeholders_in_their_order() {
        let field = |it| Part::Field(it);
        let table = [
            ("{client}", vec![field(Placeholder::Client)]),
            (
                "from {client_ip} {{{term}}}!",
                vec![
                    text("from "),
                    field(Placeholder::ClientIp),
                    text(" {"),
                    field(Placeholder::Termination),
                    text("}!"),
                ],
            ),
            (
                "{bytes_in}{bytes_out}",
                vec![field(Placeholder::BytesIn), field(Placeholder::BytesOut)],
            ),
        ];
        for (written, parts) in table {
            assert_eq!(
                Template::parse(written).unwrap().parts(),
                parts,
                "{written}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_template_is_said() {
        let table = [
            (
                "{bytes-in}",
                "unknown placeholder \"bytes-in\": did you mean bytes_in?",
            ),
            ("{}", "unknown placeholder \"\""),
            ("{client", "written twice"),
            ("client}", "written twice"),
            ("{client} }", "written twice"),
            ("{{client}}", "at least one placeholder"),
            ("{client}\n", "one line"),
            ("{client}\u{1b}[31m", "control characters"),
            (&"x".repeat(5000), "at most 4096 bytes"),
        ];
        for (written, wanted) in table {
            let error = Template::parse(written).unwrap_err();
            assert!(error.contains(wanted), "{written:?}: {error}");
        }
    }

    #[test]
    fn the_value_of_a_header_says_what_is_known_when_it_is_written() {
        let good = ["", "SAMEORIGIN", "{backend}", "{{x}} {client_ip};{status}"];
        for good in good {
            assert_eq!(Template::of_header(good).unwrap().text(), good);
        }
        let table = [
            ("{term}", "{term} is not known before the end"),
            ("{backnd}", "did you mean backend?"),
            ("a\r\nb", "one line"),
        ];
        for (written, wanted) in table {
            let error = Template::of_header(written).unwrap_err();
            assert!(error.contains(wanted), "{written:?}: {error}");
        }
    }

    #[test]
    fn every_placeholder_is_known_by_its_word() {
        for it in Placeholder::ALL {
            let template = Template::parse(&format!("{{{}}}", it.word())).unwrap();
            assert_eq!(template.parts(), [Part::Field(*it)]);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(written in "[{}a-z_\\PC]*") {
            let _ = Template::parse(&written);
        }
    }
}
