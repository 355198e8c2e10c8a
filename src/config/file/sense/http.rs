//! A listener that speaks HTTP, or does not.

use std::collections::HashMap;

use super::{Once, Sense};
use crate::config::Protocol;
use crate::config::file::fault::quote;
use crate::config::file::node::{Entry, Node, below};

impl Sense<'_> {
    /// The keys of HTTP belong to its protocol, and a head is told once what becomes of a name.
    pub(super) fn http(&mut self, path: &str, listener: &Node) {
        let key = |name| listener.entries().iter().find(|it| it.key == name);
        let speaks = listener.at("protocol").and_then(Node::text);
        if speaks == Some(Protocol::Http.name()) {
            if let Some(route) = key("route").filter(|_| key("tls").is_none()) {
                let what =
                    format!("{path}: HTTP without tls has no names that a route could go by");
                self.complain(&route.key_span, what);
            }
            let tls = listener.at("tls");
            for node in tls
                .and_then(|it| it.at("alpn"))
                .map_or(&[][..], Node::items)
            {
                if node.text().is_some_and(|it| !it.starts_with("http/1.")) {
                    let what = format!(
                        "{path}: tls: a listener that speaks HTTP/1.1 cannot agree upon this"
                    );
                    self.complain(&node.span, what);
                }
            }
        }
        let Some(http) = key("http") else {
            return;
        };
        if speaks.unwrap_or(Protocol::Tcp.name()) == Protocol::Tcp.name() {
            let what = format!("{path}: http belongs to listeners with protocol = \"http\"");
            self.complain(&http.key_span, what);
        }
        let path = below(path, "http");
        if let Some(node) = http.value.at("trusted_proxies")
            && !node.items().is_empty()
            && http.value.at("forwarded").is_none()
        {
            let what = format!("{path}: trusted_proxies are asked where forwarded is set");
            self.complain(&node.span, what);
        }
        for key in ["request_headers", "response_headers"] {
            if let Some(edits) = http.value.at(key) {
                self.edits(&below(&path, key), edits);
                self.host(&below(&path, key), edits);
            }
        }
    }

    /// A request has one Host (RFC 9112, 3.2).
    fn host(&mut self, path: &str, edits: &Node) {
        let removed = edits.at("remove").map_or(&[][..], Node::items).iter();
        let removed = removed.map(|it| (it.text().unwrap_or_default(), &it.span));
        let added = edits.at("add").map_or(&[][..], Node::entries).iter();
        let added = added.map(|it| (&*it.key, &it.key_span));
        for (name, span) in removed.chain(added) {
            if name.eq_ignore_ascii_case("Host") {
                let what = format!("{path}: there is always one Host, which can only be set");
                self.complain(span, what);
            }
        }
    }

    /// The case of letters makes no other name.
    fn edits(&mut self, path: &str, edits: &Node) {
        for kind in ["set", "add"] {
            let mut names = Once(HashMap::new());
            let path = below(path, kind);
            for Entry { key, key_span, .. } in edits.at(kind).map_or(&[][..], Node::entries) {
                let line = self.lines.number(key_span.start);
                if let Some(line) = names.add(key.to_ascii_lowercase(), line) {
                    let what = format!("{path}: line {line} has the header {} already", quote(key));
                    self.complain(key_span, what);
                }
            }
        }
    }
}
