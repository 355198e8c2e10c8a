//! Handlers of requests that change something.

use axum::extract::{RawQuery, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{Configuration, Fields};
use super::problem::{Problem, json};
use super::query;
use super::routes::{InPath, Shared};
use crate::config::{self, BackendConfig, Endpoint};
use crate::pool::Order;
use crate::requests::{Backend, Change, Foresight, Reloaded, Request};

/// A backend to be added.
#[derive(Debug, ToSchema)]
pub(super) struct NewBackend {
    /// `HOST:PORT`, where HOST is an IPv4 address, an IPv6 address in brackets or a DNS name, which
    /// stands for all its addresses; or `srv:_SERVICE._PROTOCOL.NAME`. Of several backends that come of
    /// it the first one is returned.
    address: String,
    /// Its name, which no other backend of the pool has; its address where it has none.
    name: Option<String>,
    /// Its share of the sessions; 1 where nothing is said.
    weight: Option<u16>,
    /// Used only while no other one may get sessions.
    backup: Option<bool>,
    /// The most sessions at once.
    #[schema(minimum = 1)]
    max_connections: Option<u32>,
}

/// What is to be changed of a backend: one or both.
#[derive(Debug, ToSchema)]
pub(super) struct BackendChange {
    /// Its share of the sessions; 0 is no new ones.
    weight: Option<u16>,
    /// What is wanted of it.
    state: Option<Wanted>,
    /// With `drain`: its sessions are ended at a steady rate, the idlest first, all of them within that
    /// time, such as `10m`.
    over: Option<String>,
}

/// What an operator wants of a backend.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
enum Wanted {
    /// Sessions as health allows.
    Ready,
    /// No new sessions; those it has go on, and so do checks.
    Drain,
    /// No sessions and no checks.
    Maint,
}

/// The process drains.
#[derive(Serialize, ToSchema)]
struct Draining {
    draining: bool,
}

impl NewBackend {
    fn read(fields: &Fields) -> Result<Self, Problem> {
        fields.only(&["address", "name", "weight", "backup", "max_connections"])?;
        let Some(address) = fields.text("address")? else {
            return Err(Problem::invalid("address is missing"));
        };
        Ok(Self {
            address: address.to_owned(),
            name: fields.text("name")?.map(str::to_owned),
            weight: fields.number("weight", 0..=u16::MAX.into())?,
            backup: fields.flag("backup")?,
            max_connections: fields.number("max_connections", 1..=u32::MAX.into())?,
        })
    }

    fn config(self) -> Result<BackendConfig, Problem> {
        let endpoint = Endpoint::parse(&self.address)
            .map_err(|error| Problem::invalid(format!("address: {error}")))?;
        if let Some(name) = &self.name {
            config::name(name).map_err(|what| Problem::invalid(format!("name: {what}")))?;
        }
        let name = self.name.unwrap_or_else(|| endpoint.target.to_string());
        Ok(BackendConfig {
            name: name.into(),
            tls: endpoint.server_name(),
            target: endpoint.target,
            weight: self.weight.unwrap_or(1),
            backup: self.backup.unwrap_or(false),
            max_connections: self.max_connections,
        })
    }
}

impl BackendChange {
    fn read(fields: &Fields) -> Result<Self, Problem> {
        fields.only(&["weight", "state", "over"])?;
        let state = match fields.text("state")? {
            None => None,
            Some("ready") => Some(Wanted::Ready),
            Some("drain") => Some(Wanted::Drain),
            Some("maint") => Some(Wanted::Maint),
            Some(other) => {
                let hint = config::hint(other, &["ready", "drain", "maint"]);
                let detail = format!("state is ready, drain or maint, not '{other:.100}'{hint}");
                return Err(Problem::invalid(detail));
            }
        };
        let weight = fields.number("weight", 0..=u16::MAX.into())?;
        if weight.is_none() && state.is_none() {
            let detail = "there is nothing to change: give a weight, a state, or both";
            return Err(Problem::invalid(detail));
        }
        let over = fields.text("over")?.map(str::to_owned);
        if over.is_some() && !matches!(state, Some(Wanted::Drain)) {
            return Err(Problem::invalid("over goes with the state drain"));
        }
        Ok(Self {
            weight,
            state,
            over,
        })
    }

    fn change(&self) -> Result<Change, Problem> {
        let over = self.over.as_ref().map(|text| {
            config::duration(text).map_err(|error| Problem::invalid(format!("over: {error}")))
        });
        Ok(Change {
            over: over.transpose()?,
            weight: self.weight,
            order: self.state.map(|state| match state {
                Wanted::Ready => Order::Ready,
                Wanted::Drain => Order::Drain,
                Wanted::Maint => Order::Maint,
            }),
        })
    }
}

/// Adds a backend to a pool.
///
/// When this is answered, the next client that is accepted may get it.
#[utoipa::path(post, path = "/v1/pools/{pool}/backends", tag = "write", security(("token" = [])),
    params(("pool" = String, Path, description = "The pool's name")),
    request_body = NewBackend,
    responses(
        (status = 201, description = "It is there", body = Backend,
         headers(("Location" = String, description = "Its path"))),
    ),
)]
pub(super) async fn add(
    State(shared): State<Shared>,
    InPath(pool): InPath<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let backend = NewBackend::read(&fields)?.config()?;
    let ask = |reply| Request::Add(pool, backend, reply);
    let backend = shared.desk.ask(ask).await??;
    let mut response = json(StatusCode::CREATED, &backend);
    if let Ok(location) = HeaderValue::try_from(backend.path()) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Changes the weight or the state of a backend, or both.
///
/// When this is answered, the next client that is accepted sees it.
#[utoipa::path(patch, path = "/v1/pools/{pool}/backends/{name}", tag = "write",
    security(("token" = [])),
    params(("pool" = String, Path, description = "The pool's name"),
           ("name" = String, Path, description = "The backend's name")),
    request_body = BackendChange,
    responses((status = 200, description = "As it is now", body = Backend)),
)]
pub(super) async fn change(
    State(shared): State<Shared>,
    InPath((pool, name)): InPath<(String, String)>,
    fields: Fields,
) -> Result<Response, Problem> {
    let change = BackendChange::read(&fields)?.change()?;
    let ask = |reply| Request::Change(pool, name, change, reply);
    let backend = shared.desk.ask(ask).await??;
    Ok(json(StatusCode::OK, &backend))
}

