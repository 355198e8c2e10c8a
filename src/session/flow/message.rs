//! What a flow is where its bytes are messages, or where texts of l4lb's own go before them.

use super::{End, Flow, Gear, Memory};
use crate::session::{Edit, Place, Readiness, Tuning};

impl Flow {
    /// The sink has to take something before it can be told of the end.
    pub(in crate::session) const fn on_end_held(&mut self) {
        self.end = End::Untold;
    }

    /// What was read is a part of a message, or was made another text.
    pub(in crate::session) fn on_edited(
        &mut self,
        edit: Edit,
        source: &mut Readiness,
        tuning: &Tuning,
    ) {
        self.received += edit.read as u64;
        let is_full = edit.place == Place::Scratch && edit.held == tuning.scratch_bytes;
        match edit.place {
            Place::Pipe => {
                self.piped = edit.held;
                self.spliced = true;
            }
            _ if edit.held == 0 => {}
            Place::Scratch => {
                self.memory = Memory::Scratch {
                    from: 0,
                    to: edit.held,
                };
            }
            Place::Preface => self.add_preface(edit.held),
        }
        // A short read has emptied the socket, unless an end or an urgent mark cut it short.
        if edit.drained && !source.any(Readiness::ENDING | Readiness::URGENT) {
            source.clear(Readiness::READABLE);
        }
        self.gear = match self.gear {
            Gear::Copy { full_reads } if is_full && full_reads + 1 >= tuning.bulk_after_reads => {
                Gear::Splice { short_fills: 0 }
            }
            Gear::Copy { full_reads } if is_full => Gear::Copy {
                full_reads: full_reads + 1,
            },
            Gear::Copy { .. } => Gear::Copy { full_reads: 0 },
            Gear::Confirm => Gear::Splice { short_fills: 0 },
            gear @ (Gear::Splice { .. } | Gear::CopyOnly) => gear,
        };
        if edit.over {
            self.end_message();
        }
    }

    /// The message is whole with what is held.
    pub(in crate::session) const fn end_message(&mut self) {
        if let End::Open = self.end {
            self.end = End::Rested;
        }
    }

    /// So many bytes more wait before all that is read from now on, of `read` ones from the source.
    pub(in crate::session) fn on_prefaced(&mut self, read: usize, held: usize) {
        self.received += read as u64;
        if held > 0 {
            self.add_preface(held);
        }
    }

    fn add_preface(&mut self, bytes: usize) {
        self.memory = match self.memory {
            Memory::Preface { from, to } => Memory::Preface {
                from,
                to: to + bytes,
            },
            Memory::Nothing | Memory::Scratch { .. } | Memory::Buffer { .. } => {
                Memory::Preface { from: 0, to: bytes }
            }
        };
    }

    /// Nothing of the message was heard: all of it is to be sent again, to somebody else.
    pub(in crate::session) const fn begin_again(&mut self) {
        self.end = End::Open;
        self.memory = Memory::Nothing;
        self.piped = 0;
    }

    /// The next message may come.
    pub(in crate::session) const fn reopen(&mut self) {
        if let End::Rested = self.end {
            self.end = End::Open;
        }
        if !matches!(self.gear, Gear::CopyOnly) {
            self.gear = Gear::Copy { full_reads: 0 };
        }
    }

    /// No message follows: closing both sockets says all that is left to say.
    pub(in crate::session) const fn finish(&mut self) {
        self.end = End::Finished;
    }

    /// The sink has to be told of the end before its socket is closed.
    pub(in crate::session) const fn make_formal(&mut self) {
        self.formal = true;
    }

    /// l4lb has written so many bytes of its own to the sink.
    pub(in crate::session) fn on_own(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }
}
