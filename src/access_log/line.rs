//! How a line looks: the choice of its form, and the words that several forms have.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use super::escape::Escaped;
use super::{default, haproxy, json, template};
use crate::config::LineFormat;
use crate::messages::{RequestRecord, SessionRecord};

/// The last second of the year 9999, since 1970.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// Appends the line of `record`, which was made at `at`.
pub(super) fn append(
    lines: &mut Vec<u8>,
    format: &LineFormat,
    record: &SessionRecord,
    at: SystemTime,
) {
    let at = datable(at);
    let written = match format {
        LineFormat::Default => default::write(lines, record, at),
        LineFormat::Haproxy => haproxy::write(lines, record, at),
        LineFormat::Json => json::write(lines, record, at),
        LineFormat::Template(parts) => template::write(lines, parts.parts(), record, at),
    };
    // Writing to memory cannot fail.
    let _: io::Result<()> = written.and_then(|()| lines.write_all(b"\n"));
}

/// The nearest time that can be written as a date: clocks may be set to anything.
pub(super) fn datable(at: SystemTime) -> SystemTime {
    let first = SystemTime::UNIX_EPOCH;
    at.clamp(first, first + LAST_SECOND)
}

/// The two letters of the end; where there was none yet, a mark that no end has.
pub(super) struct Termination<'a>(pub(super) &'a SessionRecord);

impl fmt::Display for Termination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.reason {
            Some(reason) => reason.fmt(f),
            None => f.write_str(".."),
        }
    }
}

/// The name of the backend, which may have come from the network. Where there is none, a dash.
pub(super) struct BackendName<'a>(pub(super) &'a SessionRecord);

impl fmt::Display for BackendName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.backend {
            Some(backend) => Escaped(&backend.name).fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// The status of the response, where there was one.
pub(super) struct Status<'a>(pub(super) &'a RequestRecord);

impl fmt::Display for Status<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.status {
            Some(status) => status.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// Milliseconds with one decimal.
pub(super) struct Millis(pub(super) Option<Duration>);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => {
                let tenths = (time.as_micros() + 50) / 100;
                write!(f, "{}.{}", tenths / 10, tenths % 10)
            }
            None => f.write_str("-"),
        }
    }
}

/// How the bytes went, if there were any.
pub(super) const fn path(record: &SessionRecord) -> Option<&'static str> {
    match (record.spliced, record.bytes_in + record.bytes_out) {
        (true, _) => Some("splice"),
        (false, 0) => None,
        (false, _) => Some("copy"),
    }
}

#[cfg(test)]
pub(super) mod fixtures {
    use super::*;
    use crate::messages::{FailedAttempt, FailedAttempts, TlsRecord};
    use crate::pool::{Backend, BackendId};
    use crate::session::{Cause, CloseReason, DialError, Side, Stage};
    use crate::sys::TcpInfo;
    use std::sync::Arc;
    use std::time::Instant;

    pub(crate) fn backend(number: u8) -> Arc<Backend> {
        Arc::new(Backend::new(
            BackendId(number.into()),
            "app".into(),
            format!("b{number}").into(),
            ([10, 0, 0, number], 8080).into(),
            1,
        ))
    }

    /// A session that ended by itself.
    pub(crate) fn record() -> SessionRecord {
        SessionRecord {
            id: 0x8f21,
            at: Instant::now(),
            client: ([203, 0, 113, 7], 51544).into(),
            listener: "web".into(),
            pool: "app".into(),
            backend: Some(backend(2)),
            queued: Duration::ZERO,
            connect: Some(Duration::from_micros(812)),
            first_byte: [
                Some(Duration::from_micros(900)),
                Some(Duration::from_millis(4)),
            ],
            total: Duration::from_micros(1_204_260),
            bytes_in: 512,
            bytes_out: 49321,
            reason: Some(CloseReason::COMPLETED),
            ended_by: Some(Side::Backend),
            retries: 0,
            failed: None,
            active: [17, 9, 4],
            spliced: true,
            tcp: None,
            request: None,
            tls: None,
        }
    }

