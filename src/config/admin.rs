//! Where the admin API listens, and who may use it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::listen_address;

/// The admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens.
    pub listen: AdminAddress,
    /// The file that holds the token which writes need; `None` is no token, which is possible only
    /// where none but this machine can connect.
    pub token_file: Option<PathBuf>,
}

impl AdminConfig {
    /// Whether others than this machine could change things here.
    #[must_use]
    pub fn lacks_token(&self) -> bool {
        self.listen.is_open_to_others() && self.token_file.is_none()
    }
}

/// Where the admin API listens. Displays as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// An address; port 0 is a free one.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What the address of a socket in the file system begins with.
const UNIX: &str = "unix:";

/// The longest path of a socket in the file system, see unix(7): one byte less than `sun_path` has.
const UNIX_PATH_BYTES: usize = 107;

impl AdminAddress {
    /// Parses `127.0.0.1:9090` or `unix:PATH`.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix(UNIX) else {
            let address = listen_address(text).map_err(|error| error.to_string())?;
            return Ok(Self::Tcp(address));
        };
        match path.len() {
            0 => Err(format!(
                "'{text}' has no path: write it like unix:/run/l4lb/admin.sock"
            )),
            1..=UNIX_PATH_BYTES if !path.contains('\0') => Ok(Self::Unix(path.into())),
            1..=UNIX_PATH_BYTES => Err("a path has no NUL".to_owned()),
            _ => Err(format!(
                "the path of a socket has at most {UNIX_PATH_BYTES} bytes"
            )),
        }
    }

    /// Whether others than this machine can connect.
    #[must_use]
    pub fn is_open_to_others(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_do_without_a_token() {
        let longest = format!("unix:{}", "x".repeat(107));
        let table = [
            ("127.0.0.1:9090", false),
            ("127.9.9.9:0", false),
            ("[::1]:9090", false),
            ("[::ffff:127.0.0.1]:9090", false),
            ("unix:/run/l4lb/admin.sock", false),
            (&longest, false),
            ("0.0.0.0:9090", true),
            ("10.0.0.1:9090", true),
            ("[::]:9090", true),
        ];
        for (text, is_open) in table {
            let listen = AdminAddress::parse(text).unwrap();
            assert_eq!(listen.to_string(), text);
            let admin = |token_file| AdminConfig {
                listen: listen.clone(),
                token_file,
            };
            assert_eq!(admin(None).lacks_token(), is_open, "{text}");
            assert!(!admin(Some("token".into())).lacks_token(), "{text}");
        }
        let all = AdminAddress::parse(":9090").unwrap();
        assert!(all.is_open_to_others());
    }

    #[test]
    fn a_wrong_address_is_explained() {
        let long = format!("unix:{}", "x".repeat(108));
        let table = [
            ("unix:", "has no path"),
            ("unix:a\0b", "no NUL"),
            (&long, "at most 107 bytes"),
            ("9090", "has no port"),
            ("localhost:9090", "not an IP address"),
        ];
        for (text, hint) in table {
            let error = AdminAddress::parse(text).unwrap_err();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
