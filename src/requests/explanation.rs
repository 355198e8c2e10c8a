//! Which backend a client would get, and why no other one, as the API tells it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A client that may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its address.
    pub client: IpAddr,
    /// The listener that it comes to; it may be left out where there is one.
    pub listener: Option<String>,
    /// The name that it asks for in TLS, in lower case.
    pub sni: Option<Box<str>>,
    /// The one protocol that it offers there.
    pub alpn: Option<String>,
}

impl Caller {
    /// Whether it offers this protocol of TLS.
    #[must_use]
    pub fn offers(&self, protocol: &[u8]) -> bool {
        let alpn = self.alpn.as_deref();
        alpn.is_some_and(|it| it.as_bytes() == protocol)
    }
}

/// What the next client of a listener would get.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Explanation {
    /// The client's address; its port does not matter.
    pub client: String,
    /// The listener.
    pub listener: String,
    /// The pool that it goes to; empty where the listener has none for it.
    pub pool: String,
    /// How the pool's backends are picked; empty where there is none.
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
