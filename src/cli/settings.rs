//! From texts to a valid configuration: every flag is checked here, and nothing else is needed then.

use std::io;
use std::num::NonZeroUsize;

use super::arguments::{Action, Arguments, Command, Demo, LogAction};
use super::overrides::{apply, log_level, overrides};
use super::values::{duration, or_default};
use super::{Failure, Task, diff, file, pool, talk};
use crate::config::{
    self, AcceptProxy, AccessLogConfig, Config, ListenerConfig, MAX_WORKERS, defaults,
};

/// What the listener of the flags is called in logs.
const LISTENER_NAME: &str = "web";

/// What is asked for, by the flags and the names of those that are given.
pub(super) fn task(arguments: &Arguments, given: &[String]) -> Result<Task, Failure> {
    match &arguments.command {
        Some(Command::Demo(it)) => return demo(it),
        Some(Command::Check(check)) => return file::check(&check.file, given),
        Some(Command::Config(config)) => match &config.action {
            Action::Show(_) => return file::show(arguments, given),
            Action::Diff(it) => return diff::diff(it),
        },
        Some(Command::Log(log)) => match &log.action {
            LogAction::Stats(it) => {
                let (file, as_json) = (it.file.clone(), it.json);
                return Ok(Task::LogStats { file, as_json });
            }
        },
        Some(Command::Status(it)) => return talk::status(it),
        Some(Command::Backends(it)) => return talk::backends(it),
        Some(Command::Connections(it)) => return talk::connections(it),
        Some(Command::Top(it)) => return talk::top(it),
        Some(Command::Explain(it)) => return talk::explain(it),
        Some(Command::Drain(it)) => return talk::drain(it),
        Some(Command::Ready(it)) => return talk::ready(it),
        Some(Command::Maint(it)) => return talk::maint(it),
        Some(Command::Weight(it)) => return talk::weight(it),
        Some(Command::Kill(it)) => return talk::kill(it),
        Some(Command::Reload(it)) => return talk::reload(it),
        None => {}
    }
    if let Some(name) = &arguments.config {
        return file::run(name, arguments, given);
    }
    let config = config(arguments)?;
    if arguments.check {
        let listeners = config.listeners[0].addresses.len();
        return Ok(Task::Print(summary("flags", listeners, &config)));
    }
    Ok(Task::Run {
        config,
        source: None,
    })
}

fn demo(demo: &Demo) -> Result<Task, Failure> {
    let log_level = or_default(demo.log_level.as_ref(), defaults::LOG_LEVEL, log_level)?;
    let speaks_tls = demo.tls;
    Ok(Task::Demo {
        log_level,
        speaks_tls,
    })
}

/// That a configuration is right, and how much there is in it.
pub(super) fn summary(name: &str, listeners: usize, config: &Config) -> String {
    let count = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    };
    let backends = config.pools.iter().map(|pool| pool.backends.len()).sum();
    format!(
        "{name}: OK ({}, {}, {})\n",
        count(listeners, "listener"),
        count(config.pools.len(), "pool"),
        count(backends, "backend"),
    )
}

fn config(arguments: &Arguments) -> Result<Config, Failure> {
    let idle_timeout = or_default(
        arguments.idle_timeout.as_ref(),
        defaults::IDLE_TIMEOUT,
        |text| duration("--idle-timeout", text),
    )?;
    let listener = ListenerConfig {
        name: LISTENER_NAME.into(),
        addresses: listen(&arguments.listen)?,
        pool: 0,
        routes: None,
        idle_timeout,
        max_connections: None,
        accept_proxy: accept_proxy(&arguments.accept_proxy)?,
        preamble_timeout: defaults::PREAMBLE_TIMEOUT,
        http: None,
        tls: None,
    };
    let mut config = Config {
        listeners: vec![listener],
        pools: vec![pool::pool(arguments)?],
        workers: defaults::WORKERS.into(),
        max_connections: None,
        drain_timeout: defaults::DRAIN_TIMEOUT,
        access_log: AccessLogConfig::default(),
        log_level: defaults::LOG_LEVEL,
        admin: None,
        dns_servers: Vec::new(),
    };
    for value in overrides(arguments)? {
        apply(value, &mut config, cores())?;
    }
    Ok(config)
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

fn accept_proxy(texts: &[String]) -> Result<Option<AcceptProxy>, Failure> {
    let network = |text: &String| {
        config::network(text).map_err(|why| Failure::Usage(format!("--accept-proxy: {why}")))
    };
    let from = texts.iter().map(network).collect::<Result<Vec<_>, _>>()?;
    Ok((!from.is_empty()).then(|| AcceptProxy { from: from.into() }))
}

/// Event loops that the machine has cores for.
pub(super) fn cores() -> usize {
    as_many_as(std::thread::available_parallelism())
}

/// One event loop for each core; one where nobody knows how many there are.
fn as_many_as(cores: io::Result<NonZeroUsize>) -> usize {
    cores.map_or(1, |cores| cores.get().min(MAX_WORKERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::config::SendProxy;
    use std::ffi::OsString;
    use std::time::Duration;

    fn task_of(words: &str) -> Result<Task, Failure> {
        cli::task(words.split_whitespace().map(OsString::from).collect())
    }

    const BASE: &str = "--listen 127.0.0.1:0 --backend 127.0.0.1:1";

    #[test]
    fn defaults_are_those_of_the_contract() {
        let Ok(Task::Run { config, .. }) = task_of(BASE) else {
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
        assert_eq!(config.access_log, AccessLogConfig::default());
        assert_eq!(config.max_connections, None);
        assert_eq!(config.workers, 1);
        assert_eq!(config.log_level, log::LevelFilter::Info);
        assert_eq!(config.admin, None);
        assert_eq!(
            (config.listeners[0].accept_proxy.clone(), pool.send_proxy),
            (None, None)
        );
    }

    #[test]
    fn who_the_client_is_can_be_heard_and_said() {
        let words = format!("{BASE} --accept-proxy 10.0.0.0/8 --accept-proxy ::1 --send-proxy v2");
        let Ok(Task::Run { config, .. }) = task_of(&words) else {
            panic!()
        };
        let accept = config.listeners[0].accept_proxy.as_ref().unwrap();
        for (address, trusted) in [("10.1.1.1", true), ("::1", true), ("127.0.0.1", false)] {
            assert_eq!(
                accept.trusts(address.parse().unwrap()),
                trusted,
                "{address}"
            );
        }
        assert_eq!(config.pools[0].send_proxy, Some(SendProxy::V2));
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
            ("--accept-proxy 10.0.0.1/8", "10.0.0.0/8?"),
            ("--accept-proxy lb", "--accept-proxy: 'lb' is no network"),
            ("--send-proxy v3", "--send-proxy"),
            ("--send-proxy V2", "did you mean v2?"),
            ("--access-log=", "--access-log"),
            ("--access-log-format jsno", "did you mean json?"),
            ("--access-log-format {bytes-in}", "did you mean bytes_in?"),
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
            "demo --check",
            "demo --access-log -",
            "demo --json",
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
