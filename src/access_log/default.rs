//! The `default` form: twelve words, for people and `awk`.

use std::io::{self, Write};
use std::time::SystemTime;

use super::line::{BackendName, Millis, Termination, path};
use crate::messages::SessionRecord;

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
    )
}

#[cfg(test)]
mod tests {
    use crate::access_log::line::fixtures::{line, living, record, rejected};
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
    fn a_session_that_lives_has_a_mark_instead_of_letters() {
        let line = line(&LineFormat::Default, &living());
        assert!(line.contains(" 512/49321 .. 0 17/9/4 "), "{line}");
    }
}
