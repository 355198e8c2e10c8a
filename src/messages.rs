//! Every type that crosses a thread.
//!
//! supervisor -> worker: [`ToWorker`] · health -> worker: [`ToWorker::Live`] · worker -> health:
//! [`ToHealth`] · everybody -> supervisor: [`Event`] · worker -> access log: [`SessionRecord`].
//! Only types live here, no threads. Imports pool, balance, plan, discovery, scaling, session and sys.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use mio::{Registry, Token, Waker};

use socket2::Socket;

use crate::access_log::AccessLog;
use crate::balance::{Preview, Snapshot};
use crate::discovery::News;
use crate::plan::{Plan, PlannedListener};
use crate::pool::{Backend, BackendId, Order, State};
use crate::requests::{Caller, Connection, First, Reply, Request};
use crate::scaling::Ran;
use crate::session::{CloseReason, DialError, Side};
use crate::sys::TcpInfo;

/// Messages that may wait in a mailbox. Its loop empties it at every wake: only a burst fills it.
const MAILBOX_MESSAGES: usize = 256;

/// Sends to a thread that sleeps in an event loop, and wakes it.
#[derive(Debug)]
pub struct Mailbox<T> {
    sender: Sender<T>,
    waker: Arc<Waker>,
}

impl<T> Mailbox<T> {
    /// Opens a mailbox for the loop on `registry`, which `token` then tells of mail.
    ///
    /// # Errors
    ///
    /// What the kernel says where it refuses the waker.
    pub fn open(registry: &Registry, token: Token) -> io::Result<(Self, Receiver<T>)> {
        let waker = Arc::new(Waker::new(registry, token)?);
        let (sender, receiver) = bounded(MAILBOX_MESSAGES);
        Ok((Self { sender, waker }, receiver))
    }

    /// Sends, and waits while the mailbox is full. A loop that has ended takes nothing: no error.
    pub fn send(&self, message: T) {
        if self.sender.send(message).is_ok() {
            let _ = self.waker.wake();
        }
    }

    /// Sends unless the mailbox is full: for those who must not wait.
    ///
    /// # Errors
    ///
    /// The message, where the mailbox is full, or its loop has ended.
    pub fn offer(&self, message: T) -> Result<(), T> {
        self.sender
            .try_send(message)
            .map_err(TrySendError::into_inner)?;
        let _ = self.waker.wake();
        Ok(())
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            waker: Arc::clone(&self.waker),
        }
    }
}

/// What a worker's mailbox takes.
#[derive(Debug)]
pub enum ToWorker {
    /// The newest live set of the pool at this place of the configuration.
    Live {
        /// The place of the pool.
        pool: usize,
        /// What health allows of it.
        snapshot: Snapshot,
    },
    /// What to serve from now on, and of each pool what there is to pick from.
    Plan(Arc<Plan>, Vec<Snapshot>),
    /// Reset every session of this backend: it is taken away.
    Reset(BackendId),
    /// Of so many sessions, from this end of all, how they are.
    List(usize, First, Reply<Vec<Connection>>),
    /// End the session with this id by a reset. Whether there was one.
    Kill(u64, Reply<bool>),
    /// How many sessions there are, by what they have.
    Census(Reply<Vec<Crowd>>),
    /// What the next client of this listener would get if it were that one; none where there is no such
    /// listener, or no pool for it.
    Explain(Arc<str>, Arc<Caller>, Reply<Option<Outlook>>),
    /// Answer, to show that the loop turns.
    Ping(Reply<()>),
    /// Of so many sessions of this backend, the idlest first: when a byte moved last, in milliseconds
    /// since the epoch, and the id.
    Idlest(BackendId, usize, Reply<Vec<(u64, u64)>>),
    /// End the sessions with these ids: their backend is drained. How many there were.
    Retire(Arc<[u64]>, Reply<u32>),
    /// Clients who wait for a backend of the pool at this place: there is room, or whoever was before
    /// them waits no more.
    Room(usize),
    /// A client that another worker, which has more sessions, has accepted.
    Client {
        /// The accepted socket.
        socket: Socket,
        /// The client's address.
        address: SocketAddr,
        /// Its listener.
        listener: Arc<PlannedListener>,
    },
    /// Write sessions down there from now on, or nowhere.
    Log(Option<AccessLog>),
    /// Close the listeners; end what is left when the time is over.
    Drain(Duration),
    /// End everything at once.
    Stop,
}

/// What a worker would do with the next client of a listener.
#[derive(Debug)]
pub struct Outlook {
    /// The number of the worker, from 0.
    pub worker: usize,
    /// Clients of this worker that wait in the pool's line.
    pub waiting: usize,
    /// What its balancer would do where nobody waits.
    pub preview: Preview,
}

/// Sessions that have the same listener, pool and backend.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The name of the pool.
    pub pool: Arc<str>,
    /// The backend; none while there is no connection to one.
    pub backend: Option<BackendId>,
    /// How many they are.
    pub sessions: u32,
}

