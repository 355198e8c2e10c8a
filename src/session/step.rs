//! The vocabulary between the session machine and the shell that performs its steps.

use super::{CloseReason, Direction, Side};

/// One thing that a session wants done: a system call, or a change of who holds its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pick a live backend that this session has not tried yet.
    Choose,
    /// Open a socket and start to connect to the picked backend.
    Connect,
    /// Pick another backend and start to connect to it as well: the first one takes long.
    Hedge,
    /// See whether the connect, or one of two, has succeeded: peer address, then SO_ERROR.
    FinishConnect,
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
    /// A local fault, such as no free port: it says nothing of the backend.
    Local,
}

impl DialError {
    /// All of them, each in its own place.
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::Unreachable,
        Self::Reset,
        Self::TimedOut,
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
            Self::Local => "local",
        }
    }
}
