//! What a configuration would change: asks a running l4lb, and shows the answer.

use hyper::Method;
use serde_json::Value;

use super::api::Api;
use super::{Failure, Form, words};
use crate::requests::{Foresight, Touched};

/// Where it is asked.
const PATH: &str = "/v1/config/diff";

/// What `config`, a file as JSON, would change.
pub(super) fn ask(api: &Api, config: &Value, form: Form) -> Result<String, Failure> {
    let answer = api.write_and_read::<Value>(Method::POST, PATH, Some(config));
    let answer = answer.map_err(|failure| match failure {
        Failure::Invalid(pictures) => Failure::Config(pictures),
        other => other,
    })?;
    match form {
        Form::Json => Ok(format!("{answer:#}\n")),
        Form::Text { .. } => Ok(text(&api.typed(answer)?)),
    }
}

/// As text, or as the API says it.
pub(super) fn show(foresight: &Foresight, form: Form) -> String {
    match form {
        Form::Json => format!("{:#}\n", serde_json::json!(foresight)),
        Form::Text { .. } => text(foresight),
    }
}

/// The changes, then what they do to sessions, then to clients to come.
fn text(foresight: &Foresight) -> String {
    if foresight.changes.is_empty() {
        return "no change\n".to_owned();
    }
    let mut parts = vec![foresight.changes.clone()];
    parts.extend(foresight.sessions.as_ref().map(touched));
    parts.push(foresight.moved.iter().map(|it| it.text.clone()).collect());
    parts.retain(|lines| !lines.is_empty());
    let part = |lines: Vec<String>| -> String {
        let lines = lines.iter().map(|line| words::printable(line) + "\n");
        lines.collect()
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join("\n")
}

/// How many sessions are touched, and how those are that are.
fn touched(touched: &Touched) -> Vec<String> {
    let verb = if touched.total == 1 { "is" } else { "are" };
    let total = words::sessions(touched.total);
    let mut lines = vec![format!("{total} {verb} touched")];
    let mut line = |what: String, count: u32, fate: &str| {
        if count > 0 {
            let sessions = words::sessions(count);
            let fate = match fate {
                "finishes" if count == 1 => "to finish by itself",
                "finishes" => "to finish by themselves",
                "keeps" => "with the old value to the end",
                "changes" => "with the new value at once",
                other => other,
            };
            lines.push(format!("  {what}: {sessions} {fate}"));
        }
    };
    for it in &touched.listeners {
        let what = format!("listener {}", it.listener);
        line(what, it.sessions, &it.fate);
    }
    for it in &touched.backends {
        let what = format!("backend {}/{} at {}", it.pool, it.backend, it.address);
        line(what, it.sessions, &it.fate);
    }
    for it in &touched.settings {
        line(it.setting.clone(), it.sessions, &it.fate);
    }
    lines
}
