//! What a file means: values, defaults, TOML and JSON alike, flags over it, and what is shown of it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use l4lb::config::file::{self, Override};
use l4lb::config::{
    AccessLogConfig, AccessLogOutput, AdminAddress, AllDown, BackendConfig, Balance, Check, Config,
    EjectConfig, HealthConfig, HttpConfig, LineFilter, LineFormat, OnDown, Per, PoolConfig, Target,
};
use l4lb::http::Forwarded;
use log::LevelFilter;

use super::{EXAMPLE, SMALL, config_of};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn backend(name: &str, target: &str) -> BackendConfig {
    BackendConfig {
        target: Target::parse(target).unwrap(),
        ..BackendConfig::new(name.into(), address("127.0.0.1:1"))
    }
}

#[test]
fn the_example_says_what_its_comments_say() {
    let config = config_of("l4lb.toml", EXAMPLE);
    assert_eq!(config.workers, 1);
    assert_eq!(config.max_connections, Some(9000));
    assert_eq!(config.drain_timeout, Duration::from_secs(30));
    assert_eq!(config.log_level, LevelFilter::Info);
    let log = &config.access_log;
    let shown = (&log.output, &log.format);
    assert_eq!(shown, (&AccessLogOutput::Stdout, &LineFormat::Default));
    let filter = LineFilter {
        interval: Some(Duration::from_secs(600)),
        min_duration: Duration::from_millis(1),
        ..LineFilter::default()
    };
    assert_eq!(log.filter, filter);
    let admin = config.admin.unwrap();
    assert_eq!(admin.listen, AdminAddress::Tcp(address("127.0.0.1:9090")));
    assert_eq!(admin.token_file, Some("/etc/l4lb/token".into()));

    let [web, mail, tls, site] = &config.listeners[..] else {
        panic!("{:?}", config.listeners)
    };
    assert_eq!((&*web.name, &*mail.name), ("web", "mail"));
    assert_eq!(web.addresses, [address("0.0.0.0:9000")]);
    let two = ["10.0.0.100:25", "[::1]:2525"].map(address);
    assert_eq!(mail.addresses, two);
    assert_eq!(web.max_connections, Some(5000));
    assert_eq!(mail.max_connections, None);
    assert_eq!(web.idle_timeout, Duration::from_secs(3600));
    assert_eq!((&web.http, &mail.http), (&None, &None));
    site_is_as_its_comments_say(site.http.as_deref().unwrap());
    let names = [web, mail, tls].map(|it| &*config.pools[it.pool].name);
    assert_eq!(names, ["app", "mail", "app"]);
    assert_eq!(tls.preamble_timeout, Duration::from_secs(5));
    let routes = tls.routes.as_ref().unwrap().list();
    let shown = "shop.example, *.api.example (h2, http/1.1)";
    assert_eq!((routes.len(), routes[0].to_string()), (1, shown.to_owned()));
    assert_eq!(&*config.pools[routes[0].pool].name, "mail");

    let app = &config.pools[web.pool];
    assert_eq!(app.balance, Balance::RoundRobin);
    assert_eq!(app.connect_timeout, Duration::from_secs(3));
    assert_eq!(app.queue_timeout, Duration::from_secs(3));
    assert_eq!(app.slow_start, Duration::from_secs(30));
    assert_eq!((app.retries, app.hedge), (2, false));
    assert_eq!((app.on_down, app.all_down), (OnDown::Keep, AllDown::Reject));
    assert_eq!(app.health, Some(HealthConfig::default()));
    assert_eq!(app.eject, Some(EjectConfig::default()));
    let b2 = BackendConfig {
        weight: 2,
        max_connections: Some(500),
        ..backend("b2", "10.0.0.2:8080")
    };
    let spare = BackendConfig {
        backup: true,
        ..backend("spare", "10.0.0.9:8080")
    };
    let first = backend("10.0.0.1:8080", "10.0.0.1:8080");
    let names = ["web.internal:8080", "srv:_http._tcp.web.internal"];
    let [web, service] = names.map(|it| backend(it, it));
    assert_eq!(app.backends, [first, b2, spare, web, service]);
    let listed = app.backends_file.as_deref();
    assert_eq!(listed, Some(Path::new("/etc/l4lb/app.backends")));
    let servers = ["10.0.0.2:53", "[::1]:8600"].map(address);
    assert_eq!(config.dns_servers, servers);

    mail_is_as_its_comments_say(&config.pools[mail.pool]);
}

fn site_is_as_its_comments_say(http: &HttpConfig) {
    let times = (http.head_timeout, http.response_timeout, http.keep_alive);
    let [head, response, pause] = [10, 60, 60].map(Duration::from_secs);
    assert_eq!(times, (head, Some(response), pause));
    assert_eq!(http.per, Per::Connection);
    assert_eq!(http.forwarded, Some(Forwarded::XForwarded));
    assert_eq!(http.trusted_proxies.len(), 1);
    assert!(http.security_headers);
    let edits = [&http.request_headers, &http.response_headers];
    assert_eq!(edits.map(Vec::len), [2, 3]);
}

