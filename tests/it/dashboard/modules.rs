//! The pure modules of the page, called in the browser that they are written for.

use serde_json::{Value, json};

use super::browser::Browser;
use super::scenes::{echoes, free_address, is_available, start};

/// A browser that has the page's modules at hand.
fn with_modules(check: impl FnOnce(&dyn Fn(&str, &str) -> Value)) {
    if !is_available() {
        return;
    }
    let (admin, backends) = (free_address(), echoes());
    let _l4lb = start(admin, &backends);
    let browser = Browser::start();
    browser.open(&format!("http://{admin}/"));
    check(&|module, expression| {
        let script = format!("return import('/page/{module}.js').then((it) => {expression})");
        browser.eval(&script)
    });
}

#[test]
fn the_pages_own_arithmetic_is_right() {
    with_modules(|eval| {
        numbers_are_written_as_people_read_them(eval);
        an_effect_is_said_by_the_weights(eval);
        where_all_are_tried_one_that_is_down_takes_over(eval);
        a_history_goes_on_with_each_overview(eval);
        a_certificate_stands_by_the_days_that_it_has_left(eval);
        a_listener_leads_to_each_of_its_pools_once(eval);
        traffic_goes_to_several_pools_by_what_others_leave_of_theirs(eval);
    });
}

fn a_certificate_stands_by_the_days_that_it_has_left(eval: &dyn Fn(&str, &str) -> Value) {
    let table = [
        (-1, "2026-01-01", "bad", "expired"),
        (0, "2026-01-01", "warning", "less than a day left"),
        (1, "2026-01-01", "warning", "1 day left"),
        (29, "2026-01-01", "warning", "29 days left"),
        (30, "2026-01-01", "good", "30 days left"),
        (1000, "2026-01-01", "good", "1,000 days left"),
        (30, "2026-11-22", "bad", "not valid before 2026-11-22"),
    ];
    for (days, from, level, text) in table {
        let told = json!({ "days_left": days, "not_before": format!("{from}T00:00:00Z") });
        let standing = format!("it.standing({told}, new Date('2026-11-21T12:00:00Z'))");
        let wanted = json!({ "level": level, "text": text });
        assert_eq!(eval("certificates", &standing), wanted);
    }
}

fn a_listener_leads_to_each_of_its_pools_once(eval: &dyn Fn(&str, &str) -> Value) {
    let route =
        |sni: &[&str], alpn: &[&str], pool: &str| json!({ "sni": sni, "alpn": alpn, "pool": pool });
    let way = |pool: &str, names: &[&str]| json!({ "pool": pool, "names": names });
    let routes = [
        route(&["a", "*.a"], &["h2"], "one"),
        route(&["b"], &[], "two"),
        route(&[], &["h3"], "one"),
    ];
    let table = [
        (json!({ "pool": "app" }), vec![way("app", &[])]),
        (
            json!({ "pool": "two", "routes": routes }),
            vec![
                way("one", &["a, *.a (h2)", "any name (h3)"]),
                way("two", &["b", "all others"]),
            ],
        ),
        (
            json!({ "pool": "-", "routes": routes[1..2] }),
            vec![way("two", &["b"])],
        ),
    ];
    for (listener, wanted) in table {
        let told = eval("destinations", &format!("it.destinations({listener})"));
        assert_eq!(told, json!(wanted), "{listener}");
    }
}

