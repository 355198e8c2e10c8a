//! What becomes of sessions when another plan is served.

use std::sync::Arc;

use super::{Sessions, enqueue};
use crate::balance::Snapshot;
use crate::plan::Plan;
use crate::session::Cause;
use crate::worker::waiting::Waiting;

impl Sessions {
    /// Takes over what is to be served from now on.
    pub(in crate::worker) fn take_over(&mut self, plan: &Plan, snapshots: Vec<Snapshot>) {
        self.drain_timeout = plan.drain_timeout;
        self.waiting.resize_with(plan.pools.len(), Waiting::default);
        for (place, planned) in plan.pools.iter().enumerate() {
            self.shell.dialer.plan(place, planned);
        }
        let newest = plan.listeners.iter();
        let newest = newest.map(|(it, _)| (Arc::clone(&it.config.name), Arc::clone(it)));
        self.shell.listeners = newest.collect();
        self.plan = plan.number;
        for (pool, snapshot) in snapshots.into_iter().enumerate() {
            self.update(pool, snapshot);
        }
        self.move_unserved();
        for (socket, address, listener) in std::mem::take(&mut self.early) {
            self.receive((socket, address, listener));
        }
    }

    /// Sessions that have no backend yet get one as their listener is now: its pool may be another, and
    /// so may its routes.
    fn move_unserved(&mut self) {
        let now = self.shell.clock.moment();
        for (_, slot) in &mut self.slots {
            let newest = self.shell.listeners.get(&slot.listener.config.name);
            let Some(newest) = newest.map(Arc::clone) else {
                continue;
            };
            if !slot.session.is_unserved() {
                continue;
            }
            if slot.session.is_expecting() {
                self.shell.renew(slot);
                continue; // to the destination of what it will say
            }
            let said = slot.front.as_ref().filter(|it| it.has_said_where());
            if said.is_none() && newest.config.routes.is_some() || !slot.may_go_by(&newest) {
                continue; // it was not asked, and goes where it went
            }
            let destination = match said.map_or(Some(0), |it| it.destination(&newest)) {
                Some(it) if newest.destinations[usize::from(it)].pool == slot.pool() => continue,
                Some(it) => it,
                None => {
                    slot.session.cut(Cause::Denied);
                    enqueue(&mut self.run_queue, slot);
                    continue;
                }
            };
            self.shell.let_go(slot);
            slot.leave_line(self.shell.dialer.line(slot.pool()), now);
            slot.forget_tried();
            slot.session.forsake_backend();
            slot.session.resume();
            slot.go_by(newest, destination);
            enqueue(&mut self.run_queue, slot);
        }
    }
}
