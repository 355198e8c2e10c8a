//! The line of the `default` form. Names come from a valid configuration: nothing needs escaping.

use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

use crate::messages::SessionRecord;

/// Appends the line of `record`, which ended at `ended`.
pub(super) fn append(line: &mut String, record: &SessionRecord, ended: SystemTime) {
    // Writing to a String cannot fail.
    let _ = write_default(line, record, ended);
}

fn write_default(out: &mut String, record: &SessionRecord, ended: SystemTime) -> fmt::Result {
    let time = humantime::format_rfc3339_millis(ended);
    write!(
        out,
        "{time} {} {} {}/",
        record.client, record.listener, record.pool
    )?;
    match &record.backend {
        Some(backend) => write!(out, "{} {}", backend.name, backend.address)?,
        None => write!(out, "- -")?,
    }
    write!(
        out,
        " {}/{}/{}",
        Millis(Some(record.queued)),
        Millis(record.connect),
        Millis(Some(record.total))
    )?;
    write!(
        out,
        " {}/{} {}",
        record.bytes_in, record.bytes_out, record.reason
    )?;
    let [all, listener, backend] = record.active;
    write!(out, " {} {all}/{listener}/{backend}", record.retries)?;
    let path = match (record.spliced, record.bytes_in + record.bytes_out) {
        (true, _) => "splice",
        (false, 0) => "-",
        (false, _) => "copy",
    };
    writeln!(out, " {path} c={:x}", record.id)
}

/// Milliseconds with one decimal.
struct Millis(Option<Duration>);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => {
                let tenths = (time.as_micros() + 50) / 100;
                write!(f, "{}.{}", tenths / 10, tenths % 10)
            }
            None => f.write_char('-'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Backend, BackendId};
    use crate::session::{Cause, CloseReason, Stage};
    use std::sync::Arc;
    use std::time::Instant;

    fn record() -> SessionRecord {
        SessionRecord {
            id: 0x8f21,
            ended: Instant::now(),
            client: ([203, 0, 113, 7], 51544).into(),
            listener: "web".into(),
            pool: "app".into(),
            backend: Some(Arc::new(Backend::new(
                BackendId(1),
                "app".into(),
                "b2".into(),
                ([10, 0, 0, 12], 8080).into(),
                1,
            ))),
            queued: Duration::ZERO,
            connect: Some(Duration::from_micros(812)),
            total: Duration::from_micros(1_204_260),
            bytes_in: 512,
            bytes_out: 49321,
            reason: CloseReason::COMPLETED,
            retries: 0,
            active: [17, 9, 4],
            spliced: true,
        }
    }

    fn line(record: &SessionRecord) -> String {
        let mut line = String::new();
        let ended = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_004_402_481);
        append(&mut line, record, ended);
        line
    }

    #[test]
    fn a_line_has_the_fields_of_the_contract_in_their_order() {
        assert_eq!(
            line(&record()),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/b2 10.0.0.12:8080 \
             0.0/0.8/1204.3 512/49321 -- 0 17/9/4 splice c=8f21\n"
        );
    }

    #[test]
    fn what_there_was_not_is_a_dash() {
        let reason = CloseReason {
            cause: Cause::NoBackend,
            stage: Stage::Connecting,
        };
        let nothing = SessionRecord {
            backend: None,
            queued: Duration::ZERO,
            connect: None,
            total: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            reason,
            active: [1, 1, 0],
            spliced: false,
            ..record()
        };
        assert_eq!(
            line(&nothing),
            "2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/- - 0.0/-/0.0 0/0 SC 0 1/1/0 - c=8f21\n"
        );
    }
}
