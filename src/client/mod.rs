//! The commands that talk to a running l4lb: what is asked for becomes requests of the admin API, and
//! the answers become text.
//!
//! `http` makes one exchange, `api` knows paths and answers, `find` knows which backend is meant.
//! `look` has the commands that read, `act` those that change something, `foresight` the one that asks what
//! would change and `top` the one that goes on; `table` and `words` are how numbers and rows are written.
//! Called by main with what cli has read. Imports requests, pool, config and
//! reason.

mod act;
mod api;
mod find;
mod foresight;
mod http;
mod look;
mod table;
mod top;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::AdminAddress;
use crate::pool::Order;
pub use crate::requests::Caller;
use crate::requests::Foresight;
use api::Api;

/// What to say, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    /// Where the admin API listens.
    pub admin: AdminAddress,
    /// What to say.
    pub command: Command,
}

/// What can be said to a running l4lb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Look at something, and show it in this form.
    Look(Look, Form),
    /// Look at the overview again and again, on this terminal, until somebody wants to leave.
    Watch {
        /// Whether there are colours.
        is_coloured: bool,
    },
    /// Change something, with the token of this file where there is one.
    Act(Act, Option<PathBuf>),
    /// Ask what this configuration would change, show it in this form, with the token as above.
    Foresee(serde_json::Value, Form, Option<PathBuf>),
}

/// What can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// How the process is.
    Status,
    /// Whether it is ready. An answer is well where it is.
    Readiness,
    /// The backends, of this pool or of all.
    Backends(Option<String>),
    /// So many live connections.
    Connections(usize),
    /// How everything is, as the dashboard shows it.
    Overview,
    /// What a client would get.
    Explanation(Box<Caller>),
}

/// How something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people, with or without colours.
    Text {
        /// Whether there are colours.
        is_coloured: bool,
    },
    /// For programs, as the API says it.
    Json,
}

/// What can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// What an operator wants of a backend.
    Order(BackendName, Order),
    /// Drain a backend, and end its sessions at a steady rate within that time.
    DrainOver(BackendName, Duration),
    /// The weight of a backend.
    Weight(BackendName, u16),
    /// End the connection with this id.
    Kill(String),
    /// Read the configuration file again.
    Reload,
    /// Let sessions finish, and end.
    Drain,
}

/// The name of a backend as an operator gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendName {
    /// The pool's name, which may be left out where one backend alone has the name.
    pub pool: Option<String>,
    /// The backend's name.
    pub backend: String,
}

/// What to print, and whether it is what was hoped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Lines for standard output.
    pub text: String,
    /// False where a question that has yes or no for an answer was answered with no.
    pub is_well: bool,
}

impl Answer {
    const fn well(text: String) -> Self {
        let is_well = true;
        Self { text, is_well }
    }
}

/// Why there is no answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What is asked for can mean several things.
    Ambiguous(String),
    /// l4lb does not do it.
    Refused(String),
    /// l4lb does not do it, since what it was told is wrong.
    Invalid(String),
    /// No l4lb answers.
    Nobody(String),
    /// The configuration file is wrong: a picture of each error.
    Config(String),
}

/// Says it, and waits for the answer.
///
/// # Errors
///
/// A [`Failure`] that says who refused what.
pub fn perform(talk: &Talk) -> Result<Answer, Failure> {
    match &talk.command {
        Command::Look(look, form) => look::look(&Api::new(&talk.admin, None)?, look, *form),
        Command::Watch { is_coloured } => {
            top::watch(Api::new(&talk.admin, None)?, *is_coloured)?;
            Ok(Answer {
                text: String::new(),
                is_well: true,
            })
        }
        Command::Act(act, token) => {
            let text = act::act(&Api::new(&talk.admin, token.as_deref())?, act)?;
            Ok(Answer::well(text))
        }
        Command::Foresee(config, form, token) => {
            let api = Api::new(&talk.admin, token.as_deref())?;
            Ok(Answer::well(foresight::ask(&api, config, *form)?))
        }
    }
}

/// What a configuration would change, in this form.
#[must_use]
pub fn foresight(foresight: &Foresight, form: Form) -> String {
    foresight::show(foresight, form)
}
