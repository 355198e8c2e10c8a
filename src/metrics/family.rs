//! What a metric is: name, kind, labels, what it means, and where its samples come from.

use std::fmt;

use super::Scrape;
use super::samples::Samples;

/// What may become of a metric's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// A metric.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// What may become of its value.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    pub(super) write: Write,
}

type Write = fn(&Scrape, &mut Samples<'_, '_>) -> fmt::Result;

/// One of the table.
pub(super) const fn family(
    kind: Kind,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    write: Write,
) -> Family {
    Family {
        name,
        kind,
        labels,
        help,
        write,
    }
}
