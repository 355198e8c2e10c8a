//! The dashboard for Grafana and the alert rules refer to metrics, labels and values that exist.

use std::collections::BTreeSet;

use l4lb::metrics::{FAMILIES, Family, Kind};
use l4lb::pool::State;
use l4lb::session::Cause;
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../../deploy/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../../deploy/alerts.yml");

/// Words of the query language that are used, and may be.
const FUNCTIONS: &[&str] = &[
    "changes",
    "count",
    "histogram_quantile",
    "increase",
    "label_values",
    "min",
    "rate",
    "sum",
    "time",
];
const GROUPINGS: &[&str] = &["by", "on"];
const OPERATORS: &[&str] = &["and"];
/// Labels that Prometheus adds.
const ADDED: &[&str] = &["instance", "job"];

/// Of a query: its metrics, its labels, and pairs of a label and a value that it is compared with.
#[derive(Debug, Default)]
struct Names {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
    values: Vec<(String, String)>,
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// A word, a string in its quotes, or a single sign.
fn tokens(query: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').unwrap() + 2,
            _ if is_word(first) || first == '$' => {
                let end = rest[1..].find(|it| !is_word(it));
                end.map_or(rest.len(), |it| it + 1)
            }
            _ => first.len_utf8(),
        };
        found.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    found
}

fn names(query: &str) -> Result<Names, String> {
    let mut names = Names::default();
    let tokens = tokens(query);
    let (mut in_matchers, mut in_range, mut in_group) = (false, false, false);
    for (at, token) in tokens.iter().copied().enumerate() {
        let before = at.checked_sub(1).map_or("", |at| tokens[at]);
        match token {
            "{" | "}" => in_matchers = token == "{",
            "[" | "]" => in_range = token == "[",
            "(" => in_group = GROUPINGS.contains(&before),
            ")" => in_group = false,
            _ if in_range || !token.starts_with(|it: char| it.is_ascii_alphabetic()) => {}
            _ if in_matchers => {
                names.labels.insert(token.to_owned());
                let value = tokens[at + 1..]
                    .iter()
                    .find(|it| it.starts_with('"'))
                    .unwrap();
                for value in value
                    .trim_matches('"')
                    .split('|')
                    .filter(|it| !it.starts_with('$'))
                {
                    names.values.push((token.to_owned(), value.to_owned()));
                }
            }
            _ if in_group => _ = names.labels.insert(token.to_owned()),
            _ if [FUNCTIONS, GROUPINGS, OPERATORS].concat().contains(&token) => {}
            _ if token.starts_with("l4lb_") || token.starts_with("process_") => {
                names.metrics.insert(token.to_owned());
            }
            // What follows the metric in label_values(metric, label).
            _ if before == "," && query.starts_with("label_values") => {
                names.labels.insert(token.to_owned());
            }
            _ => return Err(format!("`{token}` is neither a metric nor a word: {query}")),
        }
    }
    Ok(names)
}

fn family(metric: &str) -> Option<&'static Family> {
    let is_it = |it: &&Family| match it.kind {
        Kind::Histogram => metric
            .strip_prefix(it.name)
            .is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end)),
        Kind::Counter | Kind::Gauge => metric == it.name,
    };
    FAMILIES.iter().find(is_it)
}

/// The values that a label of ours can have, where they are few.
fn known_values(label: &str) -> Option<Vec<&'static str>> {
    match label {
        "state" | "to" => Some([&State::ALL.map(State::label)[..], &["used", "idle"]].concat()),
        "result" => Some(vec!["success", "failure"]),
        "reason" => Some(Cause::ALL.map(Cause::label).to_vec()),
        "path" => Some(vec!["copy", "splice"]),
        _ => None,
    }
}

/// What is wrong with a query that is shown by these words.
fn fault(query: &str, shown: &str) -> Option<String> {
    let mut names = match names(query) {
        Ok(names) => names,
        Err(why) => return Some(why),
    };
    let mut known: BTreeSet<&str> = ADDED.iter().copied().collect();
    if names.metrics.is_empty() {
        return Some(format!("no metric: {query}"));
    }
    for metric in &names.metrics {
        let Some(family) = family(metric) else {
            return Some(format!("there is no {metric}: {query}"));
        };
        known.extend(family.labels);
        if metric.ends_with("_bucket") {
            known.insert("le");
        }
    }
    let fields = shown
        .split("{{")
        .skip(1)
        .filter_map(|it| it.split("}}").next());
    let fields = fields.map(|it| it.trim().trim_start_matches("$labels."));
    names
        .labels
        .extend(fields.filter(|it| *it != "$value").map(str::to_owned));
    let label = names.labels.iter().find(|it| !known.contains(it.as_str()));
    let value = names.values.iter().find(|(label, value)| {
        known_values(label).is_some_and(|known| !known.contains(&value.as_str()))
    });
    match (label, value) {
        (Some(label), _) => Some(format!("no label {label}: {query} {shown}")),
        (None, Some((label, value))) => Some(format!("{label} is never {value}: {query}")),
        (None, None) => None,
    }
}

/// Queries of the dashboard, each with its legend, wherever they are.
fn queries<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::Object(members) => {
            let text = |key: &str| members.get(key).and_then(Value::as_str);
            let query = text("expr").or_else(|| text("query").filter(|it| it.contains('(')));
            found.extend(query.map(|it| (it, text("legendFormat").unwrap_or_default())));
            members.values().for_each(|it| queries(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| queries(it, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_refers_to_what_exists() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut all = Vec::new();
    queries(&dashboard, &mut all);
    assert!(all.len() > 30, "{all:?}");
    let faults: Vec<_> = all
        .iter()
        .filter_map(|(query, shown)| fault(query, shown))
        .collect();
    assert_eq!(faults, Vec::<String>::new());
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|it| it["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}

#[test]
fn alert_rules_refer_to_what_exists() {
    let rules: Vec<&str> = ALERTS.split("- alert: ").skip(1).collect();
    assert!(rules.len() >= 8);
    for rule in rules {
        let mut lines = rule.lines().map(str::trim);
        let name = lines.next().unwrap();
        let query = lines.clone().find_map(|it| it.strip_prefix("expr: "));
        let query = query.unwrap_or_else(|| panic!("{name} has no expr in one line"));
        assert_eq!(
            fault(query, rule.split("annotations:").nth(1).unwrap()),
            None,
            "{name}"
        );
        assert!(
            rule.contains("severity: ") && rule.contains("summary: "),
            "{name}"
        );
    }
}

#[test]
fn what_does_not_exist_is_found() {
    for (query, shown) in [
        ("sum(l4lb_backend_upp)", ""),
        ("sum by (colour) (l4lb_backend_up)", ""),
        ("l4lb_backend_up{colour=\"red\"}", ""),
        ("l4lb_pool_backends{state=\"gone\"}", ""),
        ("l4lb_backend_up", "{{colour}}"),
        ("l4lb_backend_up", "{{ $labels.listener }}"),
        ("rate(l4lb_connection_duration_seconds[1m])", ""),
        ("l4lb_ready_bucket", ""),
        ("sumo(l4lb_ready)", ""),
        ("1 + 1", ""),
    ] {
        assert!(fault(query, shown).is_some(), "{query} {shown}");
    }
}
