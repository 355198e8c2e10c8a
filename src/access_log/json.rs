//! The `json` form: one flat object, named after the Elastic Common Schema where that has a name. Times
//! are nanoseconds, as there. What there is nothing to say of is not in it.
//!
//! No name is the beginning of another one with a dot behind it: for who makes a tree of dots, a value
//! would stand in the place of a table.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::line::path;
use crate::messages::{FailedAttempts, SessionRecord};
use crate::session::{CloseReason, Side};

pub(super) fn write(out: &mut Vec<u8>, record: &SessionRecord, at: SystemTime) -> io::Result<()> {
    serde_json::to_writer(out, &Line::of(record, at)).map_err(io::Error::from)
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "@timestamp", serialize_with = "as_text")]
    timestamp: humantime::Rfc3339Timestamp,
    #[serde(rename = "event.action")]
    action: &'static str,
    #[serde(rename = "event.outcome")]
    outcome: &'static str,
    #[serde(rename = "event.reason", skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(rename = "event.duration")]
    duration: u64,
    #[serde(rename = "client.ip")]
    client_ip: IpAddr,
    #[serde(rename = "client.port")]
    client_port: u16,
    #[serde(rename = "source.bytes")]
    source_bytes: u64,
    #[serde(rename = "destination.ip", skip_serializing_if = "Option::is_none")]
    destination_ip: Option<IpAddr>,
    #[serde(rename = "destination.port", skip_serializing_if = "Option::is_none")]
    destination_port: Option<u16>,
    #[serde(rename = "destination.bytes")]
    destination_bytes: u64,
    #[serde(
        rename = "http.request.method",
        skip_serializing_if = "Option::is_none"
    )]
    method: Option<&'a str>,
    #[serde(
        rename = "http.response.status_code",
        skip_serializing_if = "Option::is_none"
    )]
    status: Option<u16>,
    #[serde(rename = "http.version", skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(rename = "url.path", skip_serializing_if = "Option::is_none")]
    url_path: Option<&'a str>,
    #[serde(rename = "url.domain", skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(
        rename = "user_agent.original",
        skip_serializing_if = "Option::is_none"
    )]
    user_agent: Option<&'a str>,
    #[serde(rename = "tls.version", skip_serializing_if = "Option::is_none")]
    tls_version: Option<&'a str>,
    #[serde(rename = "tls.cipher", skip_serializing_if = "Option::is_none")]
    tls_cipher: Option<&'a str>,
    #[serde(
        rename = "tls.client.server_name",
        skip_serializing_if = "Option::is_none"
    )]
    tls_server_name: Option<&'a str>,
    #[serde(rename = "tls.client.subject", skip_serializing_if = "Option::is_none")]
    tls_subject: Option<&'a str>,
    #[serde(
        rename = "tls.client.x509.subject.common_name",
        skip_serializing_if = "Option::is_none"
    )]
    tls_common_name: Option<&'a str>,
    #[serde(rename = "l4lb.listener")]
    listener: &'a str,
    #[serde(rename = "l4lb.pool")]
    pool: &'a str,
    #[serde(rename = "l4lb.backend", skip_serializing_if = "Option::is_none")]
    backend: Option<&'a str>,
    #[serde(
        rename = "l4lb.termination",
        serialize_with = "as_text_within",
        skip_serializing_if = "Option::is_none"
    )]
    termination: Option<CloseReason>,
    #[serde(rename = "l4lb.ended_by", skip_serializing_if = "Option::is_none")]
    ended_by: Option<&'static str>,
    #[serde(rename = "l4lb.queued")]
    queued: u64,
    #[serde(rename = "l4lb.connect", skip_serializing_if = "Option::is_none")]
    connect: Option<u64>,
    #[serde(
        rename = "l4lb.first_byte.client",
        skip_serializing_if = "Option::is_none"
    )]
    client_first_byte: Option<u64>,
    #[serde(
        rename = "l4lb.first_byte.backend",
        skip_serializing_if = "Option::is_none"
    )]
    backend_first_byte: Option<u64>,
    #[serde(rename = "l4lb.retries")]
    retries: u8,
    #[serde(rename = "l4lb.failed_attempts", skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Attempt<'a>>,
    #[serde(rename = "l4lb.rtt.client", skip_serializing_if = "Option::is_none")]
    client_rtt: Option<u64>,
    #[serde(rename = "l4lb.rtt.backend", skip_serializing_if = "Option::is_none")]
    backend_rtt: Option<u64>,
    #[serde(
        rename = "l4lb.retransmits.client",
        skip_serializing_if = "Option::is_none"
    )]
    client_retransmits: Option<u32>,
    #[serde(
        rename = "l4lb.retransmits.backend",
        skip_serializing_if = "Option::is_none"
    )]
    backend_retransmits: Option<u32>,
    #[serde(rename = "l4lb.active.total")]
    active_total: u32,
    #[serde(rename = "l4lb.active.listener")]
    active_listener: u32,
    #[serde(rename = "l4lb.active.backend")]
    active_backend: u32,
    #[serde(rename = "l4lb.path", skip_serializing_if = "Option::is_none")]
    path: Option<&'static str>,
    #[serde(rename = "l4lb.conn_id")]
    id: String,
}

