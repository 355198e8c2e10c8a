//! The `haproxy` form: what its `option tcplog` prints, from the client's address on, so that what reads
//! such lines reads these (HAProxy's configuration manual, 8.2.2 and 8.5); of an HTTP request what `option
//! httplog` prints (8.2.3), where the captured headers are Host and User-Agent.
//!
//! Two things it counts are not counted here: the place in a queue is always 0, and the sessions of the
//! pool are those of the listener. Times are UTC.

use std::io::{self, Write};
use std::time::SystemTime;

use super::escape::{Escaped, Quoted};
use super::line::{BackendName, datable};
use crate::messages::{RequestRecord, SessionRecord};
use crate::session::{Cause, CloseReason, Side};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

pub(super) fn write(out: &mut Vec<u8>, record: &SessionRecord, at: SystemTime) -> io::Result<()> {
    // Without brackets, also for IPv6: the port is what follows the last colon.
    write!(out, "{}:{} [", record.client.ip(), record.client.port())?;
    write_date(out, datable(at - record.total))?;
    write!(out, "] {} {}/", record.listener, record.pool)?;
    match &record.backend {
        Some(_) => write!(out, "{}", BackendName(record))?,
        None => out.write_all(b"<NOSRV>")?,
    }
    // Minus one: it has never come so far.
    let queued = match &record.backend {
        None if record.queued.is_zero() => -1,
        _ => whole_millis(record.queued),
    };
    let connect = record.connect.map_or(-1, whole_millis);
    if let Some(request) = &record.request {
        return write_request(out, record, request, [queued, connect]);
    }
    // As with `option logasap`: a plus before what will be more at the end.
    let plus = if record.reason.is_none() { "+" } else { "" };
    write!(
        out,
        " {queued}/{connect}/{plus}{} {plus}{} ",
        record.total.as_millis(),
        record.bytes_out
    )?;
    write_letters(out, record.reason)?;
    write_counts(out, record)
}

/// What `option httplog` prints behind the server. Of its cookies nothing is known here.
fn write_request(
    out: &mut Vec<u8>,
    record: &SessionRecord,
    request: &RequestRecord,
    [queued, connect]: [i64; 2],
) -> io::Result<()> {
    let head = whole_millis(request.head);
    let response = record.first_byte[Side::Backend.index()].map_or(-1, |it| {
        let before = request.head + record.queued + record.connect.unwrap_or_default();
        whole_millis(it.saturating_sub(before))
    });
    let status = request.status.map_or(-1, i32::from);
    let (total, bytes) = (record.total.as_millis(), record.bytes_out);
    write!(
        out,
        " {head}/{queued}/{connect}/{response}/{total} {status} {bytes} - - "
    )?;
    write_letters(out, record.reason)?;
    out.write_all(b"--")?;
    write_counts(out, record)?;
    let captured = [&request.host, &request.user_agent].map(|it| it.as_deref().unwrap_or(""));
    let [host, agent] = captured.map(Escaped);
    let (method, path, minor) = (&request.method, &request.path, request.minor);
    let line = format!("{method} {path} HTTP/1.{minor}");
    write!(out, " {{{host}|{agent}}} {}", Quoted(&line))
}

/// Sessions, retries and queues.
fn write_counts(out: &mut Vec<u8>, record: &SessionRecord) -> io::Result<()> {
    let [all, listener, backend] = record.active;
    // A plus where the retries are not to be held against this backend.
    let plus = if was_redispatched(record) { "+" } else { "" };
    let retries = record.retries;
    write!(
        out,
        " {all}/{listener}/{listener}/{backend}/{plus}{retries} 0/0"
    )
}

/// `06/Feb/2009:12:12:51.443`.
fn write_date(out: &mut Vec<u8>, at: SystemTime) -> io::Result<()> {
    let text = humantime::format_rfc3339_millis(at).to_string(); // 2009-02-06T12:12:51.443Z
    let month: usize = text[5..7].parse().unwrap_or(1);
    let (year, day, time) = (&text[..4], &text[8..10], &text[11..23]);
    let month = MONTHS[(month - 1) % MONTHS.len()];
    write!(out, "{day}/{month}/{year}:{time}")
}

