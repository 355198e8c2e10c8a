//! What to do next for one proxied connection: the pure half of the data plane.
//!
//! A [`Session`] names a [`Step`], the worker performs it, and [`Session::record`] takes the
//! [`Outcome`]. Nothing here holds a descriptor, reads a clock, logs or allocates, so that a whole
//! life of a connection can be replayed from a seed (tests/it/simulation).
//!
//! Imports nothing of ours. Called by worker::sessions and by the simulation.

mod close;
mod flow;
mod front;
mod machine;
mod phase;
mod readiness;
mod side;
mod step;
mod transitions;

pub use close::{Cause, CloseReason, Stage};
pub use flow::{Flow, Tuning};
pub use machine::{Limits, Session};
pub use phase::Deadline;
pub use readiness::Readiness;
pub use side::{Direction, Side};
pub use step::{DialError, Edit, Outcome, Place, Step};
