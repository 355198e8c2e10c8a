//! What the API changes, as the supervisor is asked for it.

use l4lb::requests::Refusal;

use super::Admin;
use super::supervisor::{Manner, Supervisor};

/// Sends a write and returns the one question that came of it.
#[track_caller]
fn question(admin: &Admin, line: &str, body: &str, status: u16) -> String {
    let answer = admin.send(line, body);
    assert_eq!(answer.status, status, "{line} {body}: {answer:?}");
    let asked = admin.supervisor.asked();
    assert_eq!(asked.len(), 1, "{line} {body}: {asked:?}");
    asked[0].clone()
}

#[test]
fn a_new_backend_is_asked_for_with_its_defaults_or_with_all_that_is_said() {
    let admin = Admin::start();
    let table = [
        (
            r#"{"address":"10.0.0.3:80"}"#,
            r#"Add("app", BackendConfig { name: "10.0.0.3:80", target: Address(10.0.0.3:80), weight: 1, backup: false, max_connections: None, tls: None }, Reply)"#,
        ),
        (
            r#"{"name":"b3","address":"web.example:80","weight":0,"backup":true,"max_connections":5}"#,
            r#"Add("app", BackendConfig { name: "b3", target: Name { host: "web.example", port: 80 }, weight: 0, backup: true, max_connections: Some(5), tls: None }, Reply)"#,
        ),
        (
            r#"{"name":null,"address":"[::1]:80","weight":65535,"max_connections":null}"#,
            r#"Add("app", BackendConfig { name: "[::1]:80", target: Address([::1]:80), weight: 65535, backup: false, max_connections: None, tls: None }, Reply)"#,
        ),
    ];
    for (body, wanted) in table {
        let asked = question(&admin, "POST /v1/pools/app/backends", body, 201);
        assert_eq!(asked, wanted);
    }
}

