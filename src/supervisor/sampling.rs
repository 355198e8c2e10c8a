//! Reads all counts once a second: what is remembered for rates, percentiles and history.
//!
//! It is done whether or not anybody looks, so that there is a history when somebody does. Backends that have
//! gone are forgotten; what they have counted so far stays in the sums of the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::answers::report_of;
use super::registry::Registry;
use crate::counts::{Count, Distribution};
use crate::history::{Interval, Track, Window};
use crate::metrics::{EndTally, EndTotals, ListenerTotals, WorkerTally};
use crate::plan::PlannedPool;
use crate::pool::{BackendId, State, Tally, Totals};
use crate::session::Cause;

/// Between two samples.
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// What a rate is taken over.
const RATE_SPAN: Duration = Duration::from_secs(5);
/// What a percentile, a share and dropped lines are taken over, and how fine its beginning is.
const MINUTE: Duration = Duration::from_secs(60);
const MINUTE_STEP: Duration = Duration::from_secs(15);
/// Pools with a history of their own: 75 KB each.
pub(super) const MOST_TRACKS: usize = 64;

type Connects = Distribution<100, 19>;

/// What was sampled of a backend.
pub(super) struct Watch {
    /// Connections, bytes in, bytes out.
    pub(super) flow: Window<[u64; 3]>,
    connects: Window<Connects>,
    known: Totals,
    /// The sample that has seen it last.
    seen: u64,
}

impl Watch {
    fn new(since: Instant) -> Self {
        Self {
            flow: rates_from(since),
            connects: minute_from(since),
            known: Totals::default(),
            seen: 0,
        }
    }

    /// The time that connects of the last minute took.
    pub(super) fn connects(&self) -> Connects {
        last_minute(&self.connects)
    }

    /// Takes what workers have counted by now. What has come since the sample before.
    fn take(&mut self, now: Instant, totals: Totals) -> Interval {
        let known = std::mem::replace(&mut self.known, totals);
        let flow = |it: &Totals| [it.connections(), it.bytes_in, it.bytes_out];
        self.flow.push(now, flow(&totals));
        self.connects.push(now, totals.connects);
        let (before, after) = (flow(&known), flow(&totals));
        let [connections, bytes_in, bytes_out] =
            std::array::from_fn(|at| after[at].wrapping_sub(before[at]));
        Interval {
            counts: [connections, bytes_in, bytes_out, 0],
            connects: totals.connects.since(&known.connects),
            ..Interval::default()
        }
    }
}

/// All that was sampled.
pub(super) struct Sampler {
    /// Samples so far, when the last one was taken, and what people's clocks showed.
    samples: u64,
    last: Instant,
    pub(super) wall: SystemTime,
    pub(super) process: Track,
    /// Connections, bytes in, bytes out, errors.
    pub(super) totals: Window<[u64; 4]>,
    connects: Window<Connects>,
    pub(super) pools: BTreeMap<Arc<str>, Track>,
    pool_errors: HashMap<Arc<str>, u64>,
    pub(super) backends: HashMap<BackendId, Watch>,
    /// Connections, bytes in, bytes out.
    pub(super) listeners: HashMap<Arc<str>, Window<[u64; 3]>>,
    /// Iterations, nanoseconds awake, bytes copied, bytes spliced.
    pub(super) workers: Vec<Window<[u64; 4]>>,
    /// Lines of the access log that were dropped.
    dropped: Window<u64>,
}

fn rates_from<T: Copy + Default>(now: Instant) -> Window<T> {
    Window::new(RATE_SPAN, SECOND / 2, now, T::default())
}

fn minute_from<T: Copy + Default>(now: Instant) -> Window<T> {
    Window::new(MINUTE, MINUTE_STEP, now, T::default())
}

fn last_minute(window: &Window<Connects>) -> Connects {
    let (before, now, _) = window.ends();
    now.since(&before)
}

impl Sampler {
    pub(super) fn new(now: Instant, wall: SystemTime, workers: usize) -> Self {
        Self {
            samples: 0,
            last: now,
            wall,
            process: Track::default(),
            totals: rates_from(now),
            connects: minute_from(now),
            pools: BTreeMap::new(),
            pool_errors: HashMap::new(),
            backends: HashMap::new(),
            listeners: HashMap::new(),
            workers: (0..workers).map(|_| rates_from(now)).collect(),
            dropped: minute_from(now),
        }
    }

    /// The time that connects of the last minute took, to whatever backend.
    pub(super) fn connects(&self) -> Connects {
        last_minute(&self.connects)
    }

    /// Lines of the access log that were dropped in the last minute.
    pub(super) fn lines_dropped(&self) -> u64 {
        let (before, now, _) = self.dropped.ends();
        now.saturating_sub(before)
    }

