//! Commands that change something: what the server is asked, and the line that says what is so now.

use super::{APP, Asked, Line, POOLS, STATUS, Scripted, WEB, say, say_to, told};

/// The answer to a change of app/b2, and its state, weight and sessions.
macro_rules! changed {
    ($state:literal, $weight:literal, $active:literal) => {
        (
            "PATCH /v1/pools/app/backends/b2",
            200,
            concat!(
                r#"{"pool":"app","name":"b2","address":"10.0.0.2:8080","since":"2026-11-20T12:25:10Z",
                "backup":false,"max_connections":null,"connections_total":7,"bytes_in":0,"bytes_out":0,
                "connect_errors_total":0,"last_check":null,"state":""#,
                $state,
                r#"","weight":"#,
                $weight,
                r#","connections_active":"#,
                $active,
                "}"
            ),
        )
    };
}

const DRAINED: Line = changed!("drain", "20", "12");
const IN_MAINTENANCE: Line = changed!("maint", "20", "1");
const READY: Line = changed!("up", "20", "12");
const HEAVIER: Line = changed!("up", "65535", "12");
const WEIGHTLESS: Line = changed!("up", "0", "0");

/// The last one, which is what changes something.
fn last(asked: &[Asked]) -> (&str, &str) {
    let last = asked.last().unwrap();
    (&last.what, &last.body)
}

#[test]
fn a_change_of_a_backend_is_one_line_that_says_what_is_so_now() {
    let table: [(&'static [Line], _, _, _); 5] = [
        (
            &[APP, DRAINED],
            "drain app/b2",
            r#"{"state":"drain"}"#,
            "app/b2 is drain (was down): 12 sessions go on\n",
        ),
        (
            &[APP, IN_MAINTENANCE],
            "maint app/b2",
            r#"{"state":"maint"}"#,
            "app/b2 is maint (was down): 1 session goes on\n",
        ),
        (
            &[APP, READY],
            "ready app/b2",
            r#"{"state":"ready"}"#,
            "app/b2 is up (was down)\n",
        ),
        (
            &[APP, HEAVIER],
            "weight app/b2 65535",
            r#"{"weight":65535}"#,
            "app/b2 has weight 65535 (was 20)\n",
        ),
        (
            &[APP, WEIGHTLESS],
            "weight app/b2 0",
            r#"{"weight":0}"#,
            "app/b2 has weight 0 (was 20): 0 sessions go on\n",
        ),
    ];
    for (script, words, body, line) in table {
        let (outcome, asked) = say(script, words);
        assert_eq!(
            outcome,
            (line.to_owned(), String::new(), Some(0)),
            "{words}"
        );
        assert_eq!(last(&asked), ("PATCH /v1/pools/app/backends/b2", body));
        let change = asked.last().unwrap();
        assert_eq!(change.header("content-type"), Some("application/json"));
    }
}

#[test]
fn a_pool_may_be_left_out_where_the_name_is_unique() {
    const PATCHED: Line = (
        "PATCH /v1/pools/app/backends/b1",
        503,
        r#"{"detail":"seen"}"#,
    );
    let ((_, err, code), _) = say(&[POOLS, APP, WEB, PATCHED], "drain b1");
    assert_eq!((err.as_str(), code), ("l4lb: seen\n", Some(1)));
}

#[test]
fn a_name_of_two_backends_is_a_usage_error_and_one_of_none_is_refused() {
    let table = [
        (
            "drain b2",
            "l4lb: b2 can be app/b2 or web/b2\nTry 'l4lb --help'.\n",
            2,
        ),
        (
            "ready b11",
            "l4lb: there is no backend b11: did you mean b1?\n",
            1,
        ),
        (
            "maint web/b1",
            "l4lb: there is no backend b1 in pool web: did you mean b2?\n",
            1,
        ),
        ("weight nope/b1 1", "l4lb: nothing is here\n", 1),
    ];
    for (words, text, wanted) in table {
        let ((out, err, code), asked) = say(&[POOLS, APP, WEB], words);
        assert_eq!(
            (out.as_str(), err.as_str(), code),
            ("", text, Some(wanted)),
            "{words}"
        );
        assert!(
            asked.iter().all(|it| it.what.starts_with("GET ")),
            "{words}: {asked:?}"
        );
    }
}

#[test]
fn drain_without_a_name_is_the_whole_process() {
    const DRAIN: Line = ("POST /v1/drain", 202, "it drains");
    let (outcome, asked) = say(&[STATUS, DRAIN], "drain");
    let line = "l4lb with pid 4242 is draining: 13 sessions may finish\n";
    assert_eq!(outcome, (line.to_owned(), String::new(), Some(0)));
    assert_eq!(last(&asked), ("POST /v1/drain", ""));
    assert_eq!(asked.last().unwrap().header("content-type"), None);
}

#[test]
fn kill_ends_a_connection_by_its_id() {
    const KILLED: Line = ("DELETE /v1/connections/8f21", 204, "");
    assert_eq!(told(&[KILLED], "kill 8F21"), "connection 8f21 is closed\n");
    let ((out, err, code), _) = say(&[KILLED], "kill 1");
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("", "l4lb: nothing is here\n")
    );
    assert_eq!(code, Some(1));
}

