//! Tidy: the house rules as tests. It reads the source text of the workspace and fails with
//! `file:line: what to do`.
//!
//! One rule is one small function from a `Source` to its violations. Beside each rule stand the
//! test that holds it against the tree and the tests that show it bites. What a rule allows is
//! data at the top of its file; a change there is a change of docs/ARCHITECTURE.md.
//!
//! What clippy can check does not belong here.

mod clocks;
mod docs;
mod imports;
mod names;
mod paths;
mod pure;
mod quiet;
mod rooms;
mod size;
mod source;
mod strip;
mod tree;

use std::fmt;

use source::Source;

/// One broken rule: where, and what to do about it.
#[derive(Debug)]
struct Violation {
    path: String,
    line: usize,
    advice: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, advice } = self;
        write!(f, "{path}:{line}: {advice}")
    }
}

/// A rule looks at one file at a time.
type Rule = fn(&Source) -> Vec<Violation>;

/// A file, or with a trailing slash a folder, that a rule lets pass, and why.
struct Exempt {
    path: &'static str,
    reason: &'static str,
}

const fn exempt(path: &'static str, reason: &'static str) -> Exempt {
    Exempt { path, reason }
}

/// Whether a list of exemptions names this file; an exemption without a reason counts for nothing.
fn is_exempt(list: &[Exempt], path: &str) -> bool {
    list.iter()
        .filter(|exempt| !exempt.reason.is_empty())
        .any(|exempt| {
            path == exempt.path || (exempt.path.ends_with('/') && path.starts_with(exempt.path))
        })
}

/// Holds a rule against every file of the workspace.
#[track_caller]
fn assert_tree_obeys(rule: Rule) {
    let found: Vec<String> = tree::sources()
        .iter()
        .flat_map(rule)
        .map(|violation| violation.to_string())
        .collect();
    assert!(found.is_empty(), "\n\n{}\n", found.join("\n"));
}

/// Shows that a rule bites: the lines, in one file, of which it complains.
fn lines_caught(rule: Rule, path: &str, text: &str) -> Vec<usize> {
    let found = rule(&Source::new(path, text));
    found.iter().map(|violation| violation.line).collect()
}

#[test]
fn an_exemption_names_a_file_or_a_folder_and_needs_a_reason() {
    let list = [
        exempt("src/demo/", "plays a person"),
        exempt("src/main.rs", "starts"),
        exempt("src/lib.rs", ""),
    ];
    assert!(is_exempt(&list, "src/demo/sites.rs"));
    assert!(is_exempt(&list, "src/main.rs"));
    assert!(!is_exempt(&list, "src/demo.rs"));
    assert!(!is_exempt(&list, "src/lib.rs"));
}
