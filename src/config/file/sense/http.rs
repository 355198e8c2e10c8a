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
        if let Some(route) = key("route").filter(|_| speaks == Some(Protocol::Http.name())) {
            let what = format!("{path}: route is for TLS that is not decrypted, which HTTP is not");
            self.complain(&route.key_span, what);
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
