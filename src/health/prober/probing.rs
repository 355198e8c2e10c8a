//! What probes find, and when they begin.

use std::time::{Duration, Instant};

use super::{Patient, Prober, reports};
use crate::config::{Check, HealthConfig};
use crate::health::answer::Finding;
use crate::health::standing::Sign;
use crate::messages::Event;
use crate::pool::{Backend, LastCheck};

/// Probes begun in one turn: the rest follows in the next, after the events that have come.
const PROBE_BATCH: usize = 256;

/// Between two events that tell of the same lack.
const SHORTAGE_GAP: Duration = Duration::from_secs(1);

impl Prober {
    pub(super) fn give_up_late_ones(&mut self, now: Instant) {
        while let Some((place, finding)) = self.probes.give_up_late(now) {
            if let Some(finding) = finding {
                self.found(place, finding, now);
            }
        }
    }

    pub(super) fn begin_due_ones(&mut self, now: Instant) {
        for _ in 0..PROBE_BATCH {
            let Some(place) = self.schedule.take(now) else {
                return;
            };
            let Patient { ward, backend, .. } = &self.patients[place];
            let Some(config) = self.wards[*ward].health() else {
                continue;
            };
            let connected = news_of_traffic(backend, config, self.epoch);
            if let Some(connected) = connected
                && self.schedule.count_connect(place, connected, now)
            {
                self.count_traffic(place, connected, now);
                continue;
            }
            self.schedule.begin(place, now);
            let (ward, address) = (&self.wards[*ward], backend.address);
            let veil = match &config.check {
                Check::Tcp => Ok(None),
                Check::Http { .. } | Check::SendExpect { .. } => ward.veil(backend),
            };
            let begun = match veil {
                Ok(veil) => self
                    .probes
                    .begin(place, address, config, ward.approach(), veil, now),
                Err(error) => Some(Finding::Unable(error)),
            };
            if let Some(finding) = begun {
                self.found(place, finding, now);
            }
        }
    }

    /// A client has connected to it at that time: no probe could say more.
    fn count_traffic(&mut self, place: usize, connected: Instant, now: Instant) {
        let Patient { ward, at, .. } = self.patients[place];
        let ward = &mut self.wards[ward];
        let event = ward.record(at, true, Sign::Traffic, "connected", now);
        if let Some(config) = ward.health() {
            let (interval, pace) = (config.interval, ward.pace(at));
            self.schedule.follow(place, connected, now, interval, pace);
        }
        self.note(place, event);
    }

    /// A probe has its finding: counts it, and has the next one follow.
    pub(super) fn found(&mut self, place: usize, finding: Finding, now: Instant) {
        match finding {
            Finding::Passed(what) => self.judge(place, true, what, now),
            Finding::Failed(why) => self.judge(place, false, why, now),
            Finding::Unable(error) => self.tell_shortage(error, now),
        }
        let Patient { ward, at, .. } = self.patients[place];
        let ward = &self.wards[ward];
        if let Some(config) = ward.health() {
            let (interval, pace) = (config.interval, ward.pace(at));
            self.schedule.finished(place, now, interval, pace);
        }
    }

    /// A probe says this of a backend.
    fn judge(&mut self, place: usize, passed: bool, detail: String, now: Instant) {
        let Patient {
            ward,
            at,
            ref backend,
        } = self.patients[place];
        let event = self.wards[ward].record(at, passed, Sign::Probe, &detail, now);
        let began = self.schedule.began(place).unwrap_or(now);
        let check = LastCheck {
            passed,
            at: self.today,
            took: now.saturating_duration_since(began),
            detail,
        };
        reports::check(backend, check);
        self.note(place, event);
    }

    /// Tells the supervisor, at most once a second, that this machine lacks something.
    fn tell_shortage(&mut self, error: String, now: Instant) {
        let is_due = |told| now.saturating_duration_since(told) >= SHORTAGE_GAP;
        if self.shortage_told.is_none_or(is_due) {
            self.shortage_told = Some(now);
            let what = "probe a backend";
            self.news.push(Event::Shortage { what, error });
        }
    }
}

/// When a client's connect last succeeded, where that says as much as a probe would: not where
/// connects have failed since.
fn news_of_traffic(backend: &Backend, config: &HealthConfig, epoch: Instant) -> Option<Instant> {
    let says_as_much = config.check == Check::Tcp && config.port.is_none();
    if !says_as_much || backend.load.failures() > 0 {
        return None;
    }
    let connected = backend.load.last_connected()?;
    epoch.checked_add(Duration::from_millis(connected))
}