/// An attempt to connect that has failed.
#[derive(Serialize)]
struct Attempt<'a> {
    backend: &'a str,
    error: &'static str,
    ms: f64,
}

impl<'a> Line<'a> {
    fn of(record: &'a SessionRecord, at: SystemTime) -> Self {
        let [active_total, active_listener, active_backend] = record.active;
        let [client_first_byte, backend_first_byte] = record.first_byte.map(|it| it.map(nanos));
        let [client_tcp, backend_tcp] = record.tcp.as_deref().copied().unwrap_or_default();
        let request = record.request.as_deref();
        let tls = record.tls.as_deref();
        let destination = record.backend.as_ref().map(|it| it.address);
        Self {
            timestamp: humantime::format_rfc3339_millis(at),
            action: match record.reason {
                Some(_) if request.is_some() => "request-end",
                Some(_) => "connection-end",
                None => "connection-interim",
            },
            outcome: match record.reason {
                Some(CloseReason::COMPLETED) => "success",
                Some(_) => "failure",
                None => "unknown",
            },
            reason: record.reason.map(CloseReason::label),
            duration: nanos(record.total),
            client_ip: record.client.ip(),
            client_port: record.client.port(),
            source_bytes: record.bytes_in,
            destination_ip: destination.map(|it| it.ip()),
            destination_port: destination.map(|it| it.port()),
            destination_bytes: record.bytes_out,
            method: request.map(|it| &*it.method),
            status: request.and_then(|it| it.status),
            version: request.map(|it| if it.minor == 0 { "1.0" } else { "1.1" }),
            url_path: request.map(|it| &*it.path),
            host: request.and_then(|it| it.host.as_deref()),
            user_agent: request.and_then(|it| it.user_agent.as_deref()),
            tls_version: tls.map(|it| it.version),
            tls_cipher: tls.map(|it| &*it.cipher),
            tls_server_name: tls.and_then(|it| it.server_name.as_deref()),
            tls_subject: tls.and_then(|it| it.subject.as_deref()),
            tls_common_name: tls.and_then(|it| it.common_name.as_deref()),
            listener: &record.listener,
            pool: &record.pool,
            backend: record.backend.as_ref().map(|it| &*it.name),
            termination: record.reason,
            ended_by: record.reason.map(|_| match record.ended_by {
                Some(Side::Client) => "client",
                Some(Side::Backend) => "backend",
                None => "l4lb",
            }),
            queued: nanos(record.queued),
            connect: record.connect.map(nanos),
            client_first_byte,
            backend_first_byte,
            retries: record.retries,
            failed: record.failed.as_deref().map_or_else(Vec::new, attempts),
            client_rtt: client_tcp.map(|it| nanos(it.rtt)),
            backend_rtt: backend_tcp.map(|it| nanos(it.rtt)),
            client_retransmits: client_tcp.map(|it| it.retransmits),
            backend_retransmits: backend_tcp.map(|it| it.retransmits),
            active_total,
            active_listener,
            active_backend,
            path: path(record),
            id: format!("{:x}", record.id),
        }
    }
}

