//! Which pool a TLS client goes to, by the name that it asks for and the protocols that it offers.

use std::collections::BTreeMap;
use std::fmt;

use crate::client_hello::host_name;

/// The name that a client asks for, in lower case.
///
/// # Errors
///
/// It is none, as with an address.
pub fn asked_name(text: &str) -> Result<Box<str>, String> {
    host_name(text).ok_or_else(|| format!("'{text}' is no name of a server: write shop.example"))
}

/// Names of servers: one, or all that end with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerPattern {
    /// This name.
    Name(Box<str>),
    /// All names below this one, whether by one label or by several; not the name itself.
    Below(Box<str>),
}

impl ServerPattern {
    /// Parses `shop.example` or `*.shop.example`; case does not matter, nor a dot at the end.
    ///
    /// # Errors
    ///
    /// A sentence that says how it is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern = match text.strip_prefix("*.") {
            Some(suffix) => host_name(suffix).map(Self::Below),
            None => host_name(text).map(Self::Name),
        };
        pattern.ok_or_else(|| {
            let is_foreign = !text.is_ascii();
            let foreign = if is_foreign {
                ", as DNS has it (xn--...)"
            } else {
                ""
            };
            format!("'{text}' is no server name: write shop.example or *.shop.example{foreign}")
        })
    }
}

impl fmt::Display for ServerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

/// A pool for some of the clients of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// The names that they ask for; empty is whatever they ask for, and nothing.
    pub sni: Vec<ServerPattern>,
    /// Protocols of which they offer one; empty is whatever they offer, and nothing.
    pub alpn: Vec<Box<str>>,
    /// The place of their pool.
    pub pool: usize,
}

impl fmt::Display for RouteConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.sni.iter().map(ToString::to_string).collect();
        match &names[..] {
            [] => f.write_str("any name")?,
            names => f.write_str(&names.join(", "))?,
        }
        match &self.alpn[..] {
            [] => Ok(()),
            protocols => write!(f, " ({})", protocols.join(", ")),
        }
    }
}

/// The routes of a listener, by what they are looked up by.
#[derive(Clone, Debug)]
pub struct Routes {
    list: Vec<RouteConfig>,
    /// By name, the places in the list, in its order.
    names: BTreeMap<Box<str>, Vec<usize>>,
    /// By what the names end with.
    suffixes: BTreeMap<Box<str>, Vec<usize>>,
    /// Those that do not ask for a name.
    nameless: Vec<usize>,
    /// The pool of clients that no route takes; without one they are denied.
    otherwise: Option<usize>,
}

impl Routes {
    /// Routes in the order of the configuration, and a pool for everybody else.
    #[must_use]
    pub fn new(list: Vec<RouteConfig>, otherwise: Option<usize>) -> Self {
        let mut routes = Self {
            list: Vec::new(),
            names: BTreeMap::new(),
            suffixes: BTreeMap::new(),
            nameless: Vec::new(),
            otherwise,
        };
        for (place, route) in list.iter().enumerate() {
            if route.sni.is_empty() {
                routes.nameless.push(place);
            }
            for pattern in &route.sni {
                let (map, key) = match pattern {
                    ServerPattern::Name(name) => (&mut routes.names, name),
                    ServerPattern::Below(suffix) => (&mut routes.suffixes, suffix),
                };
                map.entry(key.clone()).or_default().push(place);
            }
        }
        Self { list, ..routes }
    }

    /// In the order of the configuration.
    #[must_use]
    pub fn list(&self) -> &[RouteConfig] {
        &self.list
    }

    /// The pool of clients that no route takes, where there is one.
    #[must_use]
    pub const fn otherwise(&self) -> Option<usize> {
        self.otherwise
    }

    /// The same routes where each pool has the place that stands at its old one.
    #[must_use]
    pub fn moved(&self, places: &[usize]) -> Self {
        let mut routes = self.clone();
        for route in &mut routes.list {
            route.pool = places[route.pool];
        }
        routes.otherwise = self.otherwise.map(|pool| places[pool]);
        routes
    }

