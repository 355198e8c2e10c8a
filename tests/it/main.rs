//! The one integration test binary: one binary links once and runs all its tests side by side.
//!
//! `tidy` reads the source text and keeps the architecture; `admin` runs the admin API alone; everything
//! else drives the real program over real sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod admin;
mod balancing;
mod dashboard;
mod discovery;
mod harness;
mod http;
mod life;
mod metrics;
mod passthrough;
mod proxy;
mod relay;
mod scaling;
mod simulation;
mod tidy;
mod tls;
