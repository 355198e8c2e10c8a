//! Commands that read: what people see, what programs see, and what is asked for it.

use std::io::pipe;
use std::process::{Command, Stdio};

use super::{APP, Line, POOLS, PROGRAM, STATUS, Scripted, WEB, command, say, told};
use crate::life::available;

const CONNECTIONS: Line = (
    "GET /v1/connections?limit=7",
    200,
    r#"{"connections":[
        {"id":"8f21","listener":"web","pool":"app","backend":"b1","client":"203.0.113.7:51544",
         "age_seconds":75.2,"idle_seconds":0.25,"bytes_in":512,"bytes_out":49321,"path":"splice"},
        {"id":"8f22","listener":"web","pool":"app","backend":null,"client":"[2001:db8::1]:1",
         "age_seconds":1.0,"idle_seconds":1.0,"bytes_in":0,"bytes_out":0,"path":"-"}
    ]}"#,
);

const NOT_READY: Line = (
    "GET /v1/status",
    200,
    r#"{"version":"0.1.0","pid":1,"uptime_seconds":1.0,"ready":false,
        "not_ready_because":"pool app has no live backend","draining":false,"generation":1,"workers":1,
        "connections_active":0,"connections_limit":1,"listeners":[],"pools":[]}"#,
);

#[test]
fn status_is_two_lines_and_one_for_each_listener_and_pool() {
    let wanted = "\
l4lb 0.1.0 (abc 2026-11-20) x86_64-unknown-linux-gnu
ready, pid 4242, up 3d04h, workers 2, generation 3, 13 sessions of 9000

LISTENER  ADDRESS                  POOL  SESSIONS
web       0.0.0.0:9000, [::]:9000  app         12
mail      10.0.0.9:25              web          1

POOL  BALANCE       UP  SESSIONS
app   round-robin  1/2        12
web   first        1/1         1
";
    assert_eq!(told(&[STATUS], "status"), wanted);
    assert!(
        told(&[NOT_READY], "status").contains("\nnot ready: pool app has no live backend, pid")
    );
}

#[test]
fn whether_it_is_ready_is_the_exit_code() {
    let no = "not ready: pool app has no live backend\n";
    let table: [(&'static [Line], _, _); 2] = [(&[STATUS], "ready\n", 0), (&[NOT_READY], no, 1)];
    for (script, text, code) in table {
        let (outcome, _) = say(script, "status --ready");
        assert_eq!(outcome, (text.to_owned(), String::new(), Some(code)));
        let ((out, err, with_json), _) = say(script, "status --ready --json");
        assert_eq!((err.as_str(), with_json), ("", Some(code)));
        assert!(out.contains("\"ready\": "), "{out}");
    }
}

#[test]
fn backends_of_all_pools_are_one_table() {
    let wanted = "\
POOL  BACKEND  ADDRESS        STATE  SINCE  WEIGHT  ACTIVE/MAX  TOTAL      IN    OUT  ERRORS  LAST CHECK
app   b1       10.0.0.1:8080  up     5m07s       1      12/500  40213  1.5KiB  12MiB       3  passed 1s ago in 0.4 ms
app   b2       10.0.0.2:8080  down   3d04h      20         1/-      7      0B     0B       0  failed 0s ago in 1000.0 ms: connection refused
web   b2       10.0.0.2:8080  drain     0s       1         0/-      0      0B     0B       0  -
";
    assert_eq!(told(&[POOLS, APP, WEB], "backends"), wanted);
}

#[test]
fn backends_of_one_pool_are_asked_for_alone() {
    let ((out, err, code), asked) = say(&[APP], "backends app");
    assert_eq!((err.as_str(), code, out.lines().count()), ("", Some(0), 3));
    let whats: Vec<_> = asked.iter().map(|it| it.what.as_str()).collect();
    assert_eq!(whats, ["GET /v1/pools/app/backends"]);
    let ((out, err, code), _) = say(&[APP], "backends nope");
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("", "l4lb: nothing is here\n")
    );
    assert_eq!(code, Some(1));
}

#[test]
fn connections_are_a_table_and_the_limit_is_passed_on() {
    let wanted = "  \
  ID  CLIENT             LISTENER  POOL/BACKEND    AGE   IDLE    IN    OUT  PATH
8f21  203.0.113.7:51544  web       app/b1        1m15s  250ms  512B  48KiB  splice
8f22  [2001:db8::1]:1    web       app/-            1s     1s    0B     0B  -
";
    assert_eq!(told(&[CONNECTIONS], "connections --limit 7"), wanted);
    let (_, asked) = say(&[], "connections");
    assert_eq!(asked[0].what, "GET /v1/connections?limit=100");
}

const EXPLANATION: Line = (
    "GET /v1/explain?client=203.0.113.7&listener=a%5Bb%5D",
    200,
    r#"{"client":"203.0.113.7","listener":"a[b]","pool":"app","balance":"first",
        "answer":"203.0.113.7 at worker 1 gets app/b2 (first); at workers 2, 3 gets app/b1 (first)",
        "workers":[
            {"workers":[1],"outcome":"backend","backend":"b2","backends":[
                {"backend":"b1","address":"10.0.0.1:80","verdict":"full","why":"it is at its limit: 2 of 2"},
                {"backend":"b2","address":"10.0.0.22:80","verdict":"chosen","why":"it is the first that has room"}]},
            {"workers":[2,3],"outcome":"backend","backend":"b1","backends":[
                {"backend":"b1","address":"10.0.0.1:80","verdict":"chosen","why":"it is the first that has room"}]}]}"#,
);

