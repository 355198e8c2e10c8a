//! What has been, in bounded memory: the last quarter of an hour by the second, the last day by the minute.
//!
//! A `Track` is the history of the process or of one pool; a `Window` remembers counts for as long as a rate
//! or a percentile looks back. Pure: whoever samples says what the time is. Imports counts.

mod track;
mod window;

pub use track::{Interval, Point, Series, Track};
pub use window::Window;
