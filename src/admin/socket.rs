//! The listening socket, at an address or at a file.

use std::fs::{self, File, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::AdminAddress;

/// Only the user that l4lb runs as may connect.
const MODE: u32 = 0o600;
/// Clients that may wait to be accepted.
const BACKLOG: i32 = 128;

/// A bound and listening socket that does not block.
#[derive(Debug)]
pub(super) enum Listening {
    /// At an address.
    Tcp(TcpListener),
    /// At a file.
    Unix(UnixListener, SocketFile),
}

impl Listening {
    /// Binds an address, or makes a file.
    ///
    /// # Errors
    ///
    /// What the kernel says, or that somebody is there already.
    pub(super) fn bind(address: &AdminAddress) -> io::Result<Self> {
        match address {
            AdminAddress::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
            AdminAddress::Unix(path) => bind_file(path),
        }
    }

    /// Where it listens, with its real port.
    pub(super) fn address(&self) -> io::Result<AdminAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(AdminAddress::Tcp),
            Self::Unix(_, file) => Ok(AdminAddress::Unix(file.path.clone())),
        }
    }
}

fn bind_file(path: &Path) -> io::Result<Listening> {
    make_way(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    // The file gets the mode that the socket has when it is bound, less the umask (unix(7), the kernel's
    // unix_bind_bsd): so there is no instant in which others can connect.
    let socket = File::from(OwnedFd::from(socket));
    socket.set_permissions(Permissions::from_mode(MODE))?;
    let socket = Socket::from(OwnedFd::from(socket));
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::new(path)?;
    socket.listen(BACKLOG)?;
    Ok(Listening::Unix(OwnedFd::from(socket).into(), file))
}

/// Removes the file that an l4lb which is gone has left there.
fn make_way(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::other("there is a file that is no socket"));
    }
    // It does not block: somebody whose queue is full is somebody, too.
    let visitor = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    match visitor.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Err(io::Error::other("somebody answers there already")),
    }
}

/// The file of a socket; dropping it removes the file, unless another one stands there by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
