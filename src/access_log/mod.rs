//! One line per accepted connection, written by a thread of its own.
//!
//! The queue to that thread is bounded and nobody waits for it: a line that does not fit is dropped
//! and counted, so that a blocked or slow sink never delays traffic.
//!
//! Imports messages, config. Started by supervisor, fed by worker::ledger.

mod format;
mod writer;

pub(crate) use writer::COMPLAINT_GAP;
pub use writer::{AccessLog, WriterThread, start};
