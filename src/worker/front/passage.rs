//! Moves the bytes of a session with a front: its own texts first, then what the sides say.

use super::super::shell::Shell;
use super::super::slot::Slot;
use crate::session::{Direction, Outcome, Side, Step};

impl Shell {
    /// Performs a step of relaying where the session has a front.
    pub(in crate::worker) fn pass(
        &mut self,
        slot: &mut Slot,
        step: Step,
        way: Direction,
    ) -> Outcome {
        let is_secure = |side: Side| {
            let front = slot.front.as_deref();
            front.is_some_and(|it| it.secure[side.index()].is_some())
        };
        if step == Step::Receive(way) && is_secure(way.source()) {
            return self.receive_secure(slot, way);
        }
        if step == Step::Send(way) && is_secure(way.sink()) {
            return self.send_secure(slot, way);
        }
        if step == Step::Shutdown(way) && is_secure(way.sink()) {
            return self.end_secure(slot, way);
        }
        if step == Step::Send(way) && slot.session.flow(way).in_preface() {
            return self.send_preface(slot, way);
        }
        self.relay_plain(slot, step, way)
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