fn numbers_are_written_as_people_read_them(eval: &dyn Fn(&str, &str) -> Value) {
    let table = [
        ("it.bits(0)", "0 bit/s"),
        ("it.bits(124.99)", "999 bit/s"),
        ("it.bits(125)", "1.0 kbit/s"),
        ("it.bits(158000)", "1.2 Mbit/s"),
        ("it.bits(null)", "–"),
        ("it.bytes(1023)", "1023 B"),
        ("it.bytes(1536)", "1.5 KiB"),
        ("it.bytes(10240)", "10 KiB"),
        ("it.count(40213)", "40,213"),
        ("it.rate(0)", "0"),
        ("it.rate(0.25)", "0.25"),
        ("it.rate(12.34)", "12.3"),
        ("it.rate(12345.6)", "12,346"),
        ("it.ms(0.42)", "0.42 ms"),
        ("it.ms(12.4)", "12 ms"),
        ("it.ms(1240)", "1.2 s"),
        ("it.percent(1 / 3)", "33 %"),
        ("it.percent(0.001)", "<1 %"),
        ("it.span(59.9)", "59s"),
        ("it.span(3599)", "59m59s"),
        ("it.span(273600)", "3d04h"),
        ("it.plural(1, 'session')", "1 session"),
        ("it.list([])", "nobody"),
        ("it.list(['a', 'b'])", "a and b"),
        ("it.list(['a', 'b', 'c', 'd', 'e'])", "a, b and 3 others"),
        (
            "it.localTimes('b2 is down since 12:20:02Z.', new Date()) === \
             `b2 is down since ${it.clock(new Date(new Date().setUTCHours(12, 20, 2, 0)))}.` ? 'same' : 'other'",
            "same",
        ),
    ];
    for (expression, wanted) in table {
        assert_eq!(eval("format", expression), wanted, "{expression}");
    }
}

fn an_effect_is_said_by_the_weights(eval: &dyn Fn(&str, &str) -> Value) {
    let backend = |name: &str, state: &str, weight: u32, backup: bool| {
        json!({ "name": name, "pool": "app", "state": state, "weight": weight, "backup": backup,
                "connections_active": 12 })
    };
    let three = [
        backend("a", "up", 1, false),
        backend("b", "up", 1, false),
        backend("c", "up", 2, false),
    ];
    let last = [backend("a", "up", 1, false), backend("b", "down", 1, false)];
    let spare = [backend("a", "up", 1, false), backend("b", "up", 1, true)];
    let drained = [
        backend("a", "drain", 1, false),
        backend("b", "up", 3, false),
    ];
    let table = [
        (
            &three[..],
            json!({"state": "drain"}),
            "Removes 25 % of the capacity of pool app; b and c would get all new sessions.",
            false,
        ),
        (
            &three,
            json!({"weight": 0}),
            "Removes 25 % of the capacity of pool app; b and c would get all new sessions.",
            false,
        ),
        (
            &three,
            json!({"weight": 3}),
            "a would get 50 % of the new sessions of pool app; now it is due 25 %.",
            false,
        ),
        (
            &last,
            json!({"state": "maint"}),
            "Nobody in pool app would get new sessions: new clients would be turned away.",
            true,
        ),
        (
            &spare,
            json!({"state": "drain"}),
            "Removes 100 % of the capacity of pool app; b would get all new sessions.",
            false,
        ),
        (
            &drained,
            json!({"state": "ready"}),
            "Gives a 25 % of the new sessions of pool app, once its checks allow it.",
            false,
        ),
    ];
    for (backends, change, wanted, is_grave) in table {
        let pool = json!({ "name": "app", "backends": backends, "all_down": "reject" });
        let effect = eval(
            "capacity",
            &format!("it.effect({pool}, {}, {change})", backends[0]),
        );
        assert_eq!(effect["sentences"][0], wanted, "{change}");
        assert_eq!(effect["isGrave"], is_grave, "{change}");
        let goes_on = effect["sentences"][1] == "12 sessions go on until they end.";
        assert_eq!(
            goes_on,
            change["weight"] != 3 && change["state"] != "ready",
            "{effect}"
        );
    }
}

fn where_all_are_tried_one_that_is_down_takes_over(eval: &dyn Fn(&str, &str) -> Value) {
    let backend = |name: &str, state: &str| {
        json!({ "name": name, "pool": "app", "state": state, "weight": 1, "backup": false,
                "connections_active": 0 })
    };
    let backends = [backend("a", "up"), backend("b", "down")];
    let pool = json!({ "name": "app", "backends": backends, "all_down": "try-all" });
    let change = format!("it.effect({pool}, {}, {{ state: 'drain' }})", backends[0]);
    let effect = eval("capacity", &change);
    let wanted = "Removes 100 % of the capacity of pool app; b would get all new sessions.";
    assert_eq!(effect["sentences"][0], wanted);
    assert_eq!(effect["isGrave"], false);
}

