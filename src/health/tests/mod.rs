//! The health thread as a whole: a real `Prober` in a thread, backends that follow a script.

mod backend;
mod checks;
mod plans;
mod reports;
mod scene;
mod settings;
mod states;
mod traffic;

use std::time::Duration;

/// How long anything may take before a test gives up: long, for machines under load.
const PATIENCE: Duration = Duration::from_secs(20);

const MS: Duration = Duration::from_millis(1);
