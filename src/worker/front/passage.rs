//! Moves the bytes of a session with a front: its own texts first, then what the sides say.

use super::super::buffers::BUFFER_BYTES;
use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::{Deadline, Direction, Outcome, Side, Step};
use rustix::net::RecvFlags;

impl Shell {
    /// Performs a step of relaying where the session has a front.
    pub(in crate::worker) fn pass(
        &mut self,
        slot: &mut Slot,
        step: Step,
        way: Direction,
    ) -> Outcome {
        let outcome = match step {
            Step::Send(_) if slot.is_secure(way.sink()) => self.send_secure(slot, way),
            Step::Send(_) if slot.session.flow(way).in_preface() => self.send_preface(slot, way),
            Step::Shutdown(_) if slot.is_secure(way.sink()) => self.end_secure(slot, way),
            _ if slot.speaks_http() => self.pass_message(slot, step, way),
            Step::Receive(_) if slot.is_secure(way.source()) => self.receive_secure(slot, way),
            _ => self.relay_plain(slot, step, way),
        };
        let is_upload = way == Direction::Upload;
        let was_dead = outcome == Outcome::Broken && step == Step::Send(Direction::Upload);
        if outcome == Outcome::Gone || (was_dead && slot.may_repeat()) {
            return self.repeat(slot);
        }
        if matches!(outcome, Outcome::Moved(_)) && is_upload && slot.awaits_response() {
            slot.armed = Deadline::Never; // from now on another time counts
        }
        outcome
    }

    /// Reads once from a side to the scratch buffer; where TLS is spoken with it, what it means, and then
    /// `most` may be exceeded. `Moved` says how many bytes stand there.
    pub(super) fn read_side(&mut self, slot: &mut Slot, side: Side, most: usize) -> Outcome {
        if slot.is_secure(side) {
            return self.open_secure(slot, side);
        }
        match slot.socket(side) {
            Some(socket) => self.relay.receive(socket, most, RecvFlags::empty()).0,
            None => Outcome::Broken,
        }
    }

    fn send_preface(&mut self, slot: &mut Slot, way: Direction) -> Outcome {
        let (Some(front), Some(sink)) = (slot.front.as_deref(), slot.socket(way.sink())) else {
            return Outcome::Broken;
        };
        let preface = &front.prefaces[way.index()];
        let held = slot.session.flow(way).held_range();
        let is_rest = held.end == preface.len();
        let left = preface.get(held).unwrap_or_default();
        let outcome = self.relay.send(sink, left);
        if outcome == Outcome::Moved(left.len())
            && is_rest
            && let Some(front) = slot.front.as_deref_mut()
        {
            front.prefaces[way.index()] = Vec::new();
            if front.is_spent() {
                slot.front = None;
            }
        }
        if let Outcome::Moved(bytes) = outcome {
            self.counts.copied.add(bytes as u64);
        }
        outcome
    }
}

impl Slot {
    /// Whether TLS is spoken with this side.
    pub(super) fn is_secure(&self, side: Side) -> bool {
        let front = self.front.as_deref();
        front.is_some_and(|it| it.secure[side.index()].is_some())
    }

    /// Whether a read of so few bytes says that there are no more: where TLS is spoken, only an empty
    /// socket does.
    pub(super) fn is_drained(&self, side: Side, read: usize, most: usize) -> bool {
        read < most.min(BUFFER_BYTES) && !self.is_secure(side)
    }
}
