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
    api.read_typed(PATH)
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

#[cfg(test)]
mod tests {
    use crate::client::http::ANSWER_BYTES;
    use crate::requests::overview::BackendNow;
    use serde_json::{Value, json};

    /// The longest overview of a backend: each number as long as it gets, names of 64 bytes.
    fn longest(checks: usize) -> String {
        let (name, float) = ("x".repeat(64), -1.797_693_134_862_315_7e-308);
        let check =
            json!({"at": "2026-11-20T12:20:02.481Z", "passed": false, "duration_ms": float});
        let errors = [
            "refused",
            "timeout",
            "unreachable",
            "reset",
            "local",
            "other",
        ];
        let errors: serde_json::Map<String, Value> = errors
            .map(|it| (it.to_owned(), u64::MAX.into()))
            .into_iter()
            .collect();
        let backend = json!({"pool": name, "name": name,
            "address": "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
            "weight": u16::MAX, "state": "ejected", "since": "2026-11-20T12:20:02.481Z",
            "backup": false, "max_connections": u32::MAX, "connections_active": u32::MAX,
            "connections_total": u64::MAX, "bytes_in": u64::MAX, "bytes_out": u64::MAX,
            "connect_errors_total": u64::MAX,
            "last_check": {"result": "failed", "at": "2026-11-20T12:20:02.481Z",
                "duration_ms": float, "detail": "x".repeat(1000)},
            "paced_drain": {"left": u32::MAX, "closed": u32::MAX, "seconds_to_go": float},
            "connections_per_second": float, "bytes_in_per_second": float,
            "bytes_out_per_second": float, "connect_p50_ms": float, "connect_p99_ms": float,
            "errors": errors, "share_now": float, "share_due": float,
            "checks": vec![check; checks]});
        let backend: BackendNow = serde_json::from_value(backend).unwrap();
        serde_json::to_string(&backend).unwrap()
    }

    #[test]
    fn the_overview_of_ten_thousand_backends_is_no_longer_than_an_answer_may_be() {
        // The supervisor shows 60,000 checks at the most, and of each backend 60 at the most.
        for backends in [1_000, 10_000] {
            let bytes = (longest(60_000 / backends).len() + 1) * backends;
            assert!(bytes < ANSWER_BYTES, "{backends}: {bytes}");
        }
    }
}
