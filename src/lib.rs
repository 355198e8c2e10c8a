//! l4lb, a Layer-4 TCP load balancer.
//!
//! The map, from the outside in; docs/ARCHITECTURE.md tells the story, tests/it/tidy holds the rules.
//!
//! - `main` takes arguments, sets up the log, runs, and turns the result into an exit code.
//! - [`cli`] turns arguments into a [`config::Config`], which is valid by construction.
//! - [`client`] talks to a running l4lb through its admin API.
//! - [`supervisor`] starts the threads and turns signals into drain and stop. It alone logs, by way
//!   of [`journal`].
//! - [`worker`] is the data plane: one event loop that accepts clients and relays bytes.
//! - [`session`] decides what to do next for one connection, [`balance`] which backend it gets.
//! - [`health`] probes the backends in its own thread and posts live sets to the workers.
//! - [`access_log`] writes one line per connection in its own thread.
//! - [`admin`] serves the admin API in its own thread; [`requests`] is what it asks the supervisor.
//! - [`messages`] has every type that crosses a thread, [`plan`] what is served, [`pool`] what a
//!   backend is, [`listener`] what a listening socket is.
//! - [`sys`] has the only unsafe block.
//! - [`demo`] runs all of it with three built-in sites.
//!
//! The layers, each of which may use those to its right:
//! main → cli, client, demo → supervisor → worker, health, access_log → messages → session, balance, pool,
//! config, sys. Session and balance are pure: no I/O, no clock, no log.

pub mod access_log;
pub mod admin;
pub mod balance;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod health;
pub mod journal;
pub mod listener;
pub mod messages;
pub mod plan;
pub mod pool;
pub mod reason;
pub mod requests;
pub mod session;
pub mod supervisor;
pub mod sys;
pub mod version;
pub mod worker;
