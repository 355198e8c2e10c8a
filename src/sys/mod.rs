//! The system calls that no library offers as safe functions.
//!
//! The only room in which `unsafe` is allowed. Imports nothing of ours; called by worker.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use rustix::ioctl::{Opcode, Updater, ioctl};
use socket2::Socket;

/// `SIOCOUTQ` of tcp(7): its number is that of `TIOCOUTQ`, which differs on a few architectures.
const SIOCOUTQ: Opcode = 0x5411;

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
compile_error!("look up the number of SIOCOUTQ for this architecture");

/// Bytes that were written to a TCP socket and that its peer has not acknowledged yet.
///
/// # Errors
///
/// What ioctl(2) answers, such as `EINVAL` for a listening socket.
#[expect(
    unsafe_code,
    reason = "rustix offers FIONREAD as a safe function, but not SIOCOUTQ"
)]
pub fn unacknowledged_bytes(socket: &Socket) -> io::Result<usize> {
    let mut bytes: c_int = 0;
    // SAFETY: of a socket, SIOCOUTQ takes a pointer to one c_int and writes that or nothing (tcp(7),
    // udp(7), unix(7)); `Updater` borrows an initialised c_int for the length of the call.
    unsafe { ioctl(socket, Updater::<SIOCOUTQ, c_int>::new(&mut bytes)) }?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// Has a bind of an address without a port wait with the choice of one until the socket is connected,
/// when it is enough that no other connection has both the address and the port, and the same peer.
///
/// # Errors
///
/// What setsockopt(2) answers, such as `ENOPROTOOPT` for a socket that is not of IP.
#[expect(
    unsafe_code,
    reason = "neither socket2 nor rustix offers IP_BIND_ADDRESS_NO_PORT"
)]
pub fn bind_without_port(socket: &Socket) -> io::Result<()> {
    let yes: c_int = 1;
    let length = libc::socklen_t::try_from(size_of::<c_int>()).unwrap_or(0);
    // SAFETY: the kernel reads one c_int (ip(7)), for which the pointer and the length are right; it
    // lives until the call has returned.
    let answer = unsafe {
        let from = (&raw const yes).cast();
        let (level, option) = (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT);
        libc::setsockopt(socket.as_raw_fd(), level, option, from, length)
    };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What the kernel knows of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// The smoothed round trip time.
    pub rtt: Duration,
    /// Segments that were sent again, over the whole life of the connection.
    pub retransmits: u32,
}

/// Asks the kernel about a TCP connection, one that has ended too.
///
/// # Errors
///
/// What getsockopt(2) answers, such as `EOPNOTSUPP` for a socket that is not TCP.
#[expect(unsafe_code, reason = "neither socket2 nor rustix offers TCP_INFO")]
pub fn tcp_info(socket: &Socket) -> io::Result<TcpInfo> {
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).unwrap_or(0);
    // SAFETY: tcp_info is made of whole numbers, for each of which zero is a value. The kernel writes at
    // most `length` bytes to it and, of an older kind with fewer fields, fewer (tcp(7)); both pointers
    // are to live values of this function.
    let (answer, info) = unsafe {
        let mut info: libc::tcp_info = std::mem::zeroed();
        let to = (&raw mut info).cast();
        let fd = socket.as_raw_fd();
        let answer = libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, to, &raw mut length);
        (answer, info)
    };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(TcpInfo {
        rtt: Duration::from_micros(info.tcpi_rtt.into()),
        retransmits: info.tcpi_total_retrans,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn nothing_is_unacknowledged_on_a_new_connection_and_a_full_one_says_how_much() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut client = Socket::from(client);
        assert_eq!(unacknowledged_bytes(&client).unwrap(), 0);
        client.set_nonblocking(true).unwrap();
        while client.write(&[7; 65536]).is_ok() {}
        assert!(unacknowledged_bytes(&client).unwrap() > 0);
    }

    #[test]
    fn a_connection_has_a_round_trip_time_also_when_it_was_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Socket::from(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let (server, _) = listener.accept().unwrap();
        let info = tcp_info(&client).unwrap();
        assert!(
            info.rtt > Duration::ZERO && info.rtt < Duration::from_secs(5),
            "{info:?}"
        );
        assert_eq!(info.retransmits, 0);
        let server = Socket::from(server);
        server.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        assert!(tcp_info(&client).unwrap().rtt > Duration::ZERO);
    }

    #[test]
    fn one_address_and_port_connects_to_two_peers_where_the_port_was_left_open() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let peer = listener.local_addr().unwrap();
            let domain = socket2::Domain::for_address(peer);
            let socket = Socket::new(domain, socket2::Type::STREAM, None).unwrap();
            bind_without_port(&socket).unwrap();
            socket
                .bind(&std::net::SocketAddr::new(peer.ip(), 0).into())
                .unwrap();
            let port = || socket.local_addr().unwrap().as_socket().unwrap().port();
            assert_eq!(port(), 0, "{address}");
            socket.connect(&peer.into()).unwrap();
            assert_ne!(port(), 0, "{address}");
        }
    }

    #[test]
    fn what_is_no_tcp_socket_is_refused() {
        let socket = Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        assert!(tcp_info(&socket).is_err());
        assert!(bind_without_port(&socket).is_err());
    }

    #[test]
    fn a_listening_socket_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(unacknowledged_bytes(&Socket::from(listener)).is_err());
    }
}
