//! One source file in three readings: as written, as code, and as code that ships.

use super::Violation;
use super::paths::{self, PathUse};
use super::strip::without_comments_and_strings;

/// A Rust file. Line numbers agree in all its readings.
pub(super) struct Source {
    /// Seen from the root of the repository, with forward slashes: `src/worker/token.rs`.
    pub(super) path: String,
    /// As written.
    pub(super) text: String,
    /// Comments and the contents of strings are blank.
    pub(super) code: String,
    /// `code` without test modules; empty for a file that is test code as a whole.
    pub(super) production: String,
    /// How many lines stand in test modules.
    pub(super) test_lines: usize,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let code = without_comments_and_strings(text);
        let (production, test_lines) = if is_test_file(path) {
            (String::new(), code.lines().count())
        } else {
            without_test_modules(&code)
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            production,
            test_lines,
        }
    }

    /// The paths that shipping code names.
    pub(super) fn production_paths(&self) -> Vec<PathUse<'_>> {
        paths::all(&self.production)
    }

    pub(super) fn violation(&self, line: usize, advice: impl Into<String>) -> Violation {
        Violation {
            path: self.path.clone(),
            line,
            advice: advice.into(),
        }
    }

    /// One violation for each line that `is_bad` picks out of one reading of this file.
    pub(super) fn bad_lines(
        &self,
        reading: &str,
        is_bad: impl Fn(&str) -> bool,
        advice: &str,
    ) -> Vec<Violation> {
        let numbered = reading.lines().zip(1..);
        numbered
            .filter(|(line, _)| is_bad(line))
            .map(|(_, number)| self.violation(number, advice))
            .collect()
    }
}

/// Whether `line` holds `word` between characters that cannot belong to an identifier.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !is_identifier(c))
        .any(|part| part == word)
}

pub(super) fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Blanks each `#[cfg(test)] mod name { … }`, braces counted, keeps what follows it, and counts
/// the blanked lines.
fn without_test_modules(code: &str) -> (String, usize) {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut test_lines = 0;
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        let (before, marked) = rest.split_at(start);
        kept.push_str(before);
        let (module, after) = marked.split_at(test_module_end(marked).unwrap_or(MARK.len()));
        test_lines += module.lines().count();
        kept.extend(module.chars().filter(|&c| c == '\n'));
        rest = after;
    }
    (kept + rest, test_lines)
}

/// The length of the test module at the front of `marked`; `None` when another item stands there.
fn test_module_end(marked: &str) -> Option<usize> {
    let open = marked.find('{')?;
    let head = &marked[..open];
    if !has_word(head, "mod") || head.contains(';') {
        return None;
    }
    let mut depth = 0_usize;
    for (at, c) in marked.char_indices().skip_while(|&(at, _)| at < open) {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[test]
fn test_modules_are_cut_and_code_around_them_stays() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { {} }\n}\nfn c() {}\n";
    let source = Source::new("src/x.rs", text);
    assert_eq!(source.production, "fn a() {}\n\n\n\n\nfn c() {}\n");
    assert_eq!(source.test_lines, 4);
}

#[test]
fn a_test_item_that_is_no_module_stays_in_the_production_reading() {
    let source = Source::new("src/x.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n");
    assert!(source.production.contains("fn a() {}"));
}

#[test]
fn a_word_is_whole() {
    assert!(has_word("let x = unsafe { 1 };", "unsafe"));
    assert!(!has_word("#![deny(unsafe_code)]", "unsafe"));
}
