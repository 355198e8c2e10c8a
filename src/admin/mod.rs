//! The admin API: an HTTP server in a thread of its own, which the data plane never sees.
//!
//! `server` is what the supervisor holds. `hall` accepts connections and gives each request to `routes`:
//! the handlers of `read`, `write` and `events`, behind `guard` and within `envelope`. What they know comes
//! from the supervisor, by way of `desk`. `body` and `query` read requests, `problem` is every error.
//! `page` is the dashboard, whose files are in the folder of that name; `docs` lists the endpoints.
//!
//! Imports config, pool, reason, requests. Called by supervisor.

mod body;
mod desk;
mod docs;
mod envelope;
mod events;
mod guard;
mod hall;
mod metrics;
mod overview;
mod page;
mod patience;
mod problem;
mod query;
mod read;
mod routes;
mod server;
mod socket;
mod stream;
mod write;

pub use desk::Ask;
pub use patience::Patience;
pub use server::{AdminThread, Server};
