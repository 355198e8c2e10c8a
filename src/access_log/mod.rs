//! One line per accepted connection, written by a thread of its own, in one of several forms.
//!
//! The queue to that thread is bounded and nobody waits for it: a line that does not fit is dropped
//! and counted, so that a blocked or slow sink never delays traffic. `filter` says which sessions have
//! lines, `line` how one looks, in the form of `default`, `haproxy`, `json` or `template`; `escape` is
//! the way of all text that others may have chosen. `sink` is where lines go, `writer` the thread.
//!
//! Imports messages, config, session, pool. Started by supervisor, fed by worker::ledger.

mod default;
mod escape;
mod filter;
mod haproxy;
mod json;
mod line;
mod sink;
mod template;
mod writer;

pub(crate) use template::write_value as append_value;
pub(crate) use writer::COMPLAINT_GAP;
pub use writer::{AccessLog, Counts, WriterThread, start};
