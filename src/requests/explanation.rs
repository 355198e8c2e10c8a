//! Which backend a client would get, and why no other one, as the API tells it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the next client of a listener would get.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Explanation {
    /// The client's address; its port does not matter.
    pub client: String,
    /// The listener.
    pub listener: String,
    /// Its pool.
    pub pool: String,
    /// How the pool's backends are picked.
    pub balance: String,
    /// All of it in a sentence.
    pub answer: String,
    /// What keeps the client from all workers, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back_because: Option<String>,
    /// What the workers would do with it; those that would do the same are one.
    pub workers: Vec<WorkerView>,
}

/// What a worker would do with a client, or several that would do the same.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct WorkerView {
    /// Which ones, counted from 1.
    pub workers: Vec<usize>,
    /// `backend` where it would get one, `line` where it would wait for one, `reset`.
    pub outcome: String,
    /// The backend that it would get.
    pub backend: Option<String>,
    /// All backends of the pool.
    pub backends: Vec<Candidate>,
}

/// A backend that a client would get, or would not.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Candidate {
    /// Its name.
    pub backend: String,
    /// Where it is.
    pub address: String,
    /// In a word: `chosen` `next` `later` `busier` `tied` `not-drawn` `heavier` `slower` `elsewhere`
    /// `warming` `behind` `full` `down` `ejected` `drain` `maint` `weight-0` `backup`.
    pub verdict: String,
    /// In a sentence.
    pub why: String,
}
