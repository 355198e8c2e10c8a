//! Listening sockets: how they are opened, and how clients are taken from them.
//!
//! Options that every client needs are set on the listener: accepted sockets inherit them. Imports
//! nothing of ours. Bound by supervisor, shared by the workers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, Socket, Type};

/// Clients that may wait to be accepted; the kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 65_535;

/// A bound and listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: SocketAddr,
}

/// What an attempt to accept has come to.
#[derive(Debug)]
pub enum Accepted {
    /// A client, and its address.
    Client(Socket, SocketAddr),
    /// Nobody waits.
    Nobody,
    /// This one is gone, or a signal came: the next one may wait already.
    Gone,
    /// Clients may wait, but they cannot be taken now (accept(2)); no edge will say so again.
    Shortage(Errno),
}

impl Listener {
    /// Binds `address` and listens. `[::]` takes clients of both families, or is `0.0.0.0` where
    /// the system has no IPv6.
    ///
    /// # Errors
    ///
    /// What the kernel says, such as `EADDRINUSE` or `EACCES`.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_beside(address, &[])
    }

    /// As [`Listener::bind`], where listeners that are about to close may have a part of the address:
    /// `0.0.0.0:80` has a part of `127.0.0.1:80`.
    ///
    /// # Errors
    ///
    /// What the kernel says, such as `EADDRINUSE` or `EACCES`.
    pub fn bind_beside(address: SocketAddr, leaving: &[&Self]) -> io::Result<Self> {
        let share = |with_others| {
            let mut all = leaving.iter();
            all.try_for_each(|it| it.socket.set_reuse_port(with_others))
        };
        share(true)?;
        let socket = open_or_ipv4(address, !leaving.is_empty());
        // Only for this moment: nobody else is to take a port that is taken.
        share(false)?;
        let socket = socket?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Self { socket, address })
    }

    /// Takes over a socket that somebody else has opened.
    ///
    /// # Errors
    ///
    /// What the kernel says where it refuses an option.
    pub fn adopt(socket: TcpListener) -> io::Result<Self> {
        let socket = Socket::from(socket);
        socket.set_nonblocking(true)?;
        set_options(&socket)?;
        let unnamed = || io::Error::from(io::ErrorKind::AddrNotAvailable);
        let address = socket.local_addr()?.as_socket().ok_or_else(unnamed)?;
        Ok(Self { socket, address })
    }

    /// The address it is bound to, with its real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket, to be watched.
    #[must_use]
    pub const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Takes one waiting client.
    #[must_use]
    pub fn accept(&self) -> Accepted {
        match acceptfrom_with(&self.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((client, address)) => {
                let address = address.and_then(|any| SocketAddr::try_from(any).ok());
                match address {
                    Some(address) => Accepted::Client(Socket::from(client), canonical(address)),
                    None => Accepted::Gone,
                }
            }
            Err(Errno::AGAIN) => Accepted::Nobody,
            // Errors of the new connection, not of the listener (accept(2), "Error handling").
            Err(
                Errno::INTR
                | Errno::CONNABORTED
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::NETUNREACH
                | Errno::OPNOTSUPP,
            ) => Accepted::Gone,
            Err(error) => Accepted::Shortage(error),
        }
    }
}

fn open_or_ipv4(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    match open(address, shared) {
        Err(error)
            if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
                && address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) =>
        {
            open((Ipv4Addr::UNSPECIFIED, address.port()).into(), shared)
        }
        other => other,
    }
}

/// A listening socket, `shared` while it is bound.
fn open(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    socket.set_reuse_address(true)?;
    set_options(&socket)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_reuse_port(false)?;
    Ok(socket)
}

/// What every accepted socket inherits.
fn set_options(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)?;
    // Urgent bytes stay in their place in the stream (RFC 6093): none is lost.
    socket.set_out_of_band_inline(true)
}

/// An IPv4 client of a listener for both families is shown as what it is.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
