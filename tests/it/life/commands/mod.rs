//! The commands that talk to a running l4lb: the real program and a scripted admin server.

mod acts;
mod looks;
mod nobody;
mod scripted;
mod tokens;
mod top;

use std::process::{Command, Output, Stdio};

use scripted::{Asked, Line, Scripted};

const PROGRAM: &str = env!("CARGO_BIN_EXE_l4lb");

/// Standard output, standard error and the exit code.
type Outcome = (String, String, Option<i32>);

/// The program with these words, ended after a while with code 124.
fn command(words: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["40", PROGRAM]).args(words.split(' '));
    command.env_remove("L4LB_TOKEN_FILE").stdin(Stdio::null());
    command
}

fn outcome(output: &Output) -> Outcome {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

/// Says these words to the server at `address`.
fn say_to(address: &str, words: &str) -> Outcome {
    outcome(&command(words).args(["--admin", address]).output().unwrap())
}

/// Says these words to a server with this script: what comes of it, and what the server was asked.
fn say(script: &'static [Line], words: &str) -> (Outcome, Vec<Asked>) {
    let server = Scripted::start(script);
    let outcome = say_to(&server.address, words);
    (outcome, server.asked())
}

/// What comes of it where all goes well: standard output.
#[track_caller]
fn told(script: &'static [Line], words: &str) -> String {
    let ((out, err, code), _) = say(script, words);
    assert_eq!((err.as_str(), code), ("", Some(0)), "{words}: {out}");
    out
}

const POOLS: Line = (
    "GET /v1/pools",
    200,
    r#"{"pools":[
        {"name":"app","balance":"round-robin","backends":2,"backends_up":1,"connections_active":12},
        {"name":"web","balance":"first","backends":1,"backends_up":1,"connections_active":1}
    ]}"#,
);

const APP: Line = (
    "GET /v1/pools/app/backends",
    200,
    r#"{"backends":[
        {"pool":"app","name":"b1","address":"10.0.0.1:8080","weight":1,"state":"up",
         "since":"2026-11-20T12:20:02.481Z","backup":false,"max_connections":500,
         "connections_active":12,"connections_total":40213,"bytes_in":1536,"bytes_out":12582912,
         "connect_errors_total":3,"last_check":{"result":"passed","at":"2026-11-20T12:25:08.100Z",
         "duration_ms":0.42,"detail":""},"new_in_2027":true},
        {"pool":"app","name":"b2","address":"10.0.0.2:8080","weight":20,"state":"down",
         "since":"2026-11-17T08:25:10Z","backup":true,"max_connections":null,
         "connections_active":1,"connections_total":7,"bytes_in":0,"bytes_out":0,
         "connect_errors_total":0,"last_check":{"result":"failed","at":"2026-11-20T12:25:10.300Z",
         "duration_ms":1000.0,"detail":"connection refused"}}
    ]}"#,
);

const WEB: Line = (
    "GET /v1/pools/web/backends",
    200,
    r#"{"backends":[
        {"pool":"web","name":"b2","address":"10.0.0.2:8080","weight":1,"state":"drain",
         "since":"2026-11-20T12:25:10.900Z","backup":false,"max_connections":null,
         "connections_active":0,"connections_total":0,"bytes_in":0,"bytes_out":0,
         "connect_errors_total":0,"last_check":null}
    ]}"#,
);

const STATUS: Line = (
    "GET /v1/status",
    200,
    r#"{"version":"0.1.0 (abc 2026-11-20) x86_64-unknown-linux-gnu","pid":4242,
        "uptime_seconds":273601.5,"ready":true,"draining":false,"generation":3,"workers":2,
        "connections_active":13,"connections_limit":9000,
        "listeners":[{"name":"web","addresses":["0.0.0.0:9000","[::]:9000"],"pool":"app","connections_active":12},
                     {"name":"mail","addresses":["10.0.0.9:25"],"pool":"web","connections_active":1}],
        "pools":[{"name":"app","balance":"round-robin","backends":2,"backends_up":1,"connections_active":12},
                 {"name":"web","balance":"first","backends":1,"backends_up":1,"connections_active":1}]}"#,
);
