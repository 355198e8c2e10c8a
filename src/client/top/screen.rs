//! An overview as lines: for a terminal of some size, or whole. Pure.

use crate::client::table::{Cell, Edge, Paint, draw};
use crate::client::words;
use crate::requests::overview::{BackendNow, Level, Overview, TotalsNow};

/// How large a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// Whether the numbers are those of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// They are.
    Live,
    /// Nobody answers, and why.
    Lost(String),
}

/// Lines that fit a terminal; those who need somebody to look come first.
pub(super) fn lines(
    overview: &Overview,
    link: &Link,
    size: Size,
    is_coloured: bool,
) -> Vec<String> {
    let mut lines = head(overview, is_coloured);
    lines.splice(..1, broken(&lines[0], size.columns));
    if let Link::Lost(why) = link {
        let text = format!(
            "no answer since {}; trying again: {}",
            time_of_day(&overview.at),
            words::printable(why).replace('\n', " ")
        );
        lines.insert(0, paint(Paint::Red, &text, is_coloured));
    }
    let mut backends: Vec<&BackendNow> = all(overview).collect();
    backends.sort_by_key(|it| {
        let is_well = it.backend.state == "up";
        (is_well, std::cmp::Reverse(it.backend.connections_active))
    });
    // Without the heading of the table, and the line that says how many more there are.
    let mut room = size.rows.saturating_sub(lines.len() + 1);
    if backends.len() > room {
        room = room.saturating_sub(1);
    }
    let rest = backends.len().saturating_sub(room);
    backends.truncate(room);
    lines.extend(table(&backends, is_coloured));
    if rest > 0 {
        lines.push(format!("and {rest} more"));
    }
    lines.truncate(size.rows);
    let lines = lines.iter();
    lines.map(|line| clipped(line, size.columns)).collect()
}

/// All of it, as text.
pub(crate) fn text(overview: &Overview, is_coloured: bool) -> String {
    let backends: Vec<&BackendNow> = all(overview).collect();
    let mut lines = head(overview, is_coloured);
    lines.extend(table(&backends, is_coloured));
    lines.join("\n") + "\n"
}

fn all(overview: &Overview) -> impl Iterator<Item = &BackendNow> {
    overview.pools.iter().flat_map(|pool| &pool.backends)
}

/// The sentence, who says it, and what tiles show on the dashboard.
fn head(overview: &Overview, is_coloured: bool) -> Vec<String> {
    let (mark, colour) = match overview.sentence.level {
        Level::Good => ("ok", Paint::Green),
        Level::Warning => ("warning", Paint::Yellow),
        Level::Bad => ("bad", Paint::Red),
    };
    let mark = paint(colour, mark, is_coloured);
    let sentence = words::printable(&overview.sentence.text).replace('\n', " ");
    let version = overview.version.split(' ').next().unwrap_or_default();
    let TotalsNow {
        sessions,
        sessions_limit,
        connections_per_second,
        bytes_in_per_second,
        bytes_out_per_second,
        errors_per_second,
        connect_p50_ms,
        connect_p99_ms,
        backends_up,
        backends,
    } = overview.totals;
    let counters = &overview.counters;
    vec![
        format!("{mark}: {sentence}"),
        format!(
            "l4lb {}, pid {}, up {}, {}",
            words::printable(version),
            overview.pid,
            words::seconds(overview.uptime_seconds),
            time_of_day(&overview.at),
        ),
        String::new(),
        format!(
            "sessions {sessions} of {sessions_limit}   connections {}/s   errors {}/s   \
             backends up {backends_up} of {backends}",
            words::rate(connections_per_second),
            words::rate(errors_per_second),
        ),
        format!(
            "in {}   out {}   connect p50 {}   p99 {}",
            words::bits(bytes_in_per_second),
            words::bits(bytes_out_per_second),
            words::milliseconds(connect_p50_ms),
            words::milliseconds(connect_p99_ms),
        ),
        format!(
            "in all: {} connections, {} errors, {} bytes in, {} bytes out",
            counters.connections_total,
            counters.errors_total,
            counters.bytes_in_total,
            counters.bytes_out_total,
        ),
        String::new(),
    ]
}

