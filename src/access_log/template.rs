//! The form that a configuration makes up.

use std::io::{self, Write};
use std::time::SystemTime;

use super::escape::Escaped;
use super::line::{BackendName, Millis, Status, Termination, path};
use crate::config::{Part, Placeholder};
use crate::messages::SessionRecord;
use crate::session::Side;

/// Writes a line. In it a text that came from the network is one word, and a dash where there is none.
pub(super) fn write(
    out: &mut Vec<u8>,
    parts: &[Part],
    record: &SessionRecord,
    at: SystemTime,
) -> io::Result<()> {
    let text =
        |out: &mut Vec<u8>, text: Option<&str>| write!(out, "{}", Escaped(text.unwrap_or("-")));
    write_parts(out, parts, record, at, text)
}

/// Writes the value of a header. In it a text that came from the network is as it came, and nothing where there
/// is none: a dash might be taken for somebody's name.
pub(crate) fn write_value(
    out: &mut Vec<u8>,
    parts: &[Part],
    record: &SessionRecord,
    at: SystemTime,
) -> io::Result<()> {
    let text =
        |out: &mut Vec<u8>, text: Option<&str>| out.write_all(text.unwrap_or_default().as_bytes());
    write_parts(out, parts, record, at, text)
}

fn write_parts(
    out: &mut Vec<u8>,
    parts: &[Part],
    record: &SessionRecord,
    at: SystemTime,
    text: impl Fn(&mut Vec<u8>, Option<&str>) -> io::Result<()>,
) -> io::Result<()> {
    for part in parts {
        match part {
            Part::Text(text) => out.write_all(text.as_bytes())?,
            Part::Field(field) => write_field(out, *field, record, at, &text)?,
        }
    }
    Ok(())
}

/// `write_text` writes what came from the network; of all else what there is nothing to say of is a dash.
fn write_field(
    out: &mut Vec<u8>,
    field: Placeholder,
    record: &SessionRecord,
    at: SystemTime,
    write_text: impl Fn(&mut Vec<u8>, Option<&str>) -> io::Result<()>,
) -> io::Result<()> {
    let [all, listener, backend] = record.active;
    let request = record.request.as_deref();
    let tls = record.tls.as_deref();
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
        Placeholder::TlsVersion => match tls {
            Some(tls) => write!(out, "TLSv{}", tls.version),
            None => write_text(out, None),
        },
        Placeholder::TlsCipher => write_text(out, tls.map(|it| &*it.cipher)),
        Placeholder::TlsServerName => write_text(out, tls.and_then(|it| it.server_name.as_deref())),
        Placeholder::TlsClientSubject => write_text(out, tls.and_then(|it| it.subject.as_deref())),
        Placeholder::TlsClientName => write_text(out, tls.and_then(|it| it.common_name.as_deref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::line::fixtures::{line, record, rejected, request, secure};
    use crate::config::{LineFormat, Template};

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
             0.0 0.8 4.0 1204.3 512 49321 -- completed 0 splice 8f21 17 9 4 - - - - - - - - - -\n"
        );
        assert_eq!(
            line(&everything(), &rejected()),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 203.0.113.7 51544 web app - - \
             0.0 - - 0.0 0 0 SC no_backend 0 - 8f21 1 1 0 - - - - - - - - - -\n"
        );
        let of_request = LineFormat::parse("{method} {url_path} {host} {status} {user_agent}");
        assert_eq!(
            line(&of_request.unwrap(), &request()),
            "GET /a/b shop.example 200 curl/8.5\\u0020(x\\\")\n"
        );
    }

    const OF_TLS: &str =
        "{tls_version} {tls_cipher} {tls_server_name} {tls_client_subject} {tls_client_cn}";

    #[test]
    fn what_tls_has_told_is_said() {
        let format = LineFormat::parse(OF_TLS).unwrap();
        assert_eq!(
            line(&format, &secure()),
            "TLSv1.3 TLS_AES_128_GCM_SHA256 shop.example CN=J.\\u0020Doe,O=\\\"Acme\\\" J.\\u0020Doe\n"
        );
    }

    #[test]
    fn in_a_header_texts_are_as_they_came_and_what_there_is_not_is_nothing() {
        let template = Template::of_header("<{tls_client_subject}|{tls_version}|{user_agent}>");
        let value = |record: &SessionRecord| {
            let mut value = Vec::new();
            let parts = template.as_ref().unwrap().parts();
            write_value(&mut value, parts, record, SystemTime::UNIX_EPOCH).unwrap();
            String::from_utf8(value).unwrap()
        };
        assert_eq!(value(&secure()), "<CN=J. Doe,O=\"Acme\"|TLSv1.3|>");
        assert_eq!(value(&request()), "<||curl/8.5 (x\")>");
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
