//! The JSON Schema of the file, made from its types.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::model::File;

/// The schema, without references and without null: a key that is not set is not there.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<File>();
    let mut value = schema.ensure_object().clone().into();
    tidy(&mut value);
    value
}

/// Takes null out, and makes one line of each description.
fn tidy(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(schema) => {
            without_null(schema);
            if let Some(Value::String(text)) = schema.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            schema.values_mut().for_each(tidy);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What schemars makes of an `Option` is its type or null, and null by default.
fn without_null(schema: &mut Map<String, Value>) {
    schema.retain(|_, value| !value.is_null());
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|it| it != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|it| !it.is_null());
    }
    if let Some(Value::Array(options)) = schema.get_mut("anyOf") {
        options.retain(|it| it["type"] != "null");
        if let [Value::Object(only)] = &mut options[..] {
            let only = std::mem::take(only);
            schema.shift_remove("anyOf");
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
}
