//! Performs the steps of a relaying session: one system call each, and where the bytes are meanwhile.

use std::net::Shutdown;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustix::pipe::{SpliceFlags, splice};
use socket2::Socket;

use super::buffers::{BufferKey, Buffers};
use super::pipes::{PIPE_BYTES, PipeKey, Pipes};
use crate::session::{Flow, Outcome, Step};
use crate::sys;

/// The most bytes that one fill asks for: a full pipe is a turn of its own.
const FILL_BYTES: usize = PIPE_BYTES;

/// Where the bytes of one direction are between two turns. Nothing, for an idle session.
#[derive(Debug, Default)]
pub(super) struct Hold {
    buffer: Option<BufferKey>,
    pipe: Option<PipeKey>,
}

/// The buffers and pipes of a worker.
pub(super) struct Relay {
    buffers: Buffers,
    pipes: Pipes,
}

impl Relay {
    pub(super) fn new(pipe_limit: usize) -> Self {
        Self {
            buffers: Buffers::new(),
            pipes: Pipes::new(pipe_limit),
        }
    }

    /// Performs a step that moves bytes or ends a direction; `flow` is the direction's.
    pub(super) fn perform(
        &mut self,
        step: Step,
        source: &Socket,
        sink: &Socket,
        flow: &Flow,
        hold: &mut Hold,
    ) -> Outcome {
        match step {
            Step::Receive(_) => self.receive(source, usize::MAX, RecvFlags::empty()).0,
            Step::Send(_) => {
                let bytes = &self.buffers.bytes(hold.buffer.as_ref())[flow.held_range()];
                // Held back for the end that is read and relayed next: one packet instead of two.
                let more = if flow.is_last() {
                    SendFlags::MORE
                } else {
                    SendFlags::empty()
                };
                let outcome = outcome(rustix::net::send(sink, bytes, SendFlags::NOSIGNAL | more));
                if outcome == Outcome::Moved(bytes.len())
                    && let Some(key) = hold.buffer.take()
                {
                    self.buffers.release(key);
                }
                outcome
            }
            Step::Keep(_) => {
                hold.buffer = Some(self.buffers.keep_scratch());
                Outcome::Done
            }
            Step::Fill(_) => self.fill(source, usize::MAX, hold),
            Step::Drain(_) => self.drain(sink, flow.piped(), hold),
            Step::Unload(_) => self.unload(flow.piped(), hold),
            Step::Shutdown(_) => match sink.shutdown(Shutdown::Write) {
                Ok(()) => Outcome::Done,
                Err(_) => Outcome::Broken,
            },
            Step::AwaitDelivery(_) => {
                // A socket that cannot be asked any more has nothing left to deliver.
                Outcome::Queued(sys::unacknowledged_bytes(sink).unwrap_or(0))
            }
            Step::Preface
            | Step::Tend
            | Step::Choose
            | Step::Connect
            | Step::Hedge
            | Step::FinishConnect
            | Step::Greet
            | Step::Rest
            | Step::Answer
            | Step::Acknowledge
            | Step::CheckError(_)
            | Step::Wait
            | Step::Close(_) => Outcome::WouldBlock,
        }
    }

    /// Reads into a buffer that is not one of these.
    pub(super) fn read(&self, source: &Socket, into: &mut [u8], flags: RecvFlags) -> Outcome {
        outcome(rustix::net::recv(source, into, flags).map(|(bytes, _)| bytes))
    }

    /// The scratch buffer.
    pub(super) fn scratch(&mut self) -> &mut [u8] {
        self.buffers.scratch()
    }

    /// The buffer with the bytes that a direction holds.
    pub(super) fn held(&self, hold: &Hold) -> &[u8] {
        self.buffers.bytes(hold.buffer.as_ref())
    }

    /// A direction's own buffer is empty.
    pub(super) fn let_go_of_buffer(&mut self, hold: &mut Hold) {
        if let Some(key) = hold.buffer.take() {
            self.buffers.release(key);
        }
    }

    /// Reads at most so many bytes into the scratch buffer; those that were read.
    pub(super) fn receive(
        &mut self,
        source: &Socket,
        most: usize,
        flags: RecvFlags,
    ) -> (Outcome, &[u8]) {
        let scratch = self.buffers.scratch();
        let most = most.min(scratch.len());
        let answer = rustix::net::recv(source, &mut scratch[..most], flags);
        let answer = answer.map(|(bytes, _)| bytes);
        (outcome(answer), &scratch[..answer.unwrap_or(0)])
    }

