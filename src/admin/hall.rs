//! The loop of the thread: it accepts connections, and hyper serves each in a task of its own.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, UnixListener};
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::guard::Door;
use super::patience::Patience;
use super::socket::{Listening, SocketFile};
use super::stream::{Bounded, Duplex};

/// Connections at once; further clients wait to be accepted.
const CONNECTIONS: usize = 64;
/// The longest head of a request.
const HEAD_BYTES: usize = 32 * 1024;
/// How long connections have to end when the server ends.
const FAREWELL: Duration = Duration::from_millis(200);
/// How long nobody is accepted after that has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where clients are received.
pub(super) struct Hall {
    entrance: Entrance,
    router: Router,
    patience: Patience,
    /// Changes, or is closed, when the server is to end.
    stopping: watch::Receiver<()>,
    places: Arc<Semaphore>,
}

enum Entrance {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// It goes with the listener.
        _file: SocketFile,
    },
}

/// A client, and where it has come in.
type Client = (Box<dyn Duplex>, Door);

impl Hall {
    /// Needs an entered runtime, which the sockets belong to from then on.
    pub(super) fn open(
        listening: Listening,
        router: Router,
        patience: Patience,
        stopping: watch::Receiver<()>,
    ) -> io::Result<Self> {
        let entrance = match listening {
            Listening::Tcp(listener) => Entrance::Tcp(TcpListener::from_std(listener)?),
            Listening::Unix(listener, file) => Entrance::Unix {
                listener: UnixListener::from_std(listener)?,
                _file: file,
            },
        };
        Ok(Self {
            entrance,
            router,
            patience,
            stopping,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    }

    /// Serves until it is to end. What `holds` keeps alive ends with the last accepted client.
    pub(super) async fn serve<T>(mut self, holds: T) {
        let mut stopping = self.stopping.clone();
        let mut connections = JoinSet::new();
        loop {
            let next = select! {
                biased;
                _ = stopping.changed() => break,
                next = self.next() => next,
            };
            match next {
                Some((client, place)) => {
                    connections.spawn(self.connection(client, place));
                }
                None => sleep(ACCEPT_PAUSE).await,
            }
            while connections.try_join_next().is_some() {}
        }
        let Self { entrance, .. } = self;
        drop((entrance, holds));
        let all = async { while connections.join_next().await.is_some() {} };
        // The set aborts those that are left when it is dropped.
        let _ = timeout(FAREWELL, all).await;
    }

    /// The next client, as soon as there is a place for it; none where accepting fails, be it for want of
    /// descriptors.
    async fn next(&mut self) -> Option<(Client, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let client = self.entrance.accept().await.ok()?;
        Some((client, place))
    }

    /// Serves one client. What it does wrong is its own affair.
    fn connection(
        &self,
        (stream, door): Client,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        let routes = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(door);
            routes.call(request)
        });
        let stream = TokioIo::new(Bounded::new(stream, self.patience.reader));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience.head)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(stream, service);
        let mut stopping = self.stopping.clone();
        async move {
            let _place = place;
            select! {
                _ = &mut connection => return,
                _ = stopping.changed() => {}
            }
            Pin::new(&mut connection).graceful_shutdown();
            let _ = connection.await;
        }
    }
}

impl Entrance {
    async fn accept(&self) -> io::Result<Client> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let door = Door::Tcp(stream.local_addr()?);
                Ok((Box::new(stream), door))
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Door::Unix))
            }
        }
    }
}
