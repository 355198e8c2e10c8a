//! Counts what lines say. Pure.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::busiest::Busiest;
use super::entry::Entry;

/// So many names are told apart; those that come later are counted together.
const NAMES: usize = 1000;

/// What the others are called: no name of ours.
pub(super) const OTHERS: &str = "(others)";

/// The longest time that is told apart, in microseconds: 400 days.
const LONGEST: u64 = 400 * 24 * 3600 * 1_000_000;

/// All that is counted.
pub(super) struct Tally {
    pub(super) lines: u64,
    pub(super) interim: u64,
    pub(super) unreadable: u64,
    /// The number of the first such line, from 1.
    pub(super) first_unreadable: Option<u64>,
    pub(super) all: Share,
    pub(super) listeners: BTreeMap<String, Share>,
    pub(super) backends: BTreeMap<String, (Share, Times)>,
    pub(super) terminations: BTreeMap<String, u64>,
    /// Of the ended, those that were HTTP requests.
    pub(super) requests: u64,
    /// Requests by the class of their status: `2xx`, or a dash for those that were not answered.
    pub(super) statuses: BTreeMap<String, u64>,
    /// From a request to the first byte of its response.
    pub(super) first_byte: Times,
    pub(super) queued: Times,
    pub(super) connect: Times,
    pub(super) total: Times,
    pub(super) clients: Busiest,
    empty: u64,
}

/// A part of the connections.
#[derive(Default)]
pub(super) struct Share {
    pub(super) connections: u64,
    /// Those that did not end by themselves.
    pub(super) errors: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

impl Share {
    fn add(&mut self, entry: &Entry<'_>, is_error: bool) {
        self.connections += 1;
        self.errors += u64::from(is_error);
        self.bytes_in = self.bytes_in.saturating_add(entry.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(entry.bytes_out);
    }
}

/// Times, of which percentiles are known to two or three digits, and the longest exactly.
pub(super) struct Times {
    histogram: Histogram<u64>,
    longest: u64,
}

impl Times {
    fn with_digits(digits: u8) -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, digits);
        Self {
            histogram: histogram.expect("the bounds are constant, and right"),
            longest: 0,
        }
    }

    fn add(&mut self, micros: Option<u64>) {
        if let Some(micros) = micros {
            self.histogram.saturating_record(micros);
            self.longest = self.longest.max(micros);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// In microseconds: so many of a hundred took no longer. `None` where there is none.
    pub(super) fn percentile(&self, percent: f64) -> Option<u64> {
        let value = || {
            self.histogram
                .value_at_percentile(percent)
                .min(self.longest)
        };
        (!self.histogram.is_empty()).then(value)
    }
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            lines: 0,
            interim: 0,
            unreadable: 0,
            first_unreadable: None,
            all: Share::default(),
            listeners: BTreeMap::new(),
            backends: BTreeMap::new(),
            terminations: BTreeMap::new(),
            requests: 0,
            statuses: BTreeMap::new(),
            first_byte: Times::with_digits(3),
            queued: Times::with_digits(3),
            connect: Times::with_digits(3),
            total: Times::with_digits(3),
            clients: Busiest::default(),
            empty: 0,
        }
    }

    /// An empty line says nothing, but has a number.
    pub(super) const fn add_empty(&mut self) {
        self.empty += 1;
    }

    pub(super) fn add_unreadable(&mut self) {
        self.lines += 1;
        self.unreadable += 1;
        self.first_unreadable.get_or_insert(self.lines + self.empty);
    }

    pub(super) fn add(&mut self, entry: &Entry<'_>) {
        self.lines += 1;
        let Some(termination) = &entry.termination else {
            self.interim += 1; // its end has a line of its own, which says all
            return;
        };
        let is_error = termination != "--";
        self.all.add(entry, is_error);
        named(&mut self.listeners, &entry.listener, Share::default).add(entry, is_error);
        let backend = entry.backend.as_deref().unwrap_or("-");
        let backend = format!("{}/{backend}", entry.pool);
        let unknown = || (Share::default(), Times::with_digits(2));
        let (share, connect) = named(&mut self.backends, &backend, unknown);
        share.add(entry, is_error);
        connect.add(entry.connect);
        *named(&mut self.terminations, termination, u64::default) += 1;
        if let Some(request) = entry.request {
            self.requests += 1;
            let class = request.status.map(|it| format!("{}xx", it / 100));
            let class = class.as_deref().unwrap_or("-");
            *named(&mut self.statuses, class, u64::default) += 1;
            self.first_byte.add(request.first_byte);
        }
        self.queued.add(entry.queued);
        self.connect.add(entry.connect);
        self.total.add(Some(entry.total));
        self.clients.add(entry.client);
    }
}

/// What is counted under this name.
fn named<'a, T>(
    all: &'a mut BTreeMap<String, T>,
    name: &str,
    new: impl FnOnce() -> T,
) -> &'a mut T {
    let is_known = all.contains_key(name);
    let name = if is_known || all.len() < NAMES {
        name
    } else {
        OTHERS
    };
    all.entry(name.to_owned()).or_insert_with(new)
}
