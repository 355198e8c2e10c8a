//! What happens, as server-sent events.
//!
//! The supervisor is asked once, by the first client. From then on each client reads on from where it
//! is in the latest [`WAITING`] events; one that falls further behind is dropped. It may ask for some of
//! what was before, and be it what it has missed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::desk::Desk;
use super::problem::Problem;
use super::query;
use super::routes::Shared;
use crate::requests::{Happening, MOST_PAST, Past, Request, Subscriber};

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

/// What a browser's `EventSource` says when it comes back: the id of the event that it got last.
const LAST_EVENT_ID: &str = "last-event-id";

/// A client's place in what happens, and among the clients.
struct Reader {
    /// What it gets first.
    past: VecDeque<Happening>,
    happenings: Receiver<Happening>,
    /// The number of what it got last.
    last: u64,
    _place: OwnedSemaphorePermit,
}

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

    async fn join(&self, desk: &Desk, wanted: Past) -> Result<Reader, Problem> {
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
        // What happens until that is answered is in both.
        let past = match wanted {
            Past::Latest(0) => Vec::new(),
            wanted => desk.ask(|reply| Request::Past(wanted, reply)).await?,
        };
        Ok(Reader {
            past: past.into(),
            happenings,
            last: 0,
            _place: place,
        })
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
    unfold(reader, async |mut reader| {
        let happening = reader.next().await?;
        let data = serde_json::to_string(&happening).ok()?;
        // A line break would be a panic of the event's.
        let kind = happening.kind.replace(char::is_control, " ");
        let id = happening.id.to_string();
        let event = Event::default().id(id).event(kind).data(data);
        Some((Ok(event), reader))
    })
}

impl Reader {
    /// What it has not got yet.
    async fn next(&mut self) -> Option<Happening> {
        let next = match self.past.pop_front() {
            Some(past) => past,
            None => loop {
                let happening = self.happenings.recv().await.ok()?;
                if happening.id > self.last {
                    break happening;
                }
            },
        };
        self.last = next.id;
        Some(next)
    }
}

/// What a client wants of the past: what it has missed, if it says so, else so many as it asks for.
fn wanted(headers: &HeaderMap, query: Option<&str>) -> Result<Past, Problem> {
    let latest = query::past(query, MOST_PAST)?;
    let last = headers.get(LAST_EVENT_ID).and_then(|it| it.to_str().ok());
    let last = last.and_then(|it| it.parse().ok());
    Ok(last.map_or(Past::Latest(latest), Past::After))
}

/// What happens from now on, as server-sent events, and before that some of what has happened.
///
/// Each event is named by its kind, its data is an object with `id`, `at`, `kind` and `text`. The last hundred are
/// kept. Its id rises from one to the next, also over a restart: so a client that comes back gets each one once.
#[utoipa::path(get, path = "/v1/events", tag = "read",
    params(("past" = Option<usize>, Query, maximum = 100,
            description = "So many of those that have happened come first; 0 if it is left out"),
           ("Last-Event-ID" = Option<u64>, Header,
            description = "Those after this one come first, however many `past` says")),
    responses((status = 200, description = "Events, without an end", body = Happening,
               content_type = "text/event-stream")),
)]
pub(super) async fn events(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = wanted(&headers, query.as_deref())?;
    let stream = stream(shared.feed.join(&shared.desk, wanted).await?);
    let keep_alive = KeepAlive::new().interval(shared.feed.silence);
    Ok(Sse::new(stream).keep_alive(keep_alive).into_response())
}
