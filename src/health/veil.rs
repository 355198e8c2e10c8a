//! TLS of a probe: what is read through it is opened, what is said through it is sealed. It sends and receives on
//! a socket that does not wait, and is told of every event of it.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::Socket;

use crate::tls::{Failure, Terminal};

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// Reads in a row that come to nothing: a handshake takes a few.
const MOST_STEPS: u32 = 64;

/// TLS with a backend.
pub(super) struct Veil {
    terminal: Terminal,
    /// Opened, and not taken yet.
    opened: Vec<u8>,
    has_ended: bool,
}

impl Veil {
    /// With the server of this name; what is said first waits to be sent.
    pub(super) fn new(config: &Arc<ClientConfig>, name: &str) -> Result<Self, String> {
        let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
        let begun = Terminal::client(config, name.to_owned()).and_then(|mut terminal| {
            terminal.handshake(&mut [])?;
            Ok(terminal)
        });
        Ok(Self {
            terminal: begun.map_err(|failure| failure.to_string())?,
            opened: Vec::new(),
            has_ended: false,
        })
    }

    /// Whether nothing can be said yet but what belongs to the handshake.
    pub(super) fn is_shaking(&self) -> bool {
        self.terminal.common().is_handshaking()
    }

    /// Reads on, through the handshake, until there is something for `room`: 0 is the end. Where TLS has failed, the
    /// error is one of invalid data.
    pub(super) fn read(&mut self, socket: &Socket, room: &mut [u8]) -> io::Result<usize> {
        let mut steps = 0;
        while self.opened.is_empty() {
            if self.has_ended {
                return Ok(0);
            }
            steps += 1;
            if steps > MOST_STEPS {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "it says nothing, and goes on",
                ));
            }
            let step = self.step(socket)?;
            if let Err(failure) = step {
                let _ = self.send(socket); // an alert, if the backend takes it
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    failure.to_string(),
                ));
            }
        }
        let count = self.opened.len().min(room.len());
        room[..count].copy_from_slice(&self.opened[..count]);
        self.opened.drain(..count);
        Ok(count)
    }

    /// Reads once, unless there is something to be opened already.
    fn step(&mut self, mut socket: &Socket) -> io::Result<Result<(), Failure>> {
        self.send(socket)?;
        let mut raw = vec![0; self.terminal.held() + READ_BYTES];
        let mut end = self.terminal.resume(&mut raw);
        if !self.terminal.is_pending() {
            let read = socket.read(&mut raw[end..])?;
            self.has_ended = read == 0;
            end += read;
        }
        if self.has_ended {
            return Ok(Ok(()));
        }
        if self.is_shaking() {
            return Ok(self.terminal.handshake(&mut raw[..end]).map(|_| ()));
        }
        self.opened.resize(raw.len(), 0);
        let opened = self.terminal.open(&mut raw[..end], &mut self.opened);
        self.opened
            .truncate(opened.as_ref().map_or(0, |it| it.plain));
        Ok(opened.map(|it| self.has_ended = it.ended))
    }

    /// Has a text wait to be sent, and what waits sent as far as it goes.
    pub(super) fn say(&mut self, socket: &Socket, text: &[u8]) {
        if self.terminal.seal(text).is_ok() {
            let _ = self.send(socket); // what is broken is found by a read
        }
    }

    /// Says that nothing follows.
    pub(super) fn finish(&mut self, socket: &Socket) {
        if !self.is_shaking() {
            self.terminal.close();
        }
        let _ = self.send(socket);
    }

    /// Sends what waits, as far as it goes.
    pub(super) fn send(&mut self, mut socket: &Socket) -> io::Result<()> {
        let wire = self.terminal.wire();
        while !wire.is_empty() {
            match socket.write(wire.bytes()) {
                Ok(count) => wire.sent(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
