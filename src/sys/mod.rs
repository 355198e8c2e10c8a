//! The one system call that no library offers as a safe function.
//!
//! The only room in which `unsafe` is allowed. Imports nothing of ours; called by worker.

use std::ffi::c_int;
use std::io;

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
    fn a_listening_socket_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(unacknowledged_bytes(&Socket::from(listener)).is_err());
    }
}
