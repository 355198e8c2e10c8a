//! Reads the text format of Prometheus, strictly and on its own: an independent look at what is written.

use std::collections::{BTreeMap, BTreeSet};

/// A sample: its name, its labels, its value.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// A metric with its samples, in the order of the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Metric {
    pub(super) help: String,
    pub(super) kind: String,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Exposition(pub(super) BTreeMap<String, Metric>);

impl Exposition {
    /// Takes HELP, then TYPE, then the samples of each metric, and nothing else.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut metrics = BTreeMap::<String, Metric>::new();
        let mut current = String::new();
        if !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        for line in text.lines() {
            let wrong = |what: &str| Err(format!("{what}: {line}"));
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let Some((name, help)) = rest.split_once(' ') else {
                    return wrong("help without a text");
                };
                current = name.to_owned();
                let metric = Metric {
                    help: help.to_owned(),
                    ..Metric::default()
                };
                if metrics.insert(current.clone(), metric).is_some() {
                    return wrong("told twice");
                }
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let Some((name, kind)) = rest.split_once(' ') else {
                    return wrong("type without a kind");
                };
                let Some(metric) = metrics.get_mut(name).filter(|_| name == current) else {
                    return wrong("a type without its help before it");
                };
                kind.clone_into(&mut metric.kind);
            } else {
                let sample = sample(line)?;
                let Some(metric) = metrics.get_mut(&current) else {
                    return wrong("a sample of no metric");
                };
                let parts: &[&str] = match metric.kind.as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    "counter" | "gauge" => &[""],
                    _ => return wrong("no kind"),
                };
                let part = sample.name.strip_prefix(&current);
                if !part.is_some_and(|part| parts.contains(&part)) {
                    return wrong("a sample of another metric");
                }
                metric.samples.push(sample);
            }
        }
        Ok(Self(metrics))
    }

    /// The sum of all samples of this name that have these labels.
    #[track_caller]
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let samples = self.0.values().flat_map(|it| &it.samples);
        let has = |it: &&Sample| {
            let mut wanted = labels.iter();
            it.name == name
                && wanted.all(|(key, value)| it.labels.get(*key).is_some_and(|it| it == value))
        };
        let found: Vec<f64> = samples.filter(has).map(|it| it.value).collect();
        assert!(!found.is_empty(), "there is no {name} {labels:?}");
        found.iter().sum()
    }

    /// The series that are there twice.
    pub(super) fn duplicates(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let all = self.0.values().flat_map(|it| &it.samples);
        let names = all.map(|it| format!("{}{:?}", it.name, it.labels));
        names.filter(|it| !seen.insert(it.clone())).collect()
    }
}

fn sample(line: &str) -> Result<Sample, String> {
    let wrong = || format!("not a sample: {line}");
    let end = line.find(['{', ' ']).ok_or_else(wrong)?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").ok_or_else(wrong)?;
            let (value, after) = quoted(after).ok_or_else(wrong)?;
            if labels.insert(key.to_owned(), value).is_some() {
                return Err(format!("{key} is there twice: {line}"));
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or_else(wrong)?;
    let is_word = |it: &str| {
        it.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !is_word(name) || !labels.keys().all(|it| is_word(it)) {
        return Err(wrong());
    }
    Ok(Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().map_err(|_| wrong())?,
    })
}

/// What stands before the closing quote, without its escapes, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

#[test]
fn what_is_not_well_formed_is_found() {
    let good = "# HELP a_total Help\n# TYPE a_total counter\na_total{x=\"\\\"\\\\\\n,\"} 1\n";
    let read = Exposition::parse(good).unwrap();
    let labels = &read.0["a_total"].samples[0].labels;
    assert_eq!(labels["x"], "\"\\\n,");
    for bad in [
        "a 1\n",
        "# HELP a A\na 1\n",
        "# TYPE a gauge\n",
        "# HELP a A\n# TYPE a gauge\nb 1\n",
        "# HELP a A\n# TYPE a gauge\na{x=\"1\",x=\"1\"} 1\n",
        "# HELP a A\n# TYPE a gauge\na{x=\"1} 1\n",
        "# HELP a A\n# TYPE a gauge\na one\n",
        "# HELP a A\n# TYPE a gauge\n# HELP a A\n",
        "# HELP a A\n# TYPE a gauge\na 1",
    ] {
        assert!(Exposition::parse(bad).is_err(), "{bad}");
    }
}
