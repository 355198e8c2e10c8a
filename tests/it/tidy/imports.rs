//! Holds the table of `rooms` against every path that shipping code in `src/` names.

use super::Violation;
use super::paths::PathUse;
use super::rooms::{Room, room_of};
use super::source::Source;

/// `src/worker/token.rs` is `worker`, `token`; a `mod.rs` is its folder.
fn module_of(path: &str) -> Option<Vec<&str>> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut module: Vec<_> = inside.split('/').collect();
    if module.last() == Some(&"mod") {
        module.pop();
    }
    Some(module)
}

/// The path seen from the root of the crate; `None` when it leads out of the crate or stays below
/// the module that names it.
fn resolve<'a>(module: &[&'a str], path: &PathUse<'a>) -> Option<Vec<&'a str>> {
    let (first, rest) = path.segments.split_first()?;
    match *first {
        "crate" | "l4lb" => Some(rest.to_vec()),
        "super" => {
            let supers = path
                .segments
                .iter()
                .take_while(|&&segment| segment == "super");
            let supers = supers.count();
            let kept = module.len().saturating_sub(supers);
            Some([&module[..kept], &path.segments[supers..]].concat())
        }
        _ => None,
    }
}

fn rooms_import_by_the_table(source: &Source) -> Vec<Violation> {
    let Some(module) = module_of(&source.path) else {
        return Vec::new();
    };
    let Some(from) = room_of(&module) else {
        let advice = "this room is not in the table: add it to tests/it/tidy/rooms.rs and to \
                      docs/ARCHITECTURE.md, or move the file into a room";
        return vec![source.violation(1, advice)];
    };
    let paths = source.production_paths();
    let complaint = |path: &PathUse<'_>| {
        let target = resolve(&module, path)?;
        let allowed = room_of(&target).is_some_and(|to| from.may_import(to));
        (!allowed).then(|| source.violation(path.line, advice(from, &path.text())))
    };
    paths.iter().filter_map(complaint).collect()
}

fn advice(from: &Room, path: &str) -> String {
    format!(
        "`{}` may not import `{path}`, only {:?}: pass the value in, or move the type to a room \
         below both",
        from.name, from.may_import
    )
}

#[test]
fn every_room_imports_only_what_the_table_allows() {
    super::assert_tree_obeys(rooms_import_by_the_table);
}

#[test]
fn a_forbidden_import_is_caught_however_it_is_written() {
    let bad = [
        ("src/session/flow.rs", "use crate::worker::Token;"),
        (
            "src/session/flow.rs",
            "use crate::{session::Side, sys::Pipe};",
        ),
        ("src/session/flow.rs", "fn f(x: crate::sys::Pipe) {}"),
        ("src/session/flow.rs", "use super::super::sys::Pipe;"),
        ("src/pool.rs", "use super::worker;"),
        ("src/pool.rs", "use crate::*;"),
        ("src/health/verdict.rs", "use super::prober::Prober;"),
        ("src/health/verdict.rs", "use crate::health::Prober;"),
        ("src/main.rs", "use l4lb::worker::Worker;"),
        ("src/stray.rs", ""),
    ];
    for (path, text) in bad {
        let caught = super::lines_caught(rooms_import_by_the_table, path, text);
        assert_eq!(caught, [1], "{path}: {text}");
    }
}

#[test]
fn an_allowed_import_passes() {
    let good = [
        ("src/main.rs", "use l4lb::{cli, supervisor::Supervisor};"),
        (
            "src/session/flow.rs",
            "use super::step::Step; use crate::session::Phase;",
        ),
        (
            "src/health/mod.rs",
            "use crate::health::verdict::Verdict; use verdict::Streak;",
        ),
        ("src/supervisor.rs", "use crate::health::verdict::Verdict;"),
        (
            "src/pool.rs",
            "#[cfg(test)]\nmod tests { use crate::worker::Token; }",
        ),
        ("src/pool.rs", "// use crate::worker::Token;"),
        ("test-backends/src/lib.rs", "use crate::anything::At;"),
    ];
    for (path, text) in good {
        let caught = super::lines_caught(rooms_import_by_the_table, path, text);
        assert!(caught.is_empty(), "{path}: {text}");
    }
}