#[test]
fn a_new_backend_is_answered_with_the_object_and_its_path() {
    let admin = Admin::start();
    let body = r#"{"name":"[::1]:80","address":"[::1]:80"}"#;
    let answer = admin.send("POST /v1/pools/app/backends", body);
    let location = answer.header("location").unwrap();
    assert_eq!(location, "/v1/pools/app/backends/%5b::1%5d:80");
    assert_eq!(answer.json()["name"], "[::1]:80");
    admin.supervisor.asked();
    let asked = question(&admin, &format!("DELETE {location}"), "", 204);
    assert!(asked.contains(r#"backend: "[::1]:80""#), "{asked}");
}

#[test]
fn a_backend_is_changed_in_its_weight_its_state_or_both() {
    let admin = Admin::start();
    let table = [
        (
            r#"{"weight":5}"#,
            "weight: Some(5), order: None, over: None",
        ),
        (
            r#"{"weight":0}"#,
            "weight: Some(0), order: None, over: None",
        ),
        (
            r#"{"state":"ready"}"#,
            "weight: None, order: Some(Ready), over: None",
        ),
        (
            r#"{"state":"drain"}"#,
            "weight: None, order: Some(Drain), over: None",
        ),
        (
            r#"{"state":"maint"}"#,
            "weight: None, order: Some(Maint), over: None",
        ),
        (
            r#"{"state":"maint","weight":65535}"#,
            "weight: Some(65535), order: Some(Maint), over: None",
        ),
        (
            r#"{"state":"drain","over":"10m"}"#,
            "weight: None, order: Some(Drain), over: Some(600s)",
        ),
    ];
    for (body, wanted) in table {
        let asked = question(&admin, "PATCH /v1/pools/app/backends/b2", body, 200);
        let wanted = format!(r#"Change("app", "b2", Change {{ {wanted} }}, Reply)"#);
        assert_eq!(asked, wanted);
    }
}

#[test]
fn all_other_writes_ask_for_what_they_say() {
    let admin = Admin::start();
    let remove =
        |force| format!(r#"Remove {{ pool: "app", backend: "b2", force: {force}, reply: Reply }}"#);
    let table = [
        ("DELETE /v1/pools/app/backends/b2", 204, remove(false)),
        (
            "DELETE /v1/pools/app/backends/b2?force=true",
            204,
            remove(true),
        ),
        (
            "DELETE /v1/pools/app/backends/b2?force=false",
            204,
            remove(false),
        ),
        (
            "DELETE /v1/connections/8f21",
            204,
            "Kill(36641, Reply)".to_owned(),
        ),
        (
            "DELETE /v1/connections/FFFFFFFFFFFFFFFF",
            204,
            format!("Kill({}, Reply)", u64::MAX),
        ),
        ("POST /v1/reload", 200, "Reload(Reply)".to_owned()),
        ("POST /v1/drain", 202, "Drain(Reply)".to_owned()),
    ];
    for (line, status, wanted) in table {
        assert_eq!(question(&admin, line, "", status), wanted, "{line}");
    }
    let reloaded = admin.send("POST /v1/reload", "{}").json();
    assert_eq!(reloaded["generation"], 2);
    assert_eq!(reloaded["changes"][0], "pool app: backend b3 is new");
}

/// Sends what cannot be done, and looks for words in the details.
#[track_caller]
fn assert_refused(line: &str, table: &[(&str, u16, &str)]) {
    let admin = Admin::start();
    for (body, status, hint) in table {
        let detail = admin.send(line, body).problem(*status);
        assert!(detail.contains(hint), "{body}: {detail}");
    }
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn a_new_backend_with_something_wrong_is_not_asked_for() {
    let line = "POST /v1/pools/app/backends";
    let table = [
        ("{}", 422, "address is missing"),
        (r#"{"address":5}"#, 422, "address is a string, not 5"),
        (
            r#"{"address":"10.0.0.3"}"#,
            422,
            "address: '10.0.0.3' has no port",
        ),
        (r#"{"address":"10.0.0.3:0"}"#, 422, "address: port 0"),
        (r#"{"address":"a\u0000b:80"}"#, 422, "is no host name"),
        (
            r#"{"address":"a:80","name":"a b"}"#,
            422,
            "name: a name has",
        ),
        (r#"{"address":"a:80","name":""}"#, 422, "name: a name has"),
        (
            r#"{"address":"a:80","name":"../b"}"#,
            422,
            "name: a name has",
        ),
        (
            r#"{"address":"a:80","wight":1}"#,
            422,
            "'wight': did you mean weight?",
        ),
        (
            r#"{"address":"a:80","weight":70000}"#,
            422,
            "from 0 to 65535, not 70000",
        ),
        (
            r#"{"address":"a:80","max_connections":0}"#,
            422,
            "from 1 to 4294967295, not 0",
        ),
        (
            r#"{"address":"a:80","backup":"yes"}"#,
            422,
            "backup is true or false",
        ),
    ];
    assert_refused(line, &table);
}

#[test]
fn a_change_with_something_wrong_is_not_asked_for() {
    let line = "PATCH /v1/pools/app/backends/b2";
    let table = [
        ("{}", 422, "nothing to change"),
        (r#"{"weight":null}"#, 422, "nothing to change"),
        (r#"{"weight":-1}"#, 422, "not -1"),
        (
            r#"{"weight":70000}"#,
            422,
            "weight is a whole number from 0 to 65535, not 70000",
        ),
        (
            r#"{"state":"up"}"#,
            422,
            "state is ready, drain or maint, not 'up'",
        ),
        (r#"{"state":"drained"}"#, 422, "did you mean drain?"),
        (r#"{"state":["drain"]}"#, 422, "state is a string"),
        (
            r#"{"weight":5,"address":"a:80"}"#,
            422,
            "unknown field 'address'",
        ),
        ("[]", 422, "not an object"),
        (r#"{"weight":5"#, 400, "not JSON"),
        (r#"{"weight":5} x"#, 400, "not JSON"),
        ("", 400, "not JSON"),
    ];
    assert_refused(line, &table);
}

#[test]
fn what_cannot_be_taken_away_is_not_asked_for() {
    let table = [
        ("backends/b2?force=1", 422, "true or false"),
        ("backends/b2?forced=true", 422, "did you mean force?"),
        ("connections/xyz", 404, "'xyz'"),
        ("connections/+1", 404, "'+1'"),
        ("connections/10000000000000000", 404, "no connection"),
    ];
    for (path, status, hint) in table {
        let place = match path.starts_with("backends") {
            true => "/v1/pools/app",
            false => "/v1",
        };
        assert_refused(&format!("DELETE {place}/{path}"), &[("", status, hint)]);
    }
}

#[test]
fn a_refusal_is_answered_with_its_status_and_its_words() {
    let words = || "because".to_owned();
    let table = [
        (Refusal::Unknown(words()), 404),
        (Refusal::Exists(words()), 409),
        (Refusal::Invalid(words()), 422),
        (Refusal::Unable(words()), 503),
    ];
    let admin = Admin::before(Supervisor::default());
    for (refusal, status) in table {
        admin.supervisor.change_to(Manner::Refusing(refusal));
        for (line, body) in [
            ("POST /v1/pools/app/backends", r#"{"address":"a:80"}"#),
            ("PATCH /v1/pools/app/backends/b2", r#"{"weight":5}"#),
            ("DELETE /v1/pools/app/backends/b2", ""),
            ("DELETE /v1/connections/8f21", ""),
            ("POST /v1/reload", ""),
        ] {
            assert_eq!(admin.send(line, body).problem(status), "because", "{line}");
        }
    }
}

#[test]
fn a_configuration_is_read_as_a_file_is_and_may_be_as_long() {
    const LINE: &str = "POST /v1/config/diff";
    let admin = Admin::start();
    let config = |backends: usize| {
        let backends = (0..backends).map(|it| format!(r#""10.0.{}.{}:80""#, it / 250, it % 250));
        let backends = backends.collect::<Vec<_>>().join(",");
        let listener = r#"{"name":"web","listen":"127.0.0.1:9000","pool":"app"}"#;
        format!(r#"{{"listener":[{listener}],"pool":{{"app":{{"backends":[{backends}]}}}}}}"#)
    };
    for backends in [1, 10_000] {
        let answer = admin.send(LINE, &config(backends));
        assert_eq!(
            (answer.status, &*answer.body),
            (200, r#"{"changes":["web"],"moved":[]}"#)
        );
        assert!(admin.supervisor.asked()[0].starts_with("Foresee(Config {"));
    }
    let body = config(1).replace("backends", "backend");
    let detail = admin.send(LINE, &body).problem(422);
    assert!(
        detail.starts_with("body.json:1:") && detail.contains("did you mean backends?"),
        "{detail}"
    );
    let head = |length: usize| {
        let length = format!("Content-Length: {length}");
        admin.head(LINE, &["Content-Type: application/json", &length])
    };
    let detail = admin.raw(head(1024 * 1024 + 1)).problem(413);
    assert_eq!(detail, "a body has at most 1048576 bytes");
    let chunked = [
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    ];
    let mut body = admin.head(LINE, &chunked);
    body += &format!("100001\r\n{}", " ".repeat(1024 * 1024 + 1));
    admin.raw(body).problem(413);
    assert!(admin.supervisor.asked().is_empty());
}
