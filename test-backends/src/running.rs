//! The threads of a server that is up: one that accepts, one per connection; or one that flaps.
//!
//! Dropping a [`Running`] raises its stop signal and joins its threads: the accepting thread closes
//! the listener first, so new connections are refused before the live ones are gone.

use std::{
    io::{self, ErrorKind},
    net::{TcpListener, TcpStream},
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle, Scope},
    time::Duration,
};

use rustix::event::PollFlags;

use crate::{
    behaviour::Behaviour,
    connection::{Connection, Counters},
    reservation::Reservation,
    stop::Stop,
};

/// Small, so that a thousand connections are cheap; buffers live on the heap.
const STACK_BYTES: usize = 128 * 1024;
/// After a failure to accept that waiting may cure, as when descriptors have run out.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);
/// Flapping faster than this would be a busy loop.
const SHORTEST_SPELL: Duration = Duration::from_millis(1);

/// What a server keeps while it is stopped.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) reservation: Reservation,
    pub(crate) counters: Counters,
}

#[derive(Debug)]
pub(crate) struct Running {
    stop: Arc<Stop>,
    /// None only while it is dropped.
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(
        base: &Arc<Base>,
        behaviour: &Behaviour,
        listener: TcpListener,
    ) -> io::Result<Self> {
        let stop = Arc::new(Stop::new()?);
        let base = Arc::clone(base);
        let theirs = Arc::clone(&stop);
        let thread = match behaviour {
            Behaviour::Flapping { up, down, inner } => {
                let first = Self::start(&base, inner, listener)?;
                let spells = [*up, *down].map(|spell| spell.max(SHORTEST_SPELL));
                let inner = Behaviour::clone(inner);
                spawn("flapping", move || {
                    flap(first, spells, &base, &inner, &theirs)
                })?
            }
            Behaviour::NeverAccept => spawn("never-accept", move || {
                let _queue_only = listener;
                let _ = theirs.pause(Duration::MAX);
            })?,
            other => {
                let behaviour = other.clone();
                spawn("accepting", move || {
                    accept_all(listener, &behaviour, &base, &theirs)
                })?
            }
        };
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.raise();
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported by its own thread.
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(body)
}

/// Ends when the signal is raised; a port lost to somebody else is tried again a spell later.
fn flap(
    first: Running,
    [up, down]: [Duration; 2],
    base: &Arc<Base>,
    inner: &Behaviour,
    stop: &Stop,
) {
    let mut running = Some(first);
    while stop.pause(up).is_ok() {
        drop(running.take());
        if stop.pause(down).is_err() {
            return;
        }
        let listener = base.reservation.listen(inner.backlog());
        running = listener
            .and_then(|listener| Running::start(base, inner, listener))
            .ok();
    }
}

fn accept_all(listener: TcpListener, behaviour: &Behaviour, base: &Base, stop: &Stop) {
    // The scope joins the threads of all connections.
    thread::scope(|scope| {
        // Closed when this closure ends, and that is before the scope joins.
        let listener = listener;
        loop {
            match accept(&listener, stop) {
                Ok(stream) => {
                    base.counters.accepted.fetch_add(1, Ordering::Relaxed);
                    serve(scope, stream, behaviour, base, stop);
                }
                Err(_) if stop.is_raised() => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => thread::sleep(ACCEPT_RETRY),
            }
        }
    });
}

fn accept(listener: &TcpListener, stop: &Stop) -> io::Result<TcpStream> {
    stop.wait_for(listener, PollFlags::IN, None)?;
    Ok(listener.accept()?.0)
}

/// A thread that cannot be had costs this connection only: it is closed.
fn serve<'scope>(
    scope: &'scope Scope<'scope, '_>,
    stream: TcpStream,
    behaviour: &'scope Behaviour,
    base: &'scope Base,
    stop: &'scope Stop,
) {
    let body = move || {
        if let Ok(mut connection) = Connection::new(stream, stop, &base.counters) {
            let result = behaviour.serve(&mut connection);
            connection.end(result);
        }
    };
    let builder = thread::Builder::new()
        .name("connection".to_owned())
        .stack_size(STACK_BYTES);
    let _ = builder.spawn_scoped(scope, body);
}
