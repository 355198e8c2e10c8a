//! A new plan: who stays keeps all that is known of it, who has gone is forgotten, who is new is taken in.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::{Patient, Prober, reports};
use crate::config::HealthConfig;
use crate::health::approach::Approach;
use crate::health::ward::Ward;
use crate::messages::{Mailbox, ToWorker};
use crate::plan::Plan;
use crate::pool::{Backend, BackendId};

impl Prober {
    /// Watches what `plan` has from now on, and passes it on to the workers.
    pub(super) fn take_over(
        &mut self,
        plan: &Arc<Plan>,
        now: Instant,
        workers: &[Mailbox<ToWorker>],
    ) {
        self.watch(plan, now);
        // All that has changed in this turn so far goes with the plan.
        self.changed.clear();
        let snapshots = self.snapshots_at(now);
        for worker in workers {
            worker.send(ToWorker::Plan(Arc::clone(plan), snapshots.clone()));
        }
    }

    /// Watches what `plan` has from now on.
    pub(super) fn watch(&mut self, plan: &Plan, now: Instant) {
        self.dismiss_others(plan);
        let undisturbed = self.undisturbed(plan);
        self.slow_starts.make_room(plan.pools.len());
        for (number, pool) in plan.pools.iter().enumerate() {
            match self.wards.get_mut(number) {
                Some(ward) => {
                    let changes = ward.take_over(pool, now);
                    changes.into_iter().for_each(|it| self.tell(it));
                }
                None => self.wards.push(Ward::new(Arc::clone(pool), now)),
            }
            self.slow_starts.clear(number);
            self.time_slow_start(number, now);
            for (at, backend) in pool.backends.iter().enumerate() {
                self.seat(backend, number, at);
            }
        }
        self.probe_afresh(&undisturbed, now);
        self.keep_new_intervals(now);
    }

    /// Whoever waits for longer than its interval is now does so no more.
    fn keep_new_intervals(&mut self, now: Instant) {
        for (place, patient) in &self.patients {
            if let Some(health) = self.wards[patient.ward].health() {
                self.schedule.not_later(place, now + health.interval);
            }
        }
    }

    /// Forgets those that `plan` does not have.
    fn dismiss_others(&mut self, plan: &Plan) {
        let backends = plan.pools.iter().flat_map(|it| &it.backends);
        let staying: HashSet<BackendId> = backends.map(|it| it.id).collect();
        let Self {
            patients, places, ..
        } = self;
        patients.retain(|place, patient| {
            let id = patient.backend.id;
            let stays = staying.contains(&id);
            if !stays {
                places.remove(&id);
                self.schedule.forget(place);
                self.probes.end(place);
                self.ejections.clear(place);
            }
            stays
        });
    }

    /// The places of those whose probes go on in `plan` as they are.
    fn undisturbed(&self, plan: &Plan) -> HashSet<usize> {
        let goes_on = |(_, it): &(usize, &Patient)| {
            let ward = &self.wards[it.ward];
            let pool = &plan.pools[it.ward].config;
            let planned = pool.health.as_ref();
            let is_same = ward.health().zip(planned).is_some_and(are_the_same_check);
            is_same && ward.approach() == Approach::of(pool) && ward.is_probed(it.at)
        };
        let kept = self.patients.iter().filter(goes_on);
        kept.map(|(place, _)| place).collect()
    }

    /// Gives a backend a place where it has none, and notes where it is by now.
    fn seat(&mut self, backend: &Arc<Backend>, ward: usize, at: usize) {
        let patient = Patient {
            backend: Arc::clone(backend),
            ward,
            at,
        };
        if let Some(&place) = self.places.get(&backend.id) {
            self.patients[place] = patient;
            return;
        }
        reports::first(backend, self.wards[ward].state(at), self.today);
        let place = self.patients.insert(patient);
        self.places.insert(backend.id, place);
        self.schedule.make_room(place + 1);
        self.probes.make_room(place + 1);
        self.ejections.make_room(place + 1);
    }

    /// Ends the probes of all but those that are undisturbed, and has those probed at once that are
    /// to be probed, one after the other.
    fn probe_afresh(&mut self, undisturbed: &HashSet<usize>, now: Instant) {
        let mut afresh = Vec::new();
        for (place, &Patient { ward, at, .. }) in &self.patients {
            if undisturbed.contains(&place) {
                continue;
            }
            self.schedule.cancel(place);
            self.probes.end(place);
            if self.wards[ward].is_probed(at) {
                afresh.push(place);
            }
        }
        let intervals = self.wards.iter().filter_map(Ward::health);
        if let Some(shortest) = intervals.map(|it| it.interval).min() {
            self.schedule.spread(&afresh, now, shortest);
        }
    }
}

/// Whether a probe finds the same by both: what remains is when it is made, and what it counts for.
fn are_the_same_check((before, after): (&HealthConfig, &HealthConfig)) -> bool {
    before.check == after.check && before.port == after.port
}
