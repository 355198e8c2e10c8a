//! Backends to try a TCP load balancer on: three coloured sites, and servers that misbehave.
//!
//! A [`Server`] listens on one address and treats every connection as its [`Behaviour`] says, with
//! a thread per connection: simple rather than fast. It stops on demand (all connections are reset,
//! new ones refused), comes back on the same port, and leaves neither thread nor descriptor behind.
//!
//! ```
//! use test_backends::{Behaviour, Server};
//!
//! let server = Server::start("127.0.0.1:0", Behaviour::Echo)?;
//! let _client = std::net::TcpStream::connect(server.addr())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Bytes that a behaviour makes up follow the [`pattern`], so a client can check each of them.
//! Linux only, as the balancer itself: a port that is bound twice is its way to keep a stopped
//! server's port from strangers.

mod behaviour;
mod colour;
mod connection;
pub mod pattern;
mod reservation;
mod running;
mod server;
mod site;
mod stop;

pub use behaviour::Behaviour;
pub use colour::{Colour, UnknownColour};
pub use server::Server;