    /// Takes a sample. `pools` are those that there are.
    pub(super) fn take<'a>(
        &mut self,
        (now, wall): (Instant, SystemTime),
        registry: &Registry,
        pools: impl Iterator<Item = &'a Arc<PlannedPool>>,
    ) {
        let seconds = now.saturating_duration_since(self.last);
        // Whoever was held up has left out some.
        let missed = (seconds + SECOND / 2).as_secs().saturating_sub(1);
        let seconds = seconds.as_secs_f64();
        self.samples += 1;
        let ends: Ends = registry
            .all_ends()
            .map(|((_, pool), tallies)| (Arc::clone(pool), errors(&EndTally::sum(tallies))))
            .collect();
        let mut process = Interval {
            seconds,
            sessions: registry.sessions(),
            counts: self.take_listeners(now, registry, &ends),
            ..Interval::default()
        };
        let mut tracks = std::mem::take(&mut self.pools);
        for pool in pools {
            let mut interval = self.take_pool(now, pool, &ends);
            interval.seconds = seconds;
            process.connects.merge(&interval.connects);
            process.backends_up += interval.backends_up;
            let name = &pool.config.name;
            let track = tracks.remove(name);
            let others = self.pools.len() + tracks.len();
            let track = track.or_else(|| (others < MOST_TRACKS).then(Track::default));
            if let Some(mut track) = track {
                track.skip(missed);
                track.record(&interval);
                self.pools.insert(Arc::clone(name), track);
            }
        }
        let mut connects = self.connects.latest();
        connects.merge(&process.connects);
        self.connects.push(now, connects);
        self.process.skip(missed);
        self.process.record(&process);
        self.backends.retain(|_, it| it.seen == self.samples);
        (self.last, self.wall) = (now, wall);
    }

    /// What has come to all listeners since the sample before: connections, bytes in, bytes out, errors.
    fn take_listeners(&mut self, now: Instant, registry: &Registry, ends: &Ends) -> [u64; 4] {
        let before = self.totals.latest();
        let mut sums = [0, 0, 0, ends.iter().map(|(_, errors)| errors).sum()];
        for listener in registry.listeners() {
            let totals = ListenerTotals::of(&listener.tallies);
            let counts = [totals.accepted, totals.received, totals.sent];
            sums.iter_mut().zip(counts).for_each(|(sum, it)| *sum += it);
            let name = Arc::clone(&listener.config.name);
            let window = self.listeners.entry(name);
            let window = window.or_insert_with(|| rates_from(self.last));
            window.push(now, counts);
        }
        self.totals.push(now, sums);
        std::array::from_fn(|at| sums[at].wrapping_sub(before[at]))
    }

    /// What has come to a pool since the sample before.
    fn take_pool(&mut self, now: Instant, pool: &PlannedPool, ends: &Ends) -> Interval {
        let mut sum = Interval::default();
        for backend in &pool.backends {
            let watch = self.backends.entry(backend.id);
            let watch = watch.or_insert_with(|| Watch::new(self.last));
            watch.seen = self.samples;
            let interval = watch.take(now, Tally::sum(&backend.tallies));
            let sums = sum.counts.iter_mut().zip(interval.counts);
            sums.for_each(|(sum, it)| *sum += it);
            sum.connects.merge(&interval.connects);
            sum.sessions += backend.load.active.count();
            sum.backends_up += u32::from(report_of(backend).state == State::Up);
        }
        let name = &pool.config.name;
        let errors = ends.iter().filter(|(pool, _)| pool == name);
        let errors = errors.map(|(_, errors)| errors).sum();
        let before = self.pool_errors.insert(Arc::clone(name), errors);
        sum.counts[3] = errors - before.unwrap_or(0);
        sum
    }

    /// Takes what workers have counted of themselves, and how many lines of the access log were dropped.
    pub(super) fn take_engine(&mut self, now: Instant, tallies: &[Arc<WorkerTally>], dropped: u64) {
        for (window, tally) in self.workers.iter_mut().zip(tallies) {
            let WorkerTally {
                iterations,
                busy_nanos,
                copied,
                spliced,
                ..
            } = &**tally;
            window.push(
                now,
                [iterations, busy_nanos, copied, spliced].map(Count::value),
            );
        }
        self.dropped.push(now, dropped);
    }
}

/// By pool: connections that have ended by an error.
type Ends = Vec<(Arc<str>, u64)>;

fn errors(ends: &EndTotals) -> u64 {
    let errors = Cause::ALL.into_iter().filter(|it| it.is_error());
    errors.map(|it| ends.causes[it as usize]).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AllDown, Balance, OnDown, PoolConfig};
    use crate::pool::Line;

    fn pool(name: String) -> Arc<PlannedPool> {
        Arc::new(PlannedPool {
            tls: None,
            config: PoolConfig {
                name: name.into(),
                backends: Vec::new(),
                backends_file: None,
                balance: Balance::RoundRobin,
                connect_timeout: SECOND,
                retries: 0,
                queue_timeout: SECOND,
                slow_start: Duration::ZERO,
                hedge: false,
                send_proxy: None,
                source: None,
                on_down: OnDown::Keep,
                all_down: AllDown::Reject,
                health: None,
                eject: None,
                scale: None,
                tls: None,
            },
            backends: Vec::new(),
            orders: Vec::new(),
            line: Arc::new(Line::new(1)),
        })
    }

    #[test]
    fn pools_that_come_before_others_do_not_make_the_histories_more_than_there_may_be() {
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let mut sampler = Sampler::new(start, wall, 1);
        let registry = Registry::new(1, HashMap::new());
        let mut pools = Vec::new();
        for second in 1..=3 {
            let new = (0..MOST_TRACKS).map(|it| pool(format!("{second}-{it}")));
            pools = new.chain(pools).collect();
            let now = start + second * SECOND;
            sampler.take((now, wall), &registry, pools.iter());
            assert_eq!(sampler.pools.len(), MOST_TRACKS);
            assert!(sampler.pools.contains_key("1-0"), "who has one keeps it");
        }
        sampler.take((start + 4 * SECOND, wall), &registry, pools[..70].iter());
        sampler.take((start + 5 * SECOND, wall), &registry, pools[..70].iter());
        assert_eq!(sampler.pools.len(), MOST_TRACKS, "others may have theirs");
    }
}
