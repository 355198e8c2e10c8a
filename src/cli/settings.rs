//! From texts to a valid configuration: every flag is checked here, and nothing else is needed then.

use std::io;
use std::num::NonZeroUsize;

use log::LevelFilter;

use super::arguments::{Arguments, Command};
use super::values::{duration, number, unknown, within};
use super::{Failure, Task, pool};
use crate::config::{self, AccessLogOutput, Config, ListenerConfig, MAX_WORKERS};

/// What the listener of the flags is called in logs.
const LISTENER_NAME: &str = "web";

pub(super) fn task(arguments: Arguments) -> Result<Task, Failure> {
    let log_level = log_level(&arguments.log_level)?;
    if let Some(Command::Demo(_)) = arguments.command {
        if arguments.check || !arguments.listen.is_empty() || !arguments.backend.is_empty() {
            return Err(Failure::Usage(
                "demo brings its own listener and backends".to_owned(),
            ));
        }
        return Ok(Task::Demo { log_level });
    }
    let config = config(&arguments)?;
    if arguments.check {
        let count = |count: usize, what: &str| {
            format!("{count} {what}{}", if count == 1 { "" } else { "s" })
        };
        let pool = &config.pools[0];
        return Ok(Task::Print(format!(
            "flags: OK ({}, {}, {})\n",
            count(config.listeners[0].addresses.len(), "listener"),
            count(config.pools.len(), "pool"),
            count(pool.backends.len(), "backend"),
        )));
    }
    Ok(Task::Run { config, log_level })
}

fn log_level(text: &str) -> Result<LevelFilter, Failure> {
    const NAMES: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
    text.parse()
        .map_err(|_| unknown("--log-level", text, &NAMES))
}

fn config(arguments: &Arguments) -> Result<Config, Failure> {
    let max_connections = match &arguments.max_connections {
        Some(text) => Some(number("--max-connections", text, &(1..=usize::MAX))?),
        None => None,
    };
    let listener = ListenerConfig {
        name: LISTENER_NAME.into(),
        addresses: listen(&arguments.listen)?,
        pool: 0,
        idle_timeout: duration("--idle-timeout", &arguments.idle_timeout)?,
        max_connections: None,
    };
    Ok(Config {
        listeners: vec![listener],
        workers: workers(&arguments.workers)?,
        max_connections,
        drain_timeout: duration("--drain-timeout", &arguments.drain_timeout)?,
        access_log: match arguments.access_log.as_str() {
            "off" => AccessLogOutput::Off,
            "-" => AccessLogOutput::Stdout,
            "" => {
                return Err(Failure::Usage(
                    "--access-log needs -, a path or off".to_owned(),
                ));
            }
            path => AccessLogOutput::File(path.into()),
        },
        // Looks names up, which may fail at run time: errors of usage come first.
        pools: vec![pool::pool(arguments)?],
    })
}

