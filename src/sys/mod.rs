//! The one system call that no library offers as a safe function.
//!
//! The only room in which `unsafe` is allowed. Imports nothing of ours; called by worker.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// `SIOCOUTQ` of tcp(7): its number is that of `TIOCOUTQ`.
const SIOCOUTQ: Opcode = 0x5411;

/// Bytes that were written to a TCP socket and that its peer has not acknowledged yet.
///
/// # Errors
///
/// What ioctl(2) answers, such as `ENOTTY` for a descriptor that is no socket.
#[expect(
    unsafe_code,
    reason = "rustix offers FIONREAD as a safe function, but not SIOCOUTQ"
)]
pub fn unacknowledged_bytes(socket: impl AsFd) -> io::Result<usize> {
    // SAFETY: SIOCOUTQ writes one c_int through its argument and reads nothing (tcp(7)); `Getter`
    // owns a c_int for it, and the descriptor is borrowed for the length of the call. On any other
    // kind of descriptor the call is either the terminal's TIOCOUTQ, of the same shape, or refused.
    let bytes = unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) }?;
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
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(unacknowledged_bytes(&client).unwrap(), 0);
        client.set_nonblocking(true).unwrap();
        while client.write(&[7; 65536]).is_ok() {}
        assert!(unacknowledged_bytes(&client).unwrap() > 0);
    }

    #[test]
    fn a_file_is_refused() {
        let file = tempfile::tempfile().unwrap();
        assert!(unacknowledged_bytes(&file).is_err());
    }
}
