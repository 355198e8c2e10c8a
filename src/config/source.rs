//! Where a reload takes the next configuration from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Config;

/// Reads the configuration file again, or says what is wrong with it.
pub struct Source {
    path: PathBuf,
    read: Box<dyn Fn() -> Result<Config, String> + Send>,
}

impl Source {
    /// The file at `path`, which `read` reads.
    pub fn new(
        path: impl Into<PathBuf>,
        read: impl Fn() -> Result<Config, String> + Send + 'static,
    ) -> Self {
        Self {
            path: path.into(),
            read: Box::new(read),
        }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration as it is there now.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub fn read(&self) -> Result<Config, String> {
        (self.read)()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}
