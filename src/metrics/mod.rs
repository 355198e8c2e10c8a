//! What is counted of listeners and workers, and how all that is counted is told to Prometheus.
//!
//! `tallies` are what workers write; a `Scrape` is what the supervisor has read of all of them at one time;
//! `families` is the one table of names, each a `family`, which `exposition` writes a scrape by, with `samples`.
//!
//! Imports counts, pool, session, vitals. Used by plan and worker, by supervisor, and by admin.

mod exposition;
mod families;
mod family;
mod samples;
mod scrape;
mod tallies;

pub use exposition::{CONTENT_TYPE, text};
pub use families::FAMILIES;
pub use family::{Family, Kind};
pub use scrape::{
    BackendScrape, CertificateScrape, EndScrape, ListenerScrape, PoolScrape, Scrape, WorkerScrape,
};
pub use tallies::{
    AcceptError, CLASSES, EndTally, EndTotals, HandshakeEnd, ListenerTally, ListenerTotals,
    WorkerTally,
};
