//! The command line: arguments in, a task out; every error with its exit code.
//!
//! `argv` repairs what argh lacks, `arguments` is the table of flags. `settings` makes a valid
//! configuration of it all: with `pool`, `backend` and `health` for the pool, and `values` for single
//! numbers and durations. `nearest` finds the word that was meant. Imports config.

mod arguments;
mod argv;
mod backend;
mod health;
mod nearest;
mod pool;
mod settings;
mod values;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use log::LevelFilter;

use crate::config::Config;

/// What the arguments ask for.
#[derive(Debug)]
pub enum Task {
    /// Print this on standard output.
    Print(String),
    /// Run the balancer.
    Run {
        /// What to do.
        config: Config,
        /// What to log.
        log_level: LevelFilter,
    },
    /// Run the demo.
    Demo {
        /// What to log.
        log_level: LevelFilter,
    },
}

/// Why l4lb ends with something else than 0. Displays as one line, for standard error.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The arguments are wrong.
    Usage(String),
    /// Something failed at run time.
    Runtime(String),
}

impl Failure {
    /// The exit code of the interface contract.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Runtime(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => write!(f, "{text}\nTry 'l4lb --help'."),
            Self::Runtime(text) => f.write_str(text),
        }
    }
}

/// Reads the arguments, the program's name not among them.
///
/// # Errors
///
/// [`Failure::Usage`] for what can never be, [`Failure::Runtime`] for a name that does not resolve.
pub fn task(arguments: Vec<OsString>) -> Result<Task, Failure> {
    match argv::parse(arguments)? {
        argv::Parsed::Print(text) => Ok(Task::Print(text)),
        argv::Parsed::Arguments(arguments) => settings::task(*arguments),
    }
}

/// Prints data. A reader that has gone away, as `head` does, is no failure.
///
/// # Errors
///
/// A sentence where standard output cannot be written for any other reason.
pub fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Says on standard error, at any log level, that each listener is bound: others wait for it.
pub fn announce(listeners: &[(Arc<str>, SocketAddr)]) {
    let mut text = String::new();
    for (name, address) in listeners {
        text += &format!("listening on {address} ({name})\n");
    }
    // Nobody may be there to read it; l4lb works all the same.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Sends the operational log to standard error from now on.
///
/// # Errors
///
/// A sentence where a log has been started before.
pub fn start_log(level: LevelFilter) -> Result<(), String> {
    simple_logger::SimpleLogger::new()
        .with_level(level)
        .with_utc_timestamps()
        .init()
        .map_err(|error| format!("cannot start the log: {error}"))
}
