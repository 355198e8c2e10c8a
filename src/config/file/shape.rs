//! Whether a document has the shape of the file: every key is known, every value of its type and form.

use serde_json::{Map, Value};

use super::fault::{Fault, MOST_TOLD, quote};
use super::form::complaint;
use super::node::{Kind, Node, below};
use crate::config::nearest::nearest;

/// Finds what does not fit the schema.
pub(super) fn check(root: &Node, schema: &Value, faults: &mut Vec<Fault>) {
    Walk { faults }.value(root, schema, "");
}

/// A walk through a document. Where it is, as in `pool.app.backends[2]`, begins each sentence.
struct Walk<'a> {
    faults: &'a mut Vec<Fault>,
}

impl Walk<'_> {
    fn value(&mut self, node: &Node, schema: &Value, path: &str) {
        let Some(alternative) = alternatives(schema).find(|it| has_type(node, it)) else {
            return self.wrong_type(node, schema, path);
        };
        match &node.kind {
            Kind::Table(_) => self.table(node, alternative, path),
            Kind::Array(items) => {
                if items.is_empty() && alternative["minItems"].as_u64() > Some(0) {
                    let what = format!("{}at least one is needed", prefix(path));
                    self.faults.push(Fault::new(node.span.clone(), what));
                }
                for (item, number) in items.iter().zip(1..) {
                    self.value(item, &alternative["items"], &format!("{path}[{number}]"));
                }
            }
            Kind::String(text) => self.text(node, text, schema, alternative, path),
            Kind::Integer(number) => {
                if !is_within(*number, alternative) {
                    let wanted = describe(schema);
                    let what = format!("{}{number} is not {wanted}", prefix(path));
                    self.faults.push(Fault::new(node.span.clone(), what));
                }
            }
            Kind::Fraction(number) => {
                if !is_between(*number, alternative) {
                    let wanted = describe(schema);
                    let what = format!("{}{number} is not {wanted}", prefix(path));
                    self.faults.push(Fault::new(node.span.clone(), what));
                }
            }
            Kind::Boolean(_) | Kind::Other(_) => {}
        }
    }

    fn table(&mut self, node: &Node, schema: &Value, path: &str) {
        let nothing = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&nothing);
        for entry in node.entries() {
            let inner = below(path, &entry.key);
            if let Some(schema) = properties.get(&entry.key) {
                self.value(&entry.value, schema, &inner);
            } else if schema["additionalProperties"].is_object() {
                let form = schema["propertyNames"]["format"].as_str();
                if let Some(why) = form.and_then(|form| complaint(form, &entry.key)) {
                    let what = format!("{}{why}", prefix(&inner));
                    self.faults.push(Fault::new(entry.key_span.clone(), what));
                }
                self.value(&entry.value, &schema["additionalProperties"], &inner);
            } else {
                let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                let what = format!("{}unknown key {}", prefix(path), quote(&entry.key));
                let fault = Fault::new(entry.key_span.clone(), what);
                let advice = meant(self.faults, &entry.key, &known);
                let all = || format!("there are {}", known.join(", "));
                self.faults.push(fault.advising(advice.unwrap_or_else(all)));
            }
        }
        let required = schema["required"].as_array().into_iter().flatten();
        for key in required.filter_map(Value::as_str) {
            if node.at(key).is_none() {
                let what = format!("{}{key} is missing", prefix(path));
                self.faults.push(Fault::lack(node.span.clone(), what));
            }
        }
    }

    /// A text that stands where `schema` allows one that fits `alternative`.
    fn text(&mut self, node: &Node, text: &str, schema: &Value, alternative: &Value, path: &str) {
        if let Some(words) = alternative["enum"].as_array() {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            if !words.contains(&text) {
                let (prefix, wanted) = (prefix(path), describe(schema));
                let what = format!("{prefix}{} is not {wanted}", quote(text));
                let fault = Fault::new(node.span.clone(), what);
                let advice = meant(self.faults, text, &words).unwrap_or_default();
                self.faults.push(fault.advising(advice));
            }
        } else if let Some(form) = alternative["format"].as_str()
            && let Some(why) = complaint(form, text)
        {
            let what = format!("{}{why}", prefix(path));
            self.faults.push(Fault::new(node.span.clone(), what));
        }
    }

    fn wrong_type(&mut self, node: &Node, schema: &Value, path: &str) {
        let (prefix, found, wanted) = (prefix(path), node.noun(), describe(schema));
        let mut what = format!("{prefix}{found} stands where {wanted} is wanted");
        // A number without its unit says more than a number without its quotes.
        if let Kind::Integer(number) = node.kind
            && let Some(form) = schema["format"].as_str()
            && let Some(why) = complaint(form, &number.to_string())
        {
            what = format!("{prefix}{why}");
        }
        self.faults.push(Fault::new(node.span.clone(), what));
    }
}

