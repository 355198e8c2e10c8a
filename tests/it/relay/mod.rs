//! What happens to bytes, ends and resets between a client and a backend: real sockets through the
//! real program.
//!
//! Each test plays both peers itself wherever the order of things matters, and ends with
//! [`scene::Scene::end`]: sockets back at their baseline, one true log line per client. A number
//! after "Fact" is that of the kernel facts in the project's findings.

mod bytes;
mod cross_talk;
mod dialing;
mod fragments;
mod freeze;
mod half_close;
mod latency;
mod log_line;
mod ports;
mod random;
mod resets;
mod retry;
mod scene;
mod stalls;
mod timeouts;
mod urgent;
mod wire;

pub(crate) use scene::crowded_listener;
