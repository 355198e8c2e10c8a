//! The l4lb program: arguments in, exit code out.

use std::process::ExitCode;

use l4lb::cli::{self, Failure, Task};
use l4lb::{demo, supervisor};

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).collect();
    match cli::task(arguments).and_then(perform) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("l4lb: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn perform(task: Task) -> Result<(), Failure> {
    match task {
        Task::Print(text) => cli::print(&text).map_err(Failure::Runtime),
        Task::Run { config, log_level } => {
            cli::start_log(log_level).map_err(Failure::Runtime)?;
            supervisor::run(config, cli::announce).map_err(Failure::Runtime)
        }
        Task::Demo { log_level } => {
            cli::start_log(log_level).map_err(Failure::Runtime)?;
            demo::run().map_err(Failure::Runtime)
        }
    }
}
