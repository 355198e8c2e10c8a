//! What a configuration would change, as the API tells it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a configuration would change.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Foresight {
    /// What would be different, a sentence each, as a reload says it.
    pub changes: Vec<String>,
    /// Which live sessions that touches; nothing where no running l4lb was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Touched>,
    /// Of each pool that balances by source-hash, how many of its clients would move.
    pub moved: Vec<Moved>,
}

/// Live sessions that a configuration would touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Touched {
    /// All of them, each counted once; those that keep a setting are not touched.
    pub total: u32,
    /// Listeners that would be gone.
    pub listeners: Vec<TouchedListener>,
    /// Backends that would be gone from where they are.
    pub backends: Vec<TouchedBackend>,
    /// Settings that would be others, and that matter to sessions that run.
    pub settings: Vec<TouchedSetting>,
}

/// A listener that would be gone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TouchedListener {
    /// Its name.
    pub listener: String,
    /// Sessions that have it.
    pub sessions: u32,
    /// What becomes of them: `finishes`, they go on to their own end.
    pub fate: String,
}

/// A backend that would be gone, or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TouchedBackend {
    /// Its pool.
    pub pool: String,
    /// Its name.
    pub backend: String,
    /// Where it is now.
    pub address: String,
    /// Sessions that have it.
    pub sessions: u32,
    /// What becomes of them: `finishes`, they go on to their own end.
    pub fate: String,
}

/// A setting that would be another one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct TouchedSetting {
    /// Whose it is, and its key.
    pub setting: String,
    /// Sessions that it is for.
    pub sessions: u32,
    /// `changes` where the new value holds for them at once, `keeps` where the old one does to their end.
    pub fate: String,
}

/// Clients of a pool that would get another backend.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
pub struct Moved {
    /// The pool.
    pub pool: String,
    /// Of 100 clients, to a tenth; none where each is picked for anew, as the pool did not balance by
    /// source-hash, or would not.
    pub share: Option<f64>,
    /// In a sentence.
    pub text: String,
}
