//! What is different between two configurations, in sentences. Pure.

mod http;
mod route;
mod scale;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use super::{
    AcceptProxy, AccessLogConfig, BackendConfig, Config, DialFrom, ListenerConfig, PoolConfig,
    SendProxy,
};

/// What `new` changes, a sentence each, in the order of the configurations. Empty where nothing does.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    process(&mut changes, old, new);
    let (before, after) = (&old.listeners, &new.listeners);
    by_name(
        &mut changes,
        "listener",
        before,
        after,
        |it| &it.name,
        |changes, was, is| {
            listener(changes, was, is, old, new);
        },
    );
    by_name(
        &mut changes,
        "pool",
        &old.pools,
        &new.pools,
        |it| &it.name,
        pool,
    );
    changes
}

/// Says what was added, what was removed, and has `compare` look at what is in both.
fn by_name<T>(
    changes: &mut Vec<String>,
    what: &str,
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> &Arc<str>,
    mut compare: impl FnMut(&mut Vec<String>, &T, &T),
) {
    let before: HashMap<_, _> = old.iter().map(|was| (name(was), was)).collect();
    for is in new {
        match before.get(name(is)) {
            Some(was) => compare(changes, was, is),
            None => changes.push(format!("{what} {} added", name(is))),
        }
    }
    let names: BTreeSet<_> = new.iter().map(&name).collect();
    for was in old.iter().filter(|was| !names.contains(name(was))) {
        changes.push(format!("{what} {} removed", name(was)));
    }
}

/// One value of something.
fn value<T: PartialEq>(
    changes: &mut Vec<String>,
    whose: &str,
    key: &str,
    (was, is): (&T, &T),
    show: impl Fn(&T) -> String,
) {
    if was != is {
        changes.push(format!("{whose}{key} {} -> {}", show(was), show(is)));
    }
}

fn process(changes: &mut Vec<String>, old: &Config, new: &Config) {
    let needs_restart = |text: String| format!("{text} (takes a restart)");
    if old.workers != new.workers {
        let text = format!("workers {} -> {}", old.workers, new.workers);
        changes.push(needs_restart(text));
    }
    if old.admin != new.admin {
        changes.push(needs_restart("admin".to_owned()));
    }
    let (was, is) = (&old.dns_servers, &new.dns_servers);
    value(changes, "dns ", "servers", (was, is), |it| addresses(it));
    let (was, is) = (&old.log_level, &new.log_level);
    value(changes, "log ", "level", (was, is), ToString::to_string);
    let (was, is) = (&old.max_connections, &new.max_connections);
    value(changes, "", "max_connections", (was, is), or_none);
    let (was, is) = (&old.drain_timeout, &new.drain_timeout);
    value(changes, "", "drain_timeout", (was, is), |it| time(*it));
    access_log(changes, &old.access_log, &new.access_log);
}

fn access_log(changes: &mut Vec<String>, was: &AccessLogConfig, is: &AccessLogConfig) {
    let whose = "access_log: ";
    let outputs = (&was.output, &is.output);
    value(changes, whose, "output", outputs, ToString::to_string);
    let formats = (&was.format, &is.format);
    value(changes, whose, "format", formats, |it| it.text().to_owned());
    let (was, is) = (&was.filter, &is.filter);
    let intervals = (&was.interval, &is.interval);
    value(changes, whose, "interval", intervals, |it| {
        it.map_or_else(|| "none".to_owned(), time)
    });
    let errors = (&was.only_errors, &is.only_errors);
    value(changes, whose, "only_errors", errors, ToString::to_string);
    let times = (&was.min_duration, &is.min_duration);
    value(changes, whose, "min_duration", times, |it| time(*it));
    let shares = (&was.sample, &is.sample);
    value(changes, whose, "sample", shares, ToString::to_string);
}

