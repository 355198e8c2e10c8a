//! TLS on a side of a session: what is read there is opened, what is sent there is sealed.
//!
//! Bytes count as sent when the kernel has taken all that they were sealed to; until then they are held.
//! A stream that ended without saying so (close_notify) ends likewise on the other side, and one that
//! ends in the midst of a record is broken.

use std::net::Shutdown;

use rustix::net::RecvFlags;

use super::super::buffers::BUFFER_BYTES;
use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::{Direction, Edit, Outcome, Place, Side};
use crate::tls::{Terminal, Wire};

/// Where records are read to: a whole hello may have to stand there, with the headers of its records.
const RAW_BYTES: usize = 96 * 1024;

/// What is read at once where much is kept that is no whole record yet: what it means still fits the
/// scratch buffer, together with a record.
const LEAST_READ: usize = 15 * 1024;

/// TLS on one side.
pub(super) struct Secure {
    pub(super) terminal: Terminal,
    /// So many of the bytes that are held for it have been sealed, and wait in its wire.
    sealed: usize,
    /// Whether the peer has ended its stream without saying so.
    ended_silently: bool,
}

/// What all sessions of a worker share for TLS; nothing, before the first one.
#[derive(Default)]
pub(in crate::worker) struct Workbench {
    raw: Vec<u8>,
    /// Memory for the wire of whoever sends.
    spare: Wire,
}

impl Workbench {
    /// Where to read to, behind so many bytes that stand there.
    pub(super) fn raw(&mut self) -> &mut [u8] {
        if self.raw.is_empty() {
            self.raw = vec![0; RAW_BYTES];
        }
        &mut self.raw
    }
}

impl Secure {
    pub(super) const fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            sealed: 0,
            ended_silently: false,
        }
    }

    /// What is to be sent for a text, and the end of the stream behind it.
    pub(super) fn last_words(&mut self, text: &[u8]) -> Vec<u8> {
        // Without a key nothing can be said, and the end of the connection has to do.
        if text.is_empty() || self.terminal.seal(text).is_ok() {
            self.terminal.close();
        }
        let words = self.terminal.wire().bytes().to_vec();
        self.terminal.wire().sent(words.len());
        words
    }

    /// Whether the peer has ended its stream without saying so.
    pub(super) const fn has_ended_silently(&self) -> bool {
        self.ended_silently
    }

    /// Whether the peer has said something that nobody has read, if only that it ends.
    pub(super) const fn has_read_ahead(&self) -> bool {
        self.terminal.is_pending() || self.terminal.held() > 0
    }
}

impl Shell {
    /// Reads the stream of a side with TLS.
    pub(super) fn receive_secure(&mut self, slot: &mut Slot, way: Direction) -> Outcome {
        let outcome = self.open_secure(slot, way.source());
        let Outcome::Moved(bytes) = outcome else {
            return outcome;
        };
        if slot.session.flow(way).received() == 0 {
            self.heard(slot, way.source());
        }
        Outcome::Edited(Edit {
            read: bytes,
            held: bytes,
            place: Place::Scratch,
            over: false,
            drained: false, // only an empty socket says so
        })
    }

    /// Reads plaintext from a side with TLS into the scratch buffer: `Moved` so many bytes.
    pub(super) fn open_secure(&mut self, slot: &mut Slot, side: Side) -> Outcome {
        let (Some(front), Some(source)) = (
            slot.front.as_deref_mut(),
            match side {
                Side::Client => Some(&slot.client),
                Side::Backend => slot.backend_socket.as_ref(),
            },
        ) else {
            return Outcome::Broken;
        };
        let Some(secure) = front.secure[side.index()].as_deref_mut() else {
            return Outcome::Broken;
        };
        let raw = self.bench.raw();
        let kept = secure.terminal.resume(raw);
        let mut end = kept;
        if !secure.terminal.is_pending() {
            let most = BUFFER_BYTES.saturating_sub(kept).max(LEAST_READ);
            let most = most.min(RAW_BYTES - kept);
            let room = &mut raw[kept..kept + most];
            match self.relay.read(source, room, RecvFlags::empty()) {
                Outcome::Moved(bytes) => end += bytes,
                Outcome::Ended if kept > 0 || most == 0 => return Outcome::Broken,
                Outcome::Ended => {
                    secure.ended_silently = true;
                    return Outcome::Ended;
                }
                other => return other,
            }
        }
        let opened = secure.terminal.open(&mut raw[..end], self.relay.scratch());
        match opened {
            Ok(opened) if opened.plain > 0 => Outcome::Moved(opened.plain),
            Ok(opened) if opened.ended => Outcome::Ended,
            Ok(_) => Outcome::Interrupted,
            Err(_) => {
                // The alert, if the peer takes it; nothing else can be said.
                let _ = self.relay.send(source, secure.terminal.wire().bytes());
                Outcome::Broken
            }
        }
    }

