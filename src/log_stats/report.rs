//! Shows what was counted: as tables for people, and as JSON. Pure.

use serde_json::{Map, Value, json};

use super::tally::{Share, Tally, Times};

/// So many clients are shown.
const CLIENTS: usize = 10;

const PERCENTILES: [(&str, f64); 4] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("max", 100.0)];

/// For programs.
pub(super) fn json(tally: &Tally) -> String {
    let listeners = tally.listeners.iter();
    let listeners: Map<_, _> = listeners
        .map(|(name, it)| (name.clone(), share(it)))
        .collect();
    let backends = tally.backends.iter().map(|(name, (it, connect))| {
        let mut share = share(it);
        share["connect_ms"] = times(connect);
        (name.clone(), share)
    });
    let clients = tally.clients.top(CLIENTS).into_iter();
    let clients: Vec<Value> = clients
        .map(|(ip, count)| json!({ "client": ip, "connections": count }))
        .collect();
    let mut all = json!({
        "lines": tally.lines,
        "connections": tally.all.connections,
        "interim": tally.interim,
        "unreadable": tally.unreadable,
        "errors": tally.all.errors,
        "bytes_in": tally.all.bytes_in,
        "bytes_out": tally.all.bytes_out,
        "queued_ms": times(&tally.queued),
        "connect_ms": times(&tally.connect),
        "total_ms": times(&tally.total),
        "listeners": listeners,
        "backends": backends.collect::<Map<_, _>>(),
        "terminations": tally.terminations,
        "clients": clients,
        "clients_too_low_by": tally.clients.error(),
    });
    if let Some(number) = tally.first_unreadable {
        all["first_unreadable"] = json!(number);
    }
    if tally.requests > 0 {
        all["requests"] = json!(tally.requests);
        all["statuses"] = json!(tally.statuses);
        all["first_byte_ms"] = times(&tally.first_byte);
    }
    format!("{all:#}\n")
}

fn share(share: &Share) -> Value {
    json!({
        "connections": share.connections,
        "errors": share.errors,
        "bytes_in": share.bytes_in,
        "bytes_out": share.bytes_out,
    })
}

fn times(times: &Times) -> Value {
    let mut all = json!({ "count": times.count() });
    for (name, percent) in PERCENTILES {
        if let Some(micros) = times.percentile(percent) {
            all[name] = json!(millis(micros));
        }
    }
    all
}

/// With the tenth that the log has.
#[expect(clippy::cast_precision_loss, reason = "a time that a person reads")]
fn millis(micros: u64) -> f64 {
    (micros as f64 / 100.0).round() / 10.0
}

/// For people.
pub(super) fn text(tally: &Tally) -> String {
    let Tally {
        lines,
        interim,
        unreadable,
        all,
        ..
    } = tally;
    let what = match tally.requests {
        0 => "connections",
        it if it == all.connections => "requests",
        _ => "connections and requests",
    };
    let mut text = format!(
        "{} {what}, {} with an error; {lines} lines",
        all.connections, all.errors
    );
    if *interim > 0 {
        text += &format!(", {interim} of them of connections that lived on");
    }
    if let Some(first) = tally.first_unreadable {
        text += &format!(", {unreadable} of them could not be read (the first is line {first})");
    }
    text.push('\n');
    text += &table(
        ["MILLISECONDS", "P50", "P90", "P99", "MAX"],
        &time_rows(tally),
    );
    let listeners = tally.listeners.iter().map(|(name, it)| share_row(name, it));
    let listeners: Vec<_> = listeners.chain([share_row("all", all)]).collect();
    text += &table(
        ["LISTENER", "CONNECTIONS", "ERRORS", "IN", "OUT"],
        &listeners,
    );
    let backends = tally.backends.iter().map(|(name, (it, connect))| {
        let [name, connections, errors, bytes_in, bytes_out] = share_row(name, it);
        let (p50, p99) = (cell(connect, 50.0), cell(connect, 99.0));
        [name, connections, errors, bytes_in, bytes_out, p50, p99]
    });
    let headings = [
        "BACKEND",
        "CONNECTIONS",
        "ERRORS",
        "IN",
        "OUT",
        "CONNECT-P50",
        "CONNECT-P99",
    ];
    text += &table(headings, &backends.collect::<Vec<_>>());
    let ends = tally.terminations.iter();
    let ends = ends.map(|(letters, count)| [letters.clone(), count.to_string()]);
    text += &table(["TERMINATION", "CONNECTIONS"], &ends.collect::<Vec<_>>());
    let statuses = tally.statuses.iter();
    let statuses = statuses.map(|(class, count)| [class.clone(), count.to_string()]);
    text += &table(["STATUS", "REQUESTS"], &statuses.collect::<Vec<_>>());
    let clients = tally.clients.top(CLIENTS).into_iter();
    let clients = clients.map(|(ip, count)| [ip.to_string(), count.to_string()]);
    text += &table(
        ["BUSIEST CLIENT", "CONNECTIONS"],
        &clients.collect::<Vec<_>>(),
    );
    if tally.clients.error() > 0 {
        let error = tally.clients.error();
        text += &format!("There are very many clients: these counts may be too low by {error}.\n");
    }
    text
}

