//! The `default` form: twelve words, for people and `awk`; of an HTTP request five more, and a text between
//! quotes.

use std::io::{self, Write};
use std::time::SystemTime;

use super::escape::{Escaped, Quoted};
use super::line::{BackendName, Millis, Status, Termination, path};
use crate::messages::{RequestRecord, SessionRecord};
use crate::session::Side;

pub(super) fn write(out: &mut Vec<u8>, record: &SessionRecord, at: SystemTime) -> io::Result<()> {
    let time = humantime::format_rfc3339_millis(at);
    let backend = BackendName(record);
    write!(
        out,
        "{time} {} {} {}/{backend} ",
        record.client, record.listener, record.pool
    )?;
    match &record.backend {
        Some(backend) => write!(out, "{}", backend.address)?,
        None => out.write_all(b"-")?,
    }
    write!(
        out,
        " {}/{}/{} {}/{} {}",
        Millis(Some(record.queued)),
        Millis(record.connect),
        Millis(Some(record.total)),
        record.bytes_in,
        record.bytes_out,
        Termination(record)
    )?;
    let [all, listener, backend] = record.active;
    let (retries, path) = (record.retries, path(record).unwrap_or("-"));
    write!(
        out,
        " {retries} {all}/{listener}/{backend} {path} c={:x}",
        record.id
    )?;
    match &record.request {
        Some(request) => write_request(out, record, request),
        None => Ok(()),
    }
}

fn write_request(
    out: &mut Vec<u8>,
    record: &SessionRecord,
    request: &RequestRecord,
) -> io::Result<()> {
    let (method, path) = (Escaped(&request.method), Escaped(&request.path));
    let host = Escaped(request.host.as_deref().unwrap_or("-"));
    let first_byte = Millis(record.first_byte[Side::Backend.index()]);
    let user_agent = Quoted(request.user_agent.as_deref().unwrap_or("-"));
    let status = Status(request);
    write!(
        out,
        " {method} {host} {path} {status} {first_byte} {user_agent}"
    )
}

#[cfg(test)]
mod tests {
    use crate::access_log::line::fixtures::{line, living, record, rejected, request, unanswered};
    use crate::config::LineFormat;

    #[test]
    fn a_line_has_the_fields_of_the_contract_in_their_order() {
        assert_eq!(
            line(&LineFormat::Default, &record()),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/b2 10.0.0.2:8080 \
             0.0/0.8/1204.3 512/49321 -- 0 17/9/4 splice c=8f21\n"
        );
    }

    #[test]
    fn what_there_was_not_is_a_dash() {
        assert_eq!(
            line(&LineFormat::Default, &rejected()),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/- - 0.0/-/0.0 0/0 SC 0 1/1/0 - c=8f21\n"
        );
    }

    #[test]
    fn a_request_is_said_behind_what_is_said_of_every_session() {
        assert_eq!(
            line(&LineFormat::Default, &request()),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/b2 10.0.0.2:8080 \
             0.0/0.8/1204.3 512/49321 -- 0 17/9/4 splice c=8f21 \
             GET shop.example /a/b 200 4.0 \"curl/8.5 (x\\\")\"\n"
        );
        let line = line(&LineFormat::Default, &unanswered());
        assert!(line.ends_with(" c=8f21 GET - /a/b - - \"-\"\n"), "{line}");
    }

    #[test]
    fn a_session_that_lives_has_a_mark_instead_of_letters() {
        let line = line(&LineFormat::Default, &living());
        assert!(line.contains(" 512/49321 .. 0 17/9/4 "), "{line}");
    }
}
