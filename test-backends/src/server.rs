//! The server as its users hold it: start, ask, stop, start again.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, atomic::Ordering},
};

use crate::{
    behaviour::Behaviour,
    connection::Counters,
    reservation::Reservation,
    running::{Base, Running},
};

/// A backend that runs in threads of its own until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    base: Arc<Base>,
    behaviour: Behaviour,
    running: Option<Running>,
}

impl Server {
    /// Listens on the address (the first that works, if it stands for several; port 0 finds a free
    /// one) and serves every connection as the behaviour says.
    ///
    /// # Errors
    ///
    /// When no address can be listened on, or no thread can be had.
    pub fn start(addr: impl ToSocketAddrs, behaviour: Behaviour) -> io::Result<Self> {
        let (reservation, listener) = Reservation::first_of(addr, behaviour.backlog())?;
        let base = Arc::new(Base {
            reservation,
            counters: Counters::default(),
        });
        let running = Running::start(&base, &behaviour, listener)?;
        Ok(Self {
            base,
            behaviour,
            running: Some(running),
        })
    }

    /// Where it listens, or did before it was stopped.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.base.reservation.addr()
    }

    /// How many connections it has accepted, over all starts.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.base.counters.accepted.load(Ordering::Relaxed)
    }

    /// How many bytes it has read from all clients, over all starts.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.base.counters.bytes_received.load(Ordering::Relaxed)
    }

    /// Refuses new connections, resets the live ones and joins all threads. The port stays
    /// reserved for [`start_again`](Self::start_again). Once stopped, it does nothing.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Listens on the same port again after [`stop`](Self::stop). While it runs, it does nothing.
    ///
    /// # Errors
    ///
    /// When somebody else listens on the port by now, or no thread can be had.
    pub fn start_again(&mut self) -> io::Result<()> {
        if self.running.is_none() {
            let listener = self.base.reservation.listen(self.behaviour.backlog())?;
            self.running = Some(Running::start(&self.base, &self.behaviour, listener)?);
        }
        Ok(())
    }
}