fn time_rows(tally: &Tally) -> Vec<[String; 5]> {
    let mut rows = vec![("queued", &tally.queued), ("connect", &tally.connect)];
    if tally.requests > 0 {
        rows.push(("first byte", &tally.first_byte));
    }
    rows.push(("total", &tally.total));
    let row = |(name, times): (&str, &Times)| {
        let [p50, p90, p99, max] = PERCENTILES.map(|(_, percent)| cell(times, percent));
        [name.to_owned(), p50, p90, p99, max]
    };
    rows.into_iter().map(row).collect()
}

fn cell(times: &Times, percent: f64) -> String {
    let micros = times.percentile(percent);
    micros.map_or_else(|| "-".to_owned(), |it| format!("{:.1}", millis(it)))
}

fn share_row(name: &str, share: &Share) -> [String; 5] {
    let numbers = [
        share.connections,
        share.errors,
        share.bytes_in,
        share.bytes_out,
    ];
    let [connections, errors, bytes_in, bytes_out] = numbers.map(|it| it.to_string());
    [name.to_owned(), connections, errors, bytes_in, bytes_out]
}

/// An empty line, a heading, and rows: names to the left, numbers to the right. None where there is no row.
fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let headings = headings.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(&headings)
        .chain(rows)
        .map(|row| row.each_ref().map(|cell| printable(cell)))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::from("\n");
    for row in &rows {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            text += &match column {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

/// A name of a log is what somebody has written there: nothing in it is obeyed by a terminal.
fn printable(text: &str) -> String {
    let visible = |c: char| {
        let is_bidi = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        if c.is_control() || is_bidi {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_stats::entry::Entry;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::new();
        for line in lines {
            match Entry::read(line) {
                Some(entry) => tally.add(&entry),
                None => tally.add_unreadable(),
            }
        }
        tally
    }

    #[test]
    fn people_see_tables_with_numbers_under_each_other() {
        let tally = tally(&[
            "2026-11-18T12:20:02.481Z 10.0.0.7:1 web app/b2 10.0.0.2:80 0.0/0.8/1204.3 512/49321 -- 0 1/1/1 copy c=1",
            "2026-11-18T12:20:02.481Z 10.0.0.8:1 web app/- - 0.0/-/0.0 0/0 SC 0 1/1/0 - c=2",
            "nothing",
        ]);
        let wanted = "\
2 connections, 1 with an error; 3 lines, 1 of them could not be read (the first is line 3)

MILLISECONDS  P50     P90     P99     MAX
queued        0.0     0.0     0.0     0.0
connect       0.8     0.8     0.8     0.8
total         0.0  1204.3  1204.3  1204.3

LISTENER  CONNECTIONS  ERRORS   IN    OUT
web                 2       1  512  49321
all                 2       1  512  49321

BACKEND  CONNECTIONS  ERRORS   IN    OUT  CONNECT-P50  CONNECT-P99
app/-              1       1    0      0            -            -
app/b2             1       0  512  49321          0.8          0.8

TERMINATION  CONNECTIONS
--                     1
SC                     1

BUSIEST CLIENT  CONNECTIONS
10.0.0.7                  1
10.0.0.8                  1
";
        assert_eq!(text(&tally), wanted);
    }

    #[test]
    fn requests_are_counted_by_the_class_of_their_status() {
        let line = "2026-11-18T12:20:02.481Z 10.0.0.7:1 web app/b2 10.0.0.2:80 0.0/0.8/9.0 5/4 -- 0 1/1/1 copy c=1";
        let request = |status: &str| format!("{line} GET shop.example / {status} 2.5 \"-\"");
        let requests = ["200", "204", "503", "-"].map(request);
        let requests: Vec<&str> = requests.iter().map(|it| &**it).collect();
        let only = tally(&requests);
        let all = text(&only);
        assert!(
            all.starts_with("4 requests, 0 with an error; 4 lines\n"),
            "{all}"
        );
        let wanted = "\nSTATUS  REQUESTS\n-              1\n2xx            2\n5xx            1\n";
        assert!(all.contains(wanted), "{all}");
        assert!(all.contains("\nfirst byte    2.5 "), "{all}");
        let value: Value = serde_json::from_str(&json(&only)).unwrap();
        assert_eq!(value["requests"], 4);
        assert_eq!(value["statuses"], json!({ "-": 1, "2xx": 2, "5xx": 1 }));
        assert_eq!(value["first_byte_ms"]["p50"], 2.5);
        let mixed = text(&tally(&[line, requests[0]]));
        assert!(mixed.starts_with("2 connections and requests, "), "{mixed}");
    }

    #[test]
    fn an_empty_log_is_no_connections() {
        let text = text(&tally(&[]));
        assert!(
            text.starts_with("0 connections, 0 with an error; 0 lines\n"),
            "{text}"
        );
        let value: Value = serde_json::from_str(&json(&tally(&[]))).unwrap();
        assert_eq!(value["connections"], 0);
        assert_eq!(value["total_ms"], json!({ "count": 0 }));
    }

    #[test]
    fn nothing_of_a_log_is_obeyed_by_a_terminal() {
        let tally = tally(&[
            "2026-11-18T12:20:02.481Z 10.0.0.7:1 w\u{1b}[31m app/\u{202e} - 0.0/-/1.0 0/0 -- 0 1/1/1 copy c=1",
        ]);
        let text = text(&tally);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}