fn listener(
    changes: &mut Vec<String>,
    was: &ListenerConfig,
    is: &ListenerConfig,
    old: &Config,
    new: &Config,
) {
    let whose = format!("listener {}: ", is.name);
    let listen = (&was.addresses, &is.addresses);
    value(changes, &whose, "listen", listen, |it| addresses(it));
    route::routes(changes, &whose, (was, old), (is, new));
    let times = (&was.idle_timeout, &is.idle_timeout);
    value(changes, &whose, "idle_timeout", times, |it| time(*it));
    let most = (&was.max_connections, &is.max_connections);
    value(changes, &whose, "max_connections", most, or_none);
    let accept = (&was.accept_proxy, &is.accept_proxy);
    value(changes, &whose, "accept_proxy", accept, proxies);
    let times = (&was.preamble_timeout, &is.preamble_timeout);
    value(changes, &whose, "preamble_timeout", times, |it| time(*it));
    http::protocol(changes, &whose, was, is);
    changed(changes, &whose, "tls", was.tls.as_ref(), is.tls.as_ref());
}

/// A table of which no more is told than that.
fn changed<T: PartialEq>(
    changes: &mut Vec<String>,
    whose: &str,
    key: &str,
    was: Option<&T>,
    is: Option<&T>,
) {
    match (was, is) {
        (None, Some(_)) => changes.push(format!("{whose}{key} added")),
        (Some(_), None) => changes.push(format!("{whose}{key} removed")),
        (Some(was), Some(is)) if was != is => changes.push(format!("{whose}{key} changed")),
        (Some(_), Some(_)) | (None, None) => {}
    }
}

fn pool(changes: &mut Vec<String>, was: &PoolConfig, is: &PoolConfig) {
    let whose = format!("pool {}: ", is.name);
    value(
        changes,
        &whose,
        "balance",
        (&was.balance, &is.balance),
        ToString::to_string,
    );
    let times = [
        ("connect_timeout", was.connect_timeout, is.connect_timeout),
        ("queue_timeout", was.queue_timeout, is.queue_timeout),
        ("slow_start", was.slow_start, is.slow_start),
    ];
    for (key, was, is) in times {
        value(changes, &whose, key, (&was, &is), |it| time(*it));
    }
    value(
        changes,
        &whose,
        "retries",
        (&was.retries, &is.retries),
        ToString::to_string,
    );
    value(
        changes,
        &whose,
        "hedge",
        (&was.hedge, &is.hedge),
        ToString::to_string,
    );
    let versions = (&was.send_proxy, &is.send_proxy);
    value(changes, &whose, "send_proxy", versions, |it| {
        or_none(&it.map(SendProxy::name))
    });
    value(changes, &whose, "source", (&was.source, &is.source), source);
    let named = |it: &super::OnDown| it.name().to_owned();
    value(
        changes,
        &whose,
        "on_down",
        (&was.on_down, &is.on_down),
        named,
    );
    let named = |it: &super::AllDown| it.name().to_owned();
    value(
        changes,
        &whose,
        "all_down",
        (&was.all_down, &is.all_down),
        named,
    );
    if was.health != is.health {
        changes.push(format!("{whose}health changed"));
    }
    if was.eject != is.eject {
        changes.push(format!("{whose}eject changed"));
    }
    let files = (&was.backends_file, &is.backends_file);
    value(changes, &whose, "backends_file", files, |it| {
        or_none(&it.as_ref().map(|path| path.display()))
    });
    match (&was.scale, &is.scale) {
        (Some(was), Some(is)) => scale::rules(changes, &format!("{whose}scale: "), was, is),
        (None, Some(_)) => changes.push(format!("{whose}scale added")),
        (Some(_), None) => changes.push(format!("{whose}scale removed")),
        (None, None) => {}
    }
    changed(changes, &whose, "tls", was.tls.as_ref(), is.tls.as_ref());
    backends(changes, &whose, was, is);
}

