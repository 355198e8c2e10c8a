//! Writes a scrape in the text format of Prometheus, by the library of Prometheus.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::Scrape;
use super::families::FAMILIES;
use super::family::Kind;
use super::samples::Samples;

/// What the text is, in a header.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in FAMILIES {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut encoder = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            (family.write)(self, &mut Samples::new(family, &mut encoder))?;
        }
        Ok(())
    }
}

/// The text of a scrape. With 10,000 backends this takes a while, and tens of megabytes.
#[must_use]
pub fn text(scrape: Scrape) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let mut text = String::new();
    // Writing to a string never fails.
    let _ = encode_registry(&mut text, &registry);
    text
}
