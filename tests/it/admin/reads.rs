//! What the API tells, and what it says where it cannot.

use std::time::Duration;

use l4lb::requests::Refusal;

use super::Admin;
use super::supervisor::{Manner, Supervisor};

#[test]
fn each_read_asks_one_question_and_shows_the_answer() {
    let admin = Admin::start();
    let table = [
        ("/livez", None, r#"{"live":true}"#),
        ("/readyz", Some("Status(Reply)"), r#"{"ready":true}"#),
        ("/v1/status", Some("Status(Reply)"), r#""version":"0.1.0 ("#),
        ("/v1/config", Some("Config(Reply)"), r#"{"workers":1}"#),
        (
            "/v1/pools",
            Some("Pools(Reply)"),
            r#"{"pools":[{"name":"app","#,
        ),
        (
            "/v1/pools/app/backends",
            Some(r#"Backends("app", Reply)"#),
            r#"{"backends":[{"pool":"app","name":"b2","address":"10.0.0.2:8080","weight":2,"#,
        ),
        (
            "/v1/explain?client=203.0.113.7:5555&listener=web",
            Some(
                r#"Explain(Caller { client: 203.0.113.7, listener: Some("web"), sni: None, alpn: None }, Reply)"#,
            ),
            r#"{"client":"203.0.113.7","listener":"web","pool":"app","balance":"first","answer":"#,
        ),
        (
            "/v1/connections",
            Some("Connections(100, Oldest, Reply)"),
            r#"{"connections":[{"id":"8f21","listener":"web","pool":"app","backend":"b2","#,
        ),
        (
            "/v1/connections?limit=10000&sort=bytes",
            Some("Connections(10000, Biggest, Reply)"),
            r#"{"connections":["#,
        ),
    ];
    for (path, question, text) in table {
        let answer = admin.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.body.contains(text), "{path}: {answer:?}");
        let asked: Vec<_> = question.into_iter().map(str::to_owned).collect();
        assert_eq!(admin.supervisor.asked(), asked, "{path}");
    }
}

#[test]
fn a_backend_and_a_connection_have_the_members_of_the_contract() {
    let admin = Admin::start();
    let members = |path: &str, list: &str| {
        let json = admin.get(path).json();
        let mut keys: Vec<_> = json[list][0].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(
        members("/v1/pools/app/backends", "backends"),
        "address backup bytes_in bytes_out connect_errors_total connections_active connections_total \
         last_check max_connections name pool since state weight"
    );
    assert_eq!(
        members("/v1/connections", "connections"),
        "age_seconds backend bytes_in bytes_out client id idle_seconds listener path pool"
    );
}

#[test]
fn readiness_fails_with_its_reason_and_liveness_never_asks() {
    let admin = Admin::before(Supervisor::with(Manner::Unready));
    assert_eq!(
        admin.get("/readyz").problem(503),
        "pool app has no live backend"
    );
    admin.supervisor.change_to(Manner::Full);
    assert_eq!(admin.get("/livez").status, 200);
}

#[test]
fn a_question_that_cannot_be_read_is_not_put() {
    let admin = Admin::start();
    for query in [
        "limit=0",
        "limit=10001",
        "limit=x",
        "limits=5",
        "limit=1&limit=2",
    ] {
        let detail = admin.get(&format!("/v1/connections?{query}")).problem(422);
        assert!(detail.contains("limit"), "{query}: {detail}");
    }
    assert!(admin.supervisor.asked().is_empty());
}

#[test]
fn what_is_not_there_is_404_and_what_is_not_done_is_405() {
    let admin = Admin::start();
    for path in [
        "/metrics/",
        "/v1",
        "/v1/pools/",
        "/v1/pools/..%2f..",
        "/v1/pools/../../etc/passwd",
        "/v1/pools/app/backends/b2/x",
        "/%00",
        "//livez",
    ] {
        admin.get(path).problem(404);
    }
    assert!(admin.supervisor.asked().is_empty());
    for path in [
        "..%2f..%2fetc",
        "a%00b",
        "%0d%0aSet-Cookie:x",
        "%1b%5b31m",
        "%c2%9b",
    ] {
        let answer = admin.get(&format!("/v1/pools/{path}/backends"));
        let detail = answer.problem(404);
        assert!(!detail.contains(char::is_control), "{path}: {detail:?}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    admin.get("/v1/pools/%ff/backends").problem(404);
    let table = [
        ("DELETE /livez", "get,head"),
        ("POST /v1/status", "get,head"),
        ("GET /v1/reload", "post"),
        ("GET /v1/pools/app/backends/b2", "patch,delete"),
        ("DELETE /v1/pools/app/backends", "get,head,post"),
        ("OPTIONS /v1/pools", "get,head"),
    ];
    for (line, allowed) in table {
        let answer = admin.raw(admin.head(line, &[]));
        answer.problem(405);
        assert_eq!(answer.header("allow"), Some(allowed), "{line}");
    }
}

#[test]
fn a_supervisor_that_does_not_answer_is_waited_for_and_no_longer() {
    let moment = Duration::from_millis(100);
    let table = [
        (Manner::Silent, 504, "no answer in time"),
        (Manner::Ending, 503, "about to end"),
        (Manner::Full, 503, "try again"),
        (Manner::Broken, 500, "a fault of l4lb"),
        (
            Manner::Refusing(Refusal::Unknown("gone".to_owned())),
            404,
            "gone",
        ),
    ];
    let supervisor = Supervisor::default();
    let patience = l4lb::admin::Patience {
        supervisor: moment,
        ..l4lb::admin::Patience::default()
    };
    let admin = Admin::with(supervisor, false, patience);
    for (manner, status, hint) in table {
        admin.supervisor.change_to(manner);
        let detail = admin.get("/v1/pools/app/backends").problem(status);
        assert!(detail.contains(hint), "{detail}");
    }
    admin.supervisor.change_to(Manner::Well);
    assert_eq!(admin.get("/v1/pools").status, 200);
}
