//! One probe of one backend: connect, ask, and leave politely.
//!
//! ```text
//!  Connecting --connected--> Asking --judged--> Leaving --the backend closed--> over
//!    |   +------where nothing is asked: passed----^
//!    +------refused--> over
//! ```
//! Where backends hear of clients by PROXY headers, the first that is sent says that this is none. Where they speak
//! TLS, so does whoever asks.
//! Leaving ends our stream and reads on until the backend ends its own: a reset, which closing with
//! unread bytes would cause, fills backends' logs.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Duration;

use super::answer::{Answer, Finding, question};
use super::approach::Approach;
use super::veil::Veil;
use crate::config::Check;
use crate::{reason, sys};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// Bytes of a talkative backend that are read before it is left all the same.
const POLITE_BYTES: usize = 64 * 1024;

/// How far a probe has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The next event will tell.
    Waiting,
    /// There is a finding. What is left is to leave, which begins with advancing it again: what the
    /// backend has said already has no event of its own any more.
    Judged(Finding),
    /// It may be dropped. There is a finding, unless there was one before.
    Over(Option<Finding>),
}

pub(super) struct Probe {
    socket: Socket,
    /// What is sent as soon as it is connected: it fits into any socket.
    header: Vec<u8>,
    phase: Phase,
}

enum Phase {
    Connecting(Option<Dialogue>),
    Asking(Dialogue),
    Leaving { read: usize },
}

/// What is still to be sent, and what was heard.
struct Dialogue {
    question: Vec<u8>,
    sent: usize,
    answer: Answer,
    /// TLS, where it is spoken.
    veil: Option<Veil>,
}

impl Probe {
    /// Starts to connect. What failed at once is found at once.
    pub(super) fn start(
        address: SocketAddr,
        check: &Check,
        approach: Approach<'_>,
        veil: Option<Veil>,
    ) -> Result<Self, Finding> {
        let kind = Type::STREAM.nonblocking();
        let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))
            .and_then(|socket| leave_from(approach.origin(address), socket))
            .map_err(|error| Finding::Unable(reason::of(&error)))?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if is_under_way(&error) => {}
            Err(error) => return Err(failure(&error)),
        }
        let dialogue = Answer::to(check).map(|answer| Dialogue {
            question: question(check, address),
            sent: 0,
            answer,
            veil,
        });
        Ok(Self {
            socket,
            header: approach.header(),
            phase: Phase::Connecting(dialogue),
        })
    }

    pub(super) const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Whether it has its finding.
    pub(super) const fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    /// Goes on as far as it can without waiting.
    pub(super) fn advance(&mut self) -> Progress {
        if let Phase::Connecting(dialogue) = &mut self.phase {
            match connection(&self.socket) {
                Ok(false) => return Progress::Waiting,
                Ok(true) => {}
                Err(finding) => return Progress::Over(Some(finding)),
            }
            if !self.header.is_empty() {
                // Broken, it says so when the answer is read.
                let _ = (&self.socket).write(&self.header);
            }
            let Some(dialogue) = dialogue.take() else {
                return self.judged(Finding::Passed("connected".to_owned()));
            };
            self.phase = Phase::Asking(dialogue);
        }
        match &mut self.phase {
            Phase::Asking(dialogue) => match dialogue.go_on(&self.socket) {
                Some(finding) => self.judged(finding),
                None => Progress::Waiting,
            },
            Phase::Leaving { read } => listen_on(&self.socket, read),
            Phase::Connecting(_) => Progress::Waiting,
        }
    }

    /// Says goodbye, unless the backend has gone already.
    fn judged(&mut self, finding: Finding) -> Progress {
        let before = std::mem::replace(&mut self.phase, Phase::Leaving { read: 0 });
        if let Phase::Asking(Dialogue {
            veil: Some(mut veil),
            ..
        }) = before
        {
            veil.finish(&self.socket);
        }
        match self.socket.shutdown(Shutdown::Write) {
            Ok(()) => Progress::Judged(finding),
            Err(_) => Progress::Over(Some(finding)),
        }
    }
}

impl Dialogue {
    /// Reads and sends as much as there is and fits. Who has answered need not hear the rest.
    fn go_on(&mut self, socket: &Socket) -> Option<Finding> {
        let finding = self.read(socket);
        if finding.is_none() {
            self.send(socket);
        }
        finding
    }

