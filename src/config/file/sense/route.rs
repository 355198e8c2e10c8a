//! Where the clients of a listener go: to its pool, or by routes, each of which takes somebody.

use std::collections::{HashMap, HashSet};

use super::{Once, Sense};
use crate::config::ServerPattern;
use crate::config::file::fault::{Fault, quote};
use crate::config::file::node::{Kind, Node};
use crate::config::file::shape::meant;

/// A name, or any, with a protocol, or any.
type Clients = (Option<String>, Option<String>);

impl Sense<'_> {
    /// The pools of a listener, and its routes.
    pub(super) fn routes(&mut self, path: &str, listener: &Node, pools: &[&str]) {
        let defined: HashSet<&str> = pools.iter().copied().collect();
        let routes = listener.at("route");
        if matches!(listener.kind, Kind::Table(_)) && listener.at("pool").or(routes).is_none() {
            let what = format!("{path}: pool is missing");
            self.faults.push(Fault::lack(listener.span.clone(), what));
        }
        let routes = routes.map_or(&[][..], Node::items);
        for node in routes.iter().chain([listener]) {
            if let Some(node) = node.at("pool")
                && let Some(pool) = node.text()
                && !defined.contains(pool)
            {
                let what = format!("there is no pool {}", quote(pool));
                let advice = meant(self.faults, pool, pools).unwrap_or_default();
                self.faults
                    .push(Fault::lack(node.span.clone(), what).advising(advice));
            }
        }
        let mut taken = Once(HashMap::new());
        for (route, number) in routes.iter().zip(1..) {
            let path = format!("{path}.route[{number}]");
            self.route(&path, route, &mut taken);
            if let Some(tls) = listener.at("tls") {
                self.agreed(&path, route, tls);
            }
        }
    }

    /// Where TLS is spoken here, a route goes by what is agreed upon.
    fn agreed(&mut self, path: &str, route: &Node, tls: &Node) {
        let [wanted, known] = [route, tls].map(|it| it.at("alpn").map_or(&[][..], Node::items));
        for node in wanted {
            if node.text().is_some() && !known.iter().any(|it| it.text() == node.text()) {
                let what = format!("{path}: tls.alpn lacks this: nobody comes with it");
                self.complain(&node.span, what);
            }
        }
    }

    /// Each name of a route, or its having none, takes clients that no route before it has taken.
    fn route(&mut self, path: &str, route: &Node, taken: &mut Once<Clients>) {
        let texts = |key| {
            let nodes = route.at(key).map_or(&[][..], Node::items);
            nodes.iter().filter_map(|it| Some((it, it.text()?)))
        };
        let protocols: Vec<Option<&str>> = match route.at("alpn") {
            Some(_) => texts("alpn").map(|(_, text)| Some(text)).collect(),
            None => vec![None],
        };
        let names: Vec<(&Node, Option<String>)> = match route.at("sni") {
            Some(_) => {
                let read = |(node, text)| Some((node, Some(ServerPattern::parse(text).ok()?)));
                let patterns = texts("sni").filter_map(read);
                patterns
                    .map(|(node, it)| (node, it.map(|it| it.to_string())))
                    .collect()
            }
            None => vec![(route, None)],
        };
        for (node, name) in names {
            let line = self.line(node);
            let before = protocols.iter().map(|protocol| {
                let all = taken.0.get(&(name.clone(), None)).copied();
                let own = taken.add((name.clone(), protocol.map(str::to_owned)), line);
                all.or(own)
            });
            let before: Vec<Option<usize>> = before.collect();
            if let Some(before) = before.into_iter().collect::<Option<Vec<_>>>()
                && let Some(line) = before.first()
            {
                let whose = name.map_or_else(
                    || "without sni".to_owned(),
                    |it| format!("for {}", quote(&it)),
                );
                let what = format!("{path}: line {line} has a route {whose} already");
                self.complain(&node.span, what);
            }
        }
    }
}
