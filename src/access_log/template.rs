//! The form that a configuration makes up.

use std::io::{self, Write};
use std::time::SystemTime;

use super::escape::Escaped;
use super::line::{BackendName, Millis, Status, Termination, path};
use crate::config::{Part, Placeholder};
use crate::messages::SessionRecord;
use crate::session::Side;

/// Writes a template; also the values of headers that go by what the log knows.
pub(crate) fn write(
    out: &mut Vec<u8>,
    parts: &[Part],
    record: &SessionRecord,
    at: SystemTime,
) -> io::Result<()> {
    for part in parts {
        match part {
            Part::Text(text) => out.write_all(text.as_bytes())?,
            Part::Field(field) => write_field(out, *field, record, at)?,
        }
    }
    Ok(())
}

/// What there is nothing to say of is a dash.
fn write_field(
    out: &mut Vec<u8>,
    field: Placeholder,
    record: &SessionRecord,
    at: SystemTime,
) -> io::Result<()> {
    let [all, listener, backend] = record.active;
    let request = record.request.as_deref();
    match field {
        Placeholder::Time => write!(out, "{}", humantime::format_rfc3339_millis(at)),
        Placeholder::Client => write!(out, "{}", record.client),
        Placeholder::ClientIp => write!(out, "{}", record.client.ip()),
        Placeholder::ClientPort => write!(out, "{}", record.client.port()),
        Placeholder::Listener => write!(out, "{}", record.listener),
        Placeholder::Pool => write!(out, "{}", record.pool),
        Placeholder::Backend => write!(out, "{}", BackendName(record)),
        Placeholder::BackendAddress => match &record.backend {
            Some(backend) => write!(out, "{}", backend.address),
            None => out.write_all(b"-"),
        },
        Placeholder::QueuedMillis => write!(out, "{}", Millis(Some(record.queued))),
        Placeholder::ConnectMillis => write!(out, "{}", Millis(record.connect)),
        Placeholder::FirstByteMillis => {
            let first_byte = record.first_byte[Side::Backend.index()];
            write!(out, "{}", Millis(first_byte))
        }
        Placeholder::DurationMillis => write!(out, "{}", Millis(Some(record.total))),
        Placeholder::BytesIn => write!(out, "{}", record.bytes_in),
        Placeholder::BytesOut => write!(out, "{}", record.bytes_out),
        Placeholder::Termination => write!(out, "{}", Termination(record)),
        Placeholder::Reason => {
            let reason = record.reason.map_or("-", |it| it.label());
            out.write_all(reason.as_bytes())
        }
        Placeholder::Retries => write!(out, "{}", record.retries),
        Placeholder::Path => out.write_all(path(record).unwrap_or("-").as_bytes()),
        Placeholder::ConnectionId => write!(out, "{:x}", record.id),
        Placeholder::ActiveTotal => write!(out, "{all}"),
        Placeholder::ActiveListener => write!(out, "{listener}"),
        Placeholder::ActiveBackend => write!(out, "{backend}"),
        Placeholder::Method => write_text(out, request.map(|it| &*it.method)),
        Placeholder::UrlPath => write_text(out, request.map(|it| &*it.path)),
        Placeholder::Host => write_text(out, request.and_then(|it| it.host.as_deref())),
        Placeholder::UserAgent => write_text(out, request.and_then(|it| it.user_agent.as_deref())),
        Placeholder::Status => match request {
            Some(request) => write!(out, "{}", Status(request)),
            None => out.write_all(b"-"),
        },
    }
}

/// A text that came from the network.
fn write_text(out: &mut Vec<u8>, text: Option<&str>) -> io::Result<()> {
    write!(out, "{}", Escaped(text.unwrap_or("-")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::line::fixtures::{line, record, rejected, request};
    use crate::config::LineFormat;

    /// All placeholders in their order.
    fn everything() -> LineFormat {
        let words = Placeholder::ALL
            .iter()
            .map(|it| format!("{{{}}}", it.word()));
        LineFormat::parse(&words.collect::<Vec<_>>().join(" ")).unwrap()
    }

    #[test]
    fn every_placeholder_says_its_own() {
        assert_eq!(
            line(&everything(), &record()),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 203.0.113.7 51544 web app b2 10.0.0.2:8080 \
             0.0 0.8 4.0 1204.3 512 49321 -- completed 0 splice 8f21 17 9 4 - - - - -\n"
        );
        assert_eq!(
            line(&everything(), &rejected()),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 203.0.113.7 51544 web app - - \
             0.0 - - 0.0 0 0 SC no_backend 0 - 8f21 1 1 0 - - - - -\n"
        );
        let of_request = LineFormat::parse("{method} {url_path} {host} {status} {user_agent}");
        assert_eq!(
            line(&of_request.unwrap(), &request()),
            "GET /a/b shop.example 200 curl/8.5\\u0020(x\\\")\n"
        );
    }

    #[test]
    fn text_between_placeholders_stays_as_it_is() {
        let format = LineFormat::parse("{{\"from\":\"{client_ip}\"}}\t{term}!").unwrap();
        assert_eq!(
            line(&format, &record()),
            "{\"from\":\"203.0.113.7\"}\t--!\n"
        );
    }
}
