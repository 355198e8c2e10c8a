//! The samples of a metric: what of a scrape they are, and how they are given to the library.

use std::fmt;

use prometheus_client::encoding::{EncodeGaugeValue, MetricEncoder};

use super::family::Family;
use super::{
    AcceptError, BackendScrape, CLASSES, CertificateScrape, HandshakeEnd, ListenerScrape, Scrape,
    WorkerScrape,
};
use crate::counts::Distribution;
use crate::pool::State;
use crate::session::Cause;
use crate::vitals::Vitals;

/// The samples of one family, on their way out.
pub(super) struct Samples<'a, 'b> {
    family: &'a Family,
    encoder: &'a mut MetricEncoder<'b>,
}

impl<'a, 'b> Samples<'a, 'b> {
    /// Those of `family`, which go to `encoder`.
    pub(super) const fn new(family: &'a Family, encoder: &'a mut MetricEncoder<'b>) -> Self {
        Self { family, encoder }
    }

    /// A sample with these values of the family's labels.
    ///
    /// The library writes OpenMetrics, in which `_total` is no part of a counter's name; this is the older
    /// text format, in which it is. So counters, too, are written as numbers under their whole name.
    pub(super) fn number(&mut self, labels: &[&str], value: impl EncodeGaugeValue) -> fmt::Result {
        let pairs = pairs(self.family, labels);
        if pairs.is_empty() {
            return self.encoder.encode_gauge(&value);
        }
        let labels = pairs.as_slice();
        self.encoder.encode_family(&labels)?.encode_gauge(&value)
    }

    /// A histogram with these values of the family's labels.
    pub(super) fn histogram<const FIRST: u64, const BUCKETS: usize>(
        &mut self,
        labels: &[&str],
        known: &Distribution<FIRST, BUCKETS>,
    ) -> fmt::Result {
        let pairs = pairs(self.family, labels);
        let labels = pairs.as_slice();
        let buckets: Vec<(f64, u64)> = known.buckets().collect();
        let mut encoder = self.encoder.encode_family(&labels)?;
        encoder.encode_histogram::<[(&str, &str); 0]>(
            known.seconds(),
            known.count(),
            &buckets,
            None,
        )
    }
}

fn pairs<'a>(family: &Family, values: &[&'a str]) -> Vec<(&'static str, &'a str)> {
    debug_assert_eq!(family.labels.len(), values.len(), "{}", family.name);
    let names = family.labels.iter().copied();
    names.zip(values.iter().copied()).collect()
}

/// A sample for each value, told apart by the last label.
pub(super) fn values<const N: usize>(
    out: &mut Samples<'_, '_>,
    labels: &[&str],
    names: [&str; N],
    values: [u64; N],
) -> fmt::Result {
    let mut labels = [labels, &[""]].concat();
    let last = labels.len() - 1;
    names.iter().zip(values).try_for_each(|(name, value)| {
        labels[last] = name;
        out.number(&labels, value)
    })
}

/// A sample for each listener.
pub(super) fn listeners(
    scrape: &Scrape,
    out: &mut Samples<'_, '_>,
    value: impl Fn(&ListenerScrape) -> u64,
) -> fmt::Result {
    let mut all = scrape.listeners.iter();
    all.try_for_each(|it| out.number(&[&it.name], value(it)))
}

/// A sample for each certificate.
pub(super) fn certificates(
    scrape: &Scrape,
    out: &mut Samples<'_, '_>,
    value: impl Fn(&CertificateScrape) -> i64,
) -> fmt::Result {
    let mut all = scrape.certificates.iter();
    all.try_for_each(|it| out.number(&[&it.listener, &it.file], value(it)))
}

/// A sample for each backend.
pub(super) fn backends(
    scrape: &Scrape,
    out: &mut Samples<'_, '_>,
    value: impl Fn(&BackendScrape) -> u64,
) -> fmt::Result {
    let mut all = scrape.backends.iter();
    all.try_for_each(|it| out.number(&[&it.pool, &it.name], value(it)))
}

