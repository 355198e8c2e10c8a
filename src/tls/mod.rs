//! TLS, over byte slices: who one is (`store`, `pem`, `x509`), what is agreed upon (`terms`), and the
//! two ends of a connection (`terminal`, `wire`, `failure`). `files` alone reads files.
//!
//! Sockets, clocks and deadlines are the worker's; which files there are is said by the configuration.
//! All cryptography is that of rustls with aws-lc. Imports config and reason.

mod failure;
mod files;
mod materials;
mod pem;
mod provider;
mod store;
mod terminal;
mod terms;
#[cfg(test)]
mod tests;
mod turn;
mod wire;
mod x509;

pub use failure::{Failure, Reason};
pub use files::read;
pub use materials::{Materials, Shown, Trouble};
pub use store::{Credential, Flaw, Store};
pub use terminal::{Handshake, Opened, Terminal};
pub use wire::Wire;
pub use x509::Certificate;
