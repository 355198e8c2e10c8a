//! What is wrong in a file, and where; the picture of it with the line and a caret.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// So many are told: who made more made one mistake many times.
pub(super) const MOST_TOLD: usize = 100;

/// Of a line so many bytes are shown before an error, and behind its beginning.
const SHOWN_BEFORE: usize = 100;
const SHOWN_BEHIND: usize = 200;

/// The longest part of a file that a sentence repeats, and the longest sentence, in characters.
const LONGEST_QUOTE: usize = 60;
const LONGEST_SENTENCE: usize = 400;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Where, in bytes of the text.
    pub(super) span: Range<usize>,
    /// A sentence.
    pub(super) what: String,
    /// What would be right; may be empty.
    pub(super) advice: String,
    /// Something is not there, rather than wrong: no news in a text that could not be read to its end.
    pub(super) is_lack: bool,
}

impl Fault {
    pub(super) fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self {
            span,
            what: printable(&cut(what.into(), LONGEST_SENTENCE)),
            advice: String::new(),
            is_lack: false,
        }
    }

    pub(super) fn lack(span: Range<usize>, what: impl Into<String>) -> Self {
        Self {
            is_lack: true,
            ..Self::new(span, what)
        }
    }

    pub(super) fn advising(self, advice: impl Into<String>) -> Self {
        Self {
            advice: printable(&advice.into()),
            ..self
        }
    }
}

/// A part of a file for a sentence: quoted, and not too long.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// A text whose lines are counted.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// The number of the line, from 1, of a place in the text.
    pub(super) fn number(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at)
    }

    /// The place of a column, which counts bytes from 1, of a line that counts from 1.
    pub(super) fn offset(&self, number: usize, column: usize) -> usize {
        let start = self.starts[number.clamp(1, self.starts.len()) - 1];
        let at = (start + column.saturating_sub(1)).min(self.text.len());
        self.text.floor_char_boundary(at)
    }

    /// The line without its end, and where it starts.
    fn line(&self, number: usize) -> (&'a str, usize) {
        let start = self.starts[number - 1];
        let end = self
            .starts
            .get(number)
            .map_or(self.text.len(), |next| next - 1);
        (self.text[start..end].trim_end_matches('\r'), start)
    }
}

/// Everything that is wrong with a file, in the order of the file.
#[derive(Clone, Debug)]
pub struct Faults {
    name: String,
    text: String,
    faults: Vec<Fault>,
    /// How many there are besides.
    untold: usize,
}

impl Faults {
    pub(super) fn new(name: &str, text: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.span.start);
        let untold = faults.len().saturating_sub(MOST_TOLD);
        faults.truncate(MOST_TOLD);
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            faults,
            untold,
        }
    }

    /// Each, or the first hundred, as `LINE:COLUMN: what is wrong`. Lines and columns count from 1, columns in characters.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let lines = Lines::of(&self.text);
        let faults = self.faults.iter();
        faults.map(|fault| sentence(&lines, fault)).collect()
    }

    /// A picture of each, or of the first hundred, with its line and a caret.
    #[must_use]
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let lines = Lines::of(&self.text);
        let mut pictures = String::new();
        for fault in &self.faults {
            let title = format!("{}:{}", printable(&self.name), sentence(&lines, fault));
            let number = lines.number(fault.span.start);
            let (line, start) = excerpt(lines.line(number), fault.span.start);
            let before = |at: usize| &line[..at.saturating_sub(start).min(line.len())];
            let place = |at: usize| printable(before(at)).len();
            let span = place(fault.span.start)..place(fault.span.end);
            let advice = Some(&fault.advice).filter(|it| !it.is_empty());
            let caret = AnnotationKind::Primary.span(span).label(advice);
            let snippet = Snippet::source(printable(line));
            let snippet = snippet.line_start(number).annotation(caret);
            let title = Level::ERROR.no_name().primary_title(title);
            pictures += &renderer.render(&[title.element(snippet)]);
            pictures.push('\n');
        }
        if self.untold > 0 {
            let (name, untold) = (printable(&self.name), self.untold);
            pictures += &format!("{name}: {untold} more errors\n");
        }
        pictures
    }
}

fn sentence(lines: &Lines<'_>, fault: &Fault) -> String {
    let number = lines.number(fault.span.start);
    let (line, start) = lines.line(number);
    let before = line.char_indices();
    let before = before.take_while(|(at, _)| start + at < fault.span.start);
    format!("{number}:{}: {}", before.count() + 1, fault.what)
}

