//! Finds the paths that code names: `use` trees leaf by leaf, and inline paths such as
//! `crate::pool::BackendId` or `Instant::now`.

use super::source::is_identifier;

/// One path, cut at its `::`, and the line of its last segment.
pub(super) struct PathUse<'a> {
    pub(super) segments: Vec<&'a str>,
    pub(super) line: usize,
}

impl PathUse<'_> {
    pub(super) fn starts_with(&self, path: &str) -> bool {
        let mut segments = self.segments.iter();
        path.split("::").all(|part| segments.next() == Some(&part))
    }

    pub(super) fn ends_with(&self, path: &str) -> bool {
        let mut segments = self.segments.iter().rev();
        path.rsplit("::").all(|part| segments.next() == Some(&part))
    }

    pub(super) fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// All paths of at least two segments, and whatever a `use` names. The code must be stripped of
/// comments and strings.
pub(super) fn all(code: &str) -> Vec<PathUse<'_>> {
    let mut reader = Reader {
        code,
        at: 0,
        found: Vec::new(),
    };
    loop {
        reader.skip(|c| !is_identifier(c));
        if reader.rest().is_empty() {
            return reader.found;
        }
        let start = reader.at;
        if reader.word() == "use" {
            reader.skip(|c| c.is_whitespace() || c == ':');
            reader.tree(&[]);
        } else if reader.rest().starts_with("::") {
            reader.at = start;
            reader.tree(&[]);
        }
    }
}

/// A place in the code, and the paths found before it.
struct Reader<'a> {
    code: &'a str,
    at: usize,
    found: Vec<PathUse<'a>>,
}

impl<'a> Reader<'a> {
    /// A tree is `word`, `word::tree` or `{tree, tree}`. A `*` or `<` ends the path before it.
    fn tree(&mut self, before: &[&'a str]) {
        self.skip(char::is_whitespace);
        if self.take("{") {
            self.group(before);
            return;
        }
        let mut segments = before.to_vec();
        let word = self.word();
        if !word.is_empty() {
            segments.push(word);
        }
        if self.take("::") {
            self.tree(&segments);
        } else if !segments.is_empty() {
            let line = 1 + self.code[..self.at].matches('\n').count();
            self.found.push(PathUse { segments, line });
        }
    }

    fn group(&mut self, before: &[&'a str]) {
        loop {
            self.skip(|c| c.is_whitespace() || c == ',');
            if self.rest().is_empty() || self.take("}") {
                return;
            }
            self.tree(before);
            self.skip(|c| c != ',' && c != '}'); // a `*`, an `as name`
        }
    }

    fn word(&mut self) -> &'a str {
        let start = self.at;
        self.skip(is_identifier);
        &self.code[start..self.at]
    }

    fn take(&mut self, wanted: &str) -> bool {
        let is_next = self.rest().starts_with(wanted);
        if is_next {
            self.at += wanted.len();
        }
        is_next
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !unwanted(c)).unwrap_or(rest.len());
    }

    fn rest(&self) -> &'a str {
        &self.code[self.at..]
    }
}

#[test]
fn use_trees_and_inline_paths_are_read_leaf_by_leaf() {
    let code = "use crate::{\n    pool::{Backend as B, *},\n    config,\n};\nuse mio;\n\
                fn f(x: &crate::sys::Pipe) -> u8 { Vec::<u8>::new(); log::info!() }\n";
    let found: Vec<_> = all(code)
        .iter()
        .map(|path| (path.line, path.text()))
        .collect();
    let wanted = [
        (2, "crate::pool::Backend"),
        (2, "crate::pool"),
        (3, "crate::config"),
        (5, "mio"),
        (6, "crate::sys::Pipe"),
        (6, "Vec"),
        (6, "log::info"),
    ];
    let wanted: Vec<_> = wanted.map(|(line, path)| (line, path.to_owned())).into();
    assert_eq!(found, wanted);
}

#[test]
fn a_path_is_compared_segment_by_segment() {
    let path = &all("use std::time::Instant;")[0];
    assert!(path.starts_with("std::time") && !path.starts_with("std::t"));
    assert!(path.ends_with("time::Instant") && !path.ends_with("me::Instant"));
    assert!(!path.starts_with("std::time::Instant::now"));
}