#[test]
fn reload_says_what_has_changed() {
    const CHANGED: Line = (
        "POST /v1/reload",
        200,
        r#"{"generation":4,"changes":["pool app: retries 2 -> 3","listener web added"]}"#,
    );
    const SAME: Line = ("POST /v1/reload", 200, r#"{"generation":4,"changes":[]}"#);
    let lines = "pool app: retries 2 -> 3\nlistener web added\n";
    assert_eq!(told(&[CHANGED], "reload"), lines);
    assert_eq!(told(&[SAME], "reload"), "nothing has changed\n");
}

#[test]
fn a_wrong_file_is_exit_code_78_and_its_errors_are_printed_as_they_are() {
    const WRONG: Line = (
        "POST /v1/reload",
        422,
        r#"{"title":"Unprocessable Content","detail":"l4lb.toml:3:1: unknown key\n  |\n3 | workerz = 1\n  | ^^^^^^^"}"#,
    );
    const UNABLE: Line = ("POST /v1/reload", 503, r#"{"title":"Service Unavailable"}"#);
    let ((out, err, code), _) = say(&[WRONG], "reload");
    let picture = "l4lb.toml:3:1: unknown key\n  |\n3 | workerz = 1\n  | ^^^^^^^\n";
    assert_eq!((out.as_str(), err.as_str(), code), ("", picture, Some(78)));
    let ((_, err, code), _) = say(&[UNABLE], "reload");
    assert_eq!(
        (err.as_str(), code),
        ("l4lb: Service Unavailable\n", Some(1))
    );
}

#[test]
fn what_is_wrong_in_a_change_is_no_wrong_configuration() {
    const WRONG: Line = (
        "PATCH /v1/pools/app/backends/b2",
        422,
        r#"{"detail":"too much"}"#,
    );
    let ((_, err, code), _) = say(&[APP, WRONG], "weight app/b2 7");
    assert_eq!((err.as_str(), code), ("l4lb: too much\n", Some(1)));
}

#[test]
fn the_host_is_the_address_and_localhost_on_a_unix_socket() {
    const SCRIPT: &[Line] = &[APP, DRAINED];
    for (server, is_unix) in [
        (Scripted::start(SCRIPT), false),
        (Scripted::start_on_unix(SCRIPT), true),
    ] {
        let (out, err, code) = say_to(&server.address, "drain app/b2");
        assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");
        let host = if is_unix {
            "localhost"
        } else {
            &server.address
        };
        assert!(
            server
                .asked()
                .iter()
                .all(|it| it.header("host") == Some(host))
        );
        assert_eq!(server.asked().len(), 2);
    }
}