    /// The pool of a client that asks for this name, in lower case, and offers what `offers` says;
    /// `None` denies it. A whole name comes before the end of one, a longer end before a shorter one,
    /// any name before none, and then what stands first.
    #[must_use]
    pub fn pool(&self, name: Option<&str>, offers: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let name = name.unwrap_or_default();
        let suffixes = name.match_indices('.').map(|(dot, _)| &name[dot + 1..]);
        let below = suffixes.filter_map(|suffix| self.suffixes.get(suffix));
        let named = self.names.get(name).into_iter().chain(below);
        let mut routes = named
            .chain([&self.nameless])
            .flatten()
            .map(|&at| &self.list[at]);
        routes
            .find(|it| it.alpn.is_empty() || it.alpn.iter().any(|one| offers(one.as_bytes())))
            .map_or(self.otherwise, |route| Some(route.pool))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OTHERWISE: usize = 99;

    /// Each route with its names and protocols, the words of which have spaces between them; its place
    /// is its pool.
    fn routes(list: &[(&str, &str)]) -> Routes {
        let route = |(pool, (sni, alpn)): (usize, &(&str, &str))| RouteConfig {
            sni: sni
                .split_whitespace()
                .map(|it| ServerPattern::parse(it).unwrap())
                .collect(),
            alpn: alpn.split_whitespace().map(Into::into).collect(),
            pool,
        };
        Routes::new(
            list.iter().enumerate().map(route).collect(),
            Some(OTHERWISE),
        )
    }

    fn taken(routes: &Routes, name: &str, offered: &str) -> Option<usize> {
        let name = Some(name).filter(|it| !it.is_empty());
        routes.pool(name, |it| {
            offered.split_whitespace().any(|one| one.as_bytes() == it)
        })
    }

    #[test]
    fn a_name_goes_to_the_route_that_says_most_of_it() {
        let routes = routes(&[
            ("*.example", ""),
            ("*.api.example", ""),
            ("shop.example v1.api.example", ""),
        ]);
        let table = [
            ("shop.example", 2),
            ("v1.api.example", 2),
            ("v2.api.example", 1),
            ("a.b.api.example", 1),
            ("api.example", 0),
            ("x.v1.api.example", 1),
            ("myapi.example", 0),
            ("example", OTHERWISE),
            ("other", OTHERWISE),
            ("", OTHERWISE),
        ];
        for (name, pool) in table {
            assert_eq!(taken(&routes, name, ""), Some(pool), "{name}");
        }
    }

    #[test]
    fn all_conditions_of_a_route_hold_or_the_next_best_one_is_tried() {
        let routes = routes(&[
            ("a.example", "h2 h3"),
            ("a.example", ""),
            ("*.example", "acme-tls/1"),
            ("", "acme-tls/1"),
        ]);
        let table = [
            ("a.example", "h2", 0),
            ("a.example", "http/1.1 h3", 0),
            ("a.example", "http/1.1", 1),
            ("a.example", "acme-tls/1", 1),
            ("b.example", "acme-tls/1", 2),
            ("b.example", "h2", OTHERWISE),
            ("other", "acme-tls/1", 3),
            ("", "h2 acme-tls/1", 3),
            ("", "", OTHERWISE),
        ];
        for (name, offered, pool) in table {
            assert_eq!(
                taken(&routes, name, offered),
                Some(pool),
                "{name} {offered}"
            );
        }
    }

    #[test]
    fn whom_no_route_takes_is_denied_where_there_is_no_other_pool() {
        let some = routes(&[("a.example", "")]);
        let routes = Routes::new(some.list().to_vec(), None);
        assert_eq!(taken(&routes, "a.example", ""), Some(0));
        assert_eq!(taken(&routes, "b.example", ""), None);
        assert_eq!(taken(&routes, "", ""), None);
        let all = Routes::new(
            vec![RouteConfig {
                sni: Vec::new(),
                ..some.list()[0].clone()
            }],
            None,
        );
        assert_eq!(taken(&all, "", ""), Some(0));
    }

    #[test]
    fn pools_move_with_their_places() {
        let routes = routes(&[("a.example", ""), ("b.example", "")]);
        let routes = Routes::new(routes.list().to_vec(), Some(0)).moved(&[5, 3]);
        let pools = ["a.example", "b.example", "c"].map(|name| taken(&routes, name, ""));
        assert_eq!(pools, [Some(5), Some(3), Some(5)]);
    }

    #[test]
    fn a_pattern_is_a_name_or_the_end_of_one() {
        for text in ["shop.example", "*.shop.example", "localhost", "*.example"] {
            assert_eq!(ServerPattern::parse(text).unwrap().to_string(), text);
        }
        let lowered = ServerPattern::parse("*.Shop.EXAMPLE.").unwrap();
        assert_eq!(lowered.to_string(), "*.shop.example");
        for text in [
            "",
            "*",
            "*.",
            "shop.*",
            "*shop.example",
            "*.*.example",
            "10.0.0.1",
            "a b",
        ] {
            let error = ServerPattern::parse(text).unwrap_err();
            assert!(
                error.ends_with("write shop.example or *.shop.example"),
                "{error}"
            );
        }
        let error = ServerPattern::parse("b\u{fc}cher.example").unwrap_err();
        assert!(error.contains("xn--"), "{error}");
    }

    proptest! {
        /// The maps say what a look at each route says.
        #[test]
        fn the_best_route_is_found(
            list in prop::collection::vec(("(\\*\\.)?[ab](\\.[ab]){0,2}", "[xy]?"), 1..8),
            name in "[ab](\\.[ab]){0,3}",
            offered in "[xy]?",
        ) {
            let list: Vec<_> = list.iter().map(|(sni, alpn)| (&**sni, &**alpn)).collect();
            let rank = |(sni, alpn): &(&str, &str)| {
                let said = match sni.strip_prefix("*.") {
                    Some(suffix) => name.ends_with(&format!(".{suffix}")).then_some(suffix.len()),
                    None => (*sni == name).then_some(usize::MAX),
                };
                said.filter(|_| alpn.is_empty() || *alpn == offered)
            };
            let ranks = list.iter().map(rank).zip(0..).filter(|(rank, _)| rank.is_some());
            let best = ranks.min_by_key(|(rank, at)| (std::cmp::Reverse(*rank), *at));
            let wanted = best.map_or(OTHERWISE, |(_, at)| at);
            prop_assert_eq!(taken(&routes(&list), &name, &offered), Some(wanted));
        }
    }
}
