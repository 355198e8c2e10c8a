//! Names with addresses: all of them, as long as they live, and the last good ones after that.

use std::fs;
use std::net::TcpStream;

use hickory_proto::rr::RecordType;
use test_backends::{Behaviour, Server};

use super::name_server::{NameServer, Saying, addresses};
use super::{Scene, sites};
use crate::harness::{Options, PATIENCE, eventually};
use crate::life::{expect_echo, whoami};

#[test]
fn a_name_stands_for_all_its_addresses_and_changes_with_them() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3", "::1"]);
    let names = NameServer::start();
    names.has("web.example", &["127.0.0.3", "127.0.0.2"]);
    let pool =
        format!("backends = [{{ name = \"w\", address = \"web.example:{port}\", weight = 3 }}]");
    let mut scene = Scene::start(names, &pool);
    let [two, three] = [2, 3].map(|it| format!("w@127.0.0.{it}:{port}"));
    let up = |name: &str| format!("{name} up 3");
    assert_eq!(scene.backends(), [up(&two), up(&three)], "in their order");
    assert_eq!(scene.serving(4), ["127.0.0.2", "127.0.0.3"]);
    scene.names.has("web.example", &["::1", "127.0.0.3"]);
    let six = format!("w@[::1]:{port}");
    scene.wait_for(&[&up(&three), &up(&six)]);
    assert_eq!(scene.serving(4), ["127.0.0.3", "::1"]);
    let line = format!("pool app: +[::1]:{port} -127.0.0.2:{port} (web.example:{port})");
    scene.l4lb.wait_for_log(&line);
    // Another order is no news.
    scene.names.has("web.example", &["127.0.0.3", "::1"]);
    let asked = scene.names.asked("web.example");
    eventually("another look", || {
        scene.names.asked("web.example") > asked + 3
    });
    assert_eq!(scene.log_lines("pool app: "), 1);
}

#[test]
fn sessions_go_on_when_their_address_has_gone_under_traffic() {
    let backend = Server::start("127.0.0.2:0", Behaviour::Echo).unwrap();
    let port = backend.addr().port();
    let other = loop {
        if let Ok(other) = Server::start(("127.0.0.3", port), Behaviour::Echo) {
            break other;
        }
    };
    let names = NameServer::start();
    names.has("web.example", &["127.0.0.2"]);
    let scene = Scene::start(names, &format!("backends = [\"web.example:{port}\"]"));
    let connect = || {
        let client = TcpStream::connect(scene.l4lb.address()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    };
    let mut old = connect();
    expect_echo(&mut old, b"before");
    scene.names.has("web.example", &["127.0.0.3"]);
    eventually("a client of the new one", || {
        expect_echo(&mut connect(), b"meanwhile");
        other.accepted() > 1
    });
    let before = backend.accepted();
    for _ in 0..8 {
        expect_echo(&mut connect(), b"after");
    }
    assert_eq!(backend.accepted(), before, "nobody new");
    expect_echo(&mut old, b"still here");
    scene.names.has("web.example", &["127.0.0.2", "127.0.0.3"]);
    eventually("it is back", || scene.backends().len() == 2);
    expect_echo(&mut old, b"and after its return");
}

#[test]
fn the_last_good_answer_stays_whatever_goes_wrong() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]);
    let wrong = [
        ("fails.example", "127.0.0.2", Saying::Failure),
        ("none.example", "127.0.0.3", Saying::NoName),
        ("empty.example", "127.0.0.4", Saying::Records(1, Vec::new())),
        ("silent.example", "127.0.0.5", Saying::Silence),
    ];
    let names = NameServer::start();
    for (name, address, _) in &wrong {
        names.has(name, &[address]);
    }
    let entries = wrong
        .iter()
        .map(|(name, ..)| format!("\"{name}:{port}\", "));
    let entries: String = entries.collect();
    let scene = Scene::start(names, &format!("backends = [{entries}]"));
    let up: Vec<String> = wrong
        .iter()
        .map(|(_, address, _)| format!("{address}:{port} up 1"))
        .collect();
    assert_eq!(scene.backends(), up);
    for (name, _, saying) in &wrong {
        scene.names.say(name, saying.clone());
    }
    let warned = |name: &str| scene.log_lines(&format!("cannot resolve '{name}': "));
    let all = || wrong.iter().map(|(name, ..)| *name);
    eventually("a warning of each", || all().all(|name| warned(name) == 1));
    let asked: Vec<usize> = all().map(|name| scene.names.asked(name)).collect();
    for (name, asked) in all().zip(asked) {
        eventually("more tries", || scene.names.asked(name) > asked);
        assert_eq!(warned(name), 1, "{name}: not one for each try");
    }
    assert_eq!(scene.backends(), up);
    assert_eq!(scene.serving(8).len(), 4);
    assert_eq!(scene.log_lines(": what is known stays"), 4);
    for (name, ..) in &wrong {
        scene.names.has(name, &["127.0.0.2"]);
    }
    for (name, ..) in &wrong {
        let well = format!("'{name}' is answered again");
        eventually("it is well", || scene.log_lines(&well) == 1);
    }
    scene.wait_for(&[&up[0]]);
}

