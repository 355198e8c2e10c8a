//! A client with a deadline on everything, and the waits that tests share.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use test_backends::{Behaviour, Server, pattern};

/// Far beyond what a busy machine needs; only a failing test waits that long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn start(behaviour: Behaviour) -> Server {
    Server::start("127.0.0.1:0", behaviour).expect("a free port on loopback")
}

/// Polls until the condition holds.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    eventually_some(what, || condition().then_some(()));
}

/// Polls until there is one.
pub(crate) fn eventually_some<T>(what: &str, attempt: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).expect("a connection")
    }

    pub(crate) fn try_connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("written in time");
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref())
    }

    pub(crate) fn finish(&mut self) {
        self.0.shutdown(Shutdown::Write).expect("a FIN sent");
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("bytes in time");
        bytes
    }

    /// Nothing has arrived, not even an end.
    pub(crate) fn assert_silent(&self) {
        self.0.set_nonblocking(true).expect("a mode set");
        let peeked = self.0.peek(&mut [0]);
        assert_eq!(
            peeked.map_err(|error| error.kind()),
            Err(ErrorKind::WouldBlock)
        );
        self.0.set_nonblocking(false).expect("a mode set");
    }

    /// What arrives before the end, and how the end looks.
    pub(crate) fn take_rest(&mut self) -> (Vec<u8>, End) {
        let mut bytes = Vec::new();
        let end = match self.0.read_to_end(&mut bytes) {
            Ok(_) => End::Fin,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
            Err(error) => panic!("neither end nor reset: {error}"),
        };
        (bytes, end)
    }

    /// Expects so many bytes of the pattern and an orderly end.
    pub(crate) fn take_pattern_to_the_end(&mut self, count: usize) {
        let (bytes, end) = self.take_rest();
        assert_eq!((bytes.len(), end), (count, End::Fin));
        assert_eq!(pattern::check(0, &bytes), Ok(()));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}