/// What is shown of a line for the sake of this place, and where that starts.
fn excerpt((line, start): (&str, usize), at: usize) -> (&str, usize) {
    let at = at.saturating_sub(start).min(line.len());
    let first = line.floor_char_boundary(at.saturating_sub(SHOWN_BEFORE));
    let last = line.floor_char_boundary(at.saturating_add(SHOWN_BEHIND));
    (&line[first..last], start + first)
}

/// Nothing that a terminal would obey, or that would change the order in which the rest is read.
fn printable(text: &str) -> String {
    let visible = |c| match c {
        '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str, faults: Vec<Fault>) -> Faults {
        Faults::new("l4lb.toml", text, faults)
    }

    #[test]
    fn lines_and_columns_count_from_1_and_columns_are_characters() {
        let text = "a = 1\r\nb\u{e9}\u{1f600} = 2\n\nlast";
        let at = |needle: &str| text.find(needle).unwrap();
        let table = [
            (0, "1:1: x"),
            (at("1"), "1:5: x"),
            (at("b"), "2:1: x"),
            (at("= 2"), "2:5: x"),
            (at("last") - 1, "3:1: x"),
            (at("last"), "4:1: x"),
            (text.len(), "4:5: x"),
        ];
        for (at, sentence) in table {
            let one = faults(text, vec![Fault::new(at..at, "x")]);
            assert_eq!(one.sentences(), [sentence]);
        }
    }

    #[test]
    fn the_picture_has_the_place_the_line_a_caret_and_the_advice() {
        let fault = Fault::new(6..13, "unknown key").advising("did you mean balance?");
        let picture = faults("a = 1\nbalanec = \"x\"\r\nb = 2\n", vec![fault]).render(false);
        let wanted = "l4lb.toml:2:1: unknown key\n  |\n2 | balanec = \"x\"\n  | ^^^^^^^ did you mean balance?\n";
        assert_eq!(picture, wanted);
    }

    #[test]
    fn errors_come_in_the_order_of_the_file() {
        let later = Fault::new(2..3, "second");
        let first = Fault::new(0..1, "first");
        let both = faults("abc", vec![later, first]).sentences();
        assert_eq!(both, ["1:1: first", "1:3: second"]);
    }

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        let bad = "\u{1b}[31m\u{7}\u{9b}\u{202e}\tx";
        let fault = Fault::new(bad.len() - 1..bad.len(), bad).advising(bad);
        let picture = faults(bad, vec![fault]).render(false);
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!picture.contains(obeyed), "{picture:?}");
        let lines: Vec<&str> = picture.lines().collect();
        let column = |line: &str, c| line.chars().position(|it| it == c);
        assert_eq!(column(lines[2], 'x'), column(lines[3], '^'), "{picture}");
        let coloured = faults("a", vec![Fault::new(0..1, "x")]).render(true);
        assert!(coloured.contains('\u{1b}'));
    }

    #[test]
    fn a_thousand_errors_are_counted_and_a_hundred_shown() {
        let text = "x\n".repeat(1000);
        let all = (0..1000).map(|at| Fault::new(2 * at..2 * at + 1, "wrong"));
        let faults = faults(&text, all.collect());
        assert_eq!(faults.sentences().len(), 100);
        let picture = faults.render(false);
        assert!(picture.contains("l4lb.toml:100:1: wrong"));
        assert!(!picture.contains("l4lb.toml:101:1"));
        assert!(picture.ends_with("l4lb.toml: 900 more errors\n"));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_error_is_shown() {
        let text = format!("{}bad{}", "\u{e9}".repeat(1000), "z".repeat(1000));
        let picture = faults(&text, vec![Fault::new(2000..2003, "wrong")]).render(false);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines[0], "l4lb.toml:1:1001: wrong");
        assert!(
            lines[2].contains("\u{e9}bad") && lines[2].len() < 400,
            "{picture}"
        );
        let column = |line: &str, c| line.chars().position(|it| it == c);
        assert_eq!(column(lines[2], 'b'), column(lines[3], '^'), "{picture}");
    }

    #[test]
    fn a_long_quote_is_cut() {
        assert_eq!(quote("a\"b"), "\"a\\\"b\"");
        assert_eq!(quote(&"x".repeat(60)), format!("\"{}\"", "x".repeat(60)));
        assert_eq!(
            quote(&"\u{e9}".repeat(61)),
            format!("\"{}\"...", "\u{e9}".repeat(60))
        );
        let long = Fault::new(0..0, "x".repeat(500)).what;
        assert_eq!(long, format!("{}...", "x".repeat(400)));
    }
}
