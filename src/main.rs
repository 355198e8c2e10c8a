//! The l4lb program: arguments in, exit code out.

use std::process::ExitCode;

use l4lb::cli::{self, Failure, Task};
use l4lb::client::{self, Talk};
use l4lb::{demo, log_stats, supervisor};

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).collect();
    match cli::task(arguments).and_then(perform) {
        Ok(code) => code,
        Err(failure) => {
            cli::complain(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn perform(task: Task) -> Result<ExitCode, Failure> {
    let outcome = match task {
        Task::Print(text) => cli::print(&text).map_err(Failure::Runtime),
        Task::Run { config, source } => {
            cli::start_log(config.log_level).map_err(Failure::Runtime)?;
            supervisor::run(config, source, cli::announce).map_err(Failure::Runtime)
        }
        Task::Demo {
            log_level,
            speaks_tls,
        } => {
            cli::start_log(log_level).map_err(Failure::Runtime)?;
            demo::run(speaks_tls).map_err(Failure::Runtime)
        }
        Task::LogStats { file, as_json } => {
            let report = log_stats::of(&file, as_json);
            report
                .and_then(|it| cli::print(&it))
                .map_err(Failure::Runtime)
        }
        Task::Talk(talk) => return say(&talk),
    };
    outcome.map(|()| ExitCode::SUCCESS)
}

fn say(talk: &Talk) -> Result<ExitCode, Failure> {
    let answer = client::perform(talk)?;
    cli::print(&answer.text).map_err(Failure::Runtime)?;
    Ok(ExitCode::from(u8::from(!answer.is_well)))
}
