//! A document as a tree in which each value knows its place: what TOML and JSON have in common.

use std::ops::Range;

use serde_json::Value;

use super::fault::Fault;

/// What was made out of a text.
pub(super) struct Reading {
    pub(super) root: Node,
    /// Errors of syntax.
    pub(super) faults: Vec<Fault>,
    /// From here on the tree is guesswork.
    pub(super) known_until: usize,
}

/// A value and its place, in bytes of the text.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// What stands there.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Table(Vec<Entry>),
    Array(Vec<Node>),
    String(String),
    Integer(i128),
    Fraction(f64),
    Boolean(bool),
    /// Something that no key of ours takes; what it is called.
    Other(&'static str),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    /// What it is, for a sentence.
    pub(super) const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Table(_) => "a table",
            Kind::Array(_) => "an array",
            Kind::String(_) => "a string",
            Kind::Integer(_) => "a whole number",
            Kind::Fraction(_) => "a fraction",
            Kind::Boolean(_) => "true or false",
            Kind::Other(noun) => noun,
        }
    }

    /// The entries of a table; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of an array; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => &[],
        }
    }

    /// What stands under this key of a table.
    pub(super) fn at(&self, key: &str) -> Option<&Self> {
        let mut entries = self.entries().iter();
        Some(&entries.find(|it| it.key == key)?.value)
    }

    /// What stands at the end of this path of keys, and of numbers from 1, or as far as it leads.
    pub(super) fn nearest(&self, path: &[String]) -> &Self {
        let mut node = self;
        for step in path {
            let place = || step.parse::<usize>().ok()?.checked_sub(1);
            let next = match &node.kind {
                Kind::Array(items) => place().and_then(|it| items.get(it)),
                _ => node.at(step),
            };
            let Some(next) = next else { break };
            node = next;
        }
        node
    }

    /// The text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The same without places. Only of a tree that has the shape of the file: what no key takes is null.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Table(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_value()))
                .collect(),
            Kind::Array(items) => items.iter().map(Self::to_value).collect(),
            Kind::String(text) => text.as_str().into(),
            Kind::Integer(number) => i64::try_from(*number).map_or(Value::Null, Value::from),
            Kind::Fraction(number) => (*number).into(),
            Kind::Boolean(truth) => (*truth).into(),
            Kind::Other(_) => Value::Null,
        }
    }
}

/// The path of a key of the table at `path`, as TOML writes it.
pub(super) fn below(path: &str, key: &str) -> String {
    let is_bare = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
    let dot = if path.is_empty() { "" } else { "." };
    if !key.is_empty() && key.chars().all(is_bare) {
        format!("{path}{dot}{key}")
    } else {
        format!("{path}{dot}{}", quoted(key))
    }
}

/// A text as TOML writes it: as JSON does, but for one character.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
