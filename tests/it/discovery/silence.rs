//! A name server that does not answer holds up nobody for long.

use std::time::{Duration, Instant};

use super::name_server::{NameServer, Saying};
use super::{Scene, sites};
use crate::life::{expect_echo, whoami};

/// What is waited for first answers, and some time for a machine under load.
const BOUND: Duration = Duration::from_secs(3);

/// More names than are asked at once, so that none of them is asked in vain before the bound.
const MANY: usize = 64;

fn silent(names: &[&str]) -> NameServer {
    let server = NameServer::start();
    for name in names {
        server.say(name, Saying::Silence);
    }
    server
}

/// Whether `act` is over within the bound.
#[track_caller]
fn in_time<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = act();
    let took = start.elapsed();
    assert!(took < BOUND, "{what} took {took:?}");
    result
}

#[test]
fn a_start_a_reload_the_api_and_signals_do_not_wait_for_silence() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let there = format!("\"127.0.0.2:{port}\"");
    let names = silent(&["a.example", "b.example", "c.example", "_x._tcp.d.example"]);
    let start = format!("backends = [{there}, \"a.example:1\", \"srv:_x._tcp.d.example\"]");
    let mut scene = in_time("a start", || Scene::start(names, &start));
    assert_eq!(scene.serving(1), ["127.0.0.2"]);
    scene.rewrite(&format!(
        "backends = [{there}, \"b.example:1\", \"a.example:1\"]"
    ));
    in_time("a reload", || scene.says("reload"));
    in_time("a change", || {
        scene.says(&format!("weight app/127.0.0.2:{port} 7"))
    });
    assert_eq!(scene.backends(), [format!("127.0.0.2:{port} up 7")]);
    // One whose name has an address now has it, though the others have none.
    scene.names.has("a.example", &["127.0.0.2"]);
    scene.rewrite(&format!(
        "backends = [{there}, \"c.example:1\", \"a.example:1\"]"
    ));
    let waited = Instant::now();
    scene.l4lb.signal("HUP");
    let status = in_time("a status during a reload", || scene.says("status"));
    assert!(status.contains("app"), "{status}");
    scene.l4lb.wait_for_log("backend c.example:1 added");
    assert_eq!(whoami(scene.l4lb.address()).unwrap(), "127.0.0.2");
    scene.l4lb.signal("TERM");
    assert_eq!(in_time("the end", || scene.l4lb.wait()).code(), Some(0));
    assert!(waited.elapsed() < 3 * BOUND);
}

#[test]
fn many_silent_names_are_waited_for_no_longer_than_one() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let names: Vec<String> = (0..MANY).map(|it| format!("{it}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let entries: String = names.iter().map(|it| format!("\"{it}:1\", ")).collect();
    let pool = format!("backends = [\"127.0.0.2:{port}\", {entries}]");
    let scene = in_time("a start", || Scene::start(silent(&names), &pool));
    assert_eq!(scene.serving(1), ["127.0.0.2"]);
    in_time("a reload", || scene.says("reload"));
}

#[test]
fn sessions_and_new_clients_do_not_notice_that_dns_is_silent() {
    let backend = test_backends::Server::start("127.0.0.2:0", test_backends::Behaviour::Echo);
    let backend = backend.unwrap();
    let names = NameServer::start();
    names.has("web.example", &["127.0.0.2"]);
    let pool = format!("backends = [\"web.example:{}\"]", backend.addr().port());
    let mut scene = Scene::start(names, &pool);
    let mut session = scene.l4lb.connect();
    expect_echo(&mut session, b"before");
    scene.names.say("web.example", Saying::Silence);
    scene.names.say("new.example", Saying::Silence);
    scene
        .l4lb
        .wait_for_log("cannot resolve 'web.example': no name server answers");
    let reload = std::thread::scope(|scope| {
        let longer = pool.replace(']', ", \"new.example:1\"]");
        scene.rewrite(&longer);
        let reload = scope.spawn(|| in_time("a reload", || scene.says("reload")));
        for _ in 0..50 {
            let mut client = scene.l4lb.connect();
            in_time("a client", || expect_echo(&mut client, b"meanwhile"));
            expect_echo(&mut session, b"meanwhile");
        }
        reload.join().unwrap()
    });
    assert!(reload.contains("new.example:1 added") || reload.contains("nothing has changed"));
    expect_echo(&mut session, b"after");
}
