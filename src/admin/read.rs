//! Handlers of requests that change nothing.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Problem, json};
use super::query;
use super::routes::{InPath, Shared};
use crate::requests::{Backend, Connection, Explanation, Pool, Request, Status};

/// Connections that a list has where nothing else is asked for.
const CONNECTIONS: usize = 100;
/// The most that can be asked for.
const MOST_CONNECTIONS: usize = 10_000;

/// The process lives.
#[derive(Serialize, ToSchema)]
struct Live {
    live: bool,
}

/// The process takes sessions.
#[derive(Serialize, ToSchema)]
struct Ready {
    ready: bool,
}

#[derive(Serialize, ToSchema)]
struct Pools {
    pools: Vec<Pool>,
}

#[derive(Serialize, ToSchema)]
struct Backends {
    backends: Vec<Backend>,
}

#[derive(Serialize, ToSchema)]
struct Connections {
    connections: Vec<Connection>,
}

/// Whether the process lives: it does if this is answered.
#[utoipa::path(get, path = "/livez", tag = "probe", responses(
    (status = 200, description = "It does", body = Live),
))]
pub(super) async fn livez() -> Response {
    json(StatusCode::OK, &Live { live: true })
}

/// Whether every pool has a live backend, and nothing is draining.
#[utoipa::path(get, path = "/readyz", tag = "probe", responses(
    (status = 200, description = "So it is", body = Ready),
    (status = 503, description = "It is not; the detail says why", body = super::problem::Details,
     content_type = super::problem::PROBLEM_JSON),
))]
pub(super) async fn readyz(State(shared): State<Shared>) -> Result<Response, Problem> {
    let status = shared.desk.ask(Request::Status).await?;
    if status.ready {
        return Ok(json(StatusCode::OK, &Ready { ready: true }));
    }
    let why = status.not_ready_because;
    let why = why.unwrap_or_else(|| "it is not ready".to_owned());
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why))
}

/// How the process is.
#[utoipa::path(get, path = "/v1/status", tag = "read", responses(
    (status = 200, description = "The process, its listeners and its pools", body = Status),
))]
pub(super) async fn status(State(shared): State<Shared>) -> Result<Response, Problem> {
    let status = shared.desk.ask(Request::Status).await?;
    Ok(json(StatusCode::OK, &status))
}

/// The configuration that is in force.
#[utoipa::path(get, path = "/v1/config", tag = "read", responses(
    (status = 200, description = "With the keys of the file", body = Object),
))]
pub(super) async fn config(State(shared): State<Shared>) -> Result<Response, Problem> {
    let config = shared.desk.ask(Request::Config).await?;
    Ok(json(StatusCode::OK, &config))
}

/// The pools.
#[utoipa::path(get, path = "/v1/pools", tag = "read", responses(
    (status = 200, description = "All of them", body = Pools),
))]
pub(super) async fn pools(State(shared): State<Shared>) -> Result<Response, Problem> {
    let pools = shared.desk.ask(Request::Pools).await?;
    Ok(json(StatusCode::OK, &Pools { pools }))
}

/// The backends of a pool.
#[utoipa::path(get, path = "/v1/pools/{pool}/backends", tag = "read",
    params(("pool" = String, Path, description = "The pool's name")),
    responses((status = 200, description = "All of them", body = Backends)),
)]
pub(super) async fn backends(
    State(shared): State<Shared>,
    InPath(pool): InPath<String>,
) -> Result<Response, Problem> {
    let ask = |reply| Request::Backends(pool, reply);
    let backends = shared.desk.ask(ask).await??;
    Ok(json(StatusCode::OK, &Backends { backends }))
}

/// Live connections, the oldest first, or as `sort` says.
#[utoipa::path(get, path = "/v1/connections", tag = "read",
    params(("limit" = Option<usize>, Query, minimum = 1, maximum = 10_000,
            description = "The most that are listed; 100 where nothing is said"),
           ("sort" = Option<String>, Query,
            description = "`age` for the oldest first, `bytes` for the biggest, `idle` for the idlest")),
    responses((status = 200, description = "As many as asked for", body = Connections)),
)]
pub(super) async fn connections(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (limit, first) = query::list(query.as_deref(), CONNECTIONS, MOST_CONNECTIONS)?;
    let ask = |reply| Request::Connections(limit, first, reply);
    let connections = shared.desk.ask(ask).await?;
    Ok(json(StatusCode::OK, &Connections { connections }))
}

/// Which backend a client would get, and why each other one would not.
///
/// It is what a worker would do with that client as its next one; nothing changes by it.
#[utoipa::path(get, path = "/v1/explain", tag = "read",
    params(("client" = String, Query,
            description = "The client's address; the port may be left out, as it does not matter"),
           ("listener" = Option<String>, Query,
            description = "The listener's name; it may be left out where there is one"),
           ("sni" = Option<String>, Query,
            description = "The name that the client asks for in TLS, where the listener has routes"),
           ("alpn" = Option<String>, Query,
            description = "The protocol that it offers there, such as h2")),
    responses((status = 200, description = "What it would get", body = Explanation)),
)]
pub(super) async fn explain(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let caller = Box::new(query::caller(query.as_deref())?);
    let ask = |reply| Request::Explain(caller, reply);
    let explanation = shared.desk.ask(ask).await??;
    Ok(json(StatusCode::OK, &explanation))
}
