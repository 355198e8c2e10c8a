//! Every file says what lives in it, in a few lines.

use super::Violation;
use super::source::Source;

/// A longer module doc is a chapter: it belongs in docs/. The map of a crate may be longer.
const MODULE_DOC_MAX_LINES: usize = 12;

fn files_say_what_they_hold(source: &Source) -> Vec<Violation> {
    let doc = source
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"));
    let doc_lines = doc.count();
    if doc_lines == 0 {
        let advice = "start the file with `//!`: what lives here, what may not, who calls it";
        return vec![source.violation(1, advice)];
    }
    if doc_lines > MODULE_DOC_MAX_LINES && !source.path.ends_with("/lib.rs") {
        let advice = format!(
            "the module doc has {doc_lines} lines, {MODULE_DOC_MAX_LINES} are allowed: move the \
             chapter to docs/"
        );
        return vec![source.violation(doc_lines, advice)];
    }
    Vec::new()
}

#[test]
fn every_file_starts_with_a_short_module_doc() {
    super::assert_tree_obeys(files_say_what_they_hold);
}

#[test]
fn a_missing_or_endless_module_doc_is_caught() {
    let endless = "//! on and on\n".repeat(13);
    let caught = |path, text| super::lines_caught(files_say_what_they_hold, path, text);
    assert_eq!(caught("src/pool.rs", ""), [1]);
    assert_eq!(caught("src/pool.rs", "use std::fmt;\n//! too late"), [1]);
    assert_eq!(caught("src/pool.rs", &endless), [13]);
    assert!(caught("src/lib.rs", &endless).is_empty());
    assert!(caught("src/pool.rs", "//! What a pool is.\n").is_empty());
}
