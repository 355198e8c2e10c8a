//! Opens connections to backends: the system calls of dialing, and what their answers mean.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use rustix::io::{Errno, ioctl_fionread};
use socket2::{Domain, Protocol, Socket, Type};

use crate::session::{DialError, Outcome};
use crate::sys;

/// The address that a connection is made from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// The kernel's choice.
    Anywhere,
    /// This one of the machine.
    Own(IpAddr),
    /// That of the client, which is none of this machine.
    Client(IpAddr),
}

pub(super) struct Connector {
    ephemeral_ports: RangeInclusive<u16>,
}

impl Connector {
    pub(super) fn new() -> Self {
        Self {
            ephemeral_ports: ephemeral_ports(),
        }
    }

    /// Whether the connect under way on `socket` has succeeded (connect(2), EINPROGRESS): a socket
    /// with a peer is connected; else SO_ERROR says why not, once.
    pub(super) fn finish(&self, socket: &Socket, address: SocketAddr) -> Outcome {
        if socket.peer_addr().is_err() {
            return match socket.take_error() {
                Ok(None) => Outcome::WouldBlock,
                // It was connected, and what it has said is the client's to know. Said nothing, it
                // may as well have refused: nothing was sent, another backend may do better.
                Ok(Some(error)) if was_connected(&error) && unread(socket) > 0 => {
                    Outcome::BrokenWith(unread(socket))
                }
                Ok(Some(error)) | Err(error) => failure(&error),
            };
        }
        if self.ephemeral_ports.contains(&address.port()) && is_connected_to_itself(socket) {
            // Its TIME_WAIT would keep the real backend from binding its port.
            let _ = socket.set_linger(Some(Duration::ZERO));
            return Outcome::Failed(DialError::Refused);
        }
        Outcome::Done
    }
}

/// Opens a socket and starts to connect it to `address`, from `origin`.
/// With `hold` the handshake's acknowledgement is held back.
pub(super) fn start(address: SocketAddr, hold: bool, origin: Origin) -> Result<Socket, Outcome> {
    let socket = open(address, hold).map_err(|error| failure(&error))?;
    // Whatever is wrong here is no fault of the backend.
    bind(&socket, origin).map_err(|_| Outcome::Failed(DialError::Local))?;
    loop {
        let Err(error) = socket.connect(&address.into()) else {
            return Ok(socket);
        };
        match Errno::from_io_error(&error) {
            Some(Errno::INPROGRESS | Errno::ALREADY | Errno::ISCONN) => return Ok(socket),
            Some(Errno::INTR) => {}
            _ => return Err(failure(&error)),
        }
    }
}

fn open(address: SocketAddr, hold_acknowledgement: bool) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)?;
    socket.set_out_of_band_inline(true)?;
    if hold_acknowledgement {
        // The request carries it (tcp(7), TCP_QUICKACK); where none comes, Step::Acknowledge does.
        socket.set_tcp_quickack(false)?;
    }
    Ok(socket)
}

/// Has it connect from there. The port is left open until it connects: then one address has as many
/// connections to each backend as there are ports, and no port of the client's can be in use already.
fn bind(socket: &Socket, origin: Origin) -> io::Result<()> {
    let ip = match origin {
        Origin::Anywhere => return Ok(()),
        Origin::Own(ip) => ip,
        Origin::Client(ip) if ip.is_ipv4() => {
            socket.set_ip_transparent_v4(true)?;
            ip
        }
        Origin::Client(ip) => {
            socket.set_ip_transparent_v6(true)?;
            ip
        }
    };
    sys::bind_without_port(socket)?;
    socket.bind(&SocketAddr::new(ip, 0).into())
}

/// What an error of an attempt means. A lack of descriptors or memory passes; no free port or
/// address is a fault of this machine too, but another backend may do; the rest is the backend's.
fn failure(error: &io::Error) -> Outcome {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Outcome::Shortage,
        Some(Errno::ADDRNOTAVAIL | Errno::AGAIN | Errno::ADDRINUSE | Errno::INVAL) => {
            Outcome::Failed(DialError::Local)
        }
        Some(Errno::TIMEDOUT) => Outcome::Failed(DialError::TimedOut),
        Some(Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::NETDOWN | Errno::HOSTDOWN) => {
            Outcome::Failed(DialError::Unreachable)
        }
        Some(Errno::CONNRESET | Errno::PIPE) => Outcome::Failed(DialError::Reset),
        _ => Outcome::Failed(DialError::Refused),
    }
}

/// A handshake that is refused ends with ECONNREFUSED; these end an established connection.
fn was_connected(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::CONNRESET | Errno::PIPE)
    )
}

/// Bytes that can still be read, from a broken socket too.
pub(super) fn unread(socket: &Socket) -> usize {
    usize::try_from(ioctl_fionread(socket).unwrap_or(0)).unwrap_or(usize::MAX)
}

/// On loopback, a connect to a port of the ephemeral range may be given that very port as its own.
fn is_connected_to_itself(socket: &Socket) -> bool {
    match (socket.local_addr(), socket.peer_addr()) {
        (Ok(local), Ok(peer)) => local == peer,
        _ => false,
    }
}

/// The ports that the kernel gives to connecting sockets (ip(7)).
fn ephemeral_ports() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let mut ports = text
        .iter()
        .flat_map(|text| text.split_whitespace())
        .map(str::parse);
    match (ports.next(), ports.next()) {
        (Some(Ok(first)), Some(Ok(last))) => first..=last,
        _ => 1..=u16::MAX,
    }
}