fn table(backends: &[&BackendNow], is_coloured: bool) -> Vec<String> {
    let columns = [
        ("POOL/BACKEND", Edge::Left),
        ("STATE", Edge::Left),
        ("SINCE", Edge::Left),
        ("WEIGHT", Edge::Right),
        ("SESSIONS", Edge::Right),
        ("CONN/S", Edge::Right),
        ("IN", Edge::Right),
        ("OUT", Edge::Right),
        ("P50", Edge::Right),
        ("P99", Edge::Right),
        ("ERRORS", Edge::Right),
        ("SHARE", Edge::Right),
        ("DUE", Edge::Right),
    ];
    let rows = backends.iter().map(|it| {
        let backend = &it.backend;
        let colour = match is_coloured {
            true => Paint::of_state(&backend.state),
            false => Paint::Plain,
        };
        [
            format!("{}/{}", backend.pool, backend.name).into(),
            Cell(backend.state.clone(), colour),
            time_of_day(&backend.since).into(),
            backend.weight.to_string().into(),
            backend.connections_active.to_string().into(),
            words::rate(it.connections_per_second).into(),
            words::bits(it.bytes_in_per_second).into(),
            words::bits(it.bytes_out_per_second).into(),
            words::milliseconds(it.connect_p50_ms).into(),
            words::milliseconds(it.connect_p99_ms).into(),
            backend.connect_errors_total.to_string().into(),
            it.share_now
                .map_or_else(|| "-".to_owned(), words::percent)
                .into(),
            words::percent(it.share_due).into(),
        ]
    });
    let lines = draw(columns, rows.collect());
    lines.lines().map(str::to_owned).collect()
}

fn paint(paint: Paint, text: &str, is_coloured: bool) -> String {
    match is_coloured {
        true => paint.over(text),
        false => text.to_owned(),
    }
}

/// `12:20:02Z` of an RFC 3339 time; another text stays as it is.
fn time_of_day(stamp: &str) -> String {
    let clock = stamp.split_once('T').and_then(|(_, rest)| rest.get(..8));
    clock.map_or_else(|| words::printable(stamp), |clock| format!("{clock}Z"))
}

