//! A name says what a thing is: no rag-bags, no `get_`.

use super::Violation;
use super::source::{Source, is_identifier};

/// Words that name a heap instead of a thing; the plural counts too.
const RAG_BAGS: [&str; 4] = ["util", "helper", "common", "manager"];

/// Keywords whose name is that of a type or module.
const NAMING: [&str; 5] = ["mod", "struct", "enum", "trait", "union"];

fn names_say_what_things_are(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    if source.path.split(['/', '.']).any(is_rag_bag) {
        found.push(source.violation(1, rag_bag_advice(&source.path)));
    }
    for (line, number) in source.code.lines().zip(1..) {
        let advice = declared_names(line).find_map(|(keyword, name)| complaint(keyword, name));
        found.extend(advice.map(|advice| source.violation(number, advice)));
    }
    found
}

/// What a line declares: each keyword with the word that follows it.
fn declared_names(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = || {
        line.split(|c| !is_identifier(c))
            .filter(|word| !word.is_empty())
    };
    words().zip(words().skip(1))
}

fn complaint(keyword: &str, name: &str) -> Option<String> {
    if keyword == "fn" && name.starts_with("get_") {
        return Some(format!("`{name}`: name what it returns, without `get_`"));
    }
    (NAMING.contains(&keyword) && is_rag_bag(name)).then(|| rag_bag_advice(name))
}

fn rag_bag_advice(name: &str) -> String {
    format!(
        "`{name}` is a rag-bag: name the one thing that lives there, with a word of the lexicon"
    )
}

/// Whether one of the words of a `snake_case` or `CamelCase` name is a rag-bag's.
fn is_rag_bag(name: &str) -> bool {
    let mut snake = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_uppercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    let mut words = snake.split(['_', '-']);
    words.any(|word| RAG_BAGS.contains(&word.strip_suffix('s').unwrap_or(word)))
}

#[test]
fn no_name_is_a_rag_bag_and_no_function_gets() {
    super::assert_tree_obeys(names_say_what_things_are);
}

#[test]
fn an_empty_name_is_caught() {
    let bad = [
        ("src/utils.rs", ""),
        ("src/worker/socket_helper.rs", ""),
        ("tests/it/common/mod.rs", ""),
        ("src/pool.rs", "pub(crate) mod common;"),
        ("src/pool.rs", "pub struct SessionManager {"),
        ("src/pool.rs", "pub fn get_backend(&self) -> Backend {"),
    ];
    for (path, text) in bad {
        let text = format!("{text}\n");
        let caught = super::lines_caught(names_say_what_things_are, path, &text);
        assert_eq!(caught, [1], "{path}: {text}");
    }
}

#[test]
fn an_honest_name_passes() {
    let good = [
        ("src/worker/token.rs", "pub struct Token;"),
        (
            "src/pool.rs",
            "fn budget_left() { map.get_mut(key) } // fn get_backend()",
        ),
        ("src/pool.rs", "let common = left.get_or_insert(right);"),
    ];
    for (path, text) in good {
        let caught = super::lines_caught(names_say_what_things_are, path, text);
        assert!(caught.is_empty(), "{path}: {text}");
    }
}
