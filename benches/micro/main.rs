//! Micro benchmarks: what l4lb's own decisions cost, without the kernel around them.
//!
//! The comparison benchmark (benches/compare) says what a user gets; most of that is system calls,
//! whose noise hides a change of a few nanoseconds in the code between them. Only that code runs
//! here: it is pure, so that neither sockets nor clocks are needed to drive it.

mod kernel;
mod picks;
mod steps;

fn main() {
    divan::main();
}