/// A sample for each backend and value.
pub(super) fn by_label<const N: usize>(
    scrape: &Scrape,
    out: &mut Samples<'_, '_>,
    names: [&str; N],
    of: impl Fn(&BackendScrape) -> [u64; N],
) -> fmt::Result {
    let mut all = scrape.backends.iter();
    all.try_for_each(|it| values(out, &[&it.pool, &it.name], names, of(it)))
}

/// What is written for each worker.
pub(super) fn by_worker(
    scrape: &Scrape,
    out: &mut Samples<'_, '_>,
    write: impl Fn(&WorkerScrape, &[&str], &mut Samples<'_, '_>) -> fmt::Result,
) -> fmt::Result {
    let mut all = scrape.workers.iter().enumerate();
    all.try_for_each(|(number, it)| write(it, &[&number.to_string()], out))
}

/// All workers together.
pub(super) fn workers(scrape: &Scrape, value: impl Fn(&WorkerScrape) -> u64) -> u64 {
    scrape.workers.iter().map(value).sum()
}

/// What is written of the process, where that is known.
pub(super) fn vitals(scrape: &Scrape, write: impl FnOnce(&Vitals) -> fmt::Result) -> fmt::Result {
    scrape.vitals.as_ref().map_or(Ok(()), write)
}

pub(super) fn accept_errors(scrape: &Scrape, out: &mut Samples<'_, '_>) -> fmt::Result {
    let names = AcceptError::ALL.map(AcceptError::label);
    let mut all = scrape.listeners.iter();
    all.try_for_each(|it| values(out, &[&it.name], names, it.totals.accept_errors))
}

pub(super) fn handshakes(scrape: &Scrape, out: &mut Samples<'_, '_>) -> fmt::Result {
    let names = HandshakeEnd::ALL.map(HandshakeEnd::label);
    let mut all = scrape.listeners.iter().filter(|it| it.speaks_tls);
    all.try_for_each(|it| values(out, &[&it.name], names, it.totals.handshakes))
}

pub(super) fn closed(scrape: &Scrape, out: &mut Samples<'_, '_>) -> fmt::Result {
    let names = Cause::ALL.map(Cause::label);
    let mut all = scrape.ends.iter();
    all.try_for_each(|it| values(out, &[&it.listener, &it.pool], names, it.totals.causes))
}

/// Only of pairs that have answered: most speak no HTTP.
pub(super) fn responses(scrape: &Scrape, out: &mut Samples<'_, '_>) -> fmt::Result {
    for it in &scrape.ends {
        let by = [
            ("backend", it.totals.responses),
            ("l4lb", it.totals.own_responses),
        ];
        let has_any = by.iter().any(|(_, counts)| counts.iter().any(|it| *it > 0));
        for (by, counts) in by.into_iter().filter(|_| has_any) {
            values(out, &[&it.listener, &it.pool, by], CLASSES, counts)?;
        }
    }
    Ok(())
}

/// Those of the ended that no backend was asked to serve, whatever their pool.
pub(super) fn rejected(scrape: &Scrape, out: &mut Samples<'_, '_>) -> fmt::Result {
    for listener in &scrape.listeners {
        for cause in Cause::ALL.into_iter().filter(|it| it.is_rejection()) {
            let ends = scrape.ends.iter().filter(|it| it.listener == listener.name);
            let count: u64 = ends.map(|it| it.totals.causes[cause as usize]).sum();
            out.number(&[&listener.name, cause.label()], count)?;
        }
    }
    Ok(())
}

pub(super) fn no_backend(scrape: &Scrape, out: &mut Samples<'_, '_>) -> fmt::Result {
    for pool in &scrape.pools {
        let ends = scrape.ends.iter().filter(|it| it.pool == pool.name);
        let count: u64 = ends
            .map(|it| it.totals.causes[Cause::NoBackend as usize])
            .sum();
        out.number(&[&pool.name], count)?;
    }
    Ok(())
}

pub(super) fn pool_backends(scrape: &Scrape, out: &mut Samples<'_, '_>) -> fmt::Result {
    for pool in &scrape.pools {
        let mut counts = [0; State::ALL.len()];
        let backends = scrape.backends.iter().filter(|it| it.pool == pool.name);
        backends.for_each(|it| counts[it.state as usize] += 1);
        values(out, &[&pool.name], State::ALL.map(State::label), counts)?;
    }
    Ok(())
}
