//! All probes under way, at most one for each backend, with their deadlines.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::agenda::Agenda;
use super::answer::Finding;
use super::approach::Approach;
use super::probe::{Probe, Progress};
use super::veil::Veil;
use crate::config::HealthConfig;
use crate::reason;

pub(super) struct Probes {
    registry: Registry,
    /// By backend.
    under_way: Vec<Option<UnderWay>>,
    /// Of each probe under way, by its number, whose it is.
    owners: HashMap<usize, usize>,
    /// When each probe's time is over; one that leaves has as much again.
    deadlines: Agenda,
    /// Counts probes. Events name the number, which is never given again: one of a probe that has
    /// ended names nobody, whoever has its place by then.
    number: usize,
}

struct UnderWay {
    probe: Probe,
    number: usize,
    timeout: Duration,
}

impl Probes {
    /// There is room for nobody yet.
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            registry,
            under_way: Vec::new(),
            owners: HashMap::new(),
            deadlines: Agenda::new(0),
            number: 0,
        }
    }

    /// There are at least so many backends from now on.
    pub(super) fn make_room(&mut self, backends: usize) {
        let backends = backends.max(self.under_way.len());
        self.under_way.resize_with(backends, || None);
        self.deadlines.make_room(backends);
    }

    /// When the first of them is late.
    pub(super) fn next(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Begins a probe of `backend`, and ends the last one if it is still leaving. What is found at
    /// once is returned.
    pub(super) fn begin(
        &mut self,
        backend: usize,
        mut address: SocketAddr,
        config: &HealthConfig,
        mut approach: Approach<'_>,
        mut veil: Option<Veil>,
        now: Instant,
    ) -> Option<Finding> {
        self.end(backend);
        if let Some(port) = config.port {
            address.set_port(port);
            approach = approach.aside();
            veil = None;
        }
        let started = Probe::start(address, &config.check, approach, veil);
        let watched = started.and_then(|probe| match self.watch(&probe) {
            Ok(()) => Ok(probe),
            Err(error) => Err(Finding::Unable(reason::of(&error))),
        });
        match watched {
            Ok(probe) => {
                self.owners.insert(self.number, backend);
                self.under_way[backend] = Some(UnderWay {
                    probe,
                    number: self.number,
                    timeout: config.timeout,
                });
                self.deadlines.set(backend, now + config.timeout);
                None
            }
            Err(finding) => Some(finding),
        }
    }

    fn watch(&mut self, probe: &Probe) -> io::Result<()> {
        self.number += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let descriptor = probe.socket().as_raw_fd();
        self.registry
            .register(&mut SourceFd(&descriptor), Token(self.number), interest)
    }

    /// Ends the probe of `backend`, if there is one.
    pub(super) fn end(&mut self, backend: usize) {
        self.take(backend);
        self.deadlines.clear(backend);
    }

    fn take(&mut self, backend: usize) -> Option<UnderWay> {
        let ended = self.under_way[backend].take()?;
        self.owners.remove(&ended.number);
        Some(ended)
    }

    /// An event came for the probe that `token` names: what that backend's probe has found.
    pub(super) fn look(&mut self, token: Token, now: Instant) -> Option<(usize, Finding)> {
        let backend = *self.owners.get(&token.0)?;
        let UnderWay { probe, timeout, .. } = self.under_way[backend].as_mut()?;
        let finding = match probe.advance() {
            Progress::Waiting => return None,
            Progress::Over(finding) => {
                self.end(backend);
                finding?
            }
            Progress::Judged(finding) => {
                self.deadlines.set(backend, now + *timeout);
                if probe.advance() != Progress::Waiting {
                    self.end(backend);
                }
                finding
            }
        };
        Some((backend, finding))
    }

    /// Ends one probe whose time is over. What that says of its backend, unless it was leaving.
    pub(super) fn give_up_late(&mut self, now: Instant) -> Option<(usize, Option<Finding>)> {
        let backend = self.deadlines.take(now)?;
        let late = self.take(backend);
        let finding = late.filter(|it| !it.probe.is_leaving()).map(|it| {
            let timeout = humantime::format_duration(it.timeout);
            Finding::Failed(format!("no answer within {timeout}"))
        });
        Some((backend, finding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::net::TcpListener;

    /// Events of the probe of one backend, when it has connected.
    fn events(poll: &mut Poll) -> Vec<Token> {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(Duration::from_secs(20)))
            .unwrap();
        events.iter().map(mio::event::Event::token).collect()
    }

    #[test]
    fn an_event_of_a_probe_that_has_ended_says_nothing_of_who_has_its_place_now() {
        let (now, config) = (Instant::now(), HealthConfig::default());
        let mut poll = Poll::new().unwrap();
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = listeners.each_ref().map(|it| it.local_addr().unwrap());
        let mut probes = Probes::new(poll.registry().try_clone().unwrap());
        probes.make_room(1);
        assert_eq!(
            probes.begin(0, addresses[0], &config, Approach::default(), None, now),
            None
        );
        let stale = events(&mut poll);
        probes.end(0);
        probes.make_room(5);
        assert_eq!(
            probes.begin(0, addresses[1], &config, Approach::default(), None, now),
            None
        );
        let current = events(&mut poll);
        assert!(!stale.is_empty() && !current.is_empty());
        for token in stale {
            assert_eq!(probes.look(token, now), None, "it is over");
        }
        let found = current.into_iter().find_map(|it| probes.look(it, now));
        assert_eq!(found, Some((0, Finding::Passed("connected".to_owned()))));
    }
}
