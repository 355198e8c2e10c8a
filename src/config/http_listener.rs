//! A listener that speaks HTTP/1.1: what is changed in the heads of requests and responses, and how
//! long they may take.

use std::time::Duration;

use ipnet::IpNet;

use super::Template;
use crate::http::Forwarded;
use crate::http::edit::Change;

/// What the clients of a listener speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Anything over TCP.
    #[default]
    Tcp,
    /// HTTP/1.0 or 1.1.
    Http,
}

impl Protocol {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Http];

    /// As flags and files name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
        }
    }
}

/// What is changed in a head: removals, then settings, then additions.
pub type HeaderEdits = Vec<Change<Template>>;

/// How requests are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// What is changed in the heads of requests.
    pub request_headers: HeaderEdits,
    /// What is changed in the heads of responses.
    pub response_headers: HeaderEdits,
    /// Whether responses get the headers that keep browsers careful.
    pub security_headers: bool,
    /// The headers by which a backend learns of its client; `None` leaves what clients send.
    pub forwarded: Option<Forwarded>,
    /// Who may have said already for whom a request is.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a client keeps its backend.
    pub per: Per,
    /// For the head of a request, from its first byte; for the first one, from the accept.
    pub head_timeout: Duration,
    /// From the request's last byte to the response's head; `None` is as long as the idle timeout.
    pub response_timeout: Option<Duration>,
    /// How long a client may be silent between two requests.
    pub keep_alive: Duration,
}

impl Default for HttpConfig {
    /// What holds where nothing is said of it.
    fn default() -> Self {
        Self {
            request_headers: HeaderEdits::new(),
            response_headers: HeaderEdits::new(),
            security_headers: false,
            forwarded: None,
            trusted_proxies: Vec::new(),
            per: Per::default(),
            head_timeout: Self::HEAD_TIMEOUT,
            response_timeout: None,
            keep_alive: Self::KEEP_ALIVE,
        }
    }
}

impl HttpConfig {
    /// For the head of a request.
    pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
    /// Between two requests.
    pub const KEEP_ALIVE: Duration = Duration::from_secs(60);
}

/// The ways to tell a backend of its client, in the order of the documentation.
pub const FORWARDED: [Forwarded; 2] = [Forwarded::XForwarded, Forwarded::Rfc7239];

/// As files name it.
#[must_use]
pub const fn forwarded_name(forwarded: Forwarded) -> &'static str {
    match forwarded {
        Forwarded::XForwarded => "x-forwarded",
        Forwarded::Rfc7239 => "rfc7239",
    }
}

/// How long a client keeps its backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// For all requests of its connection.
    #[default]
    Connection,
    /// For one request; the next one is balanced anew.
    Request,
}

impl Per {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::Connection, Self::Request];

    /// As files name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Request => "request",
        }
    }
}