fn mail_is_as_its_comments_say(post: &PoolConfig) {
    assert_eq!(post.balance, Balance::LeastConnections);
    let check = Check::SendExpect {
        send: b"EHLO l4lb.example\r\n"[..].into(),
        expect: b"250"[..].into(),
    };
    let health = HealthConfig {
        check,
        port: Some(2525),
        ..HealthConfig::default()
    };
    assert_eq!(post.health, Some(health));
    let by_name = BackendConfig {
        weight: 3,
        ..backend("mail.internal:25", "mail.internal:25")
    };
    assert_eq!(post.backends, [by_name]);
}

#[test]
fn what_a_file_does_not_say_has_the_default_of_the_contract() {
    let config = config_of("l4lb.toml", SMALL);
    assert_eq!((config.workers, config.max_connections), (1, None));
    assert_eq!(config.drain_timeout, Duration::from_secs(30));
    assert_eq!(config.log_level, LevelFilter::Info);
    assert_eq!(config.access_log, AccessLogConfig::default());
    assert_eq!(config.admin, None);
    let listener = &config.listeners[0];
    assert_eq!(listener.addresses, [address("[::]:9000")], "both families");
    assert_eq!(listener.idle_timeout, Duration::from_secs(3600));
    assert_eq!(listener.max_connections, None);
    let pool = &config.pools[0];
    assert_eq!(pool.balance, Balance::RoundRobin);
    assert_eq!(pool.connect_timeout, Duration::from_secs(3));
    assert_eq!(pool.queue_timeout, Duration::from_secs(3));
    assert_eq!((pool.retries, pool.hedge), (2, false));
    assert_eq!(pool.slow_start, Duration::ZERO);
    assert_eq!(
        (pool.on_down, pool.all_down),
        (OnDown::Keep, AllDown::Reject)
    );
    assert_eq!(
        (&pool.health, pool.eject),
        (&Some(HealthConfig::default()), None)
    );
    assert_eq!(pool.backends, [backend("10.0.0.1:80", "10.0.0.1:80")]);
}

#[test]
fn a_client_waits_in_line_as_long_as_for_a_connect_unless_the_file_says_otherwise() {
    let table = [
        ("connect_timeout = \"7s\"", 7),
        ("connect_timeout = \"7s\"\nqueue_timeout = \"9s\"", 9),
    ];
    for (text, seconds) in table {
        let config = config_of("l4lb.toml", &format!("{SMALL}{text}\n"));
        assert_eq!(config.pools[0].queue_timeout, Duration::from_secs(seconds));
    }
}

#[test]
fn workers_are_counted_or_as_many_as_cores() {
    let workers = |text| config_of("l4lb.toml", &format!("workers = {text}\n{SMALL}")).workers;
    assert_eq!((workers("64"), workers("\"auto\"")), (64, 2));
}

#[test]
fn every_kind_of_check_is_what_the_file_says() {
    let http = |host: Option<&str>, status: &[std::ops::RangeInclusive<u16>]| Check::Http {
        path: "/up".into(),
        host: host.map(Into::into),
        status: status.into(),
    };
    let table = [
        ("type = \"off\"", None),
        ("type = \"tcp\"", Some(Check::Tcp)),
        (
            "type = \"http\", path = \"/up\"",
            Some(http(None, &[200..=399])),
        ),
        (
            "type = \"http\", path = \"/up\", host = \"web\", status = \"200-299,401\"",
            Some(http(Some("web"), &[200..=299, 401..=401])),
        ),
        (
            "type = \"send-expect\", expect = \"220\"",
            Some(Check::SendExpect {
                send: [].into(),
                expect: b"220"[..].into(),
            }),
        ),
    ];
    for (text, check) in table {
        let config = config_of("l4lb.toml", &format!("{SMALL}health = {{ {text} }}\n"));
        let health = config.pools[0].health.clone();
        assert_eq!(health.map(|it| it.check), check, "{text}");
    }
}

#[test]
fn json_and_toml_say_the_same_with_the_same_keys() {
    let json = r#"{
        "workers": "auto",
        "listener": [{ "name": "web", "listen": ["0.0.0.0:1", "[::1]:2"], "pool": "a.b" }],
        "pool": { "a.b": {
            "retries": 0,
            "hedge": true,
            "health": { "type": "send-expect", "send": "\u0050ING\r\n", "expect": "é" },
            "backends": ["srv:_a._tcp.b", { "address": "c:1", "weight": 0 }]
        } }
    }"#;
    let toml = r#"
        workers = "auto"
        listener = [{ name = "web", listen = ["0.0.0.0:1", "[::1]:2"], pool = "a.b" }]
        [pool."a.b"]
        retries = 0x0
        hedge = true
        health.type = "send-expect"
        health.send = "PING\r\n"
        health.expect = 'é'
        [[pool."a.b".backends]]
        address = "srv:_a._tcp.b"
        [[pool."a.b".backends]]
        address = "c:1"
        weight = 0
    "#;
    let said = |name: &str, text: &str| format!("{:#?}", config_of(name, text));
    assert_eq!(said("a.json", json), said("a.toml", toml));
    assert_eq!(said("a.JSON", json), said("a", toml));
}

