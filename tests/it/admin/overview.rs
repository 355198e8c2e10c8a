//! The overview and the history as the admin API serves them.

use super::Admin;

#[test]
fn an_overview_is_what_the_supervisor_says() {
    let admin = Admin::start();
    let overview = admin.get("/v1/overview").json();
    assert_eq!(overview["sentence"]["level"], "good");
    assert!(overview["totals"]["connect_p50_ms"].is_null());
    assert_eq!(admin.supervisor.asked(), ["Overview(Reply)"]);
}

#[test]
fn a_history_has_holes_where_nothing_was_measured() {
    let admin = Admin::start();
    let history = admin.get("/v1/history?range=24h&pool=app").json();
    assert_eq!(history["step_seconds"], 60);
    assert_eq!(history["columns"]["sessions"].to_string(), "[1.0,null]");
    admin.get("/v1/history?range=15m&pool=nobody").problem(404);
    admin.get("/v1/history").problem(422);
}
