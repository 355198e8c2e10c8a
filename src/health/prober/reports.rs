//! What people are told of a backend: its report, which is kept true here alone.

use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::messages::Event;
use crate::pool::{Backend, LastCheck, Report, State};

/// A backend is watched from now on.
pub(super) fn first(backend: &Backend, state: State, now: SystemTime) {
    *report(backend) = Report {
        state,
        since: now,
        ..Report::default()
    };
}

/// What an event says of a backend, if it does.
pub(super) fn transition(event: &Event, now: SystemTime) {
    if let Event::Transition {
        backend,
        state,
        why,
    } = event
    {
        report(backend).turned(*state, why, now);
    }
}

/// A probe of a backend is over.
pub(super) fn check(backend: &Backend, check: LastCheck) {
    report(backend).checked(check);
}

fn report(backend: &Backend) -> MutexGuard<'_, Report> {
    let lock = backend.report.lock();
    lock.unwrap_or_else(PoisonError::into_inner)
}
