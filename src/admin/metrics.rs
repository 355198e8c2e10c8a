//! What was counted, for Prometheus.

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use super::problem::Problem;
use super::routes::Shared;
use crate::metrics::{self, CONTENT_TYPE};
use crate::requests::Request;

/// What was counted, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "read", responses(
    (status = 200, description = "All metrics; docs/metrics.md says what they mean", body = String,
     content_type = "text/plain; version=0.0.4; charset=utf-8"),
))]
pub(super) async fn metrics(State(shared): State<Shared>) -> Result<Response, Problem> {
    let scrape = shared.desk.ask(Request::Metrics).await?;
    // Ten thousand backends are megabytes of text: meanwhile others are served.
    let text = spawn_blocking(|| metrics::text(scrape)).await;
    let text = text.map_err(|_| {
        let detail = "this is a fault of l4lb: its log may say more";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], Body::from(text)).into_response())
}
