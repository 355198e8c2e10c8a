//! What happens, as server-sent events.
//!
//! The supervisor is asked once, by the first client. From then on each client reads on from where it
//! is in the latest [`WAITING`] events; one that falls further behind is dropped.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::desk::Desk;
use super::problem::Problem;
use super::routes::Shared;
use crate::requests::{Happening, Request, Subscriber};

/// Clients at once.
const CLIENTS: usize = 32;
/// Events that a client may be behind.
const WAITING: usize = 256;

/// Where events come from, for as long as the server holds the other end.
#[derive(Clone)]
pub(super) struct Feed {
    source: Weak<Sender<Happening>>,
    is_fed: Arc<AtomicBool>,
    clients: Arc<Semaphore>,
    silence: Duration,
}

/// A client's place in what happens, and among the clients.
type Reader = (Receiver<Happening>, OwnedSemaphorePermit);

impl Feed {
    /// A feed, and what ends all its streams when it is dropped.
    pub(super) fn new(silence: Duration) -> (Self, Arc<Sender<Happening>>) {
        let source = Arc::new(broadcast::channel(WAITING).0);
        let feed = Self {
            source: Arc::downgrade(&source),
            is_fed: Arc::new(AtomicBool::new(false)),
            clients: Arc::new(Semaphore::new(CLIENTS)),
            silence,
        };
        (feed, source)
    }

    fn join(&self, desk: &Desk) -> Result<Reader, Problem> {
        let Ok(place) = Arc::clone(&self.clients).try_acquire_owned() else {
            let detail = format!("{CLIENTS} clients read events already");
            return Err(Problem::busy(detail));
        };
        let Some(source) = self.source.upgrade() else {
            return Err(Problem::busy("l4lb is about to end"));
        };
        let happenings = source.subscribe();
        // All handlers run in one thread, and nothing is waited for in between.
        if !self.is_fed.load(Ordering::Relaxed) {
            desk.send(Request::Subscribe(self.subscriber()))?;
            self.is_fed.store(true, Ordering::Relaxed);
        }
        Ok((happenings, place))
    }

    fn subscriber(&self) -> Subscriber {
        let source = Weak::clone(&self.source);
        Subscriber(Box::new(move |happening| match source.upgrade() {
            Some(source) => {
                // Nobody may be there just now.
                let _ = source.send(happening.clone());
                true
            }
            None => false,
        }))
    }
}

/// Ends where the server ends, and where the client is too far behind.
fn stream(reader: Reader) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(reader, async |(mut happenings, place)| {
        let happening = happenings.recv().await.ok()?;
        let data = serde_json::to_string(&happening).ok()?;
        // A line break would be a panic of the event's.
        let kind = happening.kind.replace(char::is_control, " ");
        let event = Event::default().event(kind).data(data);
        Some((Ok(event), (happenings, place)))
    })
}

/// What happens from now on, as server-sent events.
///
/// Each event is named by its kind, its data is an object with `at`, `kind` and `text`.
#[utoipa::path(get, path = "/v1/events", tag = "read", responses(
    (status = 200, description = "Events, without an end", body = Happening,
     content_type = "text/event-stream"),
))]
pub(super) async fn events(State(shared): State<Shared>) -> Result<Response, Problem> {
    let stream = stream(shared.feed.join(&shared.desk)?);
    let keep_alive = KeepAlive::new().interval(shared.feed.silence);
    Ok(Sse::new(stream).keep_alive(keep_alive).into_response())
}
