//! One direction's bytes: who holds them, how they are moved, how the direction ends.
//!
//! ```text
//! Open --source ended--> Ended --shutdown(sink)--> Finished
//!   |                      |                          |
//!   +--- source reset -----+--------------------------+--> Reset --delivered--> (the sink is reset)
//!   +--- sink broken: what is held is lost ----------------> Aborted
//!   +--- message over, and another may follow -------------> Rested --> Open
//! ```
//! The type is used twice in a session, for upload and download; nothing here knows which it is.

mod ending;
mod message;

use super::{Direction, Readiness, Step};

/// When a flow is bulk, so that it is spliced, and when it is not any more.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Length of the scratch buffer in bytes: a read of that length is a full one.
    pub scratch_bytes: usize,
    /// Consecutive full reads that make a flow bulk.
    pub bulk_after_reads: u8,
    /// A fill of fewer bytes than this counts as a short one.
    pub short_fill_bytes: usize,
    /// Consecutive short fills after which a flow is copied again.
    pub copy_after_fills: u8,
}

/// Bytes in memory that were read and not yet written: at most one place at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Memory {
    Nothing,
    /// The worker's scratch buffer: only until this turn's next step.
    Scratch {
        from: usize,
        to: usize,
    },
    /// A buffer of the flow's own.
    Buffer {
        from: usize,
        to: usize,
    },
    /// A text that was made for the sink: it goes before all that is read from now on.
    Preface {
        from: usize,
        to: usize,
    },
}

/// How bytes are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gear {
    Copy {
        full_reads: u8,
    },
    Splice {
        short_fills: u8,
    },
    /// Splicing, but the next read is a `recv`: splice said "at the end" or "empty" where an urgent
    /// mark can make it say so wrongly.
    Confirm,
    /// Splicing was tried and is impossible for this flow.
    CopyOnly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// The message is over; nothing is read before the next one.
    Rested,
    Ended,
    /// As `Ended`; the sink has to take something before it can be told.
    Untold,
    Finished,
    /// The source was reset. The sink is reset too, but not before it has acknowledged everything.
    Reset {
        polls: u8,
        waiting: bool,
    },
    Aborted,
}

/// One direction of a session.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    end: End,
    /// Goes before what is in the pipe.
    memory: Memory,
    /// Bytes in the pipe.
    piped: usize,
    gear: Gear,
    spliced: bool,
    /// What is in memory is all that the source will send.
    last: bool,
    /// The sink has to be told of the end in words of its own: closing it does not say it.
    formal: bool,
    received: u64,
    sent: u64,
}

impl Flow {
    pub(super) const fn new() -> Self {
        Self {
            end: End::Open,
            memory: Memory::Nothing,
            piped: 0,
            gear: Gear::Copy { full_reads: 0 },
            spliced: false,
            last: false,
            formal: false,
            received: 0,
            sent: 0,
        }
    }

