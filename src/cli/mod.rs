//! The command line: arguments in, a task out; every error with its exit code.
//!
//! `argv` repairs what argh lacks, `arguments` is the table of flags. `settings` makes a valid
//! configuration of it all: with `pool` and `health` for the pool, `overrides` for flags that
//! win over a file, and `values` for single numbers and durations; `file` reads and shows a configuration
//! file, `diff` compares two. `commands` are those for a running l4lb, which `talk` makes what the client
//! says of. Imports client, config, discovery, foresight, pool and reason.

mod arguments;
mod argv;
mod commands;
mod diff;
mod file;
mod health;
mod overrides;
mod pool;
mod settings;
mod talk;
mod values;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use log::LevelFilter;

use crate::client::Talk;
use crate::config::{Config, Source};

/// What the arguments ask for.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one of it")]
pub enum Task {
    /// Print this on standard output.
    Print(String),
    /// Run the balancer.
    Run {
        /// What to do.
        config: Config,
        /// Where a reload takes the next configuration from, where there is a file.
        source: Option<Source>,
    },
    /// Run the demo.
    Demo {
        /// What to log.
        log_level: LevelFilter,
        /// Whether clients are spoken to in TLS.
        speaks_tls: bool,
    },
    /// Print what an access log says.
    LogStats {
        /// Where it is; `-` is standard input.
        file: String,
        /// For programs.
        as_json: bool,
    },
    /// Talk to a running l4lb.
    Talk(Talk),
}

/// Why l4lb ends with something else than 0. Displays as text for standard error.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The arguments are wrong.
    Usage(String),
    /// Something failed at run time.
    Runtime(String),
    /// No l4lb answers at the admin address.
    Nobody(String),
    /// The configuration file is wrong: a picture of each error, which begins with its place.
    Config(String),
}

impl Failure {
    /// The exit code of the interface contract.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Runtime(_) => 1,
            Self::Usage(_) => 2,
            Self::Nobody(_) => 3,
            Self::Config(_) => 78,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => write!(f, "{text}\nTry 'l4lb --help'."),
            Self::Runtime(text) | Self::Nobody(text) => f.write_str(text),
            Self::Config(pictures) => f.write_str(pictures.trim_end()),
        }
    }
}

/// Reads the arguments, the program's name not among them.
///
/// # Errors
///
/// [`Failure::Usage`] for flags that can never be, [`Failure::Config`] for a file that is wrong,
/// [`Failure::Runtime`] for one that cannot be read.
pub fn task(arguments: Vec<OsString>) -> Result<Task, Failure> {
    match argv::parse(arguments)? {
        argv::Parsed::Print(text) => Ok(Task::Print(text)),
        argv::Parsed::Arguments(arguments, given) => settings::task(&arguments, &given),
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

/// Whether a stream is a terminal, and nobody minds colours.
fn is_coloured(stream: &impl IsTerminal) -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
    !is_unwanted && stream.is_terminal()
}

/// Says on standard error why l4lb ends.
pub fn complain(failure: &Failure) {
    let text = match failure {
        // Each error begins with its place, where editors and people look for it.
        Failure::Config(_) => format!("{failure}\n"),
        Failure::Usage(_) | Failure::Runtime(_) | Failure::Nobody(_) => {
            format!("l4lb: {failure}\n")
        }
    };
    // Nobody may be there to read it; the exit code says it all the same.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Says on standard error what is worth knowing though nothing is wrong.
fn warn(text: &str) {
    // Nobody may be there to read it; the exit code says that nothing is wrong.
    let _ = io::stderr().write_all(format!("l4lb: {text}\n").as_bytes());
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
