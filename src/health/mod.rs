//! Who is alive: probes all backends and tells the workers which of them may get sessions.
//!
//! `verdict` and `schedule` are pure; `probe` is one connection attempt; `prober` is the thread.
//! Imports pool, config, messages. Started by supervisor.

mod probe;
mod prober;
mod schedule;
mod verdict;

pub use prober::Prober;
