//! Whether values make sense together: names that are defined once, addresses that are free, keys that
//! belong to what is said elsewhere. Looks at what there is, however wrong the rest of a file may be.

mod http;
mod proxy;
mod route;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use super::fault::{Fault, Lines, quote};
use super::form::CheckKind;
use super::node::{Entry, Kind, Node, below};
use super::tls;
use crate::config::{AdminAddress, AdminConfig, ScaleConfig, duration, listen_address};

/// Finds what cannot be meant like that.
pub(super) fn check(root: &Node, lines: &Lines<'_>, faults: &mut Vec<Fault>) {
    let mut sense = Sense { lines, faults };
    sense.listeners(root);
    sense.addresses(root);
    for (listener, number) in root
        .at("listener")
        .map_or(&[][..], Node::items)
        .iter()
        .zip(1..)
    {
        sense.http(&format!("listener[{number}]"), listener);
    }
    sense.admin(root);
    for Entry { key, value, .. } in root.at("pool").map_or(&[][..], Node::entries) {
        let path = below("pool", key);
        sense.backends(&path, value);
        sense.source(&path, value);
        if let Some(health) = value.at("health") {
            sense.health(&below(&path, "health"), health);
        }
        if let Some(eject) = value.at("eject") {
            sense.eject(&below(&path, "eject"), eject);
        }
        if let Some(tls) = value.at("tls") {
            tls::check_pool(&below(&path, "tls"), tls, sense.faults);
        }
        if let Some(scale) = value.at("scale") {
            sense.scale(&below(&path, "scale"), scale);
        }
    }
}

struct Sense<'a> {
    lines: &'a Lines<'a>,
    faults: &'a mut Vec<Fault>,
}

/// What there is once, with the line where it is.
struct Once<K>(HashMap<K, usize>);

impl<K: Eq + Hash> Once<K> {
    /// Takes note of it, or says in which line it was before.
    fn add(&mut self, key: K, line: usize) -> Option<usize> {
        let before = self.0.get(&key).copied();
        self.0.entry(key).or_insert(line);
        before
    }
}

