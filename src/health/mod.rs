//! Who is alive: watches all backends and tells the workers which of them may get sessions.
//!
//! Pure are `verdict` (rise and fall), `ejection`, `standing` (what comes of both, of orders and of
//! slow start), `schedule` and `agenda` (when), `answer` (what a probe says and hears). `probe` is one
//! connection, `veil` TLS on it, `probes` all of them, `ward` the backends of one pool; `prober` is the thread.
//! Imports pool, balance, config, messages. Started by supervisor.

mod agenda;
mod answer;
mod approach;
mod ejection;
mod probe;
mod prober;
mod probes;
mod schedule;
mod standing;
mod veil;
mod verdict;
mod ward;

#[cfg(test)]
mod tests;

pub use prober::Prober;
