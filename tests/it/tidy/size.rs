//! Files stay small enough to be read in one go. The length of functions is clippy's to check.

use super::Violation;
use super::source::Source;

/// Without test modules.
const CODE_MAX_LINES: usize = 400;
/// With them.
const FILE_MAX_LINES: usize = 500;

fn files_stay_small(source: &Source) -> Vec<Violation> {
    let file_lines = source.text.lines().count();
    let code_lines = file_lines - source.test_lines;
    let advice = if file_lines > FILE_MAX_LINES {
        format!(
            "the file has {file_lines} lines, {FILE_MAX_LINES} are allowed: give each idea its file"
        )
    } else if code_lines > CODE_MAX_LINES {
        format!("{code_lines} lines of code, {CODE_MAX_LINES} are allowed: give each idea its file")
    } else {
        return Vec::new();
    };
    vec![source.violation(1, advice)]
}

#[test]
fn no_file_outgrows_its_reader() {
    super::assert_tree_obeys(files_stay_small);
}

#[test]
fn a_long_file_is_caught() {
    let caught = |path, text: String| super::lines_caught(files_stay_small, path, &text);
    let code = |lines| "fn f() {}\n".repeat(lines);
    let tests = |lines| format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code(lines));
    assert_eq!(caught("src/pool.rs", code(401)), [1]);
    assert_eq!(caught("src/pool.rs", code(300) + &tests(201)), [1]);
    assert_eq!(caught("tests/it/relay.rs", code(501)), [1]);
    assert!(caught("src/pool.rs", code(300) + &tests(190)).is_empty());
    assert!(caught("tests/it/relay.rs", code(450)).is_empty());
}
