//! The vocabulary between the session machine and the shell that performs its steps.

use super::{Cause, CloseReason, Direction, Side};

/// One thing that a session wants done: a system call, or a change of who holds its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read what the client says before a backend is picked.
    Preface,
    /// See whether the backend that was kept from the last exchange has gone.
    Tend,
    /// Pick a live backend that this session has not tried yet.
    Choose,
    /// Open a socket and start to connect to the picked backend.
    Connect,
    /// Pick another backend and start to connect to it as well: the first one takes long.
    Hedge,
    /// See whether the connect, or one of two, has succeeded: peer address, then SO_ERROR.
    FinishConnect,
    /// Say to the connected backend, and hear from it, what comes before the client's bytes.
    Greet,
    /// Hold acknowledgements to the backend back no longer, and send what is owed.
    Acknowledge,
    /// `recv` from the source into the scratch buffer.
    Receive(Direction),
    /// `send` what the scratch buffer or the flow's own buffer holds to the sink.
    Send(Direction),
    /// Keep what is left in the scratch buffer: the sink takes no more now.
    Keep(Direction),
    /// `splice` from the source into an empty pipe.
    Fill(Direction),
    /// `splice` from the flow's pipe to the sink.
    Drain(Direction),
    /// `read` from the flow's pipe into the scratch buffer: what the kernel will not splice.
    Unload(Direction),
    /// `shutdown` the sink's write half: the source has ended and everything was written.
    Shutdown(Direction),
    /// Ask for the pending error of a socket which reported one that no read has found.
    CheckError(Side),
    /// Ask how many bytes the sink's peer has not acknowledged yet, before it is reset.
    AwaitDelivery(Direction),
    /// Both messages of an exchange were relayed: see what becomes of the two connections.
    Rest,
    /// Send the client l4lb's own answer, then its end, then wait for the client's.
    Answer,
    /// Nothing until an event or the deadline.
    Wait,
    /// The session is over: release everything.
    Close(CloseReason),
}

/// What the performed step answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The step has no more to say: chosen, connected, shut down, kept, acknowledged.
    Done,
    /// `FinishConnect`: connected, and the last acknowledgement of the handshake is held back.
    Unacknowledged,
    /// That many bytes were moved; more than none.
    Moved(usize),
    /// The socket has nothing to read, takes nothing more, or is still connecting.
    WouldBlock,
    /// `Preface`, `Greet`, `Answer`, `Shutdown`: the socket takes nothing more, and has to, first.
    Full,
    /// `Receive`, `Fill`: what was read is a part of a message, or was made another text.
    Edited(Edit),
    /// `Choose`: the backend of the last exchange, which is still connected.
    Kept,
    /// `Preface`, `Receive`: what a side has said cannot be relayed.
    Denied(Cause),
    /// `Send`, `Receive`, `CheckError`: the backend that was kept from an earlier exchange had gone before it
    /// heard of this one, and another one may be asked.
    Gone,
    /// A signal came first; the same step again.
    Interrupted,
    /// The source's stream ended: a read returned 0.
    Ended,
    /// The socket is broken: reset, timed out or unreachable.
    Broken,
    /// `Fill`, `Drain`: no pipe is to be had, or the kernel refuses to splice.
    NoSplice,
    /// `Choose`: every backend of the pool is down.
    NoneLive,
    /// `Choose`: all live backends have been tried by this session.
    AllTried,
    /// `Choose`: all live backends that this session has not tried are at their limit.
    AllFull,
    /// `Connect`, `FinishConnect`: this attempt has failed; of two, both have.
    Failed(DialError),
    /// `Connect`, `FinishConnect`: this process or machine is out of descriptors or memory.
    Shortage,
    /// `CheckError`, `FinishConnect`: the socket is broken, and that many bytes can still be read.
    BrokenWith(usize),
    /// `AwaitDelivery`: that many bytes are not acknowledged.
    Queued(usize),
}

/// What has become of bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes that the source has said.
    pub read: usize,
    /// Bytes that are to be sent for them.
    pub held: usize,
    /// Where those are.
    pub place: Place,
    /// Whether the message is whole with them.
    pub over: bool,
    /// Whether the source had no more.
    pub drained: bool,
}

/// Where edited bytes wait to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the beginning of the scratch buffer.
    Scratch,
    /// In a text of the session's own.
    Preface,
    /// In the pipe.
    Pipe,
}

/// Why an attempt to connect has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialError {
    /// The backend, or a firewall, said no.
    Refused,
    /// The network knows no way to it.
    Unreachable,
    /// It was connected, and reset before it had said anything.
    Reset,
    /// No answer within the connect timeout.
    TimedOut,
    /// It was connected, and no TLS session came of it.
    Tls,
    /// A local fault, such as no free port: it says nothing of the backend.
    Local,
}

impl DialError {
    /// All of them, each in its own place.
    pub const ALL: [Self; 6] = [
        Self::Refused,
        Self::Unreachable,
        Self::Reset,
        Self::TimedOut,
        Self::Tls,
        Self::Local,
    ];

    /// Its name in metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::TimedOut => "timeout",
            Self::Tls => "tls",
            Self::Local => "local",
        }
    }
}
