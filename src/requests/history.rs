//! How things were: the last quarter of an hour by the second, the last day by the minute. Only types live here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum Range {
    /// 15 minutes, by the second.
    #[serde(rename = "15m")]
    Quarter,
    /// 24 hours, by the minute.
    #[serde(rename = "24h")]
    Day,
}

/// How things were, of the process or of one pool.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct History {
    /// From one point to the next.
    pub step_seconds: u32,
    /// When the first point was taken, RFC 3339.
    pub from: String,
    /// The points, all columns of the same length, the oldest first.
    pub columns: Columns,
}

/// Points by what they tell; null where nothing was measured.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Columns {
    /// Sessions; by the minute, the most there were.
    pub sessions: Vec<Option<f32>>,
    /// Connections that were accepted; of a pool, connects that succeeded.
    pub connections_per_second: Vec<Option<f32>>,
    /// Bytes from clients.
    pub bytes_in_per_second: Vec<Option<f32>>,
    /// Bytes to clients; of a pool, bytes from backends.
    pub bytes_out_per_second: Vec<Option<f32>>,
    /// Connections that ended by a backend's fault or by ours.
    pub errors_per_second: Vec<Option<f32>>,
    /// Half of the connects took no longer.
    pub connect_p50_ms: Vec<Option<f32>>,
    /// 99 of 100 connects took no longer.
    pub connect_p99_ms: Vec<Option<f32>>,
    /// Backends that are up; by the minute, the fewest there were.
    pub backends_up: Vec<Option<f32>>,
}