    /// Sends a text that is nobody's buffer.
    #[expect(
        clippy::unused_self,
        reason = "all that moves bytes is done by the relay"
    )]
    pub(super) fn send(&self, sink: &Socket, text: &[u8]) -> Outcome {
        outcome(rustix::net::send(sink, text, SendFlags::NOSIGNAL))
    }

    /// Splices at most so many bytes into an empty pipe: then EAGAIN can only mean that the socket has nothing (splice(2)
    /// says EAGAIN for a full pipe too).
    pub(super) fn fill(&mut self, source: &Socket, most: usize, hold: &mut Hold) -> Outcome {
        let Some(key) = self.pipes.take() else {
            return Outcome::NoSplice;
        };
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let pipe = &self.pipes.get(&key).write;
        let answer = splice(source, None, pipe, None, most.min(FILL_BYTES), flags);
        let outcome = splice_outcome(answer, Outcome::Ended);
        if matches!(outcome, Outcome::Moved(_)) {
            hold.pipe = Some(key);
        } else {
            self.pipes.release(key);
        }
        outcome
    }

    /// Splices `held` bytes, all that the pipe has, to the sink.
    fn drain(&mut self, sink: &Socket, held: usize, hold: &mut Hold) -> Outcome {
        let Some(key) = hold.pipe.as_ref() else {
            return Outcome::Broken;
        };
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let pipe = &self.pipes.get(key).read;
        let answer = splice(pipe, None, sink, None, held, flags);
        // A pipe with bytes in it gives at least one, or an error.
        let outcome = splice_outcome(answer, Outcome::NoSplice);
        if outcome == Outcome::Moved(held)
            && let Some(key) = hold.pipe.take()
        {
            self.pipes.release(key);
        }
        outcome
    }

    /// Reads what the kernel will not splice out of the pipe, in which `held` bytes are.
    fn unload(&mut self, held: usize, hold: &mut Hold) -> Outcome {
        let Some(key) = hold.pipe.as_ref() else {
            return Outcome::Broken;
        };
        let outcome = outcome(rustix::io::read(
            &self.pipes.get(key).read,
            self.buffers.scratch(),
        ));
        if outcome == Outcome::Moved(held)
            && let Some(key) = hold.pipe.take()
        {
            self.pipes.release(key);
        }
        outcome
    }

    /// Takes back what an ended session holds. A pipe is closed: bytes may be in it.
    pub(super) fn release(&mut self, hold: &mut Hold) {
        if let Some(key) = hold.buffer.take() {
            self.buffers.release(key);
        }
        if let Some(key) = hold.pipe.take() {
            self.pipes.destroy(&key);
        }
    }

    /// Pipes with bytes in them, and empty ones that are kept.
    pub(super) fn pipes(&self) -> (usize, usize) {
        self.pipes.counts()
    }

    /// Whether anything was spliced since the last call.
    pub(super) fn take_spliced(&mut self) -> bool {
        self.pipes.take_used()
    }

    /// Closes unused pipes. Whether there were any.
    pub(super) fn shed_pipes(&mut self) -> bool {
        self.pipes.shed()
    }
}

/// What a read or write has come to; a read of 0 is the end, a write of 0 does not exist.
const fn outcome(answer: Result<usize, Errno>) -> Outcome {
    match answer {
        Ok(0) => Outcome::Ended,
        Ok(bytes) => Outcome::Moved(bytes),
        Err(Errno::AGAIN) => Outcome::WouldBlock,
        Err(Errno::INTR) => Outcome::Interrupted,
        Err(_) => Outcome::Broken,
    }
}

/// The same for splice, whose errors are the socket's or its own: those say nothing of the socket.
const fn splice_outcome(answer: Result<usize, Errno>, nothing: Outcome) -> Outcome {
    match answer {
        Ok(0) => nothing,
        Err(
            Errno::INVAL
            | Errno::NOMEM
            | Errno::NOBUFS
            | Errno::NOSYS
            | Errno::MFILE
            | Errno::NFILE
            | Errno::PERM
            | Errno::BADF
            | Errno::OPNOTSUPP,
        ) => Outcome::NoSplice,
        other => outcome(other),
    }
}