    fn read(&mut self, mut socket: &Socket) -> Option<Finding> {
        let mut bytes = [0; 4096];
        loop {
            let read = match &mut self.veil {
                None => socket.read(&mut bytes),
                Some(veil) => veil.read(socket, &mut bytes),
            };
            match read {
                Ok(0) => return Some(self.answer.end()),
                Ok(read) => {
                    let finding = self.answer.hear(&bytes[..read]);
                    if finding.is_some() {
                        return finding;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Some(Finding::Failed(format!("TLS: {error}")));
                }
                Err(_) => return Some(self.answer.end()),
            }
        }
    }

    fn send(&mut self, mut socket: &Socket) {
        if let Some(veil) = &mut self.veil {
            if !veil.is_shaking() && self.sent == 0 {
                veil.say(socket, &self.question);
                self.sent = self.question.len();
            }
            let _ = veil.send(socket); // what is broken is found by a read
            return;
        }
        while self.sent < self.question.len() {
            match socket.write(&self.question[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Full; or broken since the last read, of which an event of its own tells.
                Err(_) => return,
            }
        }
    }
}

/// Has the socket connect from there.
fn leave_from(origin: Option<IpAddr>, socket: Socket) -> io::Result<Socket> {
    if let Some(ip) = origin {
        sys::bind_without_port(&socket)?;
        socket.bind(&SocketAddr::new(ip, 0).into())?;
    }
    Ok(socket)
}

/// Whether a connect has succeeded yet (connect(2), EINPROGRESS), or what it has found.
fn connection(socket: &Socket) -> Result<bool, Finding> {
    let Ok(peer) = socket.peer_addr() else {
        return match socket.take_error() {
            Ok(None) => Ok(false),
            // A handshake that is refused ends with ECONNREFUSED; these end an established
            // connection. What it brought can still be read.
            Ok(Some(error)) if is_any_of(&error, &[Errno::CONNRESET, Errno::PIPE]) => Ok(true),
            Ok(Some(error)) | Err(error) => Err(failure(&error)),
        };
    };
    if socket.local_addr().is_ok_and(|local| local == peer) {
        // Nobody listens: the kernel gave the probe the very port that it connects to.
        let _ = socket.set_linger(Some(Duration::ZERO));
        return Err(Finding::Failed("connection refused".to_owned()));
    }
    Ok(true)
}

/// Reads what the backend says, until it has ended or said too much.
fn listen_on(mut socket: &Socket, read: &mut usize) -> Progress {
    let mut bytes = [0; 4096];
    while *read < POLITE_BYTES {
        match socket.read(&mut bytes) {
            Ok(0) => return Progress::Over(None),
            Ok(more) => *read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Waiting,
            Err(_) => return Progress::Over(None),
        }
    }
    Progress::Over(None)
}

fn is_under_way(error: &io::Error) -> bool {
    is_any_of(error, &[Errno::INPROGRESS, Errno::INTR])
}

fn is_any_of(error: &io::Error, numbers: &[Errno]) -> bool {
    Errno::from_io_error(error).is_some_and(|it| numbers.contains(&it))
}

/// Tells a backend's failure from one of this machine.
fn failure(error: &io::Error) -> Finding {
    let ours = [
        Errno::ADDRNOTAVAIL,
        Errno::AGAIN,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::INVAL,
    ];
    if is_any_of(error, &ours) {
        Finding::Unable(reason::of(error))
    } else {
        Finding::Failed(reason::of(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::unix::SourceFd;
    use mio::{Events, Interest, Poll, Token};
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    /// What a probe finds that looks only when the backend has said `answer` and reset.
    fn late_finding(check: &Check, answer: &[u8]) -> Progress {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut probe = Probe::start(
            listener.local_addr().unwrap(),
            check,
            Approach::default(),
            None,
        )
        .unwrap();
        let mut poll = Poll::new().unwrap();
        let descriptor = probe.socket().as_raw_fd();
        poll.registry()
            .register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE)
            .unwrap();
        let mut backend = Socket::from(listener.accept().unwrap().0);
        backend.write_all(answer).unwrap();
        backend.set_linger(Some(Duration::ZERO)).unwrap();
        drop(backend);
        let mut events = Events::with_capacity(4);
        while !events.iter().any(mio::event::Event::is_error) {
            poll.poll(&mut events, Some(Duration::from_secs(20)))
                .unwrap();
            assert!(!events.is_empty(), "the reset has not come");
        }
        probe.advance()
    }

    #[test]
    fn a_backend_that_was_connected_and_reset_before_we_looked_is_heard() {
        let passed = |what: &str| Progress::Over(Some(Finding::Passed(what.to_owned())));
        assert_eq!(late_finding(&Check::Tcp, b""), passed("connected"));
        let http = Check::Http {
            path: "/".into(),
            host: None,
            status: [200..=200].into(),
        };
        let answer = b"HTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(late_finding(&http, answer), passed("status 200"));
        let ended = "the connection ended before an answer".to_owned();
        let failed = Progress::Over(Some(Finding::Failed(ended)));
        assert_eq!(late_finding(&http, b""), failed);
    }
}
