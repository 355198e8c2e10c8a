//! How things are, once or once a second, and how they were.
//!
//! While anybody reads the stream, the supervisor is asked once a second, and its answer is written out once for
//! all. Whoever falls behind skips to the newest.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::desk::Desk;
use super::problem::{Problem, json};
use super::query;
use super::routes::Shared;
use crate::requests::Request;
use crate::requests::history::History;
use crate::requests::overview::Overview;

/// Streams at once.
const CLIENTS: usize = 16;
/// Between two overviews.
const SECOND: Duration = Duration::from_secs(1);

/// An overview as it is sent: its time, which is its id, and its text.
type Sent = Arc<(String, String)>;

/// Where the streams come from, for as long as the server holds the other end.
#[derive(Clone)]
pub(super) struct Watch {
    source: Weak<Sender<Sent>>,
    is_fed: Arc<AtomicBool>,
    clients: Arc<Semaphore>,
    silence: Duration,
}

/// After an overview that was sent already: the supervisor's next sample is near.
const SOON: Duration = Duration::from_millis(100);

/// A client of a stream.
struct Reader {
    /// What it gets first.
    first: Option<Sent>,
    overviews: Receiver<Sent>,
    /// The id of what it got last.
    last: String,
    _place: OwnedSemaphorePermit,
}

impl Watch {
    /// One, and what ends all its streams when it is dropped.
    pub(super) fn new(silence: Duration) -> (Self, Arc<Sender<Sent>>) {
        let source = Arc::new(broadcast::channel(1).0);
        let watch = Self {
            source: Arc::downgrade(&source),
            is_fed: Arc::new(AtomicBool::new(false)),
            clients: Arc::new(Semaphore::new(CLIENTS)),
            silence,
        };
        (watch, source)
    }

    async fn join(&self, desk: &Desk) -> Result<Reader, Problem> {
        let Ok(place) = Arc::clone(&self.clients).try_acquire_owned() else {
            let detail = format!("{CLIENTS} clients read overviews already");
            return Err(Problem::busy(detail));
        };
        let first = next(desk).await?;
        let Some(source) = self.source.upgrade() else {
            return Err(Problem::busy("l4lb is about to end"));
        };
        let overviews = source.subscribe();
        if !self.is_fed.swap(true, Ordering::Relaxed) {
            tokio::spawn(self.clone().feed(desk.clone()));
        }
        Ok(Reader {
            first: Some(first),
            overviews,
            last: String::new(),
            _place: place,
        })
    }

    /// Asks once a second, as long as anybody reads.
    async fn feed(self, desk: Desk) {
        let mut last = String::new();
        let mut pause = SECOND; // everybody has a first overview
        loop {
            sleep(pause).await;
            let answer = next(&desk).await;
            // All handlers run in one thread: nobody joins between this look and the flag.
            let Some(source) = self.source.upgrade().filter(|it| it.receiver_count() > 0) else {
                self.is_fed.store(false, Ordering::Relaxed);
                return;
            };
            pause = match answer {
                Ok(overview) if overview.0 == last => SOON,
                Ok(overview) => {
                    last.clone_from(&overview.0);
                    let _ = source.send(overview);
                    SECOND
                }
                // One that did not come in time is left out.
                Err(_) => SECOND,
            };
        }
    }
}

/// How things are now, to be sent.
async fn next(desk: &Desk) -> Result<Sent, Problem> {
    let overview = desk.ask(Request::Overview).await?;
    let text = serde_json::to_string(&*overview);
    let text =
        text.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(Arc::new((overview.at.clone(), text)))
}

/// Ends where the server ends.
fn stream(reader: Reader) -> impl Stream<Item = Result<Event, Infallible>> {
    unfold(reader, async |mut reader| {
        let sent = reader.next().await?;
        let (id, text) = &*sent;
        reader.last.clone_from(id);
        let event = Event::default().id(id).data(text);
        Some((Ok(event), reader))
    })
}

impl Reader {
    /// What it has not got yet.
    async fn next(&mut self) -> Option<Sent> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            match self.overviews.recv().await {
                Ok(sent) if sent.0 == self.last => {}
                Ok(sent) => return Some(sent),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// How things are.
///
/// Rates are of the last five seconds, percentiles and shares of the last minute. It is made at most once between
/// two samples, which are a second apart, and after each change.
#[utoipa::path(get, path = "/v1/overview", tag = "read", responses(
    (status = 200, description = "All of it", body = Overview),
))]
pub(super) async fn overview(State(shared): State<Shared>) -> Result<Response, Problem> {
    let overview = shared.desk.ask(Request::Overview).await?;
    Ok(json(StatusCode::OK, &*overview))
}

/// How things are, once a second, as server-sent events.
///
/// Each event's data is an overview, its id the overview's time.
#[utoipa::path(get, path = "/v1/overview/stream", tag = "read", responses(
    (status = 200, description = "Overviews, without an end", body = Overview,
     content_type = "text/event-stream"),
))]
pub(super) async fn watch(State(shared): State<Shared>) -> Result<Response, Problem> {
    let stream = stream(shared.watch.join(&shared.desk).await?);
    let keep_alive = KeepAlive::new().interval(shared.watch.silence);
    Ok(Sse::new(stream).keep_alive(keep_alive).into_response())
}

/// How things were.
#[utoipa::path(get, path = "/v1/history", tag = "read",
    params(("range" = String, Query, description = "`15m` by the second, `24h` by the minute"),
           ("pool" = Option<String>, Query, description = "Of this pool; else of the process")),
    responses((status = 200, description = "Columns of one length", body = History)),
)]
pub(super) async fn history(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (range, pool) = query::history(query.as_deref())?;
    let ask = |reply| Request::History(range, pool, reply);
    let history = shared.desk.ask(ask).await??;
    Ok(json(StatusCode::OK, &history))
}