    /// One of a client in TLS, that has shown a certificate.
    pub(crate) fn secure() -> SessionRecord {
        SessionRecord {
            tls: Some(Arc::new(TlsRecord {
                version: "1.3",
                cipher: "TLS_AES_128_GCM_SHA256".into(),
                server_name: Some("shop.example".into()),
                subject: Some("CN=J. Doe,O=\"Acme\"".into()),
                common_name: Some("J. Doe".into()),
            })),
            ..record()
        }
    }

    /// One that found no backend.
    pub(crate) fn rejected() -> SessionRecord {
        SessionRecord {
            backend: None,
            connect: None,
            first_byte: [None; 2],
            total: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            reason: Some(CloseReason {
                cause: Cause::NoBackend,
                stage: Stage::Connecting,
            }),
            ended_by: None,
            active: [1, 1, 0],
            spliced: false,
            ..record()
        }
    }

    /// One that was cut by a drain, after the first backend had refused it.
    pub(crate) fn retried() -> SessionRecord {
        let attempt = |number, error, millis| FailedAttempt {
            backend: backend(number),
            error,
            took: Duration::from_millis(millis),
        };
        let failed = vec![
            attempt(1, DialError::Refused, 1),
            attempt(3, DialError::TimedOut, 3000),
        ];
        SessionRecord {
            queued: Duration::from_millis(7),
            reason: Some(CloseReason {
                cause: Cause::Drained,
                stage: Stage::Data,
            }),
            ended_by: None,
            retries: 2,
            failed: Some(Box::new(FailedAttempts(failed))),
            spliced: false,
            tcp: Some(Box::new([
                Some(TcpInfo {
                    rtt: Duration::from_micros(1500),
                    retransmits: 3,
                }),
                None,
            ])),
            ..record()
        }
    }

    /// A request that was answered.
    pub(crate) fn request() -> SessionRecord {
        SessionRecord {
            request: Some(Box::new(RequestRecord {
                method: "GET".into(),
                path: "/a/b".into(),
                minor: 1,
                host: Some("shop.example".into()),
                user_agent: Some("curl/8.5 (x\")".into()),
                head: Duration::from_micros(400),
                status: Some(200),
            })),
            ..record()
        }
    }

    /// One that was not, and of which little is known.
    pub(crate) fn unanswered() -> SessionRecord {
        let known = request().request;
        SessionRecord {
            request: known.map(|it| {
                Box::new(RequestRecord {
                    host: None,
                    user_agent: None,
                    status: None,
                    ..*it
                })
            }),
            first_byte: [None; 2],
            bytes_out: 0,
            reason: Some(CloseReason {
                cause: Cause::ClientAborted,
                stage: Stage::Data,
            }),
            ..record()
        }
    }

    /// One that lives.
    pub(crate) fn living() -> SessionRecord {
        SessionRecord {
            reason: None,
            ended_by: None,
            ..record()
        }
    }

    pub(crate) fn line(format: &LineFormat, record: &SessionRecord) -> String {
        let mut line = Vec::new();
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_004_402_481);
        append(&mut line, format, record, at);
        String::from_utf8(line).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_to_anything_costs_no_line() {
        let record = fixtures::record();
        let epoch = SystemTime::UNIX_EPOCH;
        let times = [
            epoch - Duration::from_secs(1),
            epoch,
            epoch + 2 * LAST_SECOND,
        ];
        for format in ["default", "haproxy", "json", "{time}"] {
            let format = LineFormat::parse(format).unwrap();
            for at in times {
                let mut line = Vec::new();
                append(&mut line, &format, &record, at);
                assert_eq!(line.last(), Some(&b'\n'), "{format:?} {at:?}");
                let is_dated = |year: &[u8]| line.windows(4).any(|it| it == year);
                assert!([b"1970", b"9999"].into_iter().any(|it| is_dated(it)));
            }
        }
    }
}
