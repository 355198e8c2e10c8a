//! The commands that read: lines and tables for people, the API's own JSON for programs.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::api::{Api, Reading};
use super::table::{Cell, Edge, Paint, draw};
use super::{Answer, Failure, Form, Look, find, top, words};
use crate::requests::overview::Overview;
use crate::requests::{
    Backend, Connection, Explanation, LastCheck, Listener, Status, WorkerView, backends_path,
};

/// What there is to see.
pub(super) fn look(api: &Api, look: &Look, form: Form) -> Result<Answer, Failure> {
    let reading = read(api, look)?;
    let is_well = *look != Look::Readiness || reading.value["ready"] == true;
    let text = match form {
        Form::Text { is_coloured } => text(api, look, reading, is_coloured)?,
        Form::Json => format!("{:#}\n", reading.value),
    };
    Ok(Answer { text, is_well })
}

fn read(api: &Api, look: &Look) -> Result<Reading, Failure> {
    match look {
        Look::Status | Look::Readiness => api.read("/v1/status"),
        Look::Backends(Some(pool)) => api.read(&backends_path(pool)),
        Look::Backends(None) => {
            let (mut backends, mut at) = (Vec::new(), None);
            for pool in find::pools(api)? {
                let mut reading = api.read(&backends_path(&pool))?;
                backends.extend(api.typed::<Vec<Value>>(reading.take("backends"))?);
                at = reading.at;
            }
            let value = json!({ "backends": backends });
            Ok(Reading { value, at })
        }
        Look::Connections(limit) => api.read(&format!("/v1/connections?limit={limit}")),
        Look::Overview => api.read(top::PATH),
        Look::Explanation(caller) => api.read(&find::explanation_path(caller)),
    }
}

fn text(
    api: &Api,
    look: &Look,
    mut reading: Reading,
    is_coloured: bool,
) -> Result<String, Failure> {
    match look {
        Look::Status => Ok(status(&api.typed(reading.value)?)),
        Look::Readiness => Ok(readiness(&api.typed(reading.value)?) + "\n"),
        Look::Backends(_) => {
            let backends: Vec<Backend> = api.typed(reading.take("backends"))?;
            Ok(backend_table(&backends, reading.at, is_coloured))
        }
        Look::Connections(_) => {
            let connections: Vec<Connection> = api.typed(reading.take("connections"))?;
            Ok(connection_table(&connections))
        }
        Look::Overview => {
            let overview: Overview = api.typed(reading.value)?;
            Ok(top::screen::text(&overview, is_coloured))
        }
        Look::Explanation(_) => Ok(explanation(&api.typed(reading.value)?, is_coloured)),
    }
}

fn readiness(status: &Status) -> String {
    match &status.not_ready_because {
        _ if status.ready => "ready".to_owned(),
        Some(why) => format!("not ready: {}", words::printable(why)),
        None => "not ready".to_owned(),
    }
}

/// Its own pool, if it has one, and those of its routes, each once.
fn pools_of(listener: &Listener) -> Vec<&str> {
    let routed = listener.routes.iter().map(|it| it.pool.as_str());
    let own = Some(listener.pool.as_str()).filter(|it| *it != "-" || listener.routes.is_empty());
    let mut pools = Vec::new();
    for pool in own.into_iter().chain(routed) {
        if !pools.contains(&pool) {
            pools.push(pool);
        }
    }
    pools
}

fn status(status: &Status) -> String {
    let listeners = status.listeners.iter().map(|it| {
        let sessions = it.connections_active.to_string();
        let pools = pools_of(it).join(", ");
        [it.name.clone(), it.addresses.join(", "), pools, sessions].map(Cell::from)
    });
    let listeners = draw(
        [
            ("LISTENER", Edge::Left),
            ("ADDRESS", Edge::Left),
            ("POOL", Edge::Left),
            ("SESSIONS", Edge::Right),
        ],
        listeners.collect(),
    );
    let pools = status.pools.iter().map(|it| {
        let up = format!("{}/{}", it.backends_up, it.backends);
        let sessions = it.connections_active.to_string();
        [it.name.clone(), it.balance.clone(), up, sessions].map(Cell::from)
    });
    let pools = draw(
        [
            ("POOL", Edge::Left),
            ("BALANCE", Edge::Left),
            ("UP", Edge::Right),
            ("SESSIONS", Edge::Right),
        ],
        pools.collect(),
    );
    let sessions = words::sessions(status.connections_active);
    format!(
        "l4lb {}\n{}, pid {}, up {}, workers {}, generation {}, {sessions} of {}\n\n{listeners}\n{pools}",
        words::printable(&status.version),
        readiness(status),
        status.pid,
        words::seconds(status.uptime_seconds),
        status.workers,
        status.generation,
        status.connections_limit,
    )
}