fn whole_millis(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The letters that HAProxy would print. Its `L` is for what it has answered itself; a session that a
/// drain has ended was killed.
fn write_letters(out: &mut Vec<u8>, reason: Option<CloseReason>) -> io::Result<()> {
    let Some(CloseReason { cause, stage }) = reason else {
        return out.write_all(b"--");
    };
    let cause = match cause {
        Cause::Drained => Cause::Killed,
        Cause::Completed
        | Cause::ClientAborted
        | Cause::BackendAborted
        | Cause::BackendRefused
        | Cause::ConnectTimeout
        | Cause::NoBackend
        | Cause::QueueTimeout
        | Cause::BackendDown
        | Cause::LocalResource
        | Cause::IdleTimeout
        | Cause::BadPreamble
        | Cause::Denied
        | Cause::PreambleTimeout
        | Cause::ResponseTimeout
        | Cause::Killed
        | Cause::Internal => cause,
    };
    write!(out, "{}", CloseReason { cause, stage })
}

fn was_redispatched(record: &SessionRecord) -> bool {
    let last = record.backend.as_ref().map(|it| it.id);
    let mut failed = record.failed.iter().flat_map(|it| &it.0);
    failed.any(|it| Some(it.backend.id) != last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::line::fixtures::{
        line, living, record, rejected, request, retried, unanswered,
    };
    use crate::config::LineFormat;
    use crate::session::Stage;
    use std::time::Duration;

    #[test]
    fn lines_are_those_of_haproxy() {
        let table = [
            (
                record(),
                "203.0.113.7:51544 [18/Nov/2026:12:20:01.276] web app/b2 0/0/1204 49321 -- 17/9/9/4/0 0/0\n",
            ),
            (
                rejected(),
                "203.0.113.7:51544 [18/Nov/2026:12:20:02.481] web app/<NOSRV> -1/-1/0 0 SC 1/1/1/0/0 0/0\n",
            ),
            (
                retried(),
                "203.0.113.7:51544 [18/Nov/2026:12:20:01.276] web app/b2 7/0/1204 49321 KD 17/9/9/4/+2 0/0\n",
            ),
            (
                living(),
                "203.0.113.7:51544 [18/Nov/2026:12:20:01.276] web app/b2 0/0/+1204 +49321 -- 17/9/9/4/0 0/0\n",
            ),
            (
                request(),
                "203.0.113.7:51544 [18/Nov/2026:12:20:01.276] web app/b2 0/0/0/2/1204 200 49321 - - ---- \
                 17/9/9/4/0 0/0 {shop.example|curl/8.5\\u0020(x\\\")} \"GET /a/b HTTP/1.1\"\n",
            ),
            (
                unanswered(),
                "203.0.113.7:51544 [18/Nov/2026:12:20:01.276] web app/b2 0/0/0/-1/1204 -1 0 - - CD-- \
                 17/9/9/4/0 0/0 {|} \"GET /a/b HTTP/1.1\"\n",
            ),
        ];
        for (record, wanted) in table {
            assert_eq!(line(&LineFormat::Haproxy, &record), wanted);
        }
        let client = "[2001:db8::7]:51544".parse().unwrap();
        let line = line(&LineFormat::Haproxy, &SessionRecord { client, ..record() });
        assert!(line.starts_with("2001:db8::7:51544 ["), "{line}");
    }

    /// `sess_term_cond` and `sess_fin_state` of HAProxy's src/log.c.
    #[test]
    fn letters_are_among_those_that_haproxy_knows_and_mean_the_same_there() {
        let causes = [
            (Cause::Completed, '-'),
            (Cause::ClientAborted, 'C'),
            (Cause::BackendAborted, 'S'),
            (Cause::BackendRefused, 'S'),
            (Cause::ConnectTimeout, 's'),
            (Cause::NoBackend, 'S'),
            (Cause::QueueTimeout, 's'),
            (Cause::BackendDown, 'D'),
            (Cause::LocalResource, 'R'),
            (Cause::IdleTimeout, 'c'),
            (Cause::ResponseTimeout, 's'),
            (Cause::Killed, 'K'),
            (Cause::Drained, 'K'),
            (Cause::Internal, 'I'),
        ];
        let stages = [
            (Stage::Queued, 'Q'),
            (Stage::Connecting, 'C'),
            (Stage::Data, 'D'),
            (Stage::End, '-'),
        ];
        for (cause, who) in causes {
            for (stage, when) in stages {
                let mut out = Vec::new();
                write_letters(&mut out, Some(CloseReason { cause, stage })).unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), format!("{who}{when}"));
            }
        }
    }

    #[test]
    fn a_date_is_written_in_its_way() {
        for (seconds, wanted) in [
            (0, "01/Jan/1970:00:00:00.000"),
            (951_782_400, "29/Feb/2000:00:00:00.000"),
            (1_798_761_599, "31/Dec/2026:23:59:59.000"),
        ] {
            let mut out = Vec::new();
            write_date(
                &mut out,
                SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            )
            .unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), wanted);
        }
    }
}