#[test]
fn an_explanation_is_a_sentence_and_a_table_for_each_mind() {
    let wanted = "\
203.0.113.7 at worker 1 gets app/b2 (first); at workers 2, 3 gets app/b1 (first)

worker 1
BACKEND  ADDRESS       VERDICT  WHY
b1       10.0.0.1:80   full     it is at its limit: 2 of 2
b2       10.0.0.22:80  chosen   it is the first that has room

workers 2, 3
BACKEND  ADDRESS      VERDICT  WHY
b1       10.0.0.1:80  chosen   it is the first that has room
";
    let words = "explain --client 203.0.113.7:5555 --listener a[b]";
    assert_eq!(told(&[EXPLANATION], words), wanted);
}

#[test]
fn json_is_what_the_api_says_with_what_is_new_in_it() {
    let json = |script, words| -> serde_json::Value {
        serde_json::from_str(&told(script, words)).unwrap()
    };
    let said = |line: Line| -> serde_json::Value { serde_json::from_str(line.2).unwrap() };
    assert_eq!(json(&[STATUS], "status --json"), said(STATUS));
    assert_eq!(json(&[APP], "backends app --json"), said(APP));
    assert_eq!(
        json(&[CONNECTIONS], "connections --json --limit=7"),
        said(CONNECTIONS)
    );
    let all = json(&[POOLS, APP, WEB], "backends --json");
    let names = all["backends"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["b1", "b2", "b2"]);
    assert_eq!(all["backends"][0]["new_in_2027"], true);
}

#[test]
fn states_are_coloured_on_a_terminal_only_and_where_nobody_minds() {
    assert!(!told(&[APP], "backends app").contains('\x1b'));
    if !available("script") {
        return;
    }
    let server = Scripted::start(&[APP]);
    let line = format!("{PROGRAM} backends app --admin {}", server.address);
    for (no_color, is_coloured) in [("", true), ("1", false)] {
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .env("NO_COLOR", no_color);
        let output = script.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("LAST CHECK"), "{text}");
        assert_eq!(text.contains("\x1b[32mup\x1b[0m"), is_coloured, "{text:?}");
        assert_eq!(
            text.contains("\x1b[31mdown\x1b[0m"),
            is_coloured,
            "{text:?}"
        );
    }
}

#[test]
fn a_reader_that_has_gone_away_is_a_silent_success() {
    let server = Scripted::start(&[STATUS]);
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut status = command("status");
    let child = status.args(["--admin", &server.address]).stdout(writer);
    let output = child
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn what_others_say_cannot_move_the_cursor() {
    const HOSTILE: Line = (
        "GET /v1/connections?limit=100",
        200,
        r#"{"connections":[{"id":"1","listener":"web\u001b[2J","pool":"app","backend":"b\r\nb",
            "client":"c","age_seconds":-1e300,"idle_seconds":1e300,"bytes_in":0,"bytes_out":0,"path":"-"}]}"#,
    );
    const REFUSED: Line = ("GET /v1/status", 503, r#"{"detail":"\u001b[2Jno"}"#);
    let out = told(&[HOSTILE], "connections");
    assert_eq!(out.lines().count(), 2, "{out:?}");
    assert!(
        out.contains("web\\u{1b}[2J") && out.contains("app/b\\r\\nb"),
        "{out:?}"
    );
    let ((_, err, code), _) = say(&[REFUSED], "status");
    assert_eq!((err.as_str(), code), ("l4lb: \\u{1b}[2Jno\n", Some(1)));
}
