//! Where a reload takes the next configuration from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Config;

/// Reads the configuration file again, or says what is wrong with it; puts over it what flags say.
pub struct Source {
    path: PathBuf,
    read: Box<dyn Fn() -> Result<Config, String> + Send>,
    amend: Box<dyn Fn(Config) -> Result<Config, String> + Send>,
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
            amend: Box::new(Ok),
        }
    }

    /// With flags that win over any file, which `amend` puts over one.
    #[must_use]
    pub fn amended_by(
        self,
        amend: impl Fn(Config) -> Result<Config, String> + Send + 'static,
    ) -> Self {
        let amend = Box::new(amend);
        Self { amend, ..self }
    }

    /// What `config` would be if the file said it.
    ///
    /// # Errors
    ///
    /// What is wrong with it then, for people.
    pub fn amend(&self, config: Config) -> Result<Config, String> {
        (self.amend)(config)
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
