//! The configuration file: text in, a valid configuration out, or everything that is wrong with it.
//!
//! Pure. `from_toml` and `from_json` make a tree of `node`s with places; `shape` holds it against the
//! `schema`, which is made from the types of `model`; `sense` looks at how values go together. `build`
//! makes the configuration, `show` says where each value comes from. `fault` draws errors. `backends`
//! reads the other kind of file, which has one backend a line.

mod backends;
mod build;
mod fault;
mod form;
mod from_json;
mod from_toml;
mod model;
mod node;
mod schema;
mod sense;
mod shape;
mod show;
mod tls;

pub use backends::backends;
pub use fault::Faults;
pub use schema::schema;

use std::collections::HashSet;
use std::time::Duration;

use log::LevelFilter;

use self::fault::{Fault, Lines};
use self::form::Written;
use self::model::{Admin, Auto, File, Workers};
use self::node::{Node, Reading};
use super::{AccessLogOutput, AdminAddress, Config, LineFormat};

/// The most bytes that a file may have: thousands of backends.
pub const MOST_BYTES: usize = 1024 * 1024;

/// A file without errors, and what flags say instead of it.
#[derive(Clone, Debug)]
pub struct Document {
    text: String,
    root: Node,
    file: File,
    overrides: Vec<Override>,
}

/// A value that a flag gives instead of the file.
#[derive(Clone, Debug)]
pub enum Override {
    /// Event loops; `None` is one for each usable core.
    Workers(Option<u8>),
    /// Sessions at once.
    MaxConnections(u32),
    /// How long a stopping process lets sessions finish.
    DrainTimeout(Duration),
    /// What is logged.
    LogLevel(LevelFilter),
    /// Where the access log goes.
    AccessLog(AccessLogOutput),
    /// How a line of it looks.
    LineFormat(LineFormat),
    /// Where the admin API listens.
    Admin(AdminAddress),
}

impl Override {
    /// The flag, and the keys that lead to the value in the file.
    const fn origin(&self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Workers(_) => ("--workers", &["workers"]),
            Self::MaxConnections(_) => ("--max-connections", &["max_connections"]),
            Self::DrainTimeout(_) => ("--drain-timeout", &["drain_timeout"]),
            Self::LogLevel(_) => ("--log-level", &["log", "level"]),
            Self::AccessLog(_) => ("--access-log", &["access_log", "output"]),
            Self::LineFormat(_) => ("--access-log-format", &["access_log", "format"]),
            Self::Admin(_) => ("--admin", &["admin", "listen"]),
        }
    }
}

/// Reads a file. Its name says what it is, JSON where it ends with `.json` and TOML otherwise, and
/// stands in errors.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Document, Faults> {
    let text = text_of(name, bytes)?;
    let refused = |text: &str, faults| Err(Faults::new(name, text, faults));
    let is_json = name.to_ascii_lowercase().ends_with(".json");
    let reading = if is_json {
        from_json::parse(text)
    } else {
        from_toml::parse(text)
    };
    let faults = faults(&reading, text);
    if !faults.is_empty() {
        return refused(text, faults);
    }
    match serde_json::from_value::<File>(reading.root.to_value()) {
        Ok(file) => Ok(Document {
            text: text.to_owned(),
            root: reading.root,
            file,
            overrides: Vec::new(),
        }),
        // The checks let nothing pass that the types refuse; if they did, this is better than a panic.
        Err(error) => refused(text, vec![Fault::new(0..0, format!("unforeseen: {error}"))]),
    }
}

/// The text of a file, where it is one, and not too long.
fn text_of<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, Faults> {
    // A mark that some editors write; no part of the text.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if bytes.len() > MOST_BYTES {
        let what = format!("the file has more than {MOST_BYTES} bytes");
        return Err(Faults::new(name, "", vec![Fault::new(0..0, what)]));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let text = String::from_utf8_lossy(bytes);
        Faults::new(name, &text, vec![Fault::new(at..at, "this is not UTF-8")])
    })
}

/// All that is wrong: where there are errors of syntax, besides them what stands in other lines.
fn faults(reading: &Reading, text: &str) -> Vec<Fault> {
    let lines = Lines::of(text);
    let mut faults = Vec::new();
    shape::check(&reading.root, &schema(), &mut faults);
    sense::check(&reading.root, &lines, &mut faults);
    if !reading.faults.is_empty() {
        let line = |fault: &Fault| lines.number(fault.span.start);
        let unread: HashSet<usize> = reading.faults.iter().map(line).collect();
        let is_known = |fault: &Fault| {
            let is_read = fault.span.start < reading.known_until && !unread.contains(&line(fault));
            is_read && !fault.is_lack
        };
        faults.retain(is_known);
        faults.extend(reading.faults.iter().cloned());
    }
    faults
}

impl Document {
    /// A flag wins over the file.
    pub fn override_with(&mut self, value: Override) {
        let file = &mut self.file;
        self.overrides.push(value.clone());
        match value {
            Override::Workers(Some(count)) => file.workers = Workers::Count(count),
            Override::Workers(None) => file.workers = Workers::Auto(Auto::Auto),
            Override::MaxConnections(count) => file.max_connections = Some(count),
            Override::DrainTimeout(time) => file.drain_timeout = Written(time),
            Override::LogLevel(level) => file.log.level = Written(level),
            Override::AccessLog(output) => file.access_log.output = Written(output),
            Override::LineFormat(format) => file.access_log.format = Written(format),
            Override::Admin(listen) => {
                let token_file = file.admin.take().and_then(|admin| admin.token_file);
                let listen = Written(listen);
                file.admin = Some(Admin { listen, token_file });
            }
        }
    }

    /// The configuration, on a machine with so many usable cores.
    #[must_use]
    pub fn config(&self, cores: usize) -> Config {
        self.file.config(cores)
    }

    /// A picture of each of these sentences, at the value of the file that it is about: the keys that lead
    /// there, and numbers from 1. Of a value that is not there, where it would be.
    #[must_use]
    pub fn faults(&self, name: &str, about: &[(Vec<String>, String)]) -> Faults {
        let faults = about.iter().map(|(path, what)| {
            let node = self.root.nearest(path);
            Fault::new(node.span.clone(), what.clone())
        });
        Faults::new(name, &self.text, faults.collect())
    }

    /// What is in effect, as a file that says the same, with the origin of each value.
    #[must_use]
    pub fn show(&self) -> String {
        show::effective(self)
    }
}