/// A line in several, broken between words; the code of its colour is in its first word.
fn broken(line: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match lines.last_mut() {
            Some(last) if bare(last) + 1 + bare(word) <= columns => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How much room a text takes: the codes of colours take none.
fn bare(text: &str) -> usize {
    let codes = text.split('\x1b').skip(1);
    let codes = codes.filter_map(|rest| rest.find('m').map(|end| end + 2));
    text.chars().count() - codes.sum::<usize>()
}

/// The first `columns` characters of a line; the codes of colours take no room, and end with it.
fn clipped(line: &str, columns: usize) -> String {
    let mut clipped = String::new();
    let (mut room, mut is_code, mut is_painted) = (columns, false, false);
    for c in line.chars() {
        if c == '\x1b' {
            (is_code, is_painted) = (true, true);
        }
        if is_code {
            is_code = c != 'm';
        } else if room == 0 {
            break;
        } else {
            room -= 1;
        }
        clipped.push(c);
    }
    if is_painted {
        clipped.push_str("\x1b[0m");
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn overview(backends: &[(&str, u32)]) -> Overview {
        let backend = |(place, (state, sessions)): (usize, &(&str, u32))| {
            json!({"pool": "app", "name": format!("b{place}"), "address": "10.0.0.1:80", "weight": 1,
                   "state": state, "since": "2026-11-20T12:20:02.481Z", "backup": false,
                   "max_connections": null, "connections_active": sessions, "connections_total": 7,
                   "bytes_in": 0, "bytes_out": 0, "connect_errors_total": 3, "last_check": null,
                   "connections_per_second": 1.5, "bytes_in_per_second": 125.0,
                   "bytes_out_per_second": 0.0, "connect_p50_ms": null, "connect_p99_ms": 1.25,
                   "errors": {"refused": 3}, "share_now": null, "share_due": 0.5, "checks": []})
        };
        let backends: Vec<_> = backends.iter().enumerate().map(backend).collect();
        let overview = json!({
            "at": "2026-11-20T12:25:10.000Z", "version": "0.1.0 (abc) x86", "pid": 42,
            "uptime_seconds": 75.0, "ready": true, "draining": false,
            "sentence": {"level": "warning", "text": "b1 is down; all goes to b0."},
            "totals": {"sessions": 13, "sessions_limit": 9000, "connections_per_second": 0.25,
                "bytes_in_per_second": 0.0, "bytes_out_per_second": 0.0, "errors_per_second": 0.0,
                "connect_p50_ms": 0.5, "connect_p99_ms": null, "backends_up": 1, "backends": 2},
            "counters": {"connections_total": 1, "bytes_in_total": 2, "bytes_out_total": 3,
                "errors_total": 4},
            "listeners": [],
            "pools": [{"name": "app", "balance": "first", "all_down": "reject", "sessions": 13, "queue": 0,
                "backends": backends}],
            "engine": {"workers": [], "descriptors": {"used": 1, "limit": 2},
                "pipes": {"used": 0, "idle": 0, "limit": 1},
                "relay": {"copy_bytes_per_second": 0.0, "splice_bytes_per_second": 0.0},
                "access_log": {"lines_total": 0, "dropped_total": 0}, "memory_bytes": 1},
            "capabilities": {"writes": true, "token_required": false}});
        serde_json::from_value(overview).unwrap()
    }

    fn shown(overview: &Overview, link: &Link, columns: usize, rows: usize) -> Vec<String> {
        lines(overview, link, Size { columns, rows }, false)
    }

    #[test]
    fn the_whole_text_has_every_number() {
        let wanted = "\
warning: b1 is down; all goes to b0.
l4lb 0.1.0, pid 42, up 1m15s, 12:25:10Z

sessions 13 of 9000   connections 0.25/s   errors 0/s   backends up 1 of 2
in 0bit/s   out 0bit/s   connect p50 0.50ms   p99 -
in all: 1 connections, 4 errors, 2 bytes in, 3 bytes out

POOL/BACKEND  STATE  SINCE      WEIGHT  SESSIONS  CONN/S         IN     OUT  P50    P99  ERRORS  SHARE  DUE
app/b0        up     12:20:02Z       1        13     1.5  1.0kbit/s  0bit/s    -  1.2ms       3      -  50%
app/b1        down   12:20:02Z       1         0     1.5  1.0kbit/s  0bit/s    -  1.2ms       3      -  50%
";
        let overview = overview(&[("up", 13), ("down", 0)]);
        let found = text(&overview, false);
        assert_eq!(found, wanted);
        assert!(text(&overview, true).contains("\x1b[33mwarning\x1b[0m: "));
    }

    #[test]
    fn a_screen_shows_who_is_not_well_first_and_how_many_have_no_room() {
        let overview = overview(&[("up", 1), ("up", 9), ("down", 0), ("up", 5), ("drain", 2)]);
        let lines = shown(&overview, &Link::Live, 200, 12);
        assert_eq!(lines.len(), 12);
        let names: Vec<&str> = lines[8..].iter().map(|it| &it[..6]).collect();
        assert_eq!(names, ["app/b4", "app/b2", "app/b1", "and 2 "]);
        let lines = shown(&overview, &Link::Live, 200, 13);
        let names: Vec<&str> = lines[8..].iter().map(|it| &it[..6]).collect();
        assert_eq!(names, ["app/b4", "app/b2", "app/b1", "app/b3", "app/b0"]);
    }

    #[test]
    fn no_line_is_longer_and_no_screen_higher_than_the_terminal() {
        let overview = overview(&[("up", 1); 30]);
        let lost = Link::Lost("connection refused\n\x1b[2J".to_owned());
        for size in [(0, 0), (1, 1), (7, 3), (20, 9), (80, 24), (300, 100)] {
            for is_coloured in [false, true] {
                let (columns, rows) = size;
                let lines = lines(&overview, &lost, Size { columns, rows }, is_coloured);
                assert!(lines.len() <= rows, "{size:?}");
                for line in lines {
                    let bare = ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"]
                        .iter()
                        .fold(line, |line, code| line.replace(code, ""));
                    assert!(bare.chars().count() <= columns, "{size:?}: {bare:?}");
                    assert!(!bare.contains(char::is_control), "{bare:?}");
                }
            }
        }
    }

    #[test]
    fn a_sentence_is_broken_and_never_cut() {
        let overview = overview(&[("up", 1)]);
        let lines = shown(&overview, &Link::Live, 20, 24);
        assert_eq!(lines[..2], ["warning: b1 is down;", "all goes to b0."]);
    }

    #[test]
    fn who_does_not_answer_is_said_on_top_with_the_time_of_the_last_answer() {
        let lost = Link::Lost("connection refused".to_owned());
        let lines = shown(&overview(&[("up", 1)]), &lost, 100, 24);
        let wanted = "no answer since 12:25:10Z; trying again: connection refused";
        assert_eq!(lines[0], wanted);
        assert!(lines[1].starts_with("warning: "));
    }
}
