//! When the command is run, and what becomes of what it has changed.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use l4lb::config::ScaleConfig;
use l4lb::requests::{Happening, Reply, Request, Subscriber};
use test_backends::{Behaviour, Server};

use super::{Scene, file};
use crate::harness::{Embedded, PATIENCE, eventually, pool_over};
use crate::life::{expect_echo, let_pass, site};

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

/// When the runs were, in seconds.
fn times(scene: &Scene) -> Vec<f64> {
    let nanos = |run: &Vec<String>| run[0].parse::<f64>().unwrap();
    scene.runs().iter().map(|run| nanos(run) / 1e9).collect()
}

#[test]
fn runs_keep_their_distance_and_failures_double_it() {
    let a = site("a");
    let scale = "target = 1, min = 2, max = 3, after = \"1ms\", cool_down = \"500ms\"";
    let scene = Scene::start(&a, scale, "exit 1");
    eventually("three runs", || scene.runs().len() == 3);
    eventually("it rests", || scene.scale()["state"] == "cooling-down");
    let times = times(&scene);
    let pauses = [times[1] - times[0], times[2] - times[1]];
    assert!(pauses[0] >= 0.5, "{pauses:?}");
    assert!(pauses[1] >= 1.0, "{pauses:?}");
}

#[test]
fn what_does_not_last_runs_nothing() {
    let a = echo();
    let scale = "target = 1, min = 1, max = 3, after = \"1500ms\", cool_down = \"1ms\"";
    let scene = Scene::start(&a, scale, "exit 1");
    for _ in 0..2 {
        let mut clients = [scene.l4lb.connect(), scene.l4lb.connect()];
        clients.iter_mut().for_each(|it| expect_echo(it, b"x"));
        eventually("they are noticed", || scene.scale()["state"] == "too-few");
        drop(clients);
        eventually("it is over", || scene.scale()["state"] == "steady");
    }
    assert_eq!(scene.runs().len(), 0);
    let clients = [scene.l4lb.connect(), scene.l4lb.connect()];
    eventually("what lasts does", || !scene.runs().is_empty());
    assert_eq!(scene.runs()[0][1..], ["up", "2", "1", "2"]);
    drop(clients);
}

#[test]
fn clients_who_wait_in_line_count() {
    let a = echo();
    let scale = "target = 1, min = 1, max = 3, after = \"400ms\", cool_down = \"1h\"";
    let pool = "queue_timeout = \"1m\"";
    let text = "max_connections = 1";
    let scene = {
        let scene = Scene::with_pool(&a, scale, pool, "exit 1");
        let limited = fs::read_to_string(scene.path("l4lb.toml")).unwrap();
        let limited = limited.replace("name = \"a\",", &format!("name = \"a\", {text},"));
        fs::write(scene.path("l4lb.toml"), limited).unwrap();
        let reloaded = scene.l4lb("reload");
        assert!(reloaded.status.success(), "{reloaded:?}");
        scene
    };
    let clients: Vec<TcpStream> = (0..3).map(|_| scene.l4lb.connect()).collect();
    eventually("a run", || !scene.runs().is_empty());
    assert_eq!(scene.runs()[0][1..], ["up", "3", "1", "3"]);
    drop(clients);
    eventually("nobody waits", || scene.scale()["wanted"] == 1);
}

#[test]
fn what_a_command_has_added_survives_a_reload_and_its_settings_are_reloaded() {
    let (a, b) = (site("a"), site("b"));
    let scale = "target = 1, min = 2, max = 3, after = \"1ms\", cool_down = \"1ms\"";
    let manner = format!("echo add b={}", b.addr());
    let mut scene = Scene::start(&a, scale, &manner);
    scene.l4lb.wait_for_log("scale up: b added");
    eventually("it is steady", || scene.scale()["state"] == "steady");
    let text = fs::read_to_string(scene.path("l4lb.toml")).unwrap();
    let newer = text
        .replace("min = 2", "min = 3")
        .replace("target = 1", "target = 5");
    fs::write(scene.path("l4lb.toml"), newer).unwrap();
    scene.behave("exit 1");
    scene.l4lb("reload");
    scene
        .l4lb
        .wait_for_log("reloaded: pool app: scale: min 2 -> 3");
    scene
        .l4lb
        .wait_for_log("reloaded: pool app: scale: target 1 -> 5");
    assert_eq!(scene.names(), ["a", "b"]);
    scene
        .l4lb
        .wait_for_log("0 sessions, 2 in service, 3 wanted");
    let without = text.lines().filter(|it| !it.starts_with("scale"));
    let without: Vec<&str> = without.collect();
    fs::write(scene.path("l4lb.toml"), without.join("\n")).unwrap();
    scene.l4lb("reload");
    scene.l4lb.wait_for_log("reloaded: pool app: scale removed");
    assert!(scene.scale().is_null());
    assert_eq!(scene.names(), ["a", "b"]);
    let so_far = scene.runs().len();
    let_pass(Duration::from_millis(500));
    assert!(
        scene.runs().len() <= so_far + 1,
        "one may have been under way"
    );
}

