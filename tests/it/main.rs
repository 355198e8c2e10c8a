//! The one integration test binary: one binary links once and runs all its tests side by side.
//!
//! `tidy` reads the source text and keeps the architecture; everything else drives the real program
//! over real sockets.

mod harness;
mod tidy;
