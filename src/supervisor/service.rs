//! What a service manager such as systemd is told and gives, where there is one (sd_notify(3),
//! sd_listen_fds(3)).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::listener::Listener;
use crate::messages::{Mailbox, ToHealth, ToWorker};
use crate::reason;
use crate::requests::Reply;

/// Nobody may be there to listen; l4lb works all the same.
fn tell(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

/// It serves, with what `status` says.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// It reads its configuration again; [`ready`] ends that.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// It lets sessions finish, and ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

/// What is worth knowing in one line.
pub(super) fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// Feeds the watchdog of the service manager as long as every worker's loop turns.
pub(super) struct Watchdog {
    /// Between two meals.
    pub(super) interval: Duration,
    /// Workers that were running when all were asked last, and those that have answered since.
    asked: usize,
    answers: Arc<AtomicUsize>,
}

impl Watchdog {
    /// Where there is a watchdog.
    pub(super) fn new() -> Option<Self> {
        let timeout = sd_notify::watchdog_enabled()?;
        Some(Self {
            // As sd_watchdog_enabled(3) recommends.
            interval: timeout / 2,
            asked: 0,
            answers: Arc::default(),
        })
    }

    /// An interval has passed: feeds the watchdog if health and all workers that were running have
    /// answered since the last one, and asks them again.
    pub(super) fn feed(
        &mut self,
        workers: &[Mailbox<ToWorker>],
        running: usize,
        health: &Mailbox<ToHealth>,
    ) {
        if self.answers.swap(0, Ordering::SeqCst) >= self.asked {
            tell(&[NotifyState::Watchdog]);
        }
        self.asked = running + 1;
        let reply = || {
            let answers = Arc::clone(&self.answers);
            Reply::new(move |()| _ = answers.fetch_add(1, Ordering::SeqCst))
        };
        // One whose mailbox is full does not turn; one that has ended need not.
        let _ = health.offer(ToHealth::Ping(reply()));
        for worker in workers {
            let _ = worker.offer(ToWorker::Ping(reply()));
        }
    }
}

/// The listening sockets that the service manager has opened, by their address.
pub(super) fn inherited() -> Result<HashMap<SocketAddr, Listener>, String> {
    let mut passed = ListenFd::from_env();
    let mut sockets = HashMap::new();
    for place in 0..passed.len() {
        let socket = passed
            .take_tcp_listener(place)
            .and_then(|socket| socket.map(Listener::adopt).transpose());
        match socket {
            Ok(Some(listener)) => _ = sockets.insert(listener.address(), listener),
            Ok(None) => {}
            Err(error) => {
                let why = reason::of(&error);
                return Err(format!("socket {place} of the service manager: {why}"));
            }
        }
    }
    Ok(sockets)
}
