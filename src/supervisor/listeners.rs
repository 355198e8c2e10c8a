//! Makes what the overview shows of listeners: their traffic, where their clients go, and what they have said
//! in TLS and in HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Process;
use super::certificates::seconds;
use crate::metrics::{
    CLASSES, CertificateScrape, EndTally, EndTotals, HandshakeEnd, ListenerTotals,
};
use crate::plan::PlannedListener;
use crate::requests::listener::{CertificateNow, Handshakes, HttpNow, ListenerNow, Route, TlsNow};
use crate::session::Cause;
use crate::tls::{Certificate, Shown};

const DAY: i64 = 24 * 3600;
/// The last second that a date is written of, that of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

impl Process {
    /// All that listen, and those that have sessions yet.
    pub(super) fn overview_of_listeners(&self, now: SystemTime) -> Vec<ListenerNow> {
        let listening = self.registry.listening();
        let report =
            listening.map(|(planned, addresses)| self.listener_now(planned, addresses, now));
        report.collect()
    }

    fn listener_now(
        &self,
        planned: &PlannedListener,
        addresses: Vec<String>,
        now: SystemTime,
    ) -> ListenerNow {
        let name = &*planned.config.name;
        let window = self.sampler.listeners.get(name);
        let [connections, bytes_in, bytes_out] = window.map_or([0.0; 3], |it| it.rates());
        let ends = self.ends_of(name);
        let tls = planned.tls.is_some().then(|| TlsNow {
            handshakes: handshakes(&ListenerTotals::of(&planned.tallies)),
            certificates: self.certificates_of(name, seconds(now)),
        });
        ListenerNow {
            name: name.to_owned(),
            addresses,
            pool: planned.destinations[0].name.to_string(),
            routes: routes(planned),
            sessions: planned.active.count(),
            connections_per_second: connections,
            bytes_in_per_second: bytes_in,
            bytes_out_per_second: bytes_out,
            rejected_total: rejected(&ends),
            tls,
            http: planned.config.http.is_some().then(|| http(&ends)),
        }
    }

    /// Why its connections have ended, for each of its pools.
    fn ends_of(&self, listener: &str) -> Vec<EndTotals> {
        let ends = self.registry.all_ends();
        let own = ends.filter(|((name, _), _)| **name == *listener);
        own.map(|(_, tallies)| EndTally::sum(tallies)).collect()
    }

    /// Those of one listener, at a time in seconds since 1970.
    fn certificates_of(&self, listener: &str, now: i64) -> Vec<CertificateNow> {
        let shown = self.wanted.materials.shown.iter();
        let mut own: Vec<&Shown> = shown.filter(|it| *it.listener == *listener).collect();
        own.sort_by_key(|it| it.says.not_after);
        own.into_iter().map(|it| certificate(it, now)).collect()
    }

    /// Each once: a file that a listener names twice is one series.
    pub(super) fn certificate_scrapes(&self) -> Vec<CertificateScrape> {
        let mut known = BTreeSet::new();
        let shown = self.wanted.materials.shown.iter();
        let shown = shown.filter(|it| known.insert((&it.listener, &it.file)));
        let scrapes = shown.map(|it| CertificateScrape {
            listener: it.listener.clone(),
            file: it.file.display().to_string(),
            not_after: it.says.not_after,
            is_stapled: it.stapled,
        });
        scrapes.collect()
    }
}

/// Where some of its clients go, in the order of the configuration.
pub(super) fn routes(planned: &PlannedListener) -> Vec<Route> {
    let name = |pool: usize| {
        // From the end: the first one may have this pool only until another is known.
        let mut all = planned.destinations.iter().rev();
        let found = all.find(|it| it.pool == pool);
        found.map_or_else(String::new, |it| it.name.to_string())
    };
    let routes = planned.config.routes.iter().flat_map(|it| it.list());
    let routes = routes.map(|it| Route {
        sni: it.sni.iter().map(ToString::to_string).collect(),
        alpn: it.alpn.iter().map(ToString::to_string).collect(),
        pool: name(it.pool),
    });
    routes.collect()
}