fn attempts(failed: &FailedAttempts) -> Vec<Attempt<'_>> {
    let attempts = failed.0.iter().map(|it| Attempt {
        backend: &it.backend.name,
        error: it.error.label(),
        ms: it.took.as_secs_f64() * 1000.0,
    });
    attempts.collect()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_text_within<S: Serializer>(
    value: &Option<impl Display>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::line::fixtures::{
        line, living, record, rejected, request, retried, secure, unanswered,
    };
    use crate::config::LineFormat;
    use crate::pool::{Backend, BackendId};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn object(record: &SessionRecord) -> Value {
        let line = line(&LineFormat::Json, record);
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn a_line_is_one_flat_object_with_numbers_as_numbers() {
        let wanted = json!({
            "@timestamp": "2026-11-18T12:20:02.481Z",
            "event.action": "connection-end",
            "event.outcome": "success",
            "event.reason": "completed",
            "event.duration": 1_204_260_000,
            "client.ip": "203.0.113.7",
            "client.port": 51544,
            "source.bytes": 512,
            "destination.ip": "10.0.0.2",
            "destination.port": 8080,
            "destination.bytes": 49321,
            "l4lb.listener": "web",
            "l4lb.pool": "app",
            "l4lb.backend": "b2",
            "l4lb.termination": "--",
            "l4lb.ended_by": "backend",
            "l4lb.queued": 0,
            "l4lb.connect": 812_000,
            "l4lb.first_byte.client": 900_000,
            "l4lb.first_byte.backend": 4_000_000,
            "l4lb.retries": 0,
            "l4lb.active.total": 17,
            "l4lb.active.listener": 9,
            "l4lb.active.backend": 4,
            "l4lb.path": "splice",
            "l4lb.conn_id": "8f21",
        });
        assert_eq!(object(&record()), wanted);
    }

    #[test]
    fn a_request_has_the_names_of_the_common_schema() {
        let object = object(&request());
        let table = [
            ("event.action", json!("request-end")),
            ("http.request.method", json!("GET")),
            ("http.response.status_code", json!(200)),
            ("http.version", json!("1.1")),
            ("url.path", json!("/a/b")),
            ("url.domain", json!("shop.example")),
            ("user_agent.original", json!("curl/8.5 (x\")")),
            ("l4lb.first_byte.backend", json!(4_000_000)),
        ];
        for (key, wanted) in table {
            assert_eq!(object[key], wanted, "{key}");
        }
        let unanswered = self::object(&unanswered());
        for key in [
            "http.response.status_code",
            "url.domain",
            "user_agent.original",
        ] {
            assert_eq!(unanswered.get(key), None, "{key}");
        }
    }

    #[test]
    fn what_tls_has_told_has_the_names_of_the_common_schema() {
        let object = object(&secure());
        for (key, wanted) in [
            ("tls.version", "1.3"),
            ("tls.cipher", "TLS_AES_128_GCM_SHA256"),
            ("tls.client.server_name", "shop.example"),
            ("tls.client.subject", "CN=J. Doe,O=\"Acme\""),
            ("tls.client.x509.subject.common_name", "J. Doe"),
        ] {
            assert_eq!(object[key], wanted, "{key}");
        }
    }

    #[test]
    fn failed_attempts_and_what_the_kernel_says_are_in_it() {
        let object = object(&retried());
        let failed = json!([
            { "backend": "b1", "error": "refused", "ms": 1.0 },
            { "backend": "b3", "error": "timeout", "ms": 3000.0 },
        ]);
        assert_eq!(object["l4lb.failed_attempts"], failed);
        assert_eq!(object["l4lb.rtt.client"], 1_500_000);
        assert_eq!(object["l4lb.retransmits.client"], 3);
        assert_eq!(object.get("l4lb.rtt.backend"), None);
        assert_eq!(object["l4lb.ended_by"], "l4lb");
        assert_eq!(object["event.outcome"], "failure");
    }

    #[test]
    fn what_there_is_nothing_to_say_of_is_missing() {
        let object = object(&rejected());
        for key in [
            "destination.ip",
            "destination.port",
            "l4lb.backend",
            "l4lb.connect",
            "l4lb.first_byte.client",
            "l4lb.first_byte.backend",
            "l4lb.failed_attempts",
            "l4lb.path",
        ] {
            assert_eq!(object.get(key), None, "{key}");
        }
        assert_eq!(object["l4lb.termination"], "SC");
        assert_eq!(object["event.reason"], "no_backend");
    }

    #[test]
    fn a_session_that_lives_has_no_end() {
        let object = object(&living());
        assert_eq!(object["event.action"], "connection-interim");
        assert_eq!(object["event.outcome"], "unknown");
        assert_eq!(object["destination.bytes"], 49321);
        for key in ["event.reason", "l4lb.termination", "l4lb.ended_by"] {
            assert_eq!(object.get(key), None, "{key}");
        }
    }

    #[test]
    fn no_name_stands_where_another_one_has_a_table() {
        let object = object(&SessionRecord {
            tls: secure().tls,
            ..retried()
        });
        let names: Vec<&String> = object.as_object().unwrap().keys().collect();
        for outer in &names {
            let inner = names.iter().find(|it| it.starts_with(&format!("{outer}.")));
            assert_eq!(inner, None, "{outer}");
        }
    }

    #[test]
    fn a_name_that_somebody_made_up_breaks_no_line() {
        let name = "b\"\n\u{1b}[31m\\";
        let address = ([10, 0, 0, 9], 1).into();
        let backend = Backend::new(BackendId(9), "app".into(), name.into(), address, 1);
        let record = SessionRecord {
            backend: Some(Arc::new(backend)),
            ..record()
        };
        assert_eq!(object(&record)["l4lb.backend"], name);
        for format in ["default", "haproxy", "json", "{backend}"] {
            let line = line(&LineFormat::parse(format).unwrap(), &record);
            let line = line.strip_suffix('\n').unwrap();
            assert!(!line.contains(char::is_control), "{format}: {line:?}");
        }
    }
}
