//! Micro benchmarks: what l4lb's own decisions cost, without the kernel around them.
//!
//! The comparison benchmark (benches/compare) says what a user gets; most of that is system calls,
//! whose noise hides a change of a few nanoseconds in the code between them. Only that code runs
//! here: it is pure, so that neither sockets nor clocks are needed to drive it.

mod kernel;
mod picks;
mod steps;

use std::time::Duration;

use divan::Divan;

/// Long enough that a neighbour on the same core spoils some samples, not their median, and that
/// the largest pool is gone round many times.
const MEASURE: Duration = Duration::from_millis(300);

fn main() {
    // Arguments come last, so that `--min-time` on the command line has its way.
    Divan::default().min_time(MEASURE).config_with_args().main();
}
