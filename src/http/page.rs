//! What l4lb itself answers: a small plain page, after which the connection is closed.

/// The statuses with which l4lb itself answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 400: a request that is not understood, or could be understood in two ways.
    BadRequest,
    /// 403: a request that is understood and not allowed.
    Forbidden,
    /// 408: a head that took too long.
    RequestTimeout,
    /// 414: a request line that is too long.
    UriTooLong,
    /// 431: a head that is too long, or has too many fields.
    FieldsTooLarge,
    /// 501: CONNECT.
    NotImplemented,
    /// 502: the backend answers nothing that could be passed on.
    BadGateway,
    /// 503: no backend may be asked now.
    ServiceUnavailable,
    /// 504: the backend does not answer in time.
    GatewayTimeout,
    /// 505: neither HTTP/1.0 nor HTTP/1.1.
    VersionNotSupported,
}

impl Status {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::Forbidden,
        Self::RequestTimeout,
        Self::UriTooLong,
        Self::FieldsTooLarge,
        Self::NotImplemented,
        Self::BadGateway,
        Self::ServiceUnavailable,
        Self::GatewayTimeout,
        Self::VersionNotSupported,
    ];

    /// As a number.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.facts().0
    }

    const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "Bad Request", "The request is not valid HTTP."),
            Self::Forbidden => (403, "Forbidden", "This is not allowed here."),
            Self::RequestTimeout => (
                408,
                "Request Timeout",
                "The request took too long to arrive.",
            ),
            Self::UriTooLong => (
                414,
                "URI Too Long",
                "The first line of the request is too long.",
            ),
            Self::FieldsTooLarge => (
                431,
                "Request Header Fields Too Large",
                "The request has too many or too long headers.",
            ),
            Self::NotImplemented => (501, "Not Implemented", "This method does not work here."),
            Self::BadGateway => (
                502,
                "Bad Gateway",
                "There is no answer of a server that could be passed on.",
            ),
            Self::ServiceUnavailable => (
                503,
                "Service Unavailable",
                "No server can answer now. Please try again later.",
            ),
            Self::GatewayTimeout => (504, "Gateway Timeout", "The server did not answer in time."),
            Self::VersionNotSupported => (
                505,
                "HTTP Version Not Supported",
                "HTTP/1.0 and HTTP/1.1 are spoken here.",
            ),
        }
    }
}

/// The whole response. One to HEAD says how long its page would be, and has none.
#[must_use]
pub fn page(status: Status, to_head: bool) -> Vec<u8> {
    let (code, reason, sentence) = status.facts();
    let body = format!("{code} {reason}\n\n{sentence}\n");
    let head = format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let body = if to_head { "" } else { &body };
    [head.as_bytes(), body.as_bytes()].concat()
}