    /// Bytes read from the source so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Bytes written to the sink so far.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes read from the source and not yet written to the sink, wherever they are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held_range().len() + self.piped
    }

    /// Bytes in the pipe.
    #[must_use]
    pub const fn piped(&self) -> usize {
        self.piped
    }

    /// Whether any byte of this direction went through a pipe.
    #[must_use]
    pub const fn spliced(&self) -> bool {
        self.spliced
    }

    /// The part of the scratch buffer or of the flow's own buffer that waits to be sent.
    #[must_use]
    pub const fn held_range(&self) -> std::ops::Range<usize> {
        match self.memory {
            Memory::Scratch { from, to }
            | Memory::Buffer { from, to }
            | Memory::Preface { from, to } => from..to,
            Memory::Nothing => 0..0,
        }
    }

    /// Whether what is held is a text that was made for the sink.
    #[must_use]
    pub const fn in_preface(&self) -> bool {
        matches!(self.memory, Memory::Preface { .. })
    }

    /// Whether the scratch buffer holds bytes of this flow: the turn must not end here.
    #[must_use]
    pub const fn in_scratch(&self) -> bool {
        matches!(self.memory, Memory::Scratch { .. })
    }

    /// Whether the end of the stream is known to follow what is in memory: both may go in one packet.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.last
    }

    /// Whether the source said that its stream ends here, and all of it was written to the sink.
    #[must_use]
    pub const fn complete(&self) -> bool {
        let is_told = match self.end {
            End::Finished => true,
            End::Ended | End::Untold => !self.formal,
            End::Open | End::Rested | End::Reset { .. } | End::Aborted => false,
        };
        is_told && self.is_empty()
    }

    /// Whether all of its message was read.
    pub(super) const fn has_message(&self) -> bool {
        matches!(self.end, End::Rested)
    }

    /// Whether its message is over and was written to the sink.
    #[must_use]
    pub const fn rests(&self) -> bool {
        matches!(self.end, End::Rested) && self.is_empty()
    }

    const fn is_empty(&self) -> bool {
        matches!(self.memory, Memory::Nothing) && self.piped == 0
    }

    /// While the sink's acknowledgements are awaited before its reset: how often was asked.
    pub(super) const fn delivery_polls(&self) -> Option<u8> {
        match self.end {
            End::Reset {
                polls,
                waiting: true,
            } => Some(polls),
            End::Reset { waiting: false, .. }
            | End::Open
            | End::Rested
            | End::Ended
            | End::Untold
            | End::Finished
            | End::Aborted => None,
        }
    }

    /// What to do next, given what is believed of both sockets.
    pub(super) fn next(&self, way: Direction, source: Readiness, sink: Readiness) -> Option<Step> {
        let writable = sink.has(Readiness::WRITABLE);
        match self.memory {
            Memory::Scratch { .. } if !writable => return Some(Step::Keep(way)),
            Memory::Scratch { .. } => return Some(Step::Send(way)),
            Memory::Buffer { .. } | Memory::Preface { .. } => {
                return writable.then_some(Step::Send(way));
            }
            Memory::Nothing => {}
        }
        if self.piped > 0 {
            let step = if self.gear == Gear::CopyOnly {
                Step::Unload
            } else {
                Step::Drain
            };
            return writable.then(|| step(way));
        }
        match self.end {
            End::Open if writable && source.has(Readiness::READABLE) => Some(self.read(way)),
            End::Ended => Some(Step::Shutdown(way)),
            End::Untold => writable.then_some(Step::Shutdown(way)),
            End::Reset { waiting: false, .. } => Some(Step::AwaitDelivery(way)),
            End::Open | End::Rested | End::Reset { .. } | End::Finished | End::Aborted => None,
        }
    }

    const fn read(&self, way: Direction) -> Step {
        match self.gear {
            Gear::Copy { .. } | Gear::Confirm | Gear::CopyOnly => Step::Receive(way),
            Gear::Splice { .. } => Step::Fill(way),
        }
    }

    /// `recv` moved `bytes` into the scratch buffer.
    pub(super) fn on_received(&mut self, bytes: usize, source: &mut Readiness, tuning: &Tuning) {
        self.received += bytes as u64;
        self.memory = Memory::Scratch { from: 0, to: bytes };
        let full = bytes == tuning.scratch_bytes;
        // A short read has emptied the socket, unless an end or an urgent mark cut it short.
        if !full && !source.any(Readiness::ENDING | Readiness::URGENT) {
            source.clear(Readiness::READABLE);
        }
        // A reset ends a stream too, but nothing that could go with the last bytes follows then.
        let clean = !source.any(Readiness::URGENT | Readiness::SUSPECT);
        self.last = !full && source.has(Readiness::ENDING) && clean && self.gear != Gear::CopyOnly;
        self.gear = match self.gear {
            Gear::Copy { full_reads } if full && full_reads + 1 >= tuning.bulk_after_reads => {
                Gear::Splice { short_fills: 0 }
            }
            Gear::Copy { full_reads } if full => Gear::Copy {
                full_reads: full_reads + 1,
            },
            Gear::Copy { .. } => Gear::Copy { full_reads: 0 },
            Gear::Confirm => Gear::Splice { short_fills: 0 },
            gear @ (Gear::Splice { .. } | Gear::CopyOnly) => gear,
        };
    }

    /// `splice` moved `bytes` into the pipe.
    pub(super) fn on_filled(&mut self, bytes: usize, tuning: &Tuning) {
        self.received += bytes as u64;
        self.spliced = true;
        self.piped = bytes;
        // Whether short or not, only EAGAIN shows that the socket is empty: a pipe can be full of
        // fragments after a few bytes.
        if let Gear::Splice { short_fills } = self.gear {
            self.gear = if bytes >= tuning.short_fill_bytes {
                Gear::Splice { short_fills: 0 }
            } else if short_fills + 1 >= tuning.copy_after_fills {
                Gear::Copy { full_reads: 0 }
            } else {
                Gear::Splice {
                    short_fills: short_fills + 1,
                }
            };
        }
    }

    /// A read found nothing.
    pub(super) fn on_empty(&mut self, source: &mut Readiness) {
        match self.gear {
            // The pipe was empty, so the socket is: but for an urgent mark, past which only recv gets.
            Gear::Splice { .. } if source.has(Readiness::URGENT) => self.gear = Gear::Confirm,
            Gear::Confirm => {
                self.gear = Gear::Splice { short_fills: 0 };
                source.clear(Readiness::READABLE);
            }
            Gear::Splice { .. } | Gear::Copy { .. } | Gear::CopyOnly => {
                source.clear(Readiness::READABLE);
            }
        }
    }

    /// A read returned 0. Of `splice` that may be an urgent mark's doing: `recv` has the last word.
    pub(super) const fn on_ended(&mut self, spliced: bool) {
        if spliced {
            self.gear = Gear::Confirm;
        } else {
            self.end = End::Ended;
        }
    }

    /// No pipe to be had, or the kernel refuses to splice: bytes are copied from now on.
    pub(super) const fn on_no_splice(&mut self) {
        self.gear = Gear::CopyOnly;
    }

    /// `read` moved `bytes` from the pipe, which cannot be spliced, into the scratch buffer.
    pub(super) const fn on_unloaded(&mut self, bytes: usize) {
        self.piped -= bytes;
        self.memory = Memory::Scratch { from: 0, to: bytes };
    }

    /// `send` moved `bytes` to the sink. A short one shows that the sink is full.
    pub(super) fn on_sent(&mut self, bytes: usize, sink: &mut Readiness) {
        self.sent += bytes as u64;
        if bytes < self.held_range().len() {
            sink.clear(Readiness::WRITABLE);
        }
        self.memory = match self.memory {
            Memory::Scratch { from, to } if from + bytes < to => Memory::Scratch {
                from: from + bytes,
                to,
            },
            Memory::Buffer { from, to } if from + bytes < to => Memory::Buffer {
                from: from + bytes,
                to,
            },
            Memory::Preface { from, to } if from + bytes < to => Memory::Preface {
                from: from + bytes,
                to,
            },
            Memory::Nothing
            | Memory::Scratch { .. }
            | Memory::Buffer { .. }
            | Memory::Preface { .. } => Memory::Nothing,
        };
    }

    /// `splice` moved `bytes` to the sink. It may give a pipe's bytes in several parts: only EAGAIN
    /// shows that the sink is full.
    pub(super) const fn on_drained(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        self.piped -= bytes;
    }

    /// What was left in the scratch buffer is in a buffer of the flow's own now.
    pub(super) const fn on_kept(&mut self) {
        if let Memory::Scratch { from, to } = self.memory {
            self.memory = Memory::Buffer { from, to };
        }
    }

    /// The sink was told that the stream has ended.
    pub(super) const fn on_shutdown(&mut self) {
        self.end = End::Finished;
    }
}
