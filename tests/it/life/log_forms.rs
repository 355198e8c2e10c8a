//! The access log in its other forms, its filters, and its lines for sessions that live on.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_backends::Server;

use super::{available, echo, expect_echo, let_pass, site, whoami};
use crate::harness::{L4lb, Options, eventually};

/// A port that refuses, for as long as it is held.
fn refusing() -> Server {
    let mut server = echo();
    server.stop();
    server
}

fn read(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// An l4lb that runs from a file which says this of the access log, before one echo.
fn with_log(folder: &TempDir, log: &str, backend: &Server) -> L4lb {
    Options::new()
        .arg("--config")
        .arg(&write_file(folder, log, backend))
        .start()
}

/// Writes the file as editors do, so that at no time there is half a file; its path.
fn write_file(folder: &TempDir, log: &str, backend: &Server) -> String {
    let [path, new] = ["l4lb.toml", ".l4lb.toml.new"].map(|it| folder.path().join(it));
    let text = format!(
        "[access_log]\n{log}\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nbackends = [{{ name = \"a\", address = \"{}\" }}]\n",
        backend.addr()
    );
    fs::write(&new, text).unwrap();
    fs::rename(&new, &path).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn json_tells_of_failed_attempts_first_bytes_and_what_the_kernel_knows() {
    let (refusing, backend) = (refusing(), echo());
    let options = Options::new().arg("--health=off").arg("--access-log=-");
    let options = options.backend(refusing.addr()).backend(backend.addr());
    let l4lb = options.arg("--access-log-format=json").start();
    let mut client = l4lb.connect();
    let_pass(Duration::from_millis(50));
    expect_echo(&mut client, b"twelve bytes");
    let port = client.local_addr().unwrap().port();
    drop(client);
    let line = read(&l4lb.wait_for_access_log(1)[0]);
    assert_eq!(line["client.ip"], "127.0.0.1");
    assert_eq!(line["client.port"], port);
    assert_eq!(line["destination.port"], backend.addr().port());
    assert_eq!(
        (&line["source.bytes"], &line["destination.bytes"]),
        (&Value::from(12), &Value::from(12))
    );
    assert_eq!(
        (&line["l4lb.backend"], &line["l4lb.retries"]),
        (&Value::from("b"), &Value::from(1))
    );
    assert_eq!(line["l4lb.ended_by"], "client");
    let failed = line["l4lb.failed_attempts"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{line}");
    assert_eq!(
        (&failed[0]["backend"], &failed[0]["error"]),
        (&Value::from("a"), &Value::from("refused"))
    );
    assert!(failed[0]["ms"].as_f64().unwrap() < 50.0, "{line}");
    let nanos = |key: &str| {
        line[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key}: {line}"))
    };
    let [client, backend] = ["client", "backend"].map(|it| nanos(&format!("l4lb.first_byte.{it}")));
    // Counted from the accept, which a busy machine sees late.
    assert!(10_000_000 <= client && client <= backend, "{line}");
    assert!(backend <= nanos("event.duration"), "{line}");
    for side in ["client", "backend"] {
        let rtt = nanos(&format!("l4lb.rtt.{side}"));
        assert!(0 < rtt && rtt < 1_000_000_000, "{line}");
        assert_eq!(nanos(&format!("l4lb.retransmits.{side}")), 0, "{line}");
    }
}

/// What an analyser of HAProxy's logs, its own, makes of ours; syslog would write the prefix.
#[test]
fn the_haproxy_form_is_read_by_its_own_analyser() {
    let (refusing, a) = (refusing(), site("b"));
    let options = Options::new().arg("--health=off").arg("--access-log=-");
    let options = options.backend(refusing.addr()).backend(a.addr());
    let l4lb = options.arg("--access-log-format=haproxy").start();
    for _ in 0..4 {
        whoami(l4lb.address()).unwrap();
    }
    let lines = l4lb.wait_for_access_log(4);
    assert!(
        lines.iter().all(|line| line.contains("] web app/b 0/")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.ends_with("/+1 0/0")),
        "{lines:?}"
    );
    if !available("halog") {
        return;
    }
    let prefixed = lines
        .iter()
        .map(|line| format!("Nov 21 12:12:56 localhost l4lb[14387]: {line}\n"));
    let prefixed: String = prefixed.collect();
    let halog = |argument: &str| {
        let mut child = Command::new("halog")
            .args([argument, "-q"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(prefixed.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(halog("-c").trim(), "4");
    assert!(halog("-srv").lines().any(|line| line.starts_with("app/b ")));
    // Its table of statuses, which TCP has none of, is one of bytes.
    let bytes = lines[0].split(' ').nth(5).unwrap();
    assert!(
        halog("-st")
            .lines()
            .any(|line| line == format!("{bytes} 4"))
    );
}

#[test]
fn a_template_writes_what_it_says() {
    let backend = echo();
    let flag =
        "--access-log-format={client_ip} {backend} [{term}] {bytes_in}/{bytes_out} {{{reason}}}";
    let options = Options::new().arg("--access-log=-").arg(flag);
    let l4lb = options.backend(backend.addr()).start();
    expect_echo(&mut l4lb.connect(), b"four");
    let lines = l4lb.wait_for_access_log(1);
    assert_eq!(lines[0], "127.0.0.1 a [--] 4/4 {completed}");
}

#[test]
fn a_session_that_lives_on_has_a_line_each_time_the_interval_has_passed() {
    let (folder, backend) = (TempDir::new().unwrap(), echo());
    let l4lb = with_log(&folder, "format = \"json\"\ninterval = \"200ms\"", &backend);
    let mut client = l4lb.connect();
    expect_echo(&mut client, b"one");
    l4lb.wait_for_access_log(1);
    expect_echo(&mut client, b"more");
    expect_echo(&mut l4lb.connect(), b"short");
    eventually("the lines of both", || {
        let lines = l4lb.access_log();
        let of_first = |line: &&String| line.contains("\"l4lb.conn_id\":\"1\"");
        lines.iter().filter(of_first).count() >= 3
    });
    drop(client);
    eventually("the last line", || {
        let lines = l4lb.access_log();
        lines
            .iter()
            .filter(|line| line.contains("connection-end"))
            .count()
            == 2
    });
    let lines: Vec<Value> = l4lb.access_log().iter().map(|line| read(line)).collect();
    let of_first = |line: &&Value| line["l4lb.conn_id"] == "1";
    let first: Vec<&Value> = lines.iter().filter(of_first).collect();
    let (last, interim) = first.split_last().unwrap();
    for (line, number) in interim.iter().zip(1..) {
        assert_eq!(line["event.action"], "connection-interim", "{line}");
        let lasted = line["event.duration"].as_u64().unwrap();
        assert!(lasted >= number * 200_000_000, "{line}");
        assert_eq!(line["l4lb.active.total"].as_u64().unwrap() % 2, 1, "{line}");
    }
    assert_eq!(interim[0]["source.bytes"], 3, "what there was so far");
    assert_eq!(
        (&last["source.bytes"], &last["l4lb.termination"]),
        (&Value::from(7), &Value::from("--"))
    );
    let other = lines.iter().filter(|line| line["l4lb.conn_id"] == "2");
    assert_eq!(other.count(), 1, "a short one has its own line only");
}

#[test]
fn a_line_of_one_who_still_waits_for_a_backend_says_how_long_by_then() {
    let (folder, backend) = (TempDir::new().unwrap(), echo());
    let log = "format = \"json\"\ninterval = \"200ms\"";
    let path = write_file(&folder, log, &backend);
    let limited = fs::read_to_string(&path).unwrap();
    let limited = limited.replace(" }]", ", max_connections = 1 }]\nqueue_timeout = \"1m\"");
    fs::write(&path, limited).unwrap();
    let l4lb = Options::new().arg("--config").arg(&path).start();
    let mut first = l4lb.connect();
    expect_echo(&mut first, b"one");
    let _second = l4lb.connect();
    let of_second = |line: &String| line.contains("\"l4lb.conn_id\":\"2\"");
    eventually("a line of whoever waits", || {
        l4lb.access_log().iter().any(of_second)
    });
    let line = read(l4lb.access_log().iter().find(|it| of_second(it)).unwrap());
    assert_eq!(line["event.action"], "connection-interim", "{line}");
    let queued = line["l4lb.queued"].as_u64().unwrap();
    assert!(queued >= 200_000_000, "{line}");
}

#[test]
fn filters_leave_out_what_ended_by_itself_and_never_what_did_not() {
    let everything = "format = \"default\"";
    for (filter, kept) in [
        (everything, true),
        ("only_errors = true", false),
        ("sample = 0", false),
        ("min_duration = \"1h\"", false),
        ("min_duration = \"1ms\"", true),
    ] {
        let (folder, backend) = (TempDir::new().unwrap(), echo());
        let l4lb = with_log(&folder, filter, &backend);
        let mut client = l4lb.connect();
        let_pass(Duration::from_millis(5));
        expect_echo(&mut client, b"whole");
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        let mut client = l4lb.connect();
        expect_echo(&mut client, b"reset");
        let linger = Some(Duration::ZERO);
        socket2::SockRef::from(&client).set_linger(linger).unwrap();
        drop(client);
        let has = |letters: &str| l4lb.access_log().iter().any(|line| line.contains(letters));
        eventually("the line of the error", || has(" 5/5 CD "));
        assert_eq!(has(" 5/5 -- "), kept, "{filter}");
    }
}

#[test]
fn a_reload_changes_where_the_log_goes_how_it_looks_and_what_is_in_it() {
    let (folder, backend) = (TempDir::new().unwrap(), echo());
    let [first, second] = ["first", "second"].map(|it| folder.path().join(it));
    let log = |path: &Path, more: &str| format!("output = \"{}\"\n{more}", path.display());
    let file = write_file(&folder, "output = \"off\"", &backend);
    // With a flag for the form there is none for the output, which would win over the file.
    let options = Options::new().arg("--config").arg(&file);
    let mut l4lb = options.arg("--access-log-format=json").start();
    let mut visit = |says: &str, log: &str| {
        write_file(&folder, log, &backend);
        l4lb.wait_for_log(says);
        expect_echo(&mut l4lb.connect(), b"visit");
    };
    let count = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    visit("access_log: output off -> /", &log(&first, ""));
    eventually("a line in the first file", || count(&first) == 1);
    visit("first -> ", &log(&second, ""));
    eventually("a line in the second file", || count(&second) == 1);
    visit(
        "only_errors false -> true",
        &log(&second, "only_errors = true"),
    );
    visit(
        "interval none -> 100ms",
        &log(&second, "interval = \"100ms\""),
    );
    eventually("a line of the fourth visit", || count(&second) == 2);
    visit(
        "not reloaded: cannot open the access log /no/such/",
        &log(Path::new("/no/such/file"), ""),
    );
    eventually("the log that was stays", || count(&second) == 3);
    assert_eq!(count(&first), 1);
}

/// What `log stats` prints.
fn stats(words: &[&str], stdin: Stdio) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_l4lb"));
    let command = command.args(["log", "stats"]).args(words).stdin(stdin);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Twenty clients, of which each second one is refused first, and three reset.
fn log_twenty(format: &str, path: &Path) {
    let (refusing, backend) = (refusing(), echo());
    let options = Options::new()
        .arg(&format!("--access-log={}", path.display()))
        .arg(&format!("--access-log-format={format}"))
        .arg("--health=off");
    let options = options.backend(backend.addr()).backend(refusing.addr());
    let mut l4lb = options.start();
    for number in 0..20 {
        let mut client = l4lb.connect();
        expect_echo(&mut client, &[7; 1000]);
        if number < 3 {
            let linger = Some(Duration::ZERO);
            socket2::SockRef::from(&client).set_linger(linger).unwrap();
        }
    }
    l4lb.signal("TERM");
    assert_eq!(l4lb.wait().code(), Some(0));
}

/// What was logged is what is counted.
#[test]
fn log_stats_counts_what_was_logged() {
    for (format, bytes_in) in [("default", 20_000), ("haproxy", 0), ("json", 20_000)] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        log_twenty(format, &path);
        let name = path.to_str().unwrap();
        let report = stats(&["--json", name], Stdio::null());
        let piped = fs::File::open(&path).unwrap().into();
        assert_eq!(report, stats(&["--json", "-"], piped));
        let text = stats(&[name], Stdio::null());
        let summary = "20 connections, 3 with an error; 20 lines\n";
        assert!(text.starts_with(summary), "{format}: {text}");
        let report = read(&report);
        for (place, wanted) in [
            ("/connections", json!(20)),
            ("/unreadable", json!(0)),
            ("/terminations", json!({ "--": 17, "CD": 3 })),
            ("/bytes_in", json!(bytes_in)),
            ("/bytes_out", json!(20_000)),
            ("/backends/app~1a/connections", json!(20)),
            ("/listeners/web/errors", json!(3)),
            ("/connect_ms/count", json!(20)),
            (
                "/clients/0",
                json!({ "client": "127.0.0.1", "connections": 20 }),
            ),
        ] {
            assert_eq!(report.pointer(place), Some(&wanted), "{format}: {place}");
        }
    }
}

#[test]
fn a_log_that_is_not_there_is_exit_code_1_and_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_l4lb"));
    let output = command
        .args(["log", "stats", "/no/such/log"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("cannot read /no/such/log: "), "{error}");
}