    /// Sends what is held to a side with TLS.
    pub(super) fn send_secure(&mut self, slot: &mut Slot, way: Direction) -> Outcome {
        let side = way.sink();
        let flow = slot.session.flow(way);
        let (range, in_preface) = (flow.held_range(), flow.in_preface());
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let (secures, prefaces) = (&mut front.secure, &front.prefaces);
        let Some(secure) = secures[side.index()].as_deref_mut() else {
            return Outcome::Broken;
        };
        let hold = &slot.holds[way.index()];
        let plain = if in_preface {
            prefaces[way.index()].get(range).unwrap_or_default()
        } else {
            &self.relay.held(hold)[range]
        };
        secure.terminal.borrow_wire(&mut self.bench.spare);
        if secure.sealed == 0 {
            if secure.terminal.seal(plain).is_err() {
                return Outcome::Broken;
            }
            secure.sealed = plain.len();
        }
        match self.flush(slot, side) {
            Outcome::Done => {}
            Outcome::Full => return Outcome::WouldBlock,
            other => return other,
        }
        self.sealed_are_sent(slot, way, in_preface)
    }

    /// All that was sealed is sent.
    fn sealed_are_sent(&mut self, slot: &mut Slot, way: Direction, in_preface: bool) -> Outcome {
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let Some(secure) = front.secure[way.sink().index()].as_deref_mut() else {
            return Outcome::Broken;
        };
        let bytes = std::mem::take(&mut secure.sealed);
        if in_preface {
            // More may have come behind what was sealed.
            let preface = &mut front.prefaces[way.index()];
            if slot.session.flow(way).held_range().end == preface.len() {
                *preface = Vec::new();
            }
        } else {
            self.relay.let_go_of_buffer(&mut slot.holds[way.index()]);
        }
        self.counts.copied.add(bytes as u64);
        Outcome::Moved(bytes)
    }

    /// Tells a side with TLS that nothing follows, in words where the other side has said it in words.
    pub(super) fn end_secure(&mut self, slot: &mut Slot, way: Direction) -> Outcome {
        let side = way.sink();
        let Some(front) = slot.front.as_deref_mut() else {
            return Outcome::Broken;
        };
        let source = front.secure[way.source().index()].as_deref();
        let is_silent = source.is_some_and(|it| it.ended_silently);
        if let Some(secure) = front.secure[side.index()].as_deref_mut()
            && !is_silent
        {
            secure.terminal.close(); // once, however often it is asked
        }
        match self.flush(slot, side) {
            Outcome::Done => {}
            other => return other,
        }
        match slot.socket(side).map(|it| it.shutdown(Shutdown::Write)) {
            Some(Ok(())) => Outcome::Done,
            Some(Err(_)) | None => Outcome::Broken,
        }
    }

    /// A session is over: a side with TLS whose stream is whole is told so, where it was not told yet. A socket
    /// that does not take it at once has no more time.
    pub(in crate::worker) fn take_leave(&self, slot: &mut Slot) {
        for side in Side::BOTH {
            if slot.session.ends_by_reset(side) {
                continue;
            }
            let secure = slot.front.as_deref_mut().and_then(|it| it.secure(side));
            let secure = secure.filter(|it| !it.terminal.common().is_handshaking());
            let words = secure.map(|it| it.last_words(&[])).unwrap_or_default();
            if let (false, Some(socket)) = (words.is_empty(), slot.socket(side)) {
                let _ = self.relay.send(socket, &words);
            }
        }
    }

    /// Sends what waits in a side's wire. `Full` where the socket does not take all of it.
    pub(super) fn flush(&mut self, slot: &mut Slot, side: Side) -> Outcome {
        let socket = match side {
            Side::Client => Some(&slot.client),
            Side::Backend => slot.backend_socket.as_ref(),
        };
        let (Some(front), Some(socket)) = (slot.front.as_deref_mut(), socket) else {
            return Outcome::Broken;
        };
        let Some(secure) = front.secure[side.index()].as_deref_mut() else {
            return Outcome::Done;
        };
        let wire = secure.terminal.wire();
        while !wire.is_empty() {
            match self.relay.send(socket, wire.bytes()) {
                Outcome::Moved(bytes) => {
                    wire.sent(bytes);
                    slot.moved = self.clock.millis(); // a peer that takes something is not idle
                }
                Outcome::WouldBlock => return Outcome::Full,
                other => return other,
            }
        }
        secure.terminal.give_wire_back(&mut self.bench.spare);
        Outcome::Done
    }
}
