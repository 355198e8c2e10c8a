//! The terminal: another screen without a cursor, keys as they are pressed, and all of it put back at the
//! end, also when that is a panic.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::screen::Size;

/// Another screen, no cursor, and no new line where one is full: a text of others may have characters that are
/// two columns wide. See `console_codes(4)` and xterm's ctlseqs.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// What a terminal that does not say how large it is is taken for.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

/// The terminal, for as long as this lives.
pub(super) struct Terminal {
    before: Arc<Termios>,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    ///
    /// What the kernel says where standard input is no terminal.
    pub(super) fn open() -> io::Result<Self> {
        let before = Arc::new(tcgetattr(io::stdin())?);
        let mut raw = Termios::clone(&before);
        raw.make_raw();
        let at_panic = Arc::clone(&before);
        let hook = std::panic::take_hook();
        // The hook speaks before anything is dropped: it would speak on the screen that goes away.
        std::panic::set_hook(Box::new(move |panic| {
            restore(&at_panic);
            hook(panic);
        }));
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        let terminal = Self { before };
        write(ENTER)?;
        Ok(terminal)
    }

    /// How large it is now.
    #[expect(clippy::unused_self, reason = "there is a size only while it is open")]
    pub(super) fn size(&self) -> Size {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
            _ => USUAL,
        }
    }

    /// Shows these lines, which fit, and nothing else.
    ///
    /// # Errors
    ///
    /// What the kernel says where nobody is there any more.
    #[expect(
        clippy::unused_self,
        reason = "there is a screen only while it is open"
    )]
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let line_break = format!("{REST_OF_LINE}\r\n");
        let text = lines.join(&line_break);
        write(&format!("{HOME}{text}{REST_OF_LINE}{REST_OF_SCREEN}"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore(&self.before);
    }
}

/// Puts everything back; a terminal that has gone needs nothing.
fn restore(before: &Termios) {
    let _ = write(LEAVE);
    let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The next key, or its first byte; none when the terminal has gone.
pub(super) fn key() -> Option<u8> {
    let mut byte = [0];
    match io::stdin().lock().read(&mut byte) {
        Ok(1) => Some(byte[0]),
        _ => None,
    }
}
