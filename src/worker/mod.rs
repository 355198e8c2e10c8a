//! One thread, one event loop: the only code on the hot path that makes system calls.
//!
//! `event_loop` turns; `acceptor` takes clients; `sessions` gives each session its turn and is the
//! only place where one ends; `shell` performs its steps with `relay` and `dialer`, and with `front` what is special. The rest are the parts they
//! stand on. What is decided is decided in session and balance. Nothing here blocks or logs.
//!
//! Imports session, balance, pool, config, messages, access_log, sys. Started by supervisor.

mod acceptor;
mod buffers;
mod clock;
mod connect;
mod dialer;
mod dialing;
mod event_loop;
mod front;
mod hedging;
mod ledger;
mod loads;
mod peers;
mod pipes;
mod relay;
mod run_queue;
mod sessions;
mod shared;
mod shell;
mod slot;
mod timers;
mod token;
mod waiting;

pub use event_loop::{Worker, WorkerSetup};
