//! Who gets which backend, who waits for one, and what becomes of those whose backend fails.
//!
//! What a flag can say is tried on the real program; what only a configuration can say, on one in
//! this process.

mod algorithms;
mod changes;
mod downed;
mod hedges;
mod limits;
mod standing;
mod workers;
