//! What a configuration needs that not every process may do. Asked before it is served, so that no client
//! is the first to find out. Called by supervisor and cli.

use std::io;

use crate::config::{Config, DialFrom};
use crate::reason;
use socket2::{Domain, Protocol, Socket, Type};

/// What this process may not do and would have to, in a sentence.
#[must_use]
pub fn lack(config: &Config) -> Option<String> {
    let mut pools = config.pools.iter();
    let pool = pools.find(|pool| pool.source == Some(DialFrom::Client))?;
    let why = reason::of(&borrow_address().err()?);
    let name = &pool.name;
    Some(format!(
        "pool {name}: source = \"client\" takes the right to use others' addresses, CAP_NET_ADMIN: {why}"
    ))
}

/// The right is one for both families.
fn borrow_address() -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_ip_transparent_v4(true)
}
