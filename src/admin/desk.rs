//! Where handlers ask the supervisor and wait for its answer, within bounds.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::problem::Problem;
use crate::requests::{Reply, Request};

/// Takes a question to the supervisor, or gives it back where its queue is full. Never waits.
pub type Ask = Arc<dyn Fn(Request) -> Result<(), Request> + Send + Sync>;

/// The way to the supervisor.
#[derive(Clone)]
pub(super) struct Desk {
    ask: Ask,
    patience: Duration,
}

impl Desk {
    /// One that waits for an answer for so long.
    pub(super) const fn new(ask: Ask, patience: Duration) -> Self {
        Self { ask, patience }
    }

    /// Puts a question to which there is no single answer.
    pub(super) fn send(&self, request: Request) -> Result<(), Problem> {
        (self.ask)(request).map_err(|_| Problem::busy("too much is asked at once: try again"))
    }

    /// Puts a question and waits for the answer.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may have gone by then.
        let reply = Reply::new(move |it| drop(answer.send(it)));
        self.send(question(reply))?;
        match timeout(self.patience, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Problem::busy("there is no answer: l4lb is about to end")),
            Err(_) => Err(Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "there was no answer in time; what was asked may still be done",
            )),
        }
    }
}