fn listen(texts: &[String]) -> Result<Vec<std::net::SocketAddr>, Failure> {
    if texts.is_empty() {
        return Err(Failure::Usage(
            "at least one --listen ADDR is needed".to_owned(),
        ));
    }
    let mut addresses = Vec::new();
    for text in texts {
        let address = config::listen_address(text)
            .map_err(|error| Failure::Usage(format!("--listen {text:?}: {error}")))?;
        if address.port() != 0 && addresses.contains(&address) {
            return Err(Failure::Usage(format!("--listen {text:?} is given twice")));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// Event loops. `auto` follows the affinity and the cgroup that the process was started with.
fn workers(text: &str) -> Result<usize, Failure> {
    if text == "auto" {
        return Ok(as_many_as(std::thread::available_parallelism()));
    }
    within(text, &(1..=MAX_WORKERS)).ok_or_else(|| {
        Failure::Usage(format!(
            "--workers: {text:?} is neither auto nor a number from 1 to {MAX_WORKERS}"
        ))
    })
}

/// One event loop for each core; one where nobody knows how many there are.
fn as_many_as(cores: io::Result<NonZeroUsize>) -> usize {
    cores.map_or(1, |cores| cores.get().min(MAX_WORKERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use std::ffi::OsString;
    use std::time::Duration;

    fn task_of(words: &str) -> Result<Task, Failure> {
        cli::task(words.split_whitespace().map(OsString::from).collect())
    }

    const BASE: &str = "--listen 127.0.0.1:0 --backend 127.0.0.1:1";

    #[test]
    fn defaults_are_those_of_the_contract() {
        let Ok(Task::Run { config, log_level }) = task_of(BASE) else {
            panic!()
        };
        let pool = &config.pools[0];
        assert_eq!(pool.connect_timeout, Duration::from_secs(3));
        assert_eq!(pool.retries, 2);
        let health = pool.health.clone().unwrap();
        assert_eq!(
            (health.interval, health.timeout),
            (Duration::from_secs(2), Duration::from_secs(1))
        );
        assert_eq!((health.rise, health.fall), (2, 3));
        assert_eq!(config.listeners[0].idle_timeout, Duration::from_secs(3600));
        assert_eq!(config.drain_timeout, Duration::from_secs(30));
        assert_eq!(config.access_log, AccessLogOutput::Off);
        assert_eq!(config.max_connections, None);
        assert_eq!(config.workers, 1);
        assert_eq!(log_level, LevelFilter::Info);
    }

    #[test]
    fn impossible_values_are_usage_errors_that_name_the_flag() {
        let table = [
            ("--idle-timeout 5", "write 5s"),
            ("--connect-timeout 0s", "--connect-timeout"),
            ("--retries -1", "--retries"),
            ("--retries 255", "--retries"),
            ("--rise 0", "--rise"),
            ("--fall x", "--fall"),
            ("--max-connections 0", "--max-connections"),
            ("--max-connections -5", "--max-connections"),
            ("--workers 0", "auto nor a number from 1 to 64"),
            ("--workers 65", "auto nor a number from 1 to 64"),
            ("--workers all", "auto nor a number from 1 to 64"),
            ("--log-level loud", "error, warn"),
            ("--listen 127.0.0.1:9 --listen 127.0.0.1:9", "twice"),
            ("--backend 127.0.0.1:1", "twice"),
            ("--access-log=", "--access-log"),
        ];
        for (words, hint) in table {
            let failure = task_of(&format!("{BASE} {words}")).unwrap_err();
            assert_eq!(failure.exit_code(), 2, "{words}");
            assert!(failure.to_string().contains(hint), "{words}: {failure}");
        }
    }

    #[test]
    fn workers_are_counted_or_one_for_each_usable_core() {
        let workers_of = |text: &str| match task_of(&format!("{BASE} --workers {text}")) {
            Ok(Task::Run { config, .. }) => config.workers,
            other => panic!("{text}: {other:?}"),
        };
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(workers_of("auto"), cores.min(MAX_WORKERS));
        assert_eq!(workers_of("1"), 1);
        assert_eq!(workers_of("64"), 64);
        let cores = |count| Ok(NonZeroUsize::new(count).unwrap());
        assert_eq!(as_many_as(cores(3)), 3);
        assert_eq!(as_many_as(cores(64)), 64);
        assert_eq!(as_many_as(cores(65)), 64, "no more than there may be");
        assert_eq!(as_many_as(Err(io::ErrorKind::Unsupported.into())), 1);
    }

    #[test]
    fn a_listener_and_a_backend_are_needed() {
        for words in [
            "",
            "--listen :1",
            "--backend 127.0.0.1:1",
            "demo --listen :1",
        ] {
            assert_eq!(task_of(words).unwrap_err().exit_code(), 2, "{words}");
        }
    }

    #[test]
    fn check_says_what_there_is_and_runs_nothing() {
        let words = format!("{BASE} --backend b=127.0.0.1:2 --check");
        let Ok(Task::Print(text)) = task_of(&words) else {
            panic!()
        };
        assert_eq!(text, "flags: OK (1 listener, 1 pool, 2 backends)\n");
    }
}
