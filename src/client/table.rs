//! Rows under headings: words to the left, numbers to the right, no line longer than it must be. Pure.
//!
//! Crates for tables bring frames, wrapping and the width of a terminal, none of which is wanted where
//! lines go to grep and awk. A cell has no control characters, and a name no wide ones.

/// Which edge of its column a cell stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Left,
    Right,
}

/// How a cell is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Green,
    Yellow,
    Red,
}

impl Paint {
    /// The colour of a backend's state.
    pub(super) fn of_state(state: &str) -> Self {
        match state {
            "up" => Self::Green,
            "drain" | "maint" => Self::Yellow,
            "down" | "ejected" => Self::Red,
            _ => Self::Plain,
        }
    }

    /// `text` between the codes of the colour, see `console_codes(4)`.
    pub(super) fn over(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Red => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// A cell: its text, which has no control characters when it is drawn, and its colour.
pub(super) struct Cell(pub(super) String, pub(super) Paint);

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self(text.into(), Paint::Plain)
    }
}

/// The lines of a table with N columns.
pub(super) fn draw<const N: usize>(columns: [(&str, Edge); N], rows: Vec<[Cell; N]>) -> String {
    let heading = columns.map(|(name, _)| Cell::from(name));
    let mut rows: Vec<[Cell; N]> = std::iter::once(heading).chain(rows).collect();
    for Cell(text, _) in rows.iter_mut().flatten() {
        *text = one_line(text);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].0.chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut lines = String::new();
    for row in &rows {
        let mut line = String::new();
        for ((Cell(text, paint), (_, edge)), width) in row.iter().zip(columns).zip(widths) {
            let blank = " ".repeat(width - text.chars().count());
            let text = paint.over(text);
            line += &match edge {
                Edge::Left => format!("{text}{blank}  "),
                Edge::Right => format!("{blank}{text}  "),
            };
        }
        lines += line.trim_end();
        lines.push('\n');
    }
    lines
}

/// A row is one line, whatever a cell says.
fn one_line(text: &str) -> String {
    super::words::printable(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [(&str, Edge); 3] = [
        ("NAME", Edge::Left),
        ("N", Edge::Right),
        ("LAST", Edge::Left),
    ];

    fn row(name: &str, paint: Paint, number: &str, last: &str) -> [Cell; 3] {
        [Cell(name.to_owned(), paint), number.into(), last.into()]
    }

    #[test]
    fn words_stand_left_and_numbers_right_and_nothing_trails() {
        let rows = vec![
            row("a", Paint::Plain, "1000", "x"),
            row("longer", Paint::Plain, "7", ""),
        ];
        let wanted = "NAME       N  LAST\n\
                      a       1000  x\n\
                      longer     7\n";
        assert_eq!(draw(COLUMNS, rows), wanted);
        assert_eq!(draw(COLUMNS, Vec::new()), "NAME  N  LAST\n");
    }

    #[test]
    fn colours_take_no_room() {
        let rows = |paint| vec![row("up", paint, "1", "x"), row("down", paint, "1", "x")];
        let plain = draw(COLUMNS, rows(Paint::Plain));
        for (paint, code) in [(Paint::Green, 32), (Paint::Yellow, 33), (Paint::Red, 31)] {
            let painted = draw(COLUMNS, rows(paint));
            assert!(
                painted.contains(&format!("\x1b[{code}mdown\x1b[0m")),
                "{painted:?}"
            );
            let codes = [&format!("\x1b[{code}m"), "\x1b[0m"];
            let bare = codes
                .iter()
                .fold(painted.clone(), |text, it| text.replace(*it, ""));
            assert_eq!(bare, plain);
        }
    }

    #[test]
    fn a_cell_cannot_begin_a_line_or_a_colour() {
        let rows = vec![row("a", Paint::Plain, "1", "b\nc\x1b[31m")];
        assert_eq!(
            draw(COLUMNS, rows).lines().nth(1),
            Some("a     1  b\\nc\\u{1b}[31m")
        );
    }
}
