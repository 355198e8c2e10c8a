//! The pool of the flags: its backends, and how one is picked and reached.

use std::collections::HashSet;
use std::time::Duration;

use super::arguments::Arguments;
use super::values::{duration, number, or_default, unknown};
use super::{Failure, health};
use crate::config::{
    AllDown, BackendConfig, Balance, OnDown, PoolConfig, SendProxy, backend_spec, defaults,
};

/// What the pool is called in logs.
const NAME: &str = "app";

/// One less than a session can count, so that it always comes to an end.
const RETRIES_MAX: u8 = u8::MAX - 1;

pub(super) fn pool(arguments: &Arguments) -> Result<PoolConfig, Failure> {
    let connect_timeout = or_default(
        arguments.connect_timeout.as_ref(),
        defaults::CONNECT_TIMEOUT,
        |text| duration("--connect-timeout", text),
    )?;
    let retries = |text: &str| number("--retries", text, &(0..=RETRIES_MAX));
    Ok(PoolConfig {
        name: NAME.into(),
        balance: or_default(arguments.balance.as_ref(), Balance::default(), balance)?,
        connect_timeout,
        retries: or_default(arguments.retries.as_ref(), defaults::RETRIES, retries)?,
        queue_timeout: connect_timeout,
        slow_start: Duration::ZERO,
        hedge: false,
        send_proxy: arguments
            .send_proxy
            .as_deref()
            .map(send_proxy)
            .transpose()?,
        source: None,
        on_down: OnDown::Keep,
        all_down: AllDown::Reject,
        health: health::health(arguments)?,
        eject: None,
        scale: None,
        tls: None,
        backends: backends(&arguments.backend)?,
        backends_file: None,
    })
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
        let backend = backend_spec(spec)
            .map_err(|error| Failure::Usage(format!("--backend {spec:?}: {error}")))?;
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

fn balance(text: &str) -> Result<Balance, Failure> {
    text.parse()
        .map_err(|()| unknown("--balance", text, &Balance::ALL.map(Balance::name)))
}

fn send_proxy(text: &str) -> Result<SendProxy, Failure> {
    let mut all = SendProxy::ALL.into_iter();
    let version = all.find(|it| it.name() == text);
    version.ok_or_else(|| unknown("--send-proxy", text, &SendProxy::ALL.map(SendProxy::name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Task};
    use crate::config::HealthConfig;

    fn pool_of(words: &[&str]) -> Result<PoolConfig, Failure> {
        let words = ["--listen=127.0.0.1:0"]
            .into_iter()
            .chain(words.iter().copied());
        match cli::task(words.map(Into::into).collect())? {
            Task::Run { mut config, .. } => Ok(config.pools.remove(0)),
            other => panic!("{other:?}"),
        }
    }

    fn usage_error(words: &[&str]) -> String {
        match pool_of(words) {
            Err(Failure::Usage(text)) => text,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    const BACKEND: &str = "--backend=127.0.0.1:1";

    #[test]
    fn what_has_no_flag_has_the_default_of_the_contract() {
        let pool = pool_of(&[BACKEND, "--connect-timeout=7s"]).unwrap();
        assert_eq!(pool.balance, Balance::RoundRobin);
        assert_eq!(pool.queue_timeout, Duration::from_secs(7));
        assert_eq!(pool.slow_start, Duration::ZERO);
        assert!(!pool.hedge);
        assert_eq!(pool.on_down, OnDown::Keep);
        assert_eq!(pool.all_down, AllDown::Reject);
        assert_eq!(pool.eject, None);
        assert_eq!(pool.health, Some(HealthConfig::default()));
    }

    #[test]
    fn every_way_to_balance_has_its_name() {
        let table = [
            ("round-robin", Balance::RoundRobin),
            ("least-connections", Balance::LeastConnections),
            ("random", Balance::Random),
            ("two-choices", Balance::TwoChoices),
            ("source-hash", Balance::SourceHash),
            ("least-latency", Balance::LeastLatency),
            ("first", Balance::First),
        ];
        assert_eq!(table.map(|(_, balance)| balance), Balance::ALL);
        for (name, balance) in table {
            let pool = pool_of(&[BACKEND, "--balance", name]).unwrap();
            assert_eq!(pool.balance, balance, "{name}");
        }
    }

    #[test]
    fn a_wrong_way_to_balance_is_answered_with_all_names_and_the_nearest() {
        let text = usage_error(&[BACKEND, "--balance=leastconnections"]);
        for balance in Balance::ALL {
            assert!(text.contains(balance.name()), "{balance}: {text}");
        }
        let table = [
            ("leastconnections", "did you mean least-connections?"),
            ("roundrobin", "did you mean round-robin?"),
            ("First", "did you mean first?"),
            ("two_choices", "did you mean two-choices?"),
        ];
        for (name, hint) in table {
            let text = usage_error(&[BACKEND, "--balance", name]);
            assert!(text.ends_with(hint), "{text}");
        }
        assert!(!usage_error(&[BACKEND, "--balance=fastest"]).contains("did you mean"));
    }

    #[test]
    fn a_pool_may_have_nothing_but_backups_and_no_weight_at_all() {
        for options in ["backup", "weight=0"] {
            let specs = [1, 2].map(|port| format!("--backend=127.0.0.1:{port},{options}"));
            let pool = pool_of(&[&specs[0], &specs[1]]).unwrap();
            assert_eq!(pool.backends.len(), 2, "{options}");
        }
    }

    #[test]
    fn a_wrong_backend_is_a_usage_error_that_repeats_it() {
        for spec in ["b", "b=10.0.0.1:80,weigh=2"] {
            let text = usage_error(&["--backend", spec]);
            assert!(text.starts_with(&format!("--backend {spec:?}: ")), "{text}");
        }
    }

    #[test]
    fn a_name_is_given_once_whatever_the_options() {
        let table = [
            ("127.0.0.1:1,weight=2", "127.0.0.1:1 is given twice"),
            ("127.0.0.1:1=10.0.0.1:1", "127.0.0.1:1 is given twice"),
        ];
        for (spec, hint) in table {
            let text = usage_error(&[BACKEND, "--backend", spec]);
            assert!(text.contains(hint), "{text}");
        }
    }
}
