//! What is pure of discovery, by tables.

mod book;
mod expand;
