//! What the operational log says of events.

use log::Level::{self, Info, Warn};

use crate::descriptors::Budget;
use crate::journal::Journal;
use crate::messages::Event;
use crate::pool::State;
use crate::requests::Reloaded;

/// Says what limits sessions: there is no hidden cap.
pub(super) fn limits(journal: &Journal, budget: &Budget, wanted: Option<usize>) {
    let Budget {
        descriptors,
        sessions,
        pipes,
    } = *budget;
    if let Some(wanted) = wanted.filter(|&wanted| wanted > sessions) {
        let advice = "raise `ulimit -n`";
        let line = format!("{descriptors} descriptors do not allow {wanted} sessions: {advice}");
        journal.say(Warn, line);
    }
    let line =
        format!("at most {sessions} sessions and {pipes} pipes with {descriptors} descriptors");
    journal.say(Info, line);
}

/// The line of an event, if it has one.
pub(super) fn event(event: Event) -> Option<(Level, String)> {
    Some(match event {
        Event::Transition {
            backend,
            state,
            why,
        } => {
            let level = if state == State::Up { Info } else { Warn };
            (level, format!("backend {backend} is {state}: {why}"))
        }
        Event::Shortage { what, error } => (Warn, format!("cannot {what} for now: {error}")),
        Event::Crowded { sessions, limit } if sessions >= limit => (
            Warn,
            format!("{limit} sessions, the most there can be: further clients wait"),
        ),
        Event::Crowded { sessions, limit } => (
            Warn,
            format!("{sessions} sessions: the limit of {limit} is near"),
        ),
        Event::AccessLogFailed(error) => {
            (Warn, format!("the access log cannot be written: {error}"))
        }
        Event::AccessLogDropped(lines) => (
            Warn,
            format!("{lines} lines of the access log were dropped"),
        ),
        Event::Asked(_)
        | Event::Signal(_)
        | Event::Ended(_)
        | Event::Discovered(_)
        | Event::Stirred(_)
        | Event::Ran(..) => return None,
    })
}

/// What a reload has done.
pub(super) fn reloaded(journal: &Journal, reloaded: &Reloaded) {
    if reloaded.changes.is_empty() {
        journal.say(Info, "reloaded: nothing has changed");
    }
    for change in &reloaded.changes {
        journal.say(Info, format!("reloaded: {change}"));
    }
}
