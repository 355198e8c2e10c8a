//! The files of TLS: read when l4lb starts and reloads, and when one of them has changed. A wrong one
//! changes nothing: what was read last goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use log::Level::{Error, Warn};

use super::Process;
use super::reload::Wanted;
use crate::config::Config;
use crate::tls::{self, Materials, Trouble};

/// Reads what `config` names, at a time in seconds since 1970; everything that is wrong, a line each.
pub(super) fn read(config: &Config, before: &Materials, now: i64) -> Result<Materials, String> {
    tls::read(config, before, now).map_err(|troubles| {
        let lines: Vec<String> = troubles.iter().map(Trouble::to_string).collect();
        lines.join("\n")
    })
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Process {
    /// What `config` names now. What is worth knowing is logged.
    pub(super) fn read_materials(&mut self, config: &Config) -> Result<Arc<Materials>, String> {
        let now = seconds(SystemTime::now());
        let materials = read(config, &self.wanted.materials, now)?;
        for warning in &materials.warnings {
            self.backends_did(Warn, warning.clone());
        }
        Ok(Arc::new(materials))
    }

    /// A file of TLS may have changed: new handshakes go by it, or it is said what is wrong with it.
    pub(super) fn look_at_certificates(&mut self, path: &Path) {
        if !self.wanted.materials.is_outdated(path) || self.stops > 0 {
            return;
        }
        let materials = match self.read_materials(&self.wanted.entries()) {
            Ok(materials) => materials,
            Err(why) => {
                let text = format!("certificates are what they were: {why}");
                return self.backends_did(Error, text);
            }
        };
        let changes = materials.news(&self.wanted.materials);
        let next = Wanted {
            materials,
            ..self.wanted.clone()
        };
        let served = self.serve_wanted(next, Arc::clone(&self.answers));
        self.tell_served(served, changes);
        self.watch_files();
    }
}
