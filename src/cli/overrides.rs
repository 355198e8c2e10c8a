//! The flags that mean the same with and without a configuration file, over which they win.

use log::LevelFilter;

use super::Failure;
use super::arguments::Arguments;
use super::values::{duration, number, unknown, within};
use crate::config::file::Override;
use crate::config::{AccessLogOutput, AdminAddress, AdminConfig, Config, LineFormat, MAX_WORKERS};

/// Their names.
pub(super) const FLAGS: [&str; 7] = [
    "--workers",
    "--max-connections",
    "--drain-timeout",
    "--access-log",
    "--access-log-format",
    "--log-level",
    "--admin",
];

/// What those say that are given.
pub(super) fn overrides(arguments: &Arguments) -> Result<Vec<Override>, Failure> {
    let log_level = |text: &str| log_level(text).map(Override::LogLevel);
    let given = [
        arguments.workers.as_deref().map(workers),
        arguments.max_connections.as_deref().map(max_connections),
        arguments.drain_timeout.as_deref().map(drain_timeout),
        arguments.access_log.as_deref().map(access_log),
        arguments.access_log_format.as_deref().map(line_format),
        arguments.log_level.as_deref().map(log_level),
        arguments.admin.as_deref().map(admin),
    ];
    given.into_iter().flatten().collect()
}

/// Makes a configuration say what a flag says.
pub(super) fn apply(value: Override, config: &mut Config, cores: usize) -> Result<(), Failure> {
    match value {
        Override::Workers(count) => config.workers = count.map_or(cores, usize::from),
        Override::MaxConnections(count) => config.max_connections = usize::try_from(count).ok(),
        Override::DrainTimeout(time) => config.drain_timeout = time,
        Override::AccessLog(output) => config.access_log.output = output,
        Override::LineFormat(format) => config.access_log.format = format,
        Override::LogLevel(level) => config.log_level = level,
        Override::Admin(listen) => {
            let token_file = config.admin.take().and_then(|it| it.token_file);
            config.admin = Some(AdminConfig { listen, token_file });
        }
    }
    refuse_open_admin(config)
}

/// An admin API that others can reach needs a token, for which there is no flag.
pub(super) fn refuse_open_admin(config: &Config) -> Result<(), Failure> {
    match &config.admin {
        Some(admin) if admin.lacks_token() => Err(Failure::Usage(format!(
            "--admin {}: this address is open to other machines, so it needs the admin.token_file \
             of a configuration file",
            admin.listen
        ))),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn log_level(text: &str) -> Result<LevelFilter, Failure> {
    const NAMES: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
    let level = NAMES.contains(&text).then(|| text.parse().ok()).flatten();
    level.ok_or_else(|| unknown("--log-level", text, &NAMES))
}

/// Event loops. `auto` follows the affinity and the cgroup that the process was started with.
fn workers(text: &str) -> Result<Override, Failure> {
    if text == "auto" {
        return Ok(Override::Workers(None));
    }
    let most = u8::try_from(MAX_WORKERS).unwrap_or(u8::MAX);
    match within(text, &(1..=most)) {
        Some(count) => Ok(Override::Workers(Some(count))),
        None => Err(Failure::Usage(format!(
            "--workers: {text:?} is neither auto nor a number from 1 to {most}"
        ))),
    }
}

fn max_connections(text: &str) -> Result<Override, Failure> {
    number("--max-connections", text, &(1..=u32::MAX)).map(Override::MaxConnections)
}

fn drain_timeout(text: &str) -> Result<Override, Failure> {
    duration("--drain-timeout", text).map(Override::DrainTimeout)
}

fn access_log(text: &str) -> Result<Override, Failure> {
    let output = AccessLogOutput::parse(text);
    output
        .map(Override::AccessLog)
        .map_err(|_| Failure::Usage("--access-log needs -, a path or off".to_owned()))
}

fn line_format(text: &str) -> Result<Override, Failure> {
    let format = LineFormat::parse(text);
    format
        .map(Override::LineFormat)
        .map_err(|why| Failure::Usage(format!("--access-log-format: {why}")))
}

fn admin(text: &str) -> Result<Override, Failure> {
    let listen = AdminAddress::parse(text);
    listen
        .map(Override::Admin)
        .map_err(|why| Failure::Usage(format!("--admin {text:?}: {why}")))
}