impl Sense<'_> {
    fn complain(&mut self, span: &Range<usize>, what: String) {
        self.faults.push(Fault::new(span.clone(), what));
    }

    fn line(&self, node: &Node) -> usize {
        self.lines.number(node.span.start)
    }

    fn listeners(&mut self, root: &Node) {
        let pools = root.at("pool").map_or(&[][..], Node::entries);
        let pools: Vec<&str> = pools.iter().map(|it| &*it.key).collect();
        let mut names = Once(HashMap::new());
        let listeners = root.at("listener").map_or(&[][..], Node::items);
        for (listener, number) in listeners.iter().zip(1..) {
            if let Some(node) = listener.at("tls") {
                tls::check_listener(&format!("listener[{number}].tls"), node, self.faults);
            }
            if let Some(node) = listener.at("name")
                && let Some(name) = node.text()
                && let Some(line) = names.add(name, self.line(node))
            {
                let what = format!("line {line} has a listener {} already", quote(name));
                self.complain(&node.span, what);
            }
            self.routes(&format!("listener[{number}]"), listener, &pools);
        }
    }

    fn addresses(&mut self, root: &Node) {
        let mut taken = Once(HashMap::new());
        for listener in root.at("listener").map_or(&[][..], Node::items) {
            let listen = listener.at("listen");
            let several = listen.map_or(&[][..], Node::items);
            for node in several.iter().chain(listen) {
                let address = node.text().and_then(|text| listen_address(text).ok());
                self.take(&mut taken, node, address);
            }
        }
        if let Some(node) = root.at("admin").and_then(|admin| admin.at("listen"))
            && let Some(Ok(AdminAddress::Tcp(address))) = node.text().map(AdminAddress::parse)
        {
            self.take(&mut taken, node, Some(address));
        }
    }

    fn take(&mut self, taken: &mut Once<Spot>, node: &Node, address: Option<SocketAddr>) {
        let Some(address) = address.filter(|it| it.port() != 0) else {
            return;
        };
        let (meets, occupies) = spots(address);
        let found = meets.iter().filter_map(|spot| taken.0.get(spot)).min();
        if let Some(line) = found.copied() {
            let what = format!("{address} is taken: line {line} listens there already");
            self.complain(&node.span, what);
        }
        let line = self.line(node);
        for spot in occupies {
            taken.add(spot, line);
        }
    }

    fn admin(&mut self, root: &Node) {
        let Some(admin) = root.at("admin") else {
            return;
        };
        if let Some(node) = admin.at("listen")
            && let Some(text) = node.text()
            && let Ok(listen) = AdminAddress::parse(text)
            && let token_file = admin.at("token_file").map(|_| "given".into())
            && (AdminConfig { listen, token_file }).lacks_token()
        {
            let what = "admin: token_file is missing: this address is open to other machines";
            self.faults.push(Fault::lack(node.span.clone(), what));
        }
    }

    fn backends(&mut self, path: &str, node: &Node) {
        let keys = ["backends", "backends_file"];
        if matches!(node.kind, Kind::Table(_)) && keys.iter().all(|key| node.at(key).is_none()) {
            let what = format!("{path}: backends is missing, and so is backends_file");
            self.faults.push(Fault::lack(node.span.clone(), what));
        }
        let mut names = Once(HashMap::new());
        for backend in node.at("backends").map_or(&[][..], Node::items) {
            let named = match backend.kind {
                Kind::String(_) => Some(backend),
                _ => backend.at("name").or_else(|| backend.at("address")),
            };
            if let Some(node) = named
                && let Some(name) = node.text()
                && let Some(line) = names.add(name, self.line(node))
            {
                let what = format!("{path}: line {line} has a backend {} already", quote(name));
                self.complain(&node.span, what);
            }
        }
    }

    /// Keys that belong to one type of check, and those that it needs.
    fn health(&mut self, path: &str, node: &Node) {
        const BELONGS: [(&str, CheckKind, bool); 5] = [
            ("path", CheckKind::Http, true),
            ("host", CheckKind::Http, false),
            ("status", CheckKind::Http, false),
            ("send", CheckKind::SendExpect, false),
            ("expect", CheckKind::SendExpect, true),
        ];
        if !matches!(node.kind, Kind::Table(_)) {
            return;
        }
        let kind = node.at("type").map_or(Some("tcp"), Node::text);
        let Some(kind) = kind.and_then(CheckKind::named) else {
            return;
        };
        for (key, owner, is_needed) in BELONGS {
            let entry = node.entries().iter().find(|it| it.key == key);
            let owner_name = owner.name();
            match entry {
                Some(entry) if owner != kind => {
                    let what = format!(
                        "{path}: {key} belongs to checks of type {owner_name}, not {}",
                        kind.name()
                    );
                    self.complain(&entry.key_span, what);
                }
                None if owner == kind && is_needed => {
                    let what = format!("{path}: checks of type {owner_name} need {key}");
                    self.faults.push(Fault::lack(node.span.clone(), what));
                }
                Some(_) | None => {}
            }
        }
    }

    fn eject(&mut self, path: &str, node: &Node) {
        let time = |key| {
            let node = node.at(key)?;
            Some((node, duration(node.text()?).ok()?))
        };
        let longest = crate::config::EjectConfig::default();
        let (base, max) = (time("base"), time("max"));
        let base_time = base.map_or(longest.base, |(_, it)| it);
        let max_time = max.map_or(longest.max, |(_, it)| it);
        if let Some((node, _)) = max.or(base)
            && base_time > max_time
        {
            let what =
                format!("{path}: the first ejection (base) is longer than the longest (max)");
            self.complain(&node.span, what);
        }
    }

    fn scale(&mut self, path: &str, node: &Node) {
        let command = node.at("command").map_or(&[][..], Node::items);
        if let Some(program) = command.first().filter(|it| it.text() == Some("")) {
            let what = format!("{path}: the program of the command is empty");
            self.complain(&program.span, what);
        }
        let number = |key| match node.at(key).map(|it| &it.kind) {
            Some(Kind::Integer(number)) => Some(*number),
            _ => None,
        };
        let (min, max) = (number("min"), number("max"));
        let fewest = min.unwrap_or_else(|| ScaleConfig::MIN.into());
        let most = max.unwrap_or_else(|| ScaleConfig::MAX.into());
        if let Some(node) = node.at("max").or_else(|| node.at("min"))
            && fewest > most
        {
            let what = format!(
                "{path}: the fewest backends (min), {fewest}, are more than the most (max), {most}"
            );
            self.complain(&node.span, what);
        }
    }
}

/// A place where one can listen.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Spot {
    One(SocketAddr),
    /// Somewhere in a family.
    Within(Family, u16),
    /// Everywhere in a family.
    All(Family, u16),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Family {
    V4,
    V6,
}

impl Family {
    const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// What an address clashes with, and what it takes. `[::]` takes both families.
fn spots(address: SocketAddr) -> (Vec<Spot>, Vec<Spot>) {
    use Family::{V4, V6};
    use Spot::{All, One, Within};
    let port = address.port();
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => (
            vec![Within(V4, port)],
            vec![Within(V4, port), All(V4, port)],
        ),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            let within = [Within(V4, port), Within(V6, port)];
            let all = [All(V4, port), All(V6, port)];
            (within.to_vec(), [within, all].concat())
        }
        ip => {
            let family = Family::of(ip);
            let one = One(address);
            (
                vec![one, All(family, port)],
                vec![one, Within(family, port)],
            )
        }
    }
}
