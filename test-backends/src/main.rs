//! `test-backends`: backends on the command line. It starts them, says where, and sleeps.
//!
//! Exit code 2 after a mistake in the arguments, 1 when an address cannot be listened on.

mod cli;

use std::{
    env,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    thread,
};

use argh::{EarlyExit, FromArgs};
use test_backends::Server;

use crate::cli::{Arguments, Plan};

const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let words: Vec<String> = env::args_os()
        .map(|word| word.to_string_lossy().into())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (command, rest) = words
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (*first, rest));
    let command = Path::new(command)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(command);
    let arguments = match Arguments::from_args(&[command], rest) {
        Ok(arguments) => arguments,
        Err(exit) => return leave(&exit),
    };
    match arguments.plans() {
        Ok(plans) => run(plans),
        Err(mistake) => {
            say(&mistake);
            ExitCode::from(USAGE_ERROR)
        }
    }
}

/// Help goes to standard output, and a reader who has gone away is no failure.
fn leave(exit: &EarlyExit) -> ExitCode {
    let text = exit.output.trim_end();
    if exit.status.is_ok() {
        let _ = writeln!(io::stdout().lock(), "{text}");
        ExitCode::SUCCESS
    } else {
        say(text);
        ExitCode::from(USAGE_ERROR)
    }
}

fn run(plans: Vec<Plan>) -> ExitCode {
    let mut servers = Vec::new();
    for Plan {
        host,
        port,
        behaviour,
    } in plans
    {
        let shown = behaviour.to_string();
        match Server::start((host.as_str(), port), behaviour) {
            Ok(server) => {
                say(&format!("listening on {} ({shown})", server.addr()));
                servers.push(server);
            }
            Err(error) => {
                say(&format!(
                    "test-backends: cannot listen on {host}:{port}: {error}"
                ));
                return ExitCode::FAILURE;
            }
        }
    }
    loop {
        thread::park();
    }
}

/// To standard error; if that is closed, there is nobody to tell.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
