//! What goes around every request: a deadline, a panic's end, and headers that every answer has.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::problem::Problem;

/// Nothing is loaded from elsewhere, shown within other pages, kept unless its handler says so, or told to
/// others.
const HEADERS: [(HeaderName, &str); 4] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
];

/// Answers within the deadline, whatever the handler does; the outermost layer.
pub(super) async fn wrap(
    State(deadline): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    // A task of its own, so that its panic is no one else's; one that is dropped with the set.
    let mut handler = JoinSet::new();
    handler.spawn(next.run(request));
    let mut response = match timeout(deadline, handler.join_next()).await {
        Ok(Some(Ok(response))) => response,
        Ok(Some(Err(_)) | None) => {
            let detail = "this is a fault of l4lb: its log may say more";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
        }
        Err(_) => {
            let detail = "the request did not come to its end in time";
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail).into_response()
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
