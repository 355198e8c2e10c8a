//! Asks the workers of their sessions, and has them end some: those that somebody kills, and those of
//! a paced drain.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{never, unbounded};

use super::Process;
use crate::messages::ToWorker;
use crate::requests::{Connection, First, Refusal, Reply};

/// How long workers may take to tell of their sessions.
const WORKER_ANSWER: Duration = Duration::from_secs(2);

impl Process {
    /// Ends as many sessions of drained backends as are due, the idlest of all workers first.
    pub(super) fn keep_pace(&mut self) {
        let now = Instant::now();
        let mut paced = std::mem::take(&mut self.paced);
        for pacing in &mut paced {
            let (id, left) = (pacing.backend.id, pacing.backend.load.active.count());
            let due = usize::try_from(pacing.due(now, left)).unwrap_or(usize::MAX);
            if due > 0 {
                let mut idle = self
                    .ask_workers(|reply| ToWorker::Idlest(id, due, reply))
                    .concat();
                idle.sort_unstable();
                let ids: Arc<[u64]> = idle.into_iter().take(due).map(|(_, id)| id).collect();
                let ended = self.ask_workers(|reply| ToWorker::Retire(Arc::clone(&ids), reply));
                pacing.closed += ended.iter().sum::<u32>();
            }
        }
        paced.retain(|it| it.backend.load.active.count() > 0 || it.time_left(now) > Duration::ZERO);
        self.paced = paced;
        if self.paced.is_empty() {
            self.steps = never();
        }
    }

    /// What every worker answers; who does not answer in time is left out.
    pub(super) fn ask_workers<T: Send + 'static>(
        &self,
        question: impl Fn(Reply<T>) -> ToWorker,
    ) -> Vec<T> {
        let (sender, answers) = unbounded();
        for worker in &self.workers {
            let sender = sender.clone();
            worker.send(question(Reply::new(move |answer| _ = sender.send(answer))));
        }
        drop(sender);
        let answer = |_| answers.recv_timeout(WORKER_ANSWER).ok();
        self.workers.iter().filter_map(answer).collect()
    }

    pub(super) fn connections(&self, limit: usize, first: First) -> Vec<Connection> {
        let mut all = self
            .ask_workers(|reply| ToWorker::List(limit, first, reply))
            .concat();
        let bytes = |it: &Connection| it.bytes_in + it.bytes_out;
        all.sort_by(|one, other| match first {
            First::Oldest => other.age_seconds.total_cmp(&one.age_seconds),
            First::Biggest => bytes(other).cmp(&bytes(one)),
            First::Idlest => other.idle_seconds.total_cmp(&one.idle_seconds),
        });
        all.truncate(limit);
        all
    }

    pub(super) fn kill(&self, id: u64) -> Result<(), Refusal> {
        let found = self.ask_workers(|reply| ToWorker::Kill(id, reply));
        if found.contains(&true) {
            Ok(())
        } else {
            Err(Refusal::Unknown(format!("there is no connection {id:x}")))
        }
    }
}
