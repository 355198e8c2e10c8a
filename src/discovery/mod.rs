//! Where backends are that go by a name: DNS, asked again and again, and files of backends.
//!
//! `answers` is what is known, `expand` makes of it and of a configuration one whose backends all have
//! an address, `book` says what to ask when and what an outcome means: these are pure. `asker` is the
//! thread that asks, `resolver` its door to DNS, `listed` reads files. Called by supervisor.

pub mod answers;
mod asker;
pub mod book;
pub mod expand;
pub mod listed;
mod outcome;
mod resolver;

pub use asker::{Discovery, News};

#[cfg(test)]
mod tests;
