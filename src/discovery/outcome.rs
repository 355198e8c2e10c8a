//! What comes of asking. Pure.

use std::net::IpAddr;
use std::time::Duration;

use super::answers::ServiceRecord;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Of one about a name: its IPv4 and its IPv6 addresses.
    Host([Found<IpAddr>; 2]),
    /// Of one about a service.
    Service(Found<ServiceRecord>),
}

/// What there is of one kind of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// These, for so long.
    Records(Vec<T>, Duration),
    /// None, for this reason: the answer says so.
    Nothing(String),
    /// Nobody knows, for this reason: there was no answer, or an error.
    Unknown(String),
}