/// The schemas of which a value has to fit one.
fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let options = schema["anyOf"].as_array();
    let alone = options.is_none().then_some(schema);
    options.into_iter().flatten().chain(alone)
}

fn has_type(node: &Node, schema: &Value) -> bool {
    let name = match node.kind {
        Kind::Table(_) => "object",
        Kind::Array(_) => "array",
        Kind::String(_) => "string",
        // A fraction may be a whole one.
        Kind::Integer(_) if schema["type"] == "number" => "number",
        Kind::Integer(_) => "integer",
        Kind::Fraction(_) => "number",
        Kind::Boolean(_) => "boolean",
        Kind::Other(_) => return false,
    };
    schema["type"] == name
}

fn is_within(number: i128, schema: &Value) -> bool {
    // Bounds of a fraction are whole ones too.
    #[expect(clippy::cast_possible_truncation, reason = "bounds are small")]
    let whole = |bound: &Value| {
        bound
            .as_i64()
            .or_else(|| bound.as_f64().map(|it| it as i64))
    };
    let bound = |key: &str| whole(&schema[key]).map(i128::from);
    bound("minimum").is_none_or(|least| number >= least)
        && bound("maximum").is_none_or(|most| number <= most)
}

/// Not so, where it is no number at all.
fn is_between(number: f64, schema: &Value) -> bool {
    let bound = |key: &str| schema[key].as_f64();
    number.is_finite()
        && bound("minimum").is_none_or(|least| number >= least)
        && bound("maximum").is_none_or(|most| number <= most)
}

/// What is wanted, for a sentence.
fn describe(schema: &Value) -> String {
    let one = |schema: &Value| match (schema["type"].as_str(), schema["enum"].as_array()) {
        (_, Some(words)) => match words.iter().filter_map(Value::as_str).collect::<Vec<_>>()[..] {
            [only] => format!("\"{only}\""),
            ref words => format!("one of {}", words.join(", ")),
        },
        (Some("object"), None) => "a table".to_owned(),
        (Some("array"), None) => "an array".to_owned(),
        (Some("boolean"), None) => "true or false".to_owned(),
        (Some("integer"), None) => {
            let (least, most) = (&schema["minimum"], &schema["maximum"]);
            format!("a whole number from {least} to {most}")
        }
        (Some("number"), None) => {
            let (least, most) = (&schema["minimum"], &schema["maximum"]);
            format!("a number from {least} to {most}")
        }
        _ => "a string".to_owned(),
    };
    let options: Vec<String> = alternatives(schema).map(one).collect();
    options.join(" or ")
}

/// A question about the word that may have been meant, while there are so few errors that it is told.
pub(super) fn meant(faults: &[Fault], word: &str, known: &[&str]) -> Option<String> {
    if faults.len() >= MOST_TOLD {
        return None;
    }
    nearest(word, known).map(|name| format!("did you mean {name}?"))
}

/// What begins a sentence about a place; nothing for the whole document.
fn prefix(path: &str) -> String {
    match path {
        "" => String::new(),
        _ => format!("{path}: "),
    }
}