/// What the health thread's mailbox takes.
#[derive(Debug)]
pub enum ToHealth {
    /// An attempt to connect for a client has failed: the backend is worth a look.
    DialFailed(BackendId),
    /// What to watch from now on; it is passed on to the workers.
    Plan(Arc<Plan>),
    /// An operator wants the backend in this state.
    Order(BackendId, Order),
    /// Answer, to show that the loop turns.
    Ping(Reply<()>),
    /// End.
    Stop,
}

/// What the supervisor is told. It logs, so that nobody else waits for a log sink.
#[derive(Debug)]
pub enum Event {
    /// The admin API wants to know or to change something.
    Asked(Request),
    /// What names stand for may have changed.
    Discovered(News),
    /// A file of backends may have changed.
    Stirred(PathBuf),
    /// A signal arrived.
    Signal(i32),
    /// A backend changed its state.
    Transition {
        /// Which one.
        backend: Arc<Backend>,
        /// What it is now.
        state: State,
        /// Why: `connection refused (3 of 3)`.
        why: String,
    },
    /// A worker cannot accept or dial for want of something of this machine.
    Shortage {
        /// What could not be done: `accept a client`.
        what: &'static str,
        /// What the kernel said.
        error: String,
    },
    /// A worker's sessions have come near their limit, or reached it.
    Crowded {
        /// Sessions now.
        sessions: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The run with this number of a pool's command has ended.
    Ran(u64, Ran),
    /// The access log cannot be written.
    AccessLogFailed(String),
    /// So many lines of the access log were dropped since the last time.
    AccessLogDropped(u64),
    /// A thread has ended; `Err` with the reason where it should not have.
    Ended(Result<(), String>),
}

/// An attempt to connect that has failed.
#[derive(Clone, Debug)]
pub struct FailedAttempt {
    /// To whom.
    pub backend: Arc<Backend>,
    /// Why.
    pub error: DialError,
    /// The time until it was known.
    pub took: Duration,
}

/// The attempts of a session that have failed, the first ones if there were very many.
#[derive(Clone, Debug, Default)]
pub struct FailedAttempts(pub Vec<FailedAttempt>);

/// What the access log says of an HTTP request, besides what it says of every session. Texts are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// Its method.
    pub method: Box<str>,
    /// Its path, without the query.
    pub path: Box<str>,
    /// The minor number of its version, HTTP/1.0 or 1.1.
    pub minor: u8,
    /// The host that it is for.
    pub host: Option<Box<str>>,
    /// The client's software, as it calls itself.
    pub user_agent: Option<Box<str>>,
    /// From its first byte to the last one of its head.
    pub head: Duration,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
}

/// All that the access log says of a session, or of one request of an HTTP listener: then times begin with
/// its first byte, and bytes, retries and waits are its own.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// The connection's id.
    pub id: u64,
    /// When this was true: at its end, where it has ended.
    pub at: Instant,
    /// The client's address.
    pub client: SocketAddr,
    /// The listener's name.
    pub listener: Arc<str>,
    /// The name of the listener's pool.
    pub pool: Arc<str>,
    /// The last backend that was picked.
    pub backend: Option<Arc<Backend>>,
    /// The time that it has waited for a backend below its limit.
    pub queued: Duration,
    /// From accept to the established backend connection, less the time in the queue.
    pub connect: Option<Duration>,
    /// From accept to the first byte that was read, by side.
    pub first_byte: [Option<Duration>; 2],
    /// From accept to the end.
    pub total: Duration,
    /// Bytes read from the client.
    pub bytes_in: u64,
    /// Bytes read from the backend.
    pub bytes_out: u64,
    /// Why it ended; `None` while it lives.
    pub reason: Option<CloseReason>,
    /// The side that ended its stream, or reset it, before the other one did, if either has.
    pub ended_by: Option<Side>,
    /// Attempts to connect after the first one.
    pub retries: u8,
    /// Attempts to connect that have failed, where any has.
    pub failed: Option<Box<FailedAttempts>>,
    /// Sessions when it ended, itself included: in all, on its listener, on its backend.
    pub active: [u32; 3],
    /// Whether any byte was spliced.
    pub spliced: bool,
    /// What the kernel knows of its connections, by side, where the log wants to know.
    pub tcp: Option<Box<[Option<TcpInfo>; 2]>>,
    /// The request, where this is one.
    pub request: Option<Box<RequestRecord>>,
    /// What is known of the client by TLS, where it is spoken with it.
    pub tls: Option<Arc<TlsRecord>>,
}

/// What a handshake has told of a client.
#[derive(Debug)]
pub struct TlsRecord {
    /// Such as `1.3`.
    pub version: &'static str,
    /// As IANA calls it: `TLS_AES_256_GCM_SHA384`.
    pub cipher: Box<str>,
    /// The name that it has asked for.
    pub server_name: Option<Box<str>>,
    /// Whose its certificate is, as RFC 4514 writes it.
    pub subject: Option<Box<str>>,
    /// The common name of that.
    pub common_name: Option<Box<str>>,
}
