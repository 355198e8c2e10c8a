//! What an access log says: how many connections, from whom, to whom, how they ended, how long it took.
//!
//! A log is read once, line by line, in memory that does not grow with it. `lines` cuts it, `entry` knows
//! the forms of a line (`default`, `haproxy`, `json`), `tally` counts, `busiest` finds the clients with the
//! most connections, `report` shows. Only this file and `lines` touch the world. Imports reason; called by
//! main.

mod busiest;
mod entry;
mod lines;
mod report;
mod tally;

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use crate::reason;
use entry::Entry;
use lines::{Line, Lines};
use tally::Tally;

/// The bytes that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// What the log in this file says, `-` being standard input; as JSON, or as tables for people.
///
/// # Errors
///
/// A sentence where it cannot be read.
pub fn of(name: &str, as_json: bool) -> Result<String, String> {
    let tally = if name == "-" {
        count(BufReader::with_capacity(READ_BYTES, io::stdin()))
    } else {
        File::open(name).and_then(|file| count(BufReader::with_capacity(READ_BYTES, file)))
    };
    let tally = tally.map_err(|error| format!("cannot read {name}: {}", reason::of(&error)))?;
    Ok(if as_json {
        report::json(&tally)
    } else {
        report::text(&tally)
    })
}

fn count(log: impl BufRead) -> io::Result<Tally> {
    let mut tally = Tally::new();
    let mut lines = Lines::of(log);
    while let Some(line) = lines.next()? {
        match line {
            Line::Empty => tally.add_empty(),
            Line::Text(text) => match Entry::read(text) {
                Some(entry) => tally.add(&entry),
                None => tally.add_unreadable(),
            },
            Line::Unreadable => tally.add_unreadable(),
        }
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    const LOG: &str = "\
2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/b2 10.0.0.2:8080 0.0/0.8/1204.3 512/49321 -- 0 17/9/4 splice c=1
2026-11-18T12:20:02.481Z 203.0.113.7:51544 web app/b2 10.0.0.2:8080 0.0/0.8/600.0 100/200 .. 0 17/9/4 copy c=2

203.0.113.8:51544 [18/Nov/2026:12:20:01.276] web app/<NOSRV> -1/-1/3 0 SC 1/1/1/0/0 0/0
what is this
Nov 18 12:20:02 lb haproxy[1]: 2001:db8::1:5 [18/Nov/2026:12:20:01.276] mail app/b1 2/5/1000 70 CD 1/1/1/0/+2 0/0
{\"client.ip\":\"203.0.113.7\",\"event.action\":\"connection-end\",\"event.duration\":7000000,\"source.bytes\":1,\
\"destination.bytes\":2,\"l4lb.listener\":\"web\",\"l4lb.pool\":\"app\",\"l4lb.backend\":\"b2\",\
\"l4lb.termination\":\"cD\",\"l4lb.queued\":0,\"l4lb.connect\":2000000,\"l4lb.conn_id\":\"5\"}
";

    #[test]
    fn all_forms_are_read_and_what_is_none_is_counted() {
        let tally = count(LOG.as_bytes()).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report::json(&tally)).unwrap();
        let wanted = serde_json::json!({
            "lines": 6, "connections": 4, "interim": 1, "unreadable": 1, "first_unreadable": 5,
            "errors": 3, "bytes_in": 513, "bytes_out": 49393,
        });
        for (key, value) in wanted.as_object().unwrap() {
            assert_eq!(&report[key], value, "{key}");
        }
        assert_eq!(report["listeners"]["web"]["connections"], 3);
        assert_eq!(report["listeners"]["mail"]["errors"], 1);
        assert_eq!(report["backends"]["app/b2"]["connections"], 2);
        assert_eq!(report["backends"]["app/-"]["connections"], 1);
        assert_eq!(report["terminations"]["--"], 1);
        assert_eq!(report["terminations"]["cD"], 1);
        assert_eq!(report["clients"][0]["client"], "203.0.113.7");
        assert_eq!(report["clients"][0]["connections"], 2);
        assert_eq!(report["connect_ms"]["count"], 3);
    }

    #[test]
    fn percentiles_are_those_of_the_lines() {
        let mut log = String::new();
        for millis in 1..=1000 {
            writeln!(
                log,
                "2026-11-18T12:20:02.481Z 10.0.0.1:1 web app/a 10.0.0.2:1 0.0/{}.0/{millis}.0 0/0 -- 0 1/1/1 copy c=1",
                millis / 10
            )
            .unwrap();
        }
        let report = report::json(&count(log.as_bytes()).unwrap());
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        for (key, wanted) in [
            ("p50", 500.0),
            ("p90", 900.0),
            ("p99", 990.0),
            ("max", 1000.0),
        ] {
            let found = report["total_ms"][key].as_f64().unwrap();
            assert!((found - wanted).abs() <= wanted / 500.0, "{key}: {found}");
            let found = report["connect_ms"][key].as_f64().unwrap();
            assert!((found - wanted / 10.0).abs() <= 1.0, "{key}: {found}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..2000),
            cuts in prop::collection::vec(0..LOG.len(), 0..4),
        ) {
            count(&bytes[..]).unwrap();
            let mut log = LOG.as_bytes().to_vec();
            for (cut, byte) in cuts.into_iter().zip(bytes) {
                log[cut] = byte;
            }
            count(&log[..]).unwrap();
        }
    }
}