#[test]
fn a_backend_that_was_taken_away_keeps_its_sessions_and_is_gone_after_the_last_one() {
    let (a, b) = (echo(), echo());
    let scale = "target = 2, min = 1, max = 3, after = \"400ms\", cool_down = \"1ms\"";
    let manner = format!(
        "case $L4LB_EVENT in\nup) echo add b={} ;;\ndown) echo remove b ;;\n\
         gone) echo $L4LB_BACKEND $L4LB_ADDRESS $L4LB_SESSIONS >> $0.gone; echo remove a ;;\nesac",
        b.addr()
    );
    let mut scene = Scene::start(&a, scale, &manner);
    let mut clients: Vec<TcpStream> = (0..3).map(|_| scene.l4lb.connect()).collect();
    scene.l4lb.wait_for_log("scale up: b added");
    clients.extend((0..2).map(|_| scene.l4lb.connect()));
    clients.iter_mut().for_each(|it| expect_echo(it, b"begin"));
    // One of the two is on b. All others go, and so b is taken away.
    let on_b = scene.clients_of("b");
    let is_on_b = |it: &TcpStream| on_b.contains(&it.local_addr().unwrap().to_string());
    clients.retain(is_on_b);
    assert_eq!(clients.len(), 1, "{on_b:?}");
    let mut kept = clients.remove(0);
    scene.l4lb.wait_for_log("scale down: b removed");
    // The drain timeout of half a second is over soon, and the command is told, but nobody is cut.
    scene
        .l4lb
        .wait_for_log("b was taken away, sessions left: 1");
    scene
        .l4lb
        .wait_for_log("b was taken away, sessions left: 1: done");
    expect_echo(&mut kept, b"end");
    assert_eq!(scene.written("command.gone"), format!("b {} 1\n", b.addr()));
    drop(kept);
    scene
        .l4lb
        .wait_for_log("b was taken away, sessions left: 0");
    let both = format!("b {0} 1\nb {0} 0\n", b.addr());
    eventually("the second word", || scene.written("command.gone") == both);
    assert_eq!(scene.names(), ["a"], "what is printed then changes nothing");
}

#[test]
fn subscribers_and_the_api_are_told() {
    let (a, b) = (site("a"), site("b"));
    let mut pool = pool_over(&[a.addr()]);
    let line = format!("add b={}", b.addr());
    pool.scale = Some(ScaleConfig {
        target: 1,
        command: ["echo".to_owned(), line].into(),
        after: Duration::from_millis(1),
        cool_down: Duration::from_millis(1),
        min: 2,
        max: 2,
        timeout: Duration::from_secs(9),
    });
    let l4lb = Embedded::start(pool);
    let (sender, happenings) = std::sync::mpsc::channel::<Happening>();
    let subscriber = Subscriber(Box::new(move |it| sender.send(it.clone()).is_ok()));
    l4lb.handle.ask(Request::Subscribe(subscriber)).unwrap();
    let texts = [(); 2].map(|()| {
        let happening = happenings.recv_timeout(PATIENCE).unwrap();
        assert_eq!(happening.kind, "scale");
        happening.text
    });
    let began = "pool app: scale up: 0 sessions, 1 in service, 2 wanted: echo is run";
    assert_eq!(texts[0], began);
    assert_eq!(
        texts[1],
        format!("pool app: scale up: b added ({})", b.addr())
    );
    let (sender, pools) = std::sync::mpsc::channel();
    let reply = Reply::new(move |pools| sender.send(pools).unwrap());
    l4lb.handle.ask(Request::Pools(reply)).unwrap();
    let pools = pools.recv_timeout(PATIENCE).unwrap();
    assert_eq!(pools[0].backends, 2);
    let last = pools[0].scale.clone().unwrap().last_run.unwrap();
    assert_eq!(
        (&*last.event, last.outcome.starts_with("b added")),
        ("up", true)
    );
}

#[test]
fn a_file_that_scales_is_read_and_shown() {
    let a = site("a");
    let text = file(&a, "target = 5, command = [\"x\"]", "");
    let scene = Scene::run(tempfile::TempDir::new().unwrap(), &text);
    let scale = scene.scale();
    assert_eq!(
        (&scale["wanted"], &scale["in_service"]),
        (&1.into(), &1.into())
    );
    assert_eq!(scale["state"], "steady");
}