fn backends(changes: &mut Vec<String>, whose: &str, was: &PoolConfig, is: &PoolConfig) {
    let (before, after) = (&was.backends, &is.backends);
    let what = format!("{whose}backend");
    by_name(
        changes,
        &what,
        before,
        after,
        |it| &it.name,
        |changes, was, is| {
            backend(changes, &format!("{what} {}: ", is.name), was, is);
        },
    );
    let order = |it: &PoolConfig| {
        it.backends
            .iter()
            .map(|it| Arc::clone(&it.name))
            .collect::<Vec<_>>()
    };
    let (before, after) = (order(was), order(is));
    if before != after && BTreeSet::from_iter(before) == BTreeSet::from_iter(after) {
        changes.push(format!("{whose}the order of the backends changed"));
    }
}

fn backend(changes: &mut Vec<String>, whose: &str, was: &BackendConfig, is: &BackendConfig) {
    value(
        changes,
        whose,
        "address",
        (&was.endpoint(), &is.endpoint()),
        ToString::to_string,
    );
    value(
        changes,
        whose,
        "weight",
        (&was.weight, &is.weight),
        ToString::to_string,
    );
    value(
        changes,
        whose,
        "backup",
        (&was.backup, &is.backup),
        ToString::to_string,
    );
    let most = (&was.max_connections, &is.max_connections);
    value(changes, whose, "max_connections", most, or_none);
}

fn proxies(accept: &Option<AcceptProxy>) -> String {
    list(accept.as_ref().map_or(&[][..], |it| &it.from))
}

fn source(from: &Option<DialFrom>) -> String {
    match from {
        Some(DialFrom::Client) => "client".to_owned(),
        Some(DialFrom::Addresses(addresses)) => list(addresses),
        None => list::<SocketAddr>(&[]),
    }
}

fn addresses(all: &[SocketAddr]) -> String {
    list(all)
}

fn list<T: ToString>(all: &[T]) -> String {
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    match &texts[..] {
        [] => "none".to_owned(),
        texts => texts.join(", "),
    }
}

