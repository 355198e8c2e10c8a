//! What is different between two listeners in how they speak HTTP.

use super::{or_none, time, value};
use crate::config::{HttpConfig, ListenerConfig, forwarded_name};

/// The protocol, and what there is to say of HTTP.
pub(super) fn protocol(
    changes: &mut Vec<String>,
    whose: &str,
    was: &ListenerConfig,
    is: &ListenerConfig,
) {
    match (&was.http, &is.http) {
        (Some(was), Some(is)) => http(changes, &format!("{whose}http: "), was, is),
        (None, Some(_)) => changes.push(format!("{whose}protocol tcp -> http")),
        (Some(_), None) => changes.push(format!("{whose}protocol http -> tcp")),
        (None, None) => {}
    }
}

fn http(changes: &mut Vec<String>, whose: &str, was: &HttpConfig, is: &HttpConfig) {
    let times = [
        (
            "head_timeout",
            Some(was.head_timeout),
            Some(is.head_timeout),
        ),
        (
            "response_timeout",
            was.response_timeout,
            is.response_timeout,
        ),
        ("keep_alive", Some(was.keep_alive), Some(is.keep_alive)),
    ];
    for (key, was, is) in times {
        value(changes, whose, key, (&was, &is), |it| {
            it.map_or_else(|| "none".to_owned(), time)
        });
    }
    let per = (&was.per, &is.per);
    value(changes, whose, "per", per, |it| it.name().to_owned());
    let forwarded = (&was.forwarded, &is.forwarded);
    value(changes, whose, "forwarded", forwarded, |it| {
        or_none(&it.map(forwarded_name))
    });
    let security = (&was.security_headers, &is.security_headers);
    value(
        changes,
        whose,
        "security_headers",
        security,
        ToString::to_string,
    );
    let others = [
        ("trusted_proxies", was.trusted_proxies != is.trusted_proxies),
        ("request_headers", was.request_headers != is.request_headers),
        (
            "response_headers",
            was.response_headers != is.response_headers,
        ),
    ];
    for (key, _) in others.into_iter().filter(|(_, is_changed)| *is_changed) {
        changes.push(format!("{whose}{key} changed"));
    }
}

#[cfg(test)]
mod tests {
    use crate::config::diff::changes;
    use crate::config::{Config, file};

    fn config(keys: &str) -> Config {
        let text = format!(
            "[[listener]]\nname = \"web\"\nlisten = \":9000\"\npool = \"app\"\n{keys}\n\
             [pool.app]\nbackends = [\"10.0.0.1:80\"]\n"
        );
        match file::parse("l4lb.toml", text.as_bytes()) {
            Ok(document) => document.config(1),
            Err(faults) => panic!("{}", faults.render(false)),
        }
    }

    #[test]
    fn each_value_of_http_is_said_by_itself() {
        let with = |http: &str| config(&format!("protocol = \"http\"\nhttp = {{ {http} }}"));
        let (none, old) = (config(""), with(""));
        let new = with(
            "head_timeout = \"1s\", response_timeout = \"2s\", keep_alive = \"3s\", per = \"request\", \
             forwarded = \"rfc7239\", trusted_proxies = [\"::1\"], security_headers = true, \
             request_headers.remove = [\"a\"], response_headers.set.b = \"{backend}\"",
        );
        let expected = [
            "listener web: http: head_timeout 10s -> 1s",
            "listener web: http: response_timeout none -> 2s",
            "listener web: http: keep_alive 1m -> 3s",
            "listener web: http: per connection -> request",
            "listener web: http: forwarded none -> rfc7239",
            "listener web: http: security_headers false -> true",
            "listener web: http: trusted_proxies changed",
            "listener web: http: request_headers changed",
            "listener web: http: response_headers changed",
        ];
        assert_eq!(changes(&old, &new), expected);
        assert_eq!(changes(&none, &old), ["listener web: protocol tcp -> http"]);
        assert_eq!(changes(&old, &none), ["listener web: protocol http -> tcp"]);
    }
}
