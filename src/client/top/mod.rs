//! `l4lb top`: the overview in a terminal, anew each second, until it is told to stop.
//!
//! `screen` makes lines of an overview, `terminal` puts them on the screen and takes keys. One thread asks, one
//! reads keys, one hears signals; the loop here waits for all of them and draws. Called by client.

pub(super) mod screen;
mod terminal;

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, tick};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;

use super::Failure;
use super::api::Api;
use crate::reason;
use crate::requests::overview::Overview;
use screen::Link;
use terminal::Terminal;

/// Where the overview is in the API.
pub(super) const PATH: &str = "/v1/overview";
/// From one question to the next.
const EVERY: Duration = Duration::from_secs(1);
/// What Ctrl-C sends where the terminal makes no signal of it.
const CTRL_C: u8 = 3;

/// What the loop waits for.
enum Input {
    /// How things are, or why nobody says so.
    Answer(Box<Result<Overview, Failure>>),
    /// The terminal has another size.
    Resized,
    /// Somebody wants to leave.
    Leave,
}

/// Shows how things are until somebody wants to leave.
///
/// # Errors
///
/// A [`Failure`] where nobody answers at the beginning, or the terminal cannot be used.
pub(super) fn watch(api: Api, is_coloured: bool) -> Result<(), Failure> {
    let mut overview = ask(&api)?;
    let (sender, inputs) = bounded(16);
    let heard = |error: std::io::Error| Failure::Refused(reason::of(&error));
    // Before the terminal is another one: from then on a signal has to put it back.
    hear(sender.clone()).map_err(heard)?;
    let mut terminal = Terminal::open().map_err(heard)?;
    read_keys(sender.clone());
    ask_again_and_again(api, sender);
    let mut link = Link::Live;
    loop {
        let lines = screen::lines(&overview, &link, terminal.size(), is_coloured);
        if terminal.draw(&lines).is_err() {
            // Nobody is there to see it.
            return Ok(());
        }
        match next(&inputs) {
            Input::Answer(answer) => match *answer {
                Ok(newer) => (overview, link) = (newer, Link::Live),
                Err(failure) => link = Link::Lost(why(failure)),
            },
            Input::Resized => {}
            Input::Leave => return Ok(()),
        }
    }
}

/// The next thing to do; the end where nobody is left who could say more.
fn next(inputs: &Receiver<Input>) -> Input {
    inputs.recv().unwrap_or(Input::Leave)
}

fn ask(api: &Api) -> Result<Overview, Failure> {
    api.typed(api.read(PATH)?.value)
}

fn why(failure: Failure) -> String {
    match failure {
        Failure::Ambiguous(text)
        | Failure::Refused(text)
        | Failure::Invalid(text)
        | Failure::Nobody(text)
        | Failure::Config(text) => text,
    }
}

fn ask_again_and_again(api: Api, sender: Sender<Input>) {
    std::thread::spawn(move || {
        for _ in tick(EVERY) {
            if sender.send(Input::Answer(Box::new(ask(&api)))).is_err() {
                return;
            }
        }
    });
}

/// Reads keys until one of them, or the end of the terminal, means to leave.
fn read_keys(sender: Sender<Input>) {
    std::thread::spawn(move || {
        while terminal::key().is_some_and(|key| !matches!(key, b'q' | b'Q' | CTRL_C)) {}
        let _ = sender.send(Input::Leave);
    });
}

fn hear(sender: Sender<Input>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGWINCH, SIGTERM, SIGINT, SIGHUP])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let input = match signal {
                SIGWINCH => Input::Resized,
                _ => Input::Leave,
            };
            if sender.send(input).is_err() {
                return;
            }
        }
    });
    Ok(())
}