/// Takes a backend away.
///
/// Its sessions finish, or with `force=true` are reset.
#[utoipa::path(delete, path = "/v1/pools/{pool}/backends/{name}", tag = "write",
    security(("token" = [])),
    params(("pool" = String, Path, description = "The pool's name"),
           ("name" = String, Path, description = "The backend's name"),
           ("force" = Option<bool>, Query, description = "Whether its sessions are reset")),
    responses((status = 204, description = "No new session gets it")),
)]
pub(super) async fn remove(
    State(shared): State<Shared>,
    InPath((pool, backend)): InPath<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let force = query::flag(query.as_deref(), "force")?;
    let ask = |reply| Request::Remove {
        pool,
        backend,
        force,
        reply,
    };
    shared.desk.ask(ask).await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends a connection by a reset.
#[utoipa::path(delete, path = "/v1/connections/{id}", tag = "write", security(("token" = [])),
    params(("id" = String, Path, description = "Its id, in hexadecimal")),
    responses((status = 204, description = "It has ended")),
)]
pub(super) async fn kill(
    State(shared): State<Shared>,
    InPath(text): InPath<String>,
) -> Result<Response, Problem> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u64::from_str_radix(&text, 16).ok().filter(|_| is_hex);
    let Some(id) = id else {
        let detail = format!("no connection has the id '{text:.100}'");
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    shared.desk.ask(|reply| Request::Kill(id, reply)).await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Says what a configuration would change if it were the file's, and changes nothing.
///
/// The flags that l4lb was started with, and what operators have changed, are put over it as a reload
/// does. That its addresses can be bound, and its names be looked up, is not tried. One is worked out at
/// a time: who asks meanwhile is answered 503.
#[utoipa::path(post, path = "/v1/config/diff", tag = "write", security(("token" = [])),
    request_body(content = Object, description = "A configuration, with the keys of the file"),
    responses((status = 200, description = "What it would change", body = Foresight)),
)]
pub(super) async fn diff(
    State(shared): State<Shared>,
    Configuration(config): Configuration,
) -> Result<Response, Problem> {
    let ask = |reply| Request::Foresee(Box::new(config), reply);
    let foresight = shared.desk.ask(ask).await??;
    Ok(json(StatusCode::OK, &foresight))
}

/// Reads the configuration file again, and applies what is different.
#[utoipa::path(post, path = "/v1/reload", tag = "write", security(("token" = [])),
    responses((status = 200, description = "It is applied", body = Reloaded)),
)]
pub(super) async fn reload(State(shared): State<Shared>) -> Result<Response, Problem> {
    let reloaded = shared.desk.ask(Request::Reload).await??;
    Ok(json(StatusCode::OK, &reloaded))
}

/// Lets the sessions of the whole process finish, and ends it.
#[utoipa::path(post, path = "/v1/drain", tag = "write", security(("token" = [])),
    responses((status = 202, description = "It has begun", body = Draining)),
)]
pub(super) async fn drain(State(shared): State<Shared>) -> Result<Response, Problem> {
    shared.desk.ask(Request::Drain).await?;
    Ok(json(StatusCode::ACCEPTED, &Draining { draining: true }))
}
