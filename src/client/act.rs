//! The commands that change something, each with a line that says what is so now.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::api::Api;
use super::{Act, BackendName, Failure, find, words};
use crate::pool::Order;
use crate::requests::{Backend, Reloaded, Status};

/// Does it, and says what is so now.
pub(super) fn act(api: &Api, act: &Act) -> Result<String, Failure> {
    match act {
        Act::Order(name, order) => give_order(api, name, *order),
        Act::DrainOver(name, over) => drain_over(api, name, *over),
        Act::Weight(name, weight) => set_weight(api, name, *weight),
        Act::Kill(id) => kill(api, id),
        Act::Reload => reload(api),
        Act::Drain => drain(api),
    }
}

fn give_order(api: &Api, name: &BackendName, order: Order) -> Result<String, Failure> {
    let word = match order {
        Order::Ready => "ready",
        Order::Drain => "drain",
        Order::Maint => "maint",
    };
    let (was, is) = change(api, name, &json!({ "state": word }))?;
    let rest = match order {
        Order::Ready => String::new(),
        Order::Drain | Order::Maint => going_on(&is),
    };
    let (name, was, is) = (find::full_name(&is), was.state, is.state);
    Ok(format!("{name} is {is} (was {was}){rest}\n"))
}

fn drain_over(api: &Api, name: &BackendName, over: Duration) -> Result<String, Failure> {
    let over = humantime::format_duration(over).to_string();
    let (was, is) = change(api, name, &json!({ "state": "drain", "over": over }))?;
    let sessions = words::sessions(is.connections_active);
    let (name, was, is) = (find::full_name(&is), was.state, is.state);
    Ok(format!(
        "{name} is {is} (was {was}): {sessions} to end within {over}\n"
    ))
}

fn set_weight(api: &Api, name: &BackendName, weight: u16) -> Result<String, Failure> {
    let (was, is) = change(api, name, &json!({ "weight": weight }))?;
    let rest = if is.weight == 0 {
        going_on(&is)
    } else {
        String::new()
    };
    let (name, was, is) = (find::full_name(&is), was.weight, is.weight);
    Ok(format!("{name} has weight {is} (was {was}){rest}\n"))
}

/// Changes a backend: what it was, and what it is.
fn change(
    api: &Api,
    name: &BackendName,
    body: &serde_json::Value,
) -> Result<(Backend, Backend), Failure> {
    let was = find::backend(api, name)?;
    let is = api.write_and_read(Method::PATCH, &was.path(), Some(body))?;
    Ok((was, is))
}

/// What goes on where no new sessions come.
fn going_on(backend: &Backend) -> String {
    let verb = if backend.connections_active == 1 {
        "goes"
    } else {
        "go"
    };
    format!(
        ": {} {verb} on",
        words::sessions(backend.connections_active)
    )
}

fn kill(api: &Api, id: &str) -> Result<String, Failure> {
    api.write(Method::DELETE, &format!("/v1/connections/{id}"), None)?;
    Ok(format!("connection {id} is closed\n"))
}

fn reload(api: &Api) -> Result<String, Failure> {
    let outcome = api.write_and_read(Method::POST, "/v1/reload", None);
    let Reloaded { changes, .. } = outcome.map_err(|failure| match failure {
        Failure::Invalid(pictures) => Failure::Config(pictures),
        other => other,
    })?;
    if changes.is_empty() {
        return Ok("nothing has changed\n".to_owned());
    }
    let lines = changes.iter().map(|change| words::printable(change) + "\n");
    Ok(lines.collect())
}

/// The sessions are counted before, since l4lb may have ended afterwards.
fn drain(api: &Api) -> Result<String, Failure> {
    let status: Status = api.typed(api.read("/v1/status")?.value)?;
    api.write(Method::POST, "/v1/drain", None)?;
    let (pid, sessions) = (status.pid, words::sessions(status.connections_active));
    Ok(format!(
        "l4lb with pid {pid} is draining: {sessions} may finish\n"
    ))
}
