//! TOML to a tree.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::node::{Entry, Kind, Node, Reading};

/// The parser may read nothing after a key without a value. So many times it is given the rest.
const MOST_RESTARTS: usize = 10;

/// The tree, as far as it can be made out, and all errors of syntax.
pub(super) fn parse(text: &str) -> Reading {
    let mut readable = text.to_owned();
    let mut ends = Vec::new();
    loop {
        let (document, errors) = DeTable::parse_recoverable(&readable);
        let mut faults: Vec<Fault> = errors.iter().map(|error| fault(text, error)).collect();
        faults.sort_by_key(|fault| fault.span.start);
        let is_end = |fault: &&Fault| fault.what.starts_with("key with no value");
        if ends.len() < MOST_RESTARTS
            && let Some(end) = faults.last().filter(is_end).cloned()
        {
            readable = without_line(&readable, end.span.start);
            ends.push(end);
            continue;
        }
        faults.extend(ends);
        faults.sort_by_key(|fault| fault.span.start);
        // What follows a bracket that is never closed was read as if it stood inside.
        let mut known_until = text.len();
        if faults.iter().any(|it| it.what.starts_with("unclosed")) {
            faults.truncate(1);
            known_until = faults[0].span.start;
        }
        let root = Node {
            span: 0..0,
            kind: table(document.get_ref()),
        };
        return Reading {
            root,
            faults,
            known_until,
        };
    }
}

/// The text with spaces in the line of this place, so that all else stays where it is.
fn without_line(text: &str, at: usize) -> String {
    let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    let end = text[at..].find('\n').map_or(text.len(), |it| at + it);
    let blank = " ".repeat(end - start);
    [&text[..start], &blank, &text[end..]].concat()
}

fn fault(text: &str, error: &toml::de::Error) -> Fault {
    let mut span = error.span().unwrap_or(0..0);
    // A place that is no border of characters would be no place in the text.
    span.start = text.floor_char_boundary(span.start);
    span.end = text.ceil_char_boundary(span.end.max(span.start));
    let rest_of_line = text[span.start..].lines().next().unwrap_or_default();
    let lacks_value = error.message().starts_with("string values must be quoted")
        && span.is_empty()
        && rest_of_line.trim().is_empty();
    let what = if lacks_value {
        "a value is missing"
    } else {
        error.message()
    };
    Fault::new(span, what)
}

fn table(table: &DeTable<'_>) -> Kind {
    let entries = table.iter().map(|(key, value)| Entry {
        key: key.get_ref().to_string(),
        key_span: key.span(),
        value: node(value.span(), value.get_ref()),
    });
    Kind::Table(entries.collect())
}

fn node(span: Range<usize>, value: &DeValue<'_>) -> Node {
    let kind = match value {
        DeValue::Table(inner) => table(inner),
        DeValue::Array(items) => {
            let item = |it: &Spanned<DeValue<'_>>| node(it.span(), it.get_ref());
            Kind::Array(items.iter().map(item).collect())
        }
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Kind::Integer(number),
            Err(_) => Kind::Other("a number of too many digits"),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Kind::Fraction(number),
            Err(_) => Kind::Other("a fraction"),
        },
        DeValue::Boolean(truth) => Kind::Boolean(*truth),
        DeValue::Datetime(_) => Kind::Other("a date or time"),
    };
    Node { span, kind }
}