#[test]
fn a_family_that_fails_takes_nobody_away() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3", "::1"]);
    let names = NameServer::start();
    names.has("web.example", &["127.0.0.2", "::1"]);
    let scene = Scene::start(names, &format!("backends = [\"web.example:{port}\"]"));
    let records = addresses(&["127.0.0.3"]);
    let failing = Saying::FailureFor(RecordType::AAAA, 1, records.clone());
    scene.names.say("web.example", failing);
    let [three, six] = ["127.0.0.3", "[::1]"].map(|it| format!("{it}:{port} up 1"));
    scene.wait_for(&[&three, &six]);
    scene.names.say("web.example", Saying::Records(1, records));
    scene.wait_for(&[&three]);
}

#[test]
fn a_name_without_an_address_is_no_error_at_the_start_and_may_come() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let names = NameServer::start();
    let mut scene = Scene::start(names, &format!("backends = [\"web.example:{port}\"]"));
    scene
        .l4lb
        .wait_for_log("cannot resolve 'web.example': there is no such name: nothing is known");
    let ready = scene.output("status --ready");
    assert_eq!(ready.status.code(), Some(1));
    assert!(whoami(scene.l4lb.address()).is_err(), "nobody is there");
    assert!(scene.backends().is_empty());
    scene.names.has("web.example", &["127.0.0.2"]);
    scene.wait_for(&[&format!("127.0.0.2:{port} up 1")]);
    assert_eq!(scene.serving(1), ["127.0.0.2"]);
    assert_eq!(scene.output("status --ready").status.code(), Some(0));
    let mut flags = Options::new()
        .arg("--backend=no-such-name.invalid:1")
        .start();
    flags.wait_for_log("cannot resolve 'no-such-name.invalid': there is no such name");
}

#[test]
fn localhost_is_asked_of_nobody() {
    let (_sites, port) = sites(&["127.0.0.1"]);
    let names = NameServer::start();
    for name in ["localhost", "a.localhost"] {
        names.has(name, &["127.0.0.2"]);
    }
    let pool = format!("backends = [\"localhost:{port}\", \"a.localhost:1\"]");
    let scene = Scene::start(names, &pool);
    let serving = scene.backends();
    assert!(
        serving[0].starts_with(&format!("localhost:{port} up")),
        "{serving:?}"
    );
    assert_eq!(scene.serving(2), ["127.0.0.1"]);
    let asked = ["localhost", "a.localhost"].map(|name| scene.names.asked(name));
    assert_eq!(asked, [0, 0]);
}

#[test]
fn what_an_operator_wants_holds_for_an_address_while_dns_changes_and_files_are_read_again() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    let names = NameServer::start();
    let all = ["127.0.0.2", "127.0.0.3"];
    names.has("web.example", &all);
    let pool = format!("backends = [{{ name = \"w\", address = \"web.example:{port}\" }}]");
    let mut scene = Scene::start(names, &pool);
    let [two, three, four] = [2, 3, 4].map(|it| format!("w@127.0.0.{it}:{port}"));
    scene.says(&format!("drain app/{two}"));
    scene.says(&format!("weight {three} 7"));
    let (drained, weighed) = (format!("{two} drain 1"), format!("{three} up 7"));
    let came = format!("{four} up 1");
    assert_eq!(scene.backends(), [&*drained, &*weighed]);
    scene
        .names
        .has("web.example", &[&all[..], &["127.0.0.4"]].concat());
    scene.wait_for(&[&drained, &weighed, &came]);
    scene.rewrite(&format!("retries = 1\n{pool}"));
    scene
        .l4lb
        .wait_for_log("reloaded: pool app: retries 2 -> 1");
    assert_eq!(scene.backends(), [&*drained, &*weighed, &*came]);
    // Gone, and a reload meanwhile: it comes back as it was.
    scene.names.has("web.example", &["127.0.0.4"]);
    scene.wait_for(&[&came]);
    scene.rewrite(&pool);
    scene
        .l4lb
        .wait_for_log("reloaded: pool app: retries 1 -> 2");
    scene.names.has("web.example", &all);
    scene.wait_for(&[&drained, &weighed]);
    assert_eq!(scene.serving(4), ["127.0.0.3"]);
}