/// What stands behind the key of a line of `config show`.
fn shown<'a>(page: &'a str, key: &str) -> &'a str {
    let start = format!("{key} = ");
    let line = page.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {key} in\n{page}"))
}

#[test]
fn a_flag_wins_over_the_file_and_is_shown_as_the_origin() {
    let text = format!("workers = 3\ndrain_timeout = \"5s\"\n{SMALL}");
    let mut document = file::parse("l4lb.toml", text.as_bytes()).unwrap();
    let page = document.show();
    assert_eq!(shown(&page, "workers"), "3  # file:1");
    assert_eq!(shown(&page, "drain_timeout"), "\"5s\"  # file:2");
    assert_eq!(shown(&page, "level"), "\"info\"  # default");
    assert_eq!(shown(&page, "address"), "\"10.0.0.1:80\"  # file:8");
    assert_eq!(
        shown(&page, "weight"),
        "1  # default",
        "a text says nothing of it"
    );
    assert_eq!(shown(&page, "queue_timeout"), "\"3s\"  # default");
    assert!(page.contains("\n# max_connections is not set\n"), "{page}");
    assert!(page.contains("\n# [admin] is not set\n"), "{page}");

    let admin = AdminAddress::parse("127.0.0.1:1").unwrap();
    for value in [
        Override::Workers(None),
        Override::MaxConnections(7),
        Override::DrainTimeout(Duration::from_millis(1500)),
        Override::LogLevel(LevelFilter::Trace),
        Override::AccessLog(AccessLogOutput::File("a log".into())),
        Override::LineFormat(LineFormat::Json),
        Override::Admin(admin.clone()),
    ] {
        document.override_with(value);
    }
    let page = document.show();
    let table = [
        ("workers", "\"auto\"  # flag --workers"),
        ("max_connections", "7  # flag --max-connections"),
        ("drain_timeout", "\"1s500ms\"  # flag --drain-timeout"),
        ("level", "\"trace\"  # flag --log-level"),
        ("output", "\"a log\"  # flag --access-log"),
        ("format", "\"json\"  # flag --access-log-format"),
    ];
    for (key, value) in table {
        assert_eq!(shown(&page, key), value, "{page}");
    }
    let admin_shown =
        "[admin]\nlisten = \"127.0.0.1:1\"  # flag --admin\n# token_file is not set\n";
    assert!(page.contains(admin_shown), "{page}");
    let config = document.config(5);
    assert_eq!((config.workers, config.max_connections), (5, Some(7)));
    assert_eq!(config.drain_timeout, Duration::from_millis(1500));
    assert_eq!(config.log_level, LevelFilter::Trace);
    assert_eq!(
        config.access_log.output,
        AccessLogOutput::File("a log".into())
    );
    assert_eq!(config.access_log.format, LineFormat::Json);
    assert_eq!(config.admin.unwrap().listen, admin);
}

#[test]
fn a_flag_for_the_admin_api_leaves_the_token_of_the_file() {
    let text = format!("{SMALL}[admin]\nlisten = \"127.0.0.1:1\"\ntoken_file = \"token\"\n");
    let mut document = file::parse("l4lb.toml", text.as_bytes()).unwrap();
    document.override_with(Override::Admin(AdminAddress::parse(":2").unwrap()));
    let admin = document.config(1).admin.unwrap();
    assert_eq!(admin.token_file, Some("token".into()));
    assert!(!admin.lacks_token());
}

/// Values alone, without where they come from.
fn without_origins(page: &str) -> String {
    let lines = page
        .lines()
        .map(|line| line.rsplit_once("  # ").map_or(line, |it| it.0));
    lines.collect::<Vec<_>>().join("\n")
}

/// Holds that what is shown of a file says the same as the file, and is shown as the same again.
#[track_caller]
pub(super) fn expect_round_trip(name: &str, text: &str) {
    let said = |config: &Config| format!("{config:#?}");
    let shown = file::parse(name, text.as_bytes()).unwrap().show();
    let config = config_of("shown.toml", &shown);
    assert_eq!(said(&config_of(name, text)), said(&config), "{shown}");
    let again = file::parse("shown.toml", shown.as_bytes()).unwrap().show();
    assert_eq!(without_origins(&shown), without_origins(&again));
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    expect_round_trip("l4lb.toml", SMALL);
    let long = format!("{}.example:80", "long-label.".repeat(8));
    let odd = format!(
        "{SMALL}[pool.\"[::1]:80\"]\nbackends = [\"{long}\", \"[::1]:80\"]\nslow_start = \"90m\"\n\
         health = {{ type = \"send-expect\", send = \"\\u007f\\t\\u0001\\\"'\\\\\\n\", expect = \"\u{1f600}\" }}\n"
    );
    expect_round_trip("l4lb.toml", &odd);
}
