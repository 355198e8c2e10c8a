//! The one table of metrics: name, kind, labels, what it means, and where its samples come from.
//!
//! What is written at a scrape, docs/metrics.md and the tests of the dashboard and of the alert rules in
//! deploy/ all follow it.

use super::family::{Family, Kind, family};
use super::samples::{
    accept_errors, backends, by_label, by_worker, certificates, closed, handshakes, listeners,
    no_backend, pool_backends, rejected, responses, values, vitals, workers,
};
use crate::pool::State;
use crate::session::DialError;

const L: &[&str] = &["listener"];
const P: &[&str] = &["pool"];
const B: &[&str] = &["pool", "backend"];
const C: &[&str] = &["listener", "file"];
const W: &[&str] = &["worker"];

/// All metrics, in the order in which they are written.
pub const FAMILIES: &[Family] = &[
    family(
        Kind::Gauge,
        "l4lb_build_info",
        &["version", "revision"],
        "Always 1; the labels say which l4lb this is",
        |it, out| out.number(&it.version, 1_u32),
    ),
    family(
        Kind::Gauge,
        "l4lb_ready",
        &[],
        "Whether every pool has a live backend and nothing is draining",
        |it, out| out.number(&[], u32::from(it.ready)),
    ),
    family(
        Kind::Gauge,
        "l4lb_draining",
        &[],
        "Whether the process lets its sessions finish, and ends",
        |it, out| out.number(&[], u32::from(it.draining)),
    ),
    family(
        Kind::Gauge,
        "l4lb_config_generation",
        &[],
        "Counts the configurations that were applied",
        |it, out| out.number(&[], it.generation),
    ),
    family(
        Kind::Counter,
        "l4lb_config_reloads_total",
        &["result"],
        "Reloads of the configuration: success or failure",
        |it, out| values(out, &[], ["success", "failure"], it.reloads),
    ),
    family(
        Kind::Gauge,
        "l4lb_config_last_reload_success_timestamp_seconds",
        &[],
        "When the configuration was last read without an error, since 1970; at first, when the process began",
        |it, out| out.number(&[], it.reloaded_at),
    ),
    family(
        Kind::Counter,
        "l4lb_listener_connections_total",
        L,
        "Connections that were accepted",
        |it, out| listeners(it, out, |it| it.totals.accepted),
    ),
    family(
        Kind::Gauge,
        "l4lb_listener_connections_active",
        L,
        "Connections now",
        |it, out| listeners(it, out, |it| it.active.into()),
    ),
    family(
        Kind::Counter,
        "l4lb_listener_rejected_total",
        &["listener", "reason"],
        "Connections that were ended for want of a live backend, of room at one, or of something of this machine",
        rejected,
    ),
    family(
        Kind::Counter,
        "l4lb_listener_accept_errors_total",
        &["listener", "error"],
        "Clients that could not be accepted: gone, descriptors, memory or other",
        accept_errors,
    ),
    family(
        Kind::Counter,
        "l4lb_tls_handshakes_total",
        &["listener", "result"],
        "Handshakes of TLS with clients: full or resumed, or why they failed",
        handshakes,
    ),
    family(
        Kind::Gauge,
        "l4lb_tls_certificate_expiry_timestamp_seconds",
        C,
        "Until when a certificate is valid that clients are shown, since 1970",
        |it, out| certificates(it, out, |it| it.not_after),
    ),
    family(
        Kind::Gauge,
        "l4lb_tls_certificate_ocsp_stapled",
        C,
        "Whether the word of a certificate's authority on it goes along in handshakes (OCSP)",
        |it, out| certificates(it, out, |it| it.is_stapled.into()),
    ),
    family(
        Kind::Counter,
        "l4lb_listener_received_bytes_total",
        L,
        "Bytes from clients",
        |it, out| listeners(it, out, |it| it.totals.received),
    ),
    family(
        Kind::Counter,
        "l4lb_listener_sent_bytes_total",
        L,
        "Bytes to clients",
        |it, out| listeners(it, out, |it| it.totals.sent),
    ),
    family(
        Kind::Counter,
        "l4lb_connections_closed_total",
        &["listener", "pool", "reason"],
        "Connections that have ended, and why",
        closed,
    ),
    family(
        Kind::Counter,
        "l4lb_http_responses_total",
        &["listener", "pool", "by", "code"],
        "HTTP responses by the class of their status, and by who has made them: backend or l4lb",
        responses,
    ),
    family(
        Kind::Histogram,
        "l4lb_connection_duration_seconds",
        L,
        "How long connections lasted, from accept to the end",
        |it, out| {
            let mut all = it.listeners.iter();
            all.try_for_each(|it| out.histogram(&[&it.name], &it.totals.durations))
        },
    ),
    family(
        Kind::Gauge,
        "l4lb_pool_backends",
        &["pool", "state"],
        "Backends by state: up, down, drain, maint or ejected",
        pool_backends,
    ),
    family(
        Kind::Counter,
        "l4lb_pool_no_backend_total",
        P,
        "Connections for which no backend was live",
        no_backend,
    ),
    family(
        Kind::Gauge,
        "l4lb_pool_queue_length",
        P,
        "Clients who wait for a backend below its limit",
        |it, out| {
            let mut all = it.pools.iter();
            all.try_for_each(|it| out.number(&[&it.name], it.queue))
        },
    ),
    family(
        Kind::Gauge,
        "l4lb_backend_up",
        B,
        "Whether the backend is up",
        |it, out| backends(it, out, |it| u64::from(it.state == State::Up)),
    ),
    family(
        Kind::Gauge,
        "l4lb_backend_weight",
        B,
        "Its share of the sessions",
        |it, out| backends(it, out, |it| it.weight.into()),
    ),
    family(
        Kind::Gauge,
        "l4lb_backend_connections_active",
        B,
        "Sessions now, connects under way among them",
        |it, out| backends(it, out, |it| it.active.into()),
    ),
    family(
        Kind::Counter,
        "l4lb_backend_connections_total",
        B,
        "Connects that have succeeded",
        |it, out| backends(it, out, |it| it.totals.connections()),
    ),
    family(
        Kind::Counter,
        "l4lb_backend_connect_attempts_total",
        B,
        "Connects that were begun",
        |it, out| backends(it, out, |it| it.totals.attempts),
    ),
    family(
        Kind::Counter,
        "l4lb_backend_connect_errors_total",
        &["pool", "backend", "error"],
        "Connects that have failed: refused, unreachable, reset, timeout or local",
        |it, out| {
            by_label(it, out, DialError::ALL.map(DialError::label), |it| {
                it.totals.errors
            })
        },
    ),
    family(
        Kind::Histogram,
        "l4lb_backend_connect_duration_seconds",
        B,
        "How long connects took that have succeeded",
        |it, out| {
            let mut all = it.backends.iter();
            all.try_for_each(|it| out.histogram(&[&it.pool, &it.name], &it.totals.connects))
        },
    ),
    family(
        Kind::Counter,
        "l4lb_backend_retries_total",
        B,
        "Connects that were begun after another one had failed for the same connection",
        |it, out| backends(it, out, |it| it.totals.retries),
    ),
    family(
        Kind::Counter,
        "l4lb_backend_received_bytes_total",
        B,
        "Bytes from the backend",
        |it, out| backends(it, out, |it| it.totals.bytes_out),
    ),
    family(
        Kind::Counter,
        "l4lb_backend_sent_bytes_total",
        B,
        "Bytes to the backend",
        |it, out| backends(it, out, |it| it.totals.bytes_sent),
    ),
    family(
        Kind::Counter,
        "l4lb_backend_health_checks_total",
        &["pool", "backend", "result"],
        "Health checks: success or failure",
        |it, out| by_label(it, out, ["success", "failure"], |it| it.checks),
    ),
    family(
        Kind::Counter,
        "l4lb_backend_transitions_total",
        &["pool", "backend", "to"],
        "How often the backend has become up, down, drain, maint or ejected",
        |it, out| by_label(it, out, State::ALL.map(State::label), |it| it.transitions),
    ),
    family(
        Kind::Counter,
        "l4lb_relay_bytes_total",
        &["path"],
        "Bytes that were written to either side: by copy or by splice",
        |it, out| {
            let paths = [workers(it, |it| it.copied), workers(it, |it| it.spliced)];
            values(out, &[], ["copy", "splice"], paths)
        },
    ),
    family(
        Kind::Gauge,
        "l4lb_pipes",
        &["state"],
        "Pipes for splicing: used, or idle until the next bulk flow",
        |it, out| {
            let pipes = [
                workers(it, |it| it.pipes_used),
                workers(it, |it| it.pipes_idle),
            ];
            values(out, &[], ["used", "idle"], pipes)
        },
    ),
    family(
        Kind::Counter,
        "l4lb_loop_iterations_total",
        W,
        "Times that the event loop has woken",
        |it, out| by_worker(it, out, |it, labels, out| out.number(labels, it.iterations)),
    ),
    family(
        Kind::Counter,
        "l4lb_loop_busy_seconds_total",
        W,
        "How long the event loop was awake",
        |it, out| {
            by_worker(it, out, |it, labels, out| {
                out.number(labels, it.busy_seconds)
            })
        },
    ),
    family(
        Kind::Counter,
        "l4lb_access_log_lines_total",
        &[],
        "Lines of the access log that were written",
        |it, out| out.number(&[], it.access_log[0]),
    ),
    family(
        Kind::Counter,
        "l4lb_access_log_dropped_total",
        &[],
        "Lines of the access log that were dropped, as its sink took no more",
        |it, out| out.number(&[], it.access_log[1]),
    ),
    family(
        Kind::Counter,
        "process_cpu_seconds_total",
        &[],
        "Time on processors, in user and in system mode",
        |it, out| vitals(it, |it| out.number(&[], it.cpu_seconds)),
    ),
    family(
        Kind::Gauge,
        "process_open_fds",
        &[],
        "Open file descriptors",
        |it, out| vitals(it, |it| out.number(&[], it.descriptors)),
    ),
    family(
        Kind::Gauge,
        "process_max_fds",
        &[],
        "The most file descriptors there can be",
        |it, out| vitals(it, |it| out.number(&[], it.descriptor_limit)),
    ),
    family(
        Kind::Gauge,
        "process_resident_memory_bytes",
        &[],
        "Memory that is resident",
        |it, out| vitals(it, |it| out.number(&[], it.resident_bytes)),
    ),
    family(
        Kind::Gauge,
        "process_virtual_memory_bytes",
        &[],
        "Address space",
        |it, out| vitals(it, |it| out.number(&[], it.virtual_bytes)),
    ),
    family(
        Kind::Gauge,
        "process_start_time_seconds",
        &[],
        "When the process began, since 1970",
        |it, out| vitals(it, |it| out.number(&[], it.start_seconds)),
    ),
    family(Kind::Gauge, "process_threads", &[], "Threads", |it, out| {
        vitals(it, |it| out.number(&[], it.threads))
    }),
];
