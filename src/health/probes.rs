//! All probes under way, at most one for each backend, with their deadlines.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::agenda::Agenda;
use super::answer::Finding;
use super::probe::{Probe, Progress};
use crate::config::HealthConfig;
use crate::reason;

pub(super) struct Probes {
    registry: Registry,
    under_way: Vec<Option<UnderWay>>,
    /// When each probe's time is over; one that leaves has as much again.
    deadlines: Agenda,
    /// Counts probes: an event of an earlier probe of the same backend has an earlier number.
    number: usize,
}

struct UnderWay {
    probe: Probe,
    number: usize,
    timeout: Duration,
}

impl Probes {
    /// Of so many backends, none is being probed.
    pub(super) fn new(registry: Registry, backends: usize) -> Self {
        Self {
            registry,
            under_way: std::iter::repeat_with(|| None).take(backends).collect(),
            deadlines: Agenda::new(backends),
            number: 0,
        }
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
        now: Instant,
    ) -> Option<Finding> {
        self.end(backend);
        if let Some(port) = config.port {
            address.set_port(port);
        }
        let started = Probe::start(address, &config.check);
        let watched = started.and_then(|probe| match self.watch(backend, &probe) {
            Ok(()) => Ok(probe),
            Err(error) => Err(Finding::Unable(reason::of(&error))),
        });
        match watched {
            Ok(probe) => {
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

    fn watch(&mut self, backend: usize, probe: &Probe) -> io::Result<()> {
        self.number += 1;
        let token = Token(self.number * self.under_way.len() + backend);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let descriptor = probe.socket().as_raw_fd();
        self.registry
            .register(&mut SourceFd(&descriptor), token, interest)
    }

    /// Ends the probe of `backend`, if there is one.
    pub(super) fn end(&mut self, backend: usize) {
        self.under_way[backend] = None;
        self.deadlines.clear(backend);
    }

    /// An event came for the probe that `token` names: what that backend's probe has found.
    pub(super) fn look(&mut self, token: Token, now: Instant) -> Option<(usize, Finding)> {
        let number = token.0.checked_div(self.under_way.len())?;
        let backend = token.0 % self.under_way.len();
        let current = self.under_way[backend].as_mut();
        let UnderWay { probe, timeout, .. } = current.filter(|it| it.number == number)?;
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
        let late = self.under_way[backend].take();
        let finding = late.filter(|it| !it.probe.is_leaving()).map(|it| {
            let timeout = humantime::format_duration(it.timeout);
            Finding::Failed(format!("no answer within {timeout}"))
        });
        Some((backend, finding))
    }
}
