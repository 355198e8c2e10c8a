//! The backends on real sockets, as a client and as a shell see them.

mod behaviours;
mod client;
mod lifecycle;
mod program;
mod site;