fn handshakes(totals: &ListenerTotals) -> Handshakes {
    let of = |end: HandshakeEnd| totals.handshakes[end as usize];
    let is_failure =
        |end: &HandshakeEnd| !matches!(end, HandshakeEnd::Full | HandshakeEnd::Resumed);
    let failures = HandshakeEnd::ALL.into_iter().filter(is_failure);
    let failures = failures.map(|end| (end.label().to_owned(), of(end)));
    let failures: BTreeMap<_, _> = failures.filter(|(_, count)| *count > 0).collect();
    Handshakes {
        full: of(HandshakeEnd::Full),
        resumed: of(HandshakeEnd::Resumed),
        failed: failures.values().sum(),
        failures,
    }
}

fn certificate(shown: &Shown, now: i64) -> CertificateNow {
    let Certificate {
        subject,
        dns_names,
        not_before,
        not_after,
        ..
    } = &shown.says;
    CertificateNow {
        file: shown.file.display().to_string(),
        subject: subject.clone(),
        names: dns_names.clone(),
        not_before: date(*not_before),
        not_after: date(*not_after),
        days_left: not_after.saturating_sub(now).div_euclid(DAY),
        ocsp_stapled: shown.stapled,
    }
}

/// A time in seconds since 1970, as far as there are words for it.
fn date(seconds: i64) -> String {
    let since = u64::try_from(seconds).unwrap_or(0).min(LAST_SECOND);
    let at = UNIX_EPOCH + Duration::from_secs(since);
    humantime::format_rfc3339_seconds(at).to_string()
}

fn rejected(ends: &[EndTotals]) -> u64 {
    let causes = Cause::ALL.into_iter().filter(|it| it.is_rejection());
    let of_all = |cause: Cause| ends.iter().map(|it| it.causes[cause as usize]).sum::<u64>();
    causes.map(of_all).sum()
}

fn http(ends: &[EndTotals]) -> HttpNow {
    let by_class = |of: fn(&EndTotals) -> &[u64; CLASSES.len()]| -> BTreeMap<String, u64> {
        let of_all = |class: usize| ends.iter().map(|it| of(it)[class]).sum();
        let classes = CLASSES.iter().enumerate();
        classes
            .map(|(at, it)| ((*it).to_owned(), of_all(at)))
            .collect()
    };
    HttpNow {
        responses: by_class(|it| &it.responses),
        own_responses: by_class(|it| &it.own_responses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(not_after: i64) -> Shown {
        let says = Certificate {
            subject: "CN=web.example".to_owned(),
            common_name: Some("web.example".to_owned()),
            dns_names: vec!["web.example".to_owned()],
            not_before: 0,
            not_after,
        };
        let (listener, file) = ("web".into(), "/etc/l4lb/web.pem".into());
        Shown {
            listener,
            file,
            says,
            stapled: true,
        }
    }

    #[test]
    fn days_are_whole_and_negative_from_the_first_second_after_the_end() {
        let now = 1000 * DAY;
        for (not_after, days_left) in [
            (now + 30 * DAY, 30),
            (now + 30 * DAY - 1, 29),
            (now, 0),
            (now - 1, -1),
            (now - DAY, -1),
            (i64::MIN, i64::MIN.div_euclid(DAY)),
        ] {
            let told = certificate(&shown(not_after), now).days_left;
            assert_eq!(told, days_left, "{not_after}");
        }
    }

    #[test]
    fn a_date_has_words_however_far_it_is() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_219_200, "2026-11-21T00:00:00Z"),
            (i64::MIN, "1970-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn handshakes_that_have_failed_are_told_by_why() {
        let mut totals = ListenerTotals::default();
        for (end, count) in [
            (HandshakeEnd::Full, 7),
            (HandshakeEnd::Resumed, 5),
            (HandshakeEnd::NotTls, 2),
            (HandshakeEnd::Timeout, 1),
        ] {
            totals.handshakes[end as usize] = count;
        }
        let told = handshakes(&totals);
        assert_eq!((told.full, told.resumed, told.failed), (7, 5, 3));
        let failures = [("not_tls".to_owned(), 2), ("timeout".to_owned(), 1)];
        assert_eq!(told.failures, BTreeMap::from(failures));
    }
}
