//! What is in effect, written as TOML, with the origin of each value behind it.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::fault::Lines;
use super::node::{Kind, Node, below, quoted};
use super::{Document, Override, schema};

/// A file that says what is in effect: all keys of the schema, in its order.
pub(super) fn effective(document: &Document) -> String {
    let mut file = document.file.clone();
    file.settle();
    let value = serde_json::to_value(&file).expect("the types of the file have texts as keys");
    let mut page = Page {
        lines: Lines::of(&document.text),
        overrides: &document.overrides,
        text: String::new(),
    };
    page.table(&value, &schema(), &[], Some(&document.root));
    page.text
}

struct Page<'a> {
    lines: Lines<'a>,
    overrides: &'a [Override],
    text: String,
}

impl Page<'_> {
    /// A table without its header. First its values, since what follows a header belongs to it.
    fn table(&mut self, table: &Value, schema: &Value, keys: &[&str], node: Option<&Node>) {
        let nothing = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&nothing);
        let (inner, plain): (Vec<_>, Vec<_>) = properties
            .iter()
            .partition(|(_, schema)| is_section(schema));
        for (key, _) in plain {
            let keys = [keys, &[key]].concat();
            self.value(&table[key], &keys, node);
        }
        for (key, schema) in inner {
            let keys = [keys, &[key]].concat();
            let node = node.and_then(|node| node.at(key));
            self.sections(&table[key], schema, &keys, node);
        }
    }

    fn sections(&mut self, value: &Value, schema: &Value, keys: &[&str], node: Option<&Node>) {
        let path = keys
            .iter()
            .fold(String::new(), |path, key| below(&path, key));
        match value {
            Value::Array(items) => {
                let nodes = node.map_or(&[][..], Node::items);
                for (item, node) in items.iter().zip(nodes) {
                    self.line(format_args!("\n[[{path}]]"));
                    self.table(item, section(&schema["items"]), keys, Some(node));
                }
            }
            Value::Object(tables) if schema["additionalProperties"]["type"] == "object" => {
                for (key, table) in tables {
                    let keys = [keys, &[key]].concat();
                    let node = node.and_then(|node| node.at(key));
                    self.sections(table, &schema["additionalProperties"], &keys, node);
                }
            }
            Value::Object(values) if schema["additionalProperties"].is_object() => {
                if !values.is_empty() {
                    self.line(format_args!("\n[{path}]"));
                }
                for (key, value) in values {
                    self.value(value, &[keys, &[key]].concat(), node);
                }
            }
            Value::Object(_) => {
                self.line(format_args!("\n[{path}]"));
                self.table(value, schema, keys, node);
            }
            _ => self.line(format_args!("\n# [{path}] is not set")),
        }
    }

    /// One value of the table at `node`.
    fn value(&mut self, value: &Value, keys: &[&str], node: Option<&Node>) {
        let key = keys.last().copied().unwrap_or_default();
        if value.is_null() {
            return self.line(format_args!("# {key} is not set"));
        }
        let own = match node {
            // A backend that is a text and no table has its address from there, and its name.
            Some(node) if !matches!(node.kind, Kind::Table(_)) => {
                (node.text() == value.as_str()).then_some(node)
            }
            Some(node) => node.at(key),
            None => None,
        };
        let mut overrides = self.overrides.iter().map(Override::origin);
        let origin = match (overrides.find(|(_, path)| path == &keys), own) {
            (Some((flag, _)), _) => format!("flag {flag}"),
            (None, Some(node)) => format!("file:{}", self.lines.number(node.span.start)),
            (None, None) => "default".to_owned(),
        };
        let (key, value) = (below("", key), literal(value));
        self.line(format_args!("{key} = {value}  # {origin}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a String takes everything");
    }
}

/// Whether a value of this schema is written under a header of its own.
fn is_section(schema: &Value) -> bool {
    let items = section(&schema["items"]);
    schema["type"] == "object" || items["type"] == "object"
}

/// Of several schemas that of a table.
fn section(schema: &Value) -> &Value {
    let options = schema["anyOf"].as_array();
    let table = options.and_then(|all| all.iter().find(|it| it["type"] == "object"));
    table.unwrap_or(schema)
}

/// A value as TOML writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
