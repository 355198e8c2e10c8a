//! A port that stays ours while nobody listens on it.
//!
//! A bound socket that does not listen refuses connections, yet keeps the port from being handed to
//! anybody else as "any free port" and keeps a client of this machine from connecting to itself on
//! it. On Linux, SO_REUSEADDR lets our listener bind beside it (socket(7)).

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
};

use socket2::{Domain, Protocol, Socket, Type};

#[derive(Debug)]
pub(crate) struct Reservation {
    addr: SocketAddr,
    /// Held for its effect only.
    _socket: Socket,
}

impl Reservation {
    /// Reserves the first of the addresses that can be listened on, and listens there.
    pub(crate) fn first_of(
        addresses: impl ToSocketAddrs,
        backlog: i32,
    ) -> io::Result<(Self, TcpListener)> {
        let mut refusal = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
        for addr in addresses.to_socket_addrs()? {
            match Self::new(addr).and_then(|it| it.listen(backlog).map(|listener| (it, listener))) {
                Ok(both) => return Ok(both),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn new(addr: SocketAddr) -> io::Result<Self> {
        let socket = bound(addr)?;
        let addr = socket.local_addr()?.as_socket().unwrap_or(addr);
        Ok(Self {
            addr,
            _socket: socket,
        })
    }

    /// Where, with the port that was found if it was left open.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A non-blocking listener.
    pub(crate) fn listen(&self, backlog: i32) -> io::Result<TcpListener> {
        let socket = bound(self.addr)?;
        socket.set_nonblocking(true)?;
        socket.listen(backlog)?;
        Ok(socket.into())
    }
}

fn bound(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}
