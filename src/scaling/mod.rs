//! Autoscaling: when a pool's command is run, how it is run, and what it may have done.
//!
//! Pure: `rule` says when there have been too few or too many backends for long enough, `leave` when a
//! backend that was taken away can be stopped, `answer` what a command has printed. `runner` runs it, in
//! a thread of its own. Imports config and reason. Called by supervisor.

pub mod answer;
mod leave;
mod rule;
mod runner;

pub use leave::{Leave, Next};
pub use rule::{Direction, Measure, Rule, Verdict, pause, step};
pub use runner::{Errand, Ran, Run};
