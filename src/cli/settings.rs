//! From texts to a valid configuration: every flag is checked here, and nothing else is needed then.

use std::collections::HashSet;
use std::str::FromStr;
use std::time::Duration;

use super::arguments::{Arguments, Command};
use super::{Failure, Task, backend};
use crate::config::{
    self, AccessLogOutput, BackendConfig, Config, HealthConfig, ListenerConfig, PoolConfig,
};

/// What the listener and the pool of the flags are called in logs.
const LISTENER_NAME: &str = "web";
const POOL_NAME: &str = "app";

pub(super) fn task(arguments: Arguments) -> Result<Task, Failure> {
    let log_level = number(
        "--log-level",
        &arguments.log_level,
        "error, warn, info, debug, trace",
    )?;
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

fn config(arguments: &Arguments) -> Result<Config, Failure> {
    let max_connections = match &arguments.max_connections {
        Some(text) => Some(at_least_one("--max-connections", text)?),
        None => None,
    };
    let listener = ListenerConfig {
        name: LISTENER_NAME.into(),
        addresses: listen(&arguments.listen)?,
        pool: 0,
        idle_timeout: duration("--idle-timeout", &arguments.idle_timeout)?,
    };
    one_of("--balance", &arguments.balance, &["round-robin"])?;
    let pool = PoolConfig {
        name: POOL_NAME.into(),
        connect_timeout: duration("--connect-timeout", &arguments.connect_timeout)?,
        retries: retries(&arguments.retries)?,
        health: health(arguments)?,
        backends: backends(&arguments.backend)?,
    };
    Ok(Config {
        listeners: vec![listener],
        pools: vec![pool],
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

fn backends(specs: &[String]) -> Result<Vec<BackendConfig>, Failure> {
    if specs.is_empty() {
        return Err(Failure::Usage(
            "at least one --backend [NAME=]HOST:PORT is needed".to_owned(),
        ));
    }
    let mut names = HashSet::new();
    let mut backends = Vec::new();
    for spec in specs {
        let backend = backend::parse(spec)?;
        if !names.insert(backend.name.clone()) {
            let name = &backend.name;
            return Err(Failure::Usage(format!(
                "--backend {spec:?}: {name} is given twice"
            )));
        }
        backends.push(backend);
    }
    Ok(backends)
}

fn health(arguments: &Arguments) -> Result<Option<HealthConfig>, Failure> {
    one_of("--health", &arguments.health, &["tcp", "off"])?;
    let config = HealthConfig {
        interval: duration("--health-interval", &arguments.health_interval)?,
        timeout: duration("--health-timeout", &arguments.health_timeout)?,
        rise: at_least_one("--rise", &arguments.rise)?,
        fall: at_least_one("--fall", &arguments.fall)?,
    };
    Ok((arguments.health != "off").then_some(config))
}

fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    config::duration(text).map_err(|error| Failure::Usage(format!("{flag}: {error}")))
}

fn number<T: FromStr>(flag: &str, text: &str, what: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|_| Failure::Usage(format!("{flag}: {text:?} is not {what}")))
}

/// One less than a session can count, so that it always comes to an end.
fn retries(text: &str) -> Result<u8, Failure> {
    const WHAT: &str = "a number from 0 to 254";
    let value = number("--retries", text, WHAT)?;
    if value == u8::MAX {
        return Err(Failure::Usage(format!("--retries: {text:?} is not {WHAT}")));
    }
    Ok(value)
}

fn at_least_one<T: FromStr + Default + PartialEq>(flag: &str, text: &str) -> Result<T, Failure> {
    const WHAT: &str = "a number of at least 1";
    let value = number(flag, text, WHAT)?;
    if value == T::default() {
        return Err(Failure::Usage(format!("{flag}: {text:?} is not {WHAT}")));
    }
    Ok(value)
}

fn one_of(flag: &str, text: &str, known: &[&str]) -> Result<(), Failure> {
    if known.contains(&text) {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{flag}: {text:?} is not one of {}",
        known.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use log::LevelFilter;
    use std::ffi::OsString;

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
        let health = pool.health.unwrap();
        assert_eq!(
            (health.interval, health.timeout),
            (Duration::from_secs(2), Duration::from_secs(1))
        );
        assert_eq!((health.rise, health.fall), (2, 3));
        assert_eq!(config.listeners[0].idle_timeout, Duration::from_secs(3600));
        assert_eq!(config.drain_timeout, Duration::from_secs(30));
        assert_eq!(config.access_log, AccessLogOutput::Off);
        assert_eq!(config.max_connections, None);
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
            ("--balance fastest", "round-robin"),
            ("--health udp", "tcp, off"),
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