fn a_history_goes_on_with_each_overview(eval: &dyn Fn(&str, &str) -> Value) {
    let history =
        "{ step_seconds: 1, from: '2026-11-20T12:00:00.000Z', columns: { sessions: [1, 2] } }";
    let overview = |at: &str| format!("{{ at: '2026-11-20T{at}Z', totals: {{ sessions: 7 }} }}");
    let extended = |at: &str| {
        let overview = overview(at);
        eval("series", &format!("it.extend({history}, {overview})"))
    };
    assert_eq!(
        extended("12:00:02.100")["columns"]["sessions"],
        json!([1, 2, 7])
    );
    assert_eq!(
        extended("12:00:01.300")["columns"]["sessions"],
        json!([1, 2])
    );
    assert_eq!(
        extended("12:00:05.000")["columns"]["sessions"],
        json!([1, 2, null, null, null, 7])
    );
    assert_eq!(
        extended("12:00:03.200")["columns"]["sessions"],
        json!([1, 2, 7, 7])
    );
    let long = extended("12:15:00.000");
    assert_eq!(long["columns"]["sessions"].as_array().unwrap().len(), 900);
    assert_eq!(long["from"], "2026-11-20T12:00:01.000Z");
    assert_eq!(extended("13:00:00.000"), Value::Null);
    assert_eq!(
        extended("11:59:59.000")["columns"]["sessions"],
        json!([1, 2])
    );
    assert_eq!(
        extended("11:59:50.000"),
        Value::Null,
        "the clock was put back"
    );
    let thinned = |low: bool| {
        eval(
            "series",
            &format!("it.thinned([1, 5, null, null, 2, 3], 3, {low})"),
        )
    };
    assert_eq!(thinned(false), json!([5, null, 3]));
    assert_eq!(thinned(true), json!([1, null, 2]));
    assert_eq!(
        eval(
            "series",
            "[0, 0.3, 1, 1.1, 2.1, 40, 51].map((number) => it.roundUp(number))"
        ),
        json!([1, 0.5, 1, 2, 2.5, 50, 100])
    );
    assert_eq!(
        eval(
            "series",
            "[0, 3, 7, 40].map((number) => it.roundUp(number, true))"
        ),
        json!([2, 6, 10, 50])
    );
}

fn traffic_goes_to_several_pools_by_what_others_leave_of_theirs(
    eval: &dyn Fn(&str, &str) -> Value,
) {
    let listener = |name: &str, value: u32, pools: &[&str]| {
        let ways = pools
            .iter()
            .map(|pool| json!({ "pool": pool, "names": [] }));
        json!({ "key": name, "value": value, "ways": ways.collect::<Vec<_>>() })
    };
    let told = |app: u32, shop: u32, api: u32| {
        let listeners = json!([
            listener("web", 700, &["app"]),
            listener("names", 400, &["shop", "gone", "app", "api"]),
        ]);
        let pools = [("app", app), ("shop", shop), ("api", api)];
        let pools = pools.map(|(key, value)| json!({ "key": key, "value": value }));
        let expression = format!(
            "it.edges({listeners}, {}).map((it) => `${{it.from.key}} ${{it.to.key}} ${{it.value}}`)",
            json!(pools)
        );
        eval("destinations", &expression)
    };
    let first = "web app 700";
    let wanted = json!([first, "names app 100", "names shop 300", "names api 0"]);
    assert_eq!(told(800, 300, 0), wanted);
    let wanted = json!([first, "names app 0", "names shop 100", "names api 300"]);
    assert_eq!(told(699, 10, 30), wanted);
    let wanted = json!([first, "names app 0", "names shop 0", "names api 0"]);
    assert_eq!(told(0, 0, 0), wanted);
}