fn or_none<T: ToString>(value: &Option<T>) -> String {
    value
        .as_ref()
        .map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn time(value: std::time::Duration) -> String {
    humantime::format_duration(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file;

    const FILE: &str = r#"
        [[listener]]
        name = "web"
        listen = "127.0.0.1:9000"
        pool = "app"
        [pool.app]
        backends = [
            { name = "a", address = "10.0.0.1:80" },
            { name = "b", address = "10.0.0.2:80" },
        ]
    "#;

    fn config(text: &str) -> Config {
        match file::parse("l4lb.toml", text.as_bytes()) {
            Ok(document) => document.config(1),
            Err(faults) => panic!("{}", faults.render(false)),
        }
    }

    /// What is put in the place of what, and what is said of it.
    const EDITS: [(&str, &str, &[&str]); 19] = [
        (
            "pool = \"app\"",
            "pool = \"app\"\ntls = { certificates = \"certs\" }",
            &["listener web: tls added"],
        ),
        (
            "[pool.app]",
            "[pool.app]\ntls = { verify = false }",
            &["pool app: tls added"],
        ),
        (
            "\"10.0.0.2:80\"",
            "\"https://10.0.0.2:80\"",
            &["pool app: backend b: address 10.0.0.2:80 -> https://10.0.0.2:80"],
        ),
        ("", "", &[]),
        (
            "[[listener]]",
            "[access_log]\noutput = \"-\"\nformat = \"json\"\ninterval = \"10m\"\nonly_errors = true\n\
                 min_duration = \"1s\"\nsample = 0.1\n[[listener]]",
            &[
                "access_log: output off -> -",
                "access_log: format default -> json",
                "access_log: interval none -> 10m",
                "access_log: only_errors false -> true",
                "access_log: min_duration 0s -> 1s",
                "access_log: sample 1 -> 0.1",
            ],
        ),
        (
            "10.0.0.2:80\"",
            "10.0.0.2:80\", weight = 5",
            &["pool app: backend b: weight 1 -> 5"],
        ),
        (
            "10.0.0.2:80",
            "10.0.0.3:80",
            &["pool app: backend b: address 10.0.0.2:80 -> 10.0.0.3:80"],
        ),
        (
            "\"b\"",
            "\"c\"",
            &["pool app: backend c added", "pool app: backend b removed"],
        ),
        (
            "9000",
            "9001",
            &["listener web: listen 127.0.0.1:9000 -> 127.0.0.1:9001"],
        ),
        (
            "\"web\"",
            "\"www\"",
            &["listener www added", "listener web removed"],
        ),
        (
            "[pool.app]",
            "[pool.app]\nbalance = \"first\"\nretries = 3\nhealth = { type = \"off\" }",
            &[
                "pool app: balance round-robin -> first",
                "pool app: retries 2 -> 3",
                "pool app: health changed",
            ],
        ),
        (
            "[[listener]]",
            "workers = 3\n[[listener]]",
            &["workers 1 -> 3 (takes a restart)"],
        ),
        (
            "[pool.app]",
            "[pool.app]\nscale = { target = 9, command = [\"x\"] }",
            &["pool app: scale added"],
        ),
        (
            "[[listener]]",
            "dns.servers = [\"10.0.0.2\"]\n[[listener]]",
            &["dns servers none -> 10.0.0.2:53"],
        ),
        (
            "[pool.app]",
            "[pool.app]\nbackends_file = \"app.backends\"",
            &["pool app: backends_file none -> app.backends"],
        ),
        (
            "[[listener]]",
            "max_connections = 9\n[[listener]]",
            &["max_connections none -> 9"],
        ),
        (
            "pool = \"app\"",
            "pool = \"app\"\naccept_proxy = { from = [\"10.0.0.0/8\", \"::1\"] }\npreamble_timeout = \"1s\"",
            &[
                "listener web: accept_proxy none -> 10.0.0.0/8, ::1/128",
                "listener web: preamble_timeout 5s -> 1s",
            ],
        ),
        (
            "[pool.app]",
            "[pool.app]\nsend_proxy = \"v2\"\nsource = \"client\"",
            &[
                "pool app: send_proxy none -> v2",
                "pool app: source none -> client",
            ],
        ),
        (
            "[pool.app]",
            "[pool.app]\nsource = [\"10.0.0.5\", \"10.0.0.6\"]",
            &["pool app: source none -> 10.0.0.5, 10.0.0.6"],
        ),
    ];

    #[test]
    fn each_change_is_said_and_nothing_else() {
        let old = config(FILE);
        for (text, other, expected) in EDITS {
            let new = config(&FILE.replace(text, other));
            assert_eq!(changes(&old, &new), expected, "{other}");
        }
    }

    #[test]
    fn each_value_of_a_scale_is_said_by_itself() {
        let with = |scale: &str| {
            let table = format!("[pool.app]\nscale = {{ {scale} }}");
            config(&FILE.replace("[pool.app]", &table))
        };
        let old = with("target = 9, command = [\"x\"]");
        let new = with(
            "target = 8, command = [\"x\", \"y\"], min = 2, max = 3, after = \"1s\", cool_down = \"3s\", timeout = \"4s\"",
        );
        let expected = [
            "pool app: scale: command [\"x\"] -> [\"x\", \"y\"]",
            "pool app: scale: target 9 -> 8",
            "pool app: scale: min 1 -> 2",
            "pool app: scale: max 10 -> 3",
            "pool app: scale: after 30s -> 1s",
            "pool app: scale: cool_down 2m -> 3s",
            "pool app: scale: timeout 30s -> 4s",
        ];
        assert_eq!(changes(&old, &new), expected);
        assert_eq!(changes(&old, &config(FILE)), ["pool app: scale removed"]);
    }
}
