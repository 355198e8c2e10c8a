//! One request head, from bytes to what the site has to know of it. Pure.
//!
//! Strict where a slip would lose the border between two requests (lengths, encodings, names of
//! fields), lenient elsewhere: any method is answered as GET would be, and no Host is needed.

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) route: Route,
    /// The method is HEAD: the answer has no body.
    pub(super) head_only: bool,
    pub(super) persistence: Persistence,
    pub(super) body: RequestBody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page,
    Health,
    WhoAmI,
    Bytes(u64),
    Favicon,
    Unknown,
}

/// What follows the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// The next request, as HTTP/1.1 has it.
    Kept,
    /// The next request, as HTTP/1.0 has it: the answer must say so.
    KeptOnDemand,
    Closed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestBody {
    pub(super) len: u64,
    /// The client waits for a "100 Continue" before it sends it.
    pub(super) awaits_consent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    HeadTooLong,
    TransferEncoding,
}

pub(super) fn parse(head: &[u8]) -> Result<Request, Refusal> {
    let mut lines = head.split(|byte| *byte == b'\n').map(without_cr);
    let (method, target, is_http_10) = request_line(lines.next().unwrap_or_default())?;
    let mut fields = Fields::default();
    // The last line feed of the head has nothing behind it.
    for line in lines.filter(|line| !line.is_empty()) {
        fields.take(line)?;
    }
    Ok(Request {
        route: route(target),
        head_only: method == b"HEAD",
        persistence: fields.persistence(is_http_10),
        body: RequestBody {
            len: fields.content_length.unwrap_or(0),
            awaits_consent: fields.awaits_consent && !is_http_10,
        },
    })
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Method, path without query, and whether it is HTTP/1.0.
fn request_line(line: &[u8]) -> Result<(&[u8], &[u8], bool), Refusal> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::Malformed);
    };
    let is_http_10 = match version {
        b"HTTP/1.0" => true,
        b"HTTP/1.1" => false,
        _ => return Err(Refusal::Malformed),
    };
    let path = path_of(target).ok_or(Refusal::Malformed)?;
    if is_token(method) {
        Ok((method, path, is_http_10))
    } else {
        Err(Refusal::Malformed)
    }
}

/// Of `/path?query`, of `http://host/path?query` (as for a proxy), or the lone `*` of OPTIONS.
fn path_of(target: &[u8]) -> Option<&[u8]> {
    if target == b"*" {
        return Some(target);
    }
    let local = match target.strip_prefix(b"http://") {
        Some(rest) => {
            &rest[rest
                .iter()
                .position(|byte| *byte == b'/')
                .unwrap_or(rest.len())..]
        }
        None => target,
    };
    let is_absolute = local.is_empty() || local.starts_with(b"/");
    let is_visible = target.iter().all(|byte| byte.is_ascii_graphic());
    (is_absolute && !target.is_empty() && is_visible)
        .then(|| local.split(|byte| *byte == b'?').next().unwrap_or_default())
}

fn route(path: &[u8]) -> Route {
    match path {
        b"" | b"/" => Route::Page,
        b"/health" => Route::Health,
        b"/whoami" => Route::WhoAmI,
        b"/favicon.ico" => Route::Favicon,
        other => other
            .strip_prefix(b"/bytes/")
            .and_then(decimal)
            .map_or(Route::Unknown, Route::Bytes),
    }
}

/// Digits alone: no sign, no space.
fn decimal(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

fn is_token(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !word.is_empty() && word.iter().all(is_letter)
}

/// The header fields that matter here.
#[derive(Default)]
struct Fields {
    content_length: Option<u64>,
    connection: Vec<ConnectionOption>,
    awaits_consent: bool,
}

#[derive(PartialEq, Eq)]
enum ConnectionOption {
    Close,
    KeepAlive,
}

impl Fields {
    fn take(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or(Refusal::Malformed)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let is_text = value
            .iter()
            .all(|byte| !byte.is_ascii_control() || *byte == b'\t');
        if !is_token(name) || !is_text {
            return Err(Refusal::Malformed);
        }
        match name.to_ascii_lowercase().as_slice() {
            b"content-length" => self.take_length(value)?,
            b"transfer-encoding" => return Err(Refusal::TransferEncoding),
            b"connection" => self.take_connection(value),
            b"expect" => self.awaits_consent = value.eq_ignore_ascii_case(b"100-continue"),
            // A browser says so when a person opens or reloads a page. The balancer chooses per
            // connection, so a reload must come over a new one to be served by the next backend.
            b"upgrade-insecure-requests" => self.connection.push(ConnectionOption::Close),
            _ => {}
        }
        Ok(())
    }

    /// Two lengths that differ are an attack or a bug (RFC 9112, 6.3).
    fn take_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let length = decimal(value).ok_or(Refusal::Malformed)?;
        match self.content_length.replace(length) {
            Some(other) if other != length => Err(Refusal::Malformed),
            _ => Ok(()),
        }
    }

    fn take_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                self.connection.push(ConnectionOption::Close);
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.connection.push(ConnectionOption::KeepAlive);
            }
        }
    }

    fn persistence(&self, is_http_10: bool) -> Persistence {
        if self.connection.contains(&ConnectionOption::Close) {
            Persistence::Closed
        } else if !is_http_10 {
            Persistence::Kept
        } else if self.connection.contains(&ConnectionOption::KeepAlive) {
            Persistence::KeptOnDemand
        } else {
            Persistence::Closed
        }
    }
}

#[cfg(test)]
mod tests;
