//! Whether a pool can be dialed from the addresses that it has for that.

use std::collections::HashMap;

use super::{Family, Once, Sense};
use crate::config::file::node::{Kind, Node};
use crate::config::{Target, own_address};

impl Sense<'_> {
    /// Each address once, and one at least of the family of each backend whose family is known.
    pub(super) fn source(&mut self, path: &str, pool: &Node) {
        let Some(source) = pool.at("source") else {
            return;
        };
        let mut known = Once(HashMap::new());
        let mut families = Vec::new();
        for node in source.items() {
            let address = node.text().and_then(|text| own_address(text).ok());
            let Some(address) = address else {
                return; // what is wrong with it is said elsewhere
            };
            families.push(Family::of(address));
            if known.add(address, self.line(node)).is_some() {
                let what = format!("{path}: source has {address} already");
                self.complain(&node.span, what);
            }
        }
        if families.is_empty() {
            return;
        }
        for backend in pool.at("backends").map_or(&[][..], Node::items) {
            let node = match backend.kind {
                Kind::String(_) => Some(backend),
                _ => backend.at("address"),
            };
            let target = node.and_then(Node::text).map(Target::parse);
            if let (Some(node), Some(Ok(Target::Address(address)))) = (node, target)
                && !families.contains(&Family::of(address.ip()))
            {
                let family = Family::of(address.ip()).name();
                let what = format!("{path}: source has no {family} address to dial {address} from");
                self.complain(&node.span, what);
            }
        }
    }
}
