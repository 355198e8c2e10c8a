//! What is different between the routes of a listener.

use std::sync::Arc;

use super::value;
use crate::config::{Config, ListenerConfig, RouteConfig};

/// A route goes by the clients that it takes.
pub(super) fn routes(
    changes: &mut Vec<String>,
    whose: &str,
    (was, old): (&ListenerConfig, &Config),
    (is, new): (&ListenerConfig, &Config),
) {
    let pools = (&default_pool(was, old), &default_pool(is, new));
    value(changes, whose, "pool", pools, |it| {
        it.as_ref()
            .map_or_else(|| "none".to_owned(), ToString::to_string)
    });
    let (before, after) = (list(was), list(is));
    let pool = |route: &RouteConfig, config: &Config| Arc::clone(&config.pools[route.pool].name);
    let same = |all: &[RouteConfig], it: &RouteConfig| {
        let mut all = all.iter();
        all.find(|one| (&one.sni, &one.alpn) == (&it.sni, &it.alpn))
            .cloned()
    };
    for it in after {
        match same(before, it) {
            Some(one) => {
                let pools = (&pool(&one, old), &pool(it, new));
                value(
                    changes,
                    &format!("{whose}route {it}: "),
                    "pool",
                    pools,
                    ToString::to_string,
                );
            }
            None => changes.push(format!(
                "{whose}route {it} added, to pool {}",
                pool(it, new)
            )),
        }
    }
    let mut gone = before
        .iter()
        .filter(|it| same(after, it).is_none())
        .peekable();
    if gone.peek().is_none() && before.len() == after.len() {
        let order = |all: &[RouteConfig]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        if order(before) != order(after) {
            changes.push(format!("{whose}the order of the routes changed"));
        }
    }
    changes.extend(gone.map(|it| format!("{whose}route {it} removed")));
}

fn list(listener: &ListenerConfig) -> &[RouteConfig] {
    listener.routes.as_ref().map_or(&[], |it| it.list())
}

/// The pool of clients that no route takes.
fn default_pool(listener: &ListenerConfig, config: &Config) -> Option<Arc<str>> {
    let pool = listener.default_pool()?;
    Some(Arc::clone(&config.pools[pool].name))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, diff::changes, file};

    /// One listener with these lines, and two pools.
    fn config(lines: &str) -> Config {
        let text = format!(
            "[pool.a]\nbackends = [\"10.0.0.1:80\"]\n[pool.b]\nbackends = [\"10.0.0.1:80\"]\n\
             [[listener]]\nname = \"web\"\nlisten = \":9000\"\n{lines}\n"
        );
        match file::parse("l4lb.toml", text.as_bytes()) {
            Ok(document) => document.config(1),
            Err(faults) => panic!("{}", faults.render(false)),
        }
    }

    const ROUTES: &str = "pool = \"a\"\nroute = [{ sni = [\"x\", \"*.x\"], pool = \"a\" }, { alpn = [\"h2\"], pool = \"b\" }]";

    #[test]
    fn each_change_of_a_route_is_said() {
        let table: [(&str, &str, &[&str]); 6] = [
            ("", "", &[]),
            ("pool = \"a\"\n", "", &["listener web: pool a -> none"]),
            (
                "*.x\"], pool = \"a\"",
                "*.x\"], pool = \"b\"",
                &["listener web: route x, *.x: pool a -> b"],
            ),
            (
                "\"*.x\"",
                "\"*.y\"",
                &[
                    "listener web: route x, *.y added, to pool a",
                    "listener web: route x, *.x removed",
                ],
            ),
            (
                ", { alpn = [\"h2\"], pool = \"b\" }",
                "",
                &["listener web: route any name (h2) removed"],
            ),
            (
                "{ sni = [\"x\", \"*.x\"], pool = \"a\" }, { alpn = [\"h2\"], pool = \"b\" }",
                "{ alpn = [\"h2\"], pool = \"b\" }, { sni = [\"x\", \"*.x\"], pool = \"a\" }",
                &["listener web: the order of the routes changed"],
            ),
        ];
        let old = config(ROUTES);
        for (text, other, expected) in table {
            let new = config(&ROUTES.replacen(text, other, 1));
            assert_eq!(changes(&old, &new), expected, "{other}");
        }
        let gone = [
            "listener web: route x, *.x removed",
            "listener web: route any name (h2) removed",
        ];
        assert_eq!(changes(&old, &config("pool = \"a\"")), gone);
    }
}
