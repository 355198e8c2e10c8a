//! Blanks comments and the contents of string and character literals, keeping every line break, so
//! that prose and quoted code never count as code.

use super::source::is_identifier;

/// What the scan stands in.
#[derive(Clone, Copy)]
enum Inside {
    Code,
    LineComment,
    /// Block comments nest.
    BlockComment {
        depth: usize,
    },
    Text,
    /// A raw string ends at a quote and this many `#`.
    RawText {
        hashes: usize,
    },
}

/// The code of `text`: same lines, `""` for each string, nothing for comments and characters.
pub(super) fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut inside = Inside::Code;
    let mut rest = text;
    while !rest.is_empty() {
        let (taken, next) = match inside {
            Inside::Code => in_code(rest, &code),
            Inside::LineComment => in_line_comment(rest),
            Inside::BlockComment { depth } => in_block_comment(rest, depth),
            Inside::Text => in_text(rest),
            Inside::RawText { hashes } => in_raw_text(rest, hashes),
        };
        let (piece, after) = rest.split_at(taken);
        match (inside, next) {
            (Inside::Code, Inside::Text | Inside::RawText { .. }) => code.push_str("\"\""),
            (Inside::Code, Inside::Code) if !is_character(piece) => code.push_str(piece),
            _ => code.extend(piece.chars().filter(|&c| c == '\n')),
        }
        inside = next;
        rest = after;
    }
    code
}

fn in_code(rest: &str, before: &str) -> (usize, Inside) {
    if rest.starts_with("//") {
        return (2, Inside::LineComment);
    }
    if rest.starts_with("/*") {
        return (2, Inside::BlockComment { depth: 1 });
    }
    if rest.starts_with('"') {
        return (1, Inside::Text);
    }
    if let Some((taken, hashes)) = raw_text_start(rest, before) {
        return (taken, Inside::RawText { hashes });
    }
    (character_length(rest), Inside::Code)
}

fn in_line_comment(rest: &str) -> (usize, Inside) {
    (rest.find('\n').unwrap_or(rest.len()), Inside::Code)
}

fn in_block_comment(rest: &str, depth: usize) -> (usize, Inside) {
    let close = rest.find("*/").unwrap_or(rest.len());
    match rest[..close].find("/*") {
        Some(open) => (open + 2, Inside::BlockComment { depth: depth + 1 }),
        None if depth > 1 => (close + 2, Inside::BlockComment { depth: depth - 1 }),
        None => (rest.len().min(close + 2), Inside::Code),
    }
}

fn in_text(rest: &str) -> (usize, Inside) {
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (at + 1, Inside::Code),
            _ => {}
        }
    }
    (rest.len(), Inside::Code)
}

fn in_raw_text(rest: &str, hashes: usize) -> (usize, Inside) {
    let close = format!("\"{}", "#".repeat(hashes));
    let end = rest.find(&close).map_or(rest.len(), |at| at + close.len());
    (end, Inside::Code)
}

/// The length of `r##"` and how many `#` it holds, when that is what `rest` starts with.
fn raw_text_start(rest: &str, before: &str) -> Option<(usize, usize)> {
    if before.ends_with(is_identifier) {
        return None;
    }
    let marked = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    let tail = marked.strip_prefix('r')?;
    let quote = tail.find(|c| c != '#')?;
    tail[quote..]
        .starts_with('"')
        .then(|| (rest.len() - tail.len() + quote + 1, quote))
}

/// Whether a piece of code is a whole character literal; a lifetime's `'` comes alone.
fn is_character(piece: &str) -> bool {
    piece.len() > 1 && piece.starts_with('\'')
}

/// One character of code, or the whole of a character literal.
fn character_length(rest: &str) -> usize {
    let mut chars = rest.chars();
    let first = chars.next().map_or(0, char::len_utf8);
    if !rest.starts_with('\'') {
        return first;
    }
    match (chars.next(), chars.next()) {
        (Some('\\'), Some(escaped)) => {
            let skipped = 2 + escaped.len_utf8();
            let close = rest[skipped..].find('\'');
            close.map_or(first, |at| skipped + at + 1)
        }
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => first,
    }
}

#[test]
fn comments_and_quoted_contents_go_and_lines_stay() {
    let cases = [
        ("a // b\nc", "a \nc"),
        ("a /* b /* c */ d\n */ e", "a \n e"),
        ("a /* open", "a "),
        ("f(\"x // y\", z)", "f(\"\", z)"),
        ("f(\"x \\\" y\"); z", "f(\"\"); z"),
        ("f(\"x \\\\\", z)", "f(\"\", z)"),
        ("r#\"a \" b\nc\"#;", "\"\"\n;"),
        ("br\"x\\\" + y", "\"\" + y"),
        ("let c = '\"'; d", "let c = ; d"),
        ("f('\\'', '\\u{22}', d)", "f(, , d)"),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
        ("r#type r", "r#type r"),
    ];
    for (text, code) in cases {
        assert_eq!(without_comments_and_strings(text), code, "from {text:?}");
    }
}
