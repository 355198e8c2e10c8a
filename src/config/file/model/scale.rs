//! The keys that say when a command starts and stops backends.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::ScaleConfig;
use crate::config::file::form::{Word, Written};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config::file) struct Scale {
    /// Sessions that one backend is to have.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(in crate::config::file) target: u32,
    /// The command: a program, and its arguments. No shell reads it.
    #[schemars(length(min = 1))]
    pub(in crate::config::file) command: Vec<Written<Word>>,
    /// It is run when there have been too few or too many backends for this long without a break.
    #[serde(default = "after")]
    pub(in crate::config::file) after: Written<Duration>,
    /// After a run there is no other one for this long; after failed ones for up to ten times as long.
    #[serde(default = "cool_down")]
    pub(in crate::config::file) cool_down: Written<Duration>,
    /// The fewest backends in service that it may leave.
    #[serde(default = "min")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(in crate::config::file) min: u32,
    /// The most backends that there may be, whatever their state.
    #[serde(default = "max")]
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub(in crate::config::file) max: u32,
    /// For one run; then the command and all that it has started in its process group is ended.
    #[serde(default = "timeout")]
    pub(in crate::config::file) timeout: Written<Duration>,
}

const fn after() -> Written<Duration> {
    Written(ScaleConfig::AFTER)
}

const fn cool_down() -> Written<Duration> {
    Written(ScaleConfig::COOL_DOWN)
}

const fn min() -> u32 {
    ScaleConfig::MIN
}

const fn max() -> u32 {
    ScaleConfig::MAX
}

const fn timeout() -> Written<Duration> {
    Written(ScaleConfig::TIMEOUT)
}
