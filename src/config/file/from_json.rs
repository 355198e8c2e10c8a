//! JSON to a tree.

use std::collections::HashSet;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions};

use super::fault::{Fault, Lines, quote};
use super::node::{Entry, Kind, Node, Reading};

/// What JSON is, without what other dialects add.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The tree, and what is wrong: the first error of syntax, or all keys that are given twice.
pub(super) fn parse(text: &str) -> Reading {
    let nothing = Node {
        span: 0..0,
        kind: Kind::Table(Vec::new()),
    };
    let mut faults = Vec::new();
    // The judge of what is JSON knows no places of values; the other one does.
    let mut root = None;
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        faults.push(syntax(text, &error));
    } else {
        match jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &STRICT) {
            Err(error) => faults.push(Fault::new(span(error.range()), error.kind().to_string())),
            Ok(result) => root = result.value.map(|it| node(&it, &mut faults)),
        }
    }
    Reading {
        root: root.unwrap_or(nothing),
        faults,
        known_until: text.len(),
    }
}

fn syntax(text: &str, error: &serde_json::Error) -> Fault {
    let sentence = error.to_string();
    let what = sentence
        .rsplit_once(" at line ")
        .map_or(&*sentence, |(what, _)| what);
    let at = Lines::of(text).offset(error.line(), error.column());
    Fault::new(at..at, what)
}

fn node(value: &Value<'_>, faults: &mut Vec<Fault>) -> Node {
    let kind = match value {
        Value::Object(object) => Kind::Table(entries(object, faults)),
        Value::Array(array) => {
            let items = array.elements.iter().map(|it| node(it, faults));
            Kind::Array(items.collect())
        }
        Value::StringLit(text) => Kind::String(text.value.to_string()),
        Value::NumberLit(number) => match number.value.parse() {
            Ok(number) => Kind::Integer(number),
            Err(_) if number.value.contains(['.', 'e', 'E']) => match number.value.parse() {
                Ok(number) => Kind::Fraction(number),
                Err(_) => Kind::Other("a fraction"),
            },
            Err(_) => Kind::Other("a number of too many digits"),
        },
        Value::BooleanLit(truth) => Kind::Boolean(truth.value),
        Value::NullKeyword(_) => Kind::Other("null"),
    };
    let span = span(value.range());
    Node { span, kind }
}

fn entries(object: &Object<'_>, faults: &mut Vec<Fault>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut keys = HashSet::new();
    for property in &object.properties {
        let key = property.name.as_str().to_owned();
        let key_span = span(property.name.range());
        if keys.insert(key.clone()) {
            let value = node(&property.value, faults);
            entries.push(Entry {
                key,
                key_span,
                value,
            });
        } else {
            let what = format!("duplicate key {}", quote(&key));
            faults.push(Fault::new(key_span, what));
        }
    }
    entries
}

const fn span(range: Range) -> std::ops::Range<usize> {
    range.start..range.end
}
