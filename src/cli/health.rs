//! How the backends are watched: the flags around `--health`.

use super::Failure;
use super::arguments::Arguments;
use super::values::{duration, number, or_default, unknown};
use crate::config::{self, Check, HealthConfig, STATUS_PASSES};

pub(super) fn health(arguments: &Arguments) -> Result<Option<HealthConfig>, Failure> {
    let plain = HealthConfig::default();
    let check = or_default(arguments.health.as_ref(), Some(Check::Tcp), check)?;
    // The other flags are checked even where checks are off: a wrong one is wrong all the same.
    let time = |flag, text: Option<&String>, default| {
        or_default(text, default, |text| duration(flag, text))
    };
    let streak = |flag, text: Option<&String>, default| {
        or_default(text, default, |text| number(flag, text, &(1..=u32::MAX)))
    };
    let (interval, timeout) = (&arguments.health_interval, &arguments.health_timeout);
    let config = HealthConfig {
        interval: time("--health-interval", interval.as_ref(), plain.interval)?,
        timeout: time("--health-timeout", timeout.as_ref(), plain.timeout)?,
        rise: streak("--rise", arguments.rise.as_ref(), plain.rise)?,
        fall: streak("--fall", arguments.fall.as_ref(), plain.fall)?,
        ..plain
    };
    Ok(check.map(|check| HealthConfig { check, ..config }))
}

/// What a probe does; `None` is that there are none.
fn check(text: &str) -> Result<Option<Check>, Failure> {
    match text {
        "off" => Ok(None),
        "tcp" => Ok(Some(Check::Tcp)),
        "http" => Err(path_needed(text)),
        _ => match text.strip_prefix("http:") {
            Some(path) => http(text, path).map(Some),
            None => Err(unknown("--health", text, &["tcp", "http:PATH", "off"])),
        },
    }
}

/// The check of `path`, which goes into the request as it is, so it must be one word there.
fn http(text: &str, path: &str) -> Result<Check, Failure> {
    if path.is_empty() || path.starts_with("//") {
        return Err(path_needed(text));
    }
    let wrong = |what| Failure::Usage(format!("--health {text:?}: {what}"));
    Ok(Check::Http {
        path: config::http_path(path).map_err(wrong)?,
        host: None,
        status: [STATUS_PASSES].into(),
    })
}

fn path_needed(text: &str) -> Failure {
    Failure::Usage(format!(
        "--health {text:?} needs a path, of each backend itself: write http:/ or http:/health"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Task};

    /// What these words make of the checks; each may have spaces in it.
    fn health_of(words: &[&str]) -> Result<Option<HealthConfig>, Failure> {
        let base = ["--listen=127.0.0.1:0", "--backend=127.0.0.1:1"];
        match cli::task(
            [&base, words]
                .concat()
                .into_iter()
                .map(Into::into)
                .collect(),
        )? {
            Task::Run { config, .. } => Ok(config.pools[0].health.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn usage_error(words: &[&str]) -> String {
        match health_of(words) {
            Err(Failure::Usage(text)) => text,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn checks_are_of_three_kinds() {
        let http = |path: &str| Check::Http {
            path: path.into(),
            host: None,
            status: [200..=399].into(),
        };
        let table = [
            ("tcp", Some(Check::Tcp)),
            ("off", None),
            ("http:/", Some(http("/"))),
            ("http:/health?deep=1,2", Some(http("/health?deep=1,2"))),
            ("http:/a:b=c%20d", Some(http("/a:b=c%20d"))),
        ];
        for (kind, check) in table {
            let wanted = check.map(|check| HealthConfig {
                check,
                rise: 5,
                ..HealthConfig::default()
            });
            assert_eq!(
                health_of(&["--health", kind, "--rise=5"]),
                Ok(wanted),
                "{kind}"
            );
        }
    }

    #[test]
    fn a_wrong_check_is_a_usage_error_with_a_hint() {
        let table = [
            ("http", "write http:/ or http:/health"),
            ("http:", "write http:/ or http:/health"),
            ("http:health", "begins with '/'"),
            ("http: /", "begins with '/'"),
            ("http:/a b", "no spaces"),
            ("http:/a\r\nHost:x", "no spaces, control"),
            ("http:/\u{7f}", "no spaces, control"),
            ("http:/\u{e9}", "non-ASCII"),
            ("http://site/health", "write http:/ or"),
            ("udp", "tcp, http:PATH, off"),
            ("", "tcp, http:PATH, off"),
            ("tcp:/", "tcp, http:PATH, off"),
            ("of", "did you mean off?"),
        ];
        for (kind, hint) in table {
            let text = usage_error(&["--health", kind]);
            assert!(text.starts_with("--health"), "{text}");
            assert!(text.contains(hint), "{kind:?}: {text}");
            assert!(!text.contains(char::is_control), "{kind:?}: {text:?}");
        }
    }

    #[test]
    fn the_times_of_checks_are_checked_even_where_there_are_none() {
        let text = usage_error(&["--health=off", "--health-interval=5"]);
        assert!(text.contains("write 5s"), "{text}");
    }
}
