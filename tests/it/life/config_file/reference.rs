//! The reference page and the schema for editors are made from the code. `L4LB_BLESS=1 cargo test --test
//! it reference` writes them again.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use l4lb::config::{MAX_WORKERS, file};

/// Holds a file against what the code makes, or writes it.
#[track_caller]
fn expect_file(path: &str, wanted: &str) {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("L4LB_BLESS").is_some() {
        std::fs::write(&whole, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&whole).unwrap_or_default();
    let first = found
        .lines()
        .zip(wanted.lines())
        .position(|(found, wanted)| found != wanted);
    assert!(
        found == wanted,
        "{path} is not what the code makes (line {:?}): run L4LB_BLESS=1 cargo test --test it reference",
        first.map(|line| line + 1)
    );
}

/// What a value looks like, for the column of types.
fn type_of(schema: &Value) -> String {
    if let Some(options) = schema["anyOf"].as_array() {
        let options: Vec<String> = options.iter().map(type_of).collect();
        return options.join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        return words.join(" ");
    }
    match schema["type"].as_str() {
        Some("boolean") => "`true` `false`".to_owned(),
        Some("integer") if schema["maximum"] == u32::MAX => {
            format!("{} or more", schema["minimum"])
        }
        Some("integer") => format!("{} to {}", schema["minimum"], schema["maximum"]),
        Some("number") => format!("{} to {}", schema["minimum"], schema["maximum"]),
        Some("array") => format!("array of: {}", type_of(&schema["items"])),
        Some("object") => "table".to_owned(),
        Some("string") => match schema["format"].as_str() {
            Some(form) => form.strip_prefix("l4lb-").unwrap().replace('-', " "),
            None => "text".to_owned(),
        },
        other => panic!("{other:?} in {schema}"),
    }
}

/// The schema of the tables that a value is, or is made of.
fn table_of(schema: &Value) -> Option<(&Value, &'static str)> {
    let options = schema["anyOf"].as_array().into_iter().flatten();
    let alone = options
        .chain([schema])
        .find(|it| it["properties"].is_object());
    let many = || Some((table_of(schema.get("items")?)?.0, "[[]]"));
    let named = || Some((table_of(schema.get("additionalProperties")?)?.0, ".NAME"));
    alone.map(|table| (table, "")).or_else(many).or_else(named)
}

/// A section with the keys of a table, and those of the tables in it.
fn section(page: &mut String, path: &str, about: &str, table: &Value) {
    let required: Vec<&Value> = table["required"].as_array().into_iter().flatten().collect();
    writeln!(page, "\n## {path}\n\n{about}\n").unwrap();
    writeln!(
        page,
        "| key | value | default | meaning |\n|---|---|---|---|"
    )
    .unwrap();
    let properties = table["properties"].as_object().unwrap();
    for (key, schema) in properties {
        let default = match schema.get("default") {
            _ if required.contains(&&Value::from(&**key)) => "required".to_owned(),
            Some(Value::Object(_)) | None => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let about = schema["description"]
            .as_str()
            .expect("every key says what it means");
        writeln!(
            page,
            "| `{key}` | {} | {default} | {about} |",
            type_of(schema)
        )
        .unwrap();
    }
    for (key, schema) in properties {
        let Some((table, shape)) = table_of(schema) else {
            continue;
        };
        let outer = path.trim_matches(['`', '[', ']']);
        let outer = if outer == "The file" {
            String::new()
        } else {
            format!("{outer}.")
        };
        let path = match shape {
            "[[]]" => format!("`[[{outer}{key}]]`"),
            _ => format!("`[{outer}{key}{shape}]`"),
        };
        section(page, &path, schema["description"].as_str().unwrap(), table);
    }
}

#[test]
fn the_reference_page_has_every_key_as_the_code_has_it() {
    let path = "docs/configuration.md";
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let page = std::fs::read_to_string(whole).unwrap();
    let (introduction, _) = page.split_once("\n## The file\n").unwrap();
    let mut wanted = introduction.to_owned();
    let schema = file::schema();
    section(
        &mut wanted,
        "The file",
        schema["description"].as_str().unwrap(),
        &schema,
    );
    expect_file(path, &wanted);
}

#[test]
fn the_schema_for_editors_is_that_of_the_code() {
    let schema = serde_json::to_string_pretty(&file::schema()).unwrap();
    expect_file("deploy/l4lb.schema.json", &format!("{schema}\n"));
}

/// All schemas in a schema.
fn parts<'a>(schema: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(schema);
    match schema {
        Value::Object(map) => map.values().for_each(|it| parts(it, visit)),
        Value::Array(items) => items.iter().for_each(|it| parts(it, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schema_leaves_nothing_open() {
    let schema = file::schema();
    assert_eq!(
        schema["properties"]["workers"]["anyOf"][0]["maximum"],
        MAX_WORKERS
    );
    parts(&schema, &mut |part| {
        if part["type"].is_object() {
            return; // the keys of a check, one of which is called type
        }
        assert!(!part.is_null(), "no key takes null");
        if part["type"] == "integer" {
            assert!(
                part["minimum"].is_u64() && part["maximum"].is_u64(),
                "{part}"
            );
        }
        if part["type"] == "object" {
            let additional = &part["additionalProperties"];
            assert!(additional == false || additional.is_object(), "{part}");
        }
        assert!(part["type"].is_null() || part["type"].is_string(), "{part}");
        assert!(
            part.get("$ref").is_none() && part.get("oneOf").is_none(),
            "{part}"
        );
    });
}