fn backend_table(backends: &[Backend], at: Option<SystemTime>, is_coloured: bool) -> String {
    let columns = [
        ("POOL", Edge::Left),
        ("BACKEND", Edge::Left),
        ("ADDRESS", Edge::Left),
        ("STATE", Edge::Left),
        ("SINCE", Edge::Right),
        ("WEIGHT", Edge::Right),
        ("ACTIVE/MAX", Edge::Right),
        ("TOTAL", Edge::Right),
        ("IN", Edge::Right),
        ("OUT", Edge::Right),
        ("ERRORS", Edge::Right),
        ("LAST CHECK", Edge::Left),
    ];
    let rows = backends.iter().map(|it| {
        let most = it
            .max_connections
            .map_or_else(|| "-".to_owned(), |it| it.to_string());
        let paint = if is_coloured {
            Paint::of_state(&it.state)
        } else {
            Paint::Plain
        };
        [
            it.pool.clone().into(),
            it.name.clone().into(),
            it.address.clone().into(),
            Cell(it.state.clone(), paint),
            age(&it.since, at)
                .unwrap_or_else(|| it.since.clone())
                .into(),
            it.weight.to_string().into(),
            format!("{}/{most}", it.connections_active).into(),
            it.connections_total.to_string().into(),
            words::size(it.bytes_in).into(),
            words::size(it.bytes_out).into(),
            it.connect_errors_total.to_string().into(),
            it.last_check
                .as_ref()
                .map_or_else(|| "-".to_owned(), |it| last_check(it, at))
                .into(),
        ]
    });
    draw(columns, rows.collect())
}

/// `passed 2s ago in 0.4 ms: detail`.
fn last_check(check: &LastCheck, at: Option<SystemTime>) -> String {
    let when = age(&check.at, at).map_or_else(|| check.at.clone(), |age| format!("{age} ago"));
    let took = check.duration_ms;
    let detail = if check.detail.is_empty() {
        String::new()
    } else {
        format!(": {}", check.detail)
    };
    format!("{} {when} in {took:.1} ms{detail}", check.result)
}

/// How long before `at` it was. l4lb's clock has read both; `at` is in whole seconds, so what comes
/// after it is less than one old.
fn age(stamp: &str, at: Option<SystemTime>) -> Option<String> {
    let stamp = humantime::parse_rfc3339(stamp).ok()?;
    let age = at?.duration_since(stamp).unwrap_or_default();
    Some(words::span(Duration::from_secs(age.as_secs())))
}

fn connection_table(connections: &[Connection]) -> String {
    let columns = [
        ("ID", Edge::Right),
        ("CLIENT", Edge::Left),
        ("LISTENER", Edge::Left),
        ("POOL/BACKEND", Edge::Left),
        ("AGE", Edge::Right),
        ("IDLE", Edge::Right),
        ("IN", Edge::Right),
        ("OUT", Edge::Right),
        ("PATH", Edge::Left),
    ];
    let rows = connections.iter().map(|it| {
        let backend = it.backend.as_deref().unwrap_or("-");
        [
            it.id.clone(),
            it.client.clone(),
            it.listener.clone(),
            format!("{}/{backend}", it.pool),
            words::seconds(it.age_seconds),
            words::seconds(it.idle_seconds),
            words::size(it.bytes_in),
            words::size(it.bytes_out),
            it.path.clone(),
        ]
        .map(Cell::from)
    });
    draw(columns, rows.collect())
}

/// A sentence, and a table for each worker that has one of its own.
fn explanation(explanation: &Explanation, is_coloured: bool) -> String {
    let mut text = words::printable(&explanation.answer) + "\n";
    for view in &explanation.workers {
        text.push('\n');
        if explanation.workers.len() > 1 {
            let numbers: Vec<String> = view.workers.iter().map(usize::to_string).collect();
            let plural = if numbers.len() == 1 { "" } else { "s" };
            text += &format!("worker{plural} {}\n", numbers.join(", "));
        }
        text += &candidate_table(view, is_coloured);
    }
    text
}

fn candidate_table(view: &WorkerView, is_coloured: bool) -> String {
    let columns = [
        ("BACKEND", Edge::Left),
        ("ADDRESS", Edge::Left),
        ("VERDICT", Edge::Left),
        ("WHY", Edge::Left),
    ];
    let rows = view.backends.iter().map(|it| {
        let paint = match &*it.verdict {
            "chosen" if is_coloured && view.backend.is_some() => Paint::Green,
            verdict if is_coloured => Paint::of_state(verdict),
            _ => Paint::Plain,
        };
        [
            it.backend.clone().into(),
            it.address.clone().into(),
            Cell(it.verdict.clone(), paint),
            it.why.clone().into(),
        ]
    });
    draw(columns, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_counted_from_the_time_of_the_answer() {
        let at = humantime::parse_rfc3339("2026-11-20T12:25:10Z").ok();
        let table = [
            ("2026-11-20T12:25:09.500Z", at, Some("0s")),
            ("2026-11-20T12:25:08.500Z", at, Some("1s")),
            ("2026-11-20T12:25:10.900Z", at, Some("0s")),
            ("2026-11-20T12:25:08Z", None, None),
            ("yesterday", at, None),
        ];
        for (stamp, at, wanted) in table {
            assert_eq!(age(stamp, at).as_deref(), wanted, "{stamp} {at:?}");
        }
    }
}
