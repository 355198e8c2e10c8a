//! l4lb, a Layer-4 TCP load balancer.
//!
//! The map, from the outside in; docs/ARCHITECTURE.md tells the story, tests/it/tidy holds the rules.
//!
//! - `main` takes arguments, sets up the log, runs, and turns the result into an exit code.
//! - [`cli`] turns arguments into a [`config::Config`], which is valid by construction.
//! - [`client`] talks to a running l4lb through its admin API.
//! - [`supervisor`] starts the threads, owns what is served, and turns signals and requests into new
//!   plans, drain and stop. It alone logs, by way of [`journal`].
//! - [`worker`] is the data plane: event loops that accept clients and relay bytes.
//! - [`client_hello`] reads where a TLS client wants to go.
//! - [`session`] decides what to do next for one connection, [`balance`] which backend it gets.
//! - [`discovery`] finds the backends that go by a name: DNS, in its own thread, and files of backends.
//! - [`health`] probes the backends in its own thread and posts live sets to the workers.
//! - [`scaling`] decides when a pool has too few or too many backends, and runs its command then.
//! - [`access_log`] writes one line per connection in its own thread.
//! - [`admin`] serves the admin API in its own thread; [`requests`] is what it asks the supervisor.
//! - [`http`] knows the heads of HTTP, where a message ends, and what is changed in a head.
//! - [`history`] remembers what counts were: for rates, and for the curves of a day.
//! - [`counts`] are numbers with one writer each, [`metrics`] what is made of them for Prometheus.
//! - [`messages`] has every type that crosses a thread, [`plan`] what is served, [`pool`] what a
//!   backend is, [`listener`] what a listening socket is.
//! - [`descriptors`] says what the limit of descriptors allows, [`reason`] an error in words, [`rights`] what this process may not do, [`held_up`]
//!   whether a loop was stopped, [`token`] who may change things, [`version`] which l4lb this is,
//!   [`vitals`] what the kernel says of it; [`sys`] has the only unsafe blocks.
//! - [`foresight`] says what a configuration would change, before it is applied, [`log_stats`] what an access log says.
//! - [`proxy_protocol`] reads and writes what proxies say of a client before its first byte.
//! - [`demo`] runs all of it with three built-in sites.
//!
//! The layers, each of which may use those to its right:
//! main → cli, client, demo, log_stats → supervisor → worker, health, admin, discovery, access_log → messages → plan, requests,
//! metrics, scaling, pool, session, balance, listener, http, config, counts, sys. Session and balance are pure: no I/O, no clock, no log.

pub mod access_log;
pub mod admin;
pub mod balance;
pub mod cli;
pub mod client;
pub mod client_hello;
pub mod config;
pub mod counts;
pub mod demo;
pub mod descriptors;
pub mod discovery;
pub mod foresight;
pub mod health;
pub mod held_up;
pub mod history;
pub mod http;
pub mod journal;
pub mod listener;
pub mod log_stats;
pub mod messages;
pub mod metrics;
pub mod plan;
pub mod pool;
pub mod proxy_protocol;
pub mod reason;
pub mod requests;
pub mod rights;
pub mod scaling;
pub mod session;
pub mod supervisor;
pub mod sys;
pub mod tls;
pub mod token;
pub mod version;
pub mod vitals;
pub mod worker;
