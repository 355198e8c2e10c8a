//! Values of a listener that speaks HTTP.

use super::Form;
use crate::config::{self, Per, Protocol, Template};
use crate::http::{Forwarded, field};

/// The name of a header.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config::file) struct HeaderName(pub(in crate::config::file) field::Name);

/// The value of a header, with placeholders.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config::file) struct HeaderValue(pub(in crate::config::file) Template);

form!(
    HeaderName,
    "l4lb-header-name",
    |text| field::Name::parse(text).map(Self),
    |it: &Self| it.0.text().to_owned()
);
form!(
    HeaderValue,
    "l4lb-header-value",
    |text| Template::of_header(text).map(Self),
    |it: &Self| it.0.text().to_owned()
);

words!(Protocol, "protocol", Self::ALL, Self::name);
words!(
    Forwarded,
    "way to forward",
    config::FORWARDED,
    config::forwarded_name
);
words!(Per, "time with a backend", Self::ALL, Self::name);