#[test]
fn an_address_that_was_taken_away_and_added_again_goes_when_it_is_taken_away_again() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3"]);
    let names = NameServer::start();
    names.has("web.example", &["127.0.0.2", "127.0.0.3"]);
    let scene = Scene::start(names, &format!("backends = [\"web.example:{port}\"]"));
    let [two, three] = [2, 3].map(|it| format!("127.0.0.{it}:{port}"));
    let up = |name: &str| format!("{name} up 1");
    for _ in 0..2 {
        let path = format!("/v1/pools/app/backends/{two}");
        assert_eq!(scene.api("DELETE", &path, "").0, 204);
        assert_eq!(scene.backends(), [up(&three)]);
        let body = format!("{{ \"address\": \"{two}\" }}");
        assert_eq!(scene.api("POST", "/v1/pools/app/backends", &body).0, 201);
        eventually("both", || scene.backends().len() == 2);
    }
}

#[test]
fn a_backend_without_a_name_of_its_own_may_have_a_long_address() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let names = NameServer::start();
    let long = format!(
        "internal-{}.elb.eu-central-1.amazonaws.example",
        "0".repeat(50)
    );
    let longer = format!("{}.{long}", "x".repeat(63));
    names.has(&long, &["127.0.0.2"]);
    let scene = Scene::start(names, &format!("backends = [\"{long}:{port}\"]"));
    scene.wait_for(&[&format!("127.0.0.2:{port} up 1")]);
    let file = scene.folder.path().join("l4lb.toml");
    let told = scene.says(&format!("config diff {}", file.display()));
    assert_eq!(told, "no change\n");
    let body = format!("{{ \"address\": \"{longer}:1\" }}");
    let (status, answer) = scene.api("POST", "/v1/pools/app/backends", &body);
    assert_eq!(status, 201, "{answer}");
    let (_, shown) = scene.api("GET", "/v1/config", "");
    let shown = shown.split_once("\r\n\r\n").unwrap().1;
    let again = scene.folder.path().join("again.json");
    fs::write(&again, shown).unwrap();
    // Read again, it is no error.
    scene.says(&format!("config diff {}", again.display()));
    let path = format!("/v1/pools/app/backends/{longer}:1");
    assert_eq!(scene.api("DELETE", &path, "").0, 204);
}

#[test]
fn a_reload_that_is_refused_leaves_the_answers_of_the_name_servers_that_stay() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3"]);
    let (names, others) = (NameServer::start(), NameServer::start());
    for (server, address) in [(&names, "127.0.0.2"), (&others, "127.0.0.3")] {
        let saying = Saying::Records(60, addresses(&[address]));
        server.say("web.example", saying);
    }
    let pool = format!("backends = [\"web.example:{port}\"]");
    let scene = Scene::start(names, &pool);
    let file = scene.folder.path().join("l4lb.toml");
    let text = fs::read_to_string(&file).unwrap();
    let [ours, theirs] = [&scene.names, &others].map(|it| it.address.to_string());
    let text = text.replace(&ours, &theirs);
    let taken = format!("[\"127.0.0.1:0\", \"{}\"]", scene.l4lb.address());
    fs::write(&file, text.replace("\"127.0.0.1:0\"", &taken)).unwrap();
    let asked = scene.names.asked("web.example");
    assert_ne!(scene.output("reload").status.code(), Some(0));
    eventually("a look", || scene.names.asked("web.example") > asked);
    scene.wait_for(&[&format!("127.0.0.2:{port} up 1")]);
}

#[test]
fn a_name_that_has_no_address_is_no_backend_in_what_would_change() {
    let pool = |backends: &str| {
        let health = "health = { type = \"off\" }\nbalance = \"source-hash\"";
        format!("backends = [{backends}]\n{health}")
    };
    let now = "\"127.0.0.2:1\", \"none.example:1\"";
    let scene = Scene::start(NameServer::start(), &pool(now));
    let file = scene.folder.path().join("new.toml");
    for (more, about) in [("127.0.0.3:1", 50.0), ("new.example:1", 50.0)] {
        let text = pool(&format!("{now}, \"{more}\""));
        fs::write(&file, Scene::file(&scene.names, &scene.folder, &text)).unwrap();
        let told = scene.says(&format!("config diff --json {}", file.display()));
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let share = told["moved"][0]["share"].as_f64().unwrap();
        assert!((share - about).abs() < 1.5, "{more}: {told}");
    }
}
