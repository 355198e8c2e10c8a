//! `config diff` says what a reload then does, and what becomes of sessions and clients by it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};

use serde_json::{Value, json};
use test_backends::{Behaviour, Server};

use super::Scene;
use crate::harness::{PATIENCE, eventually};
use crate::life::{expect_echo, site, whoami_over};

fn echoes<const N: usize>() -> [Server; N] {
    [(); N].map(|()| Server::start("127.0.0.1:0", Behaviour::Echo).unwrap())
}

/// Two listeners before two pools: a, b and c by source-hash, d.
fn file(servers: &[Server]) -> String {
    let at = |place: usize| servers[place].addr();
    format!(
        "drain_timeout = \"20s\"\n\
         [[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\nidle_timeout = \"1h\"\n\
         [[listener]]\nname = \"mail\"\nlisten = \"127.0.0.1:0\"\npool = \"post\"\n\
         [pool.app]\nbalance = \"source-hash\"\non_down = \"keep\"\n\
         health = {{ type = \"tcp\", interval = \"30ms\", rise = 1, fall = 1 }}\nbackends = [\n\
         {{ name = \"a\", address = \"{}\" }},\n{{ name = \"b\", address = \"{}\" }},\n\
         {{ name = \"c\", address = \"{}\" }},\n]\n\
         [pool.post]\nbackends = [{{ name = \"d\", address = \"{}\" }}]\n",
        at(0),
        at(1),
        at(2),
        at(3)
    )
}

impl Scene {
    /// A file beside the one that is served.
    fn write(&self, text: &str) -> String {
        let path = self.folder.path().join("next.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What the command says of a file with this text.
    #[track_caller]
    fn diff(&self, text: &str) -> String {
        self.says(&format!("config diff {}", self.write(text)))
    }

    #[track_caller]
    fn foresight(&self, text: &str) -> Value {
        let said = self.says(&format!("config diff {} --json", self.write(text)));
        serde_json::from_str(&said).unwrap()
    }

    /// The changes that a file with this text makes.
    #[track_caller]
    fn changes(&self, text: &str) -> Vec<String> {
        let foreseen = self.foresight(text);
        let changes = foreseen["changes"].as_array().unwrap().iter();
        changes.map(|it| it.as_str().unwrap().to_owned()).collect()
    }

    /// What the API answers to a configuration with this pool.
    fn post(&self, pool: &Value) -> String {
        let body = json!({
            "listener": [{ "name": "web", "listen": "127.0.0.1:0", "pool": "app" }],
            "pool": { "app": pool },
        });
        let (body, length) = (body.to_string(), body.to_string().len());
        let mut api = UnixStream::connect(self.folder.path().join("admin")).unwrap();
        api.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = "POST /v1/config/diff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                    Content-Type: application/json\r\n";
        write!(api, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        api.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Serves a file with this text: the log says that these changes are made, or that nothing is.
    #[track_caller]
    fn reload(&self, text: &str, changes: &[String]) {
        const NOTHING: &str = "nothing has changed";
        let lines = || {
            let log = self.l4lb.log();
            let said = log.iter().filter_map(|it| it.split_once("reloaded: "));
            said.map(|(_, what)| what.to_owned()).collect::<Vec<_>>()
        };
        let before = lines().len();
        fs::rename(self.write(text), self.folder.path().join("l4lb.toml")).unwrap();
        self.says("reload");
        // The file is watched as well: whoever comes second has nothing to do, perhaps only now of the
        // reload before this one.
        eventually(&format!("the log says {changes:?}"), || {
            let mut said = lines().split_off(before);
            let is_nothing_said = said.iter().any(|it| it == NOTHING);
            said.retain(|it| it != NOTHING);
            said == changes && (is_nothing_said || !changes.is_empty())
        });
    }

    /// Serves a file with this text, which changes something, or so the command says.
    #[track_caller]
    fn serve(&self, text: &str) {
        fs::rename(self.write(text), self.folder.path().join("l4lb.toml")).unwrap();
        self.says("reload");
    }

    /// A client of a listener, that has a backend; and which.
    #[track_caller]
    fn session(&self, listener: &str) -> (TcpStream, String) {
        let status = self.read("/v1/status");
        let mut all = status["listeners"].as_array().unwrap().iter();
        let found = all.find(|it| it["name"] == listener).unwrap();
        let mut client = TcpStream::connect(found["addresses"][0].as_str().unwrap()).unwrap();
        expect_echo(&mut client, b"here");
        let backend = self.backend_of(&client);
        (client, backend)
    }
}

#[test]
fn a_diff_says_what_the_reload_then_says_and_changes_nothing() {
    let servers = echoes::<4>();
    let text = file(&servers);
    let other = servers[3].addr().to_string();
    let table: [(&str, &str); 14] = [
        ("", ""),
        ("name = \"b\", ", "name = \"b\", weight = 5, "),
        ("name = \"b\"", "name = \"bb\""),
        (&servers[1].addr().to_string(), &other),
        ("\"source-hash\"", "\"first\""),
        ("\"keep\"", "\"reset\""),
        ("\"1h\"", "\"2h\""),
        ("\"20s\"", "\"21s\""),
        ("drain_timeout", "max_connections = 77\ndrain_timeout"),
        ("drain_timeout", "log = { level = \"warn\" }\ndrain_timeout"),
        ("name = \"mail\"", "name = \"post\""),
        ("pool = \"post\"", "pool = \"app\""),
        ("interval = \"30ms\"", "interval = \"40ms\""),
        (
            "drain_timeout",
            "access_log = { output = \"off\" }\nworkers = 3\ndrain_timeout",
        ),
    ];
    // With flags, which win over any file, and with what an operator has changed.
    let scene = Scene::start(&text, &["--workers=2", "--access-log=-"]);
    scene.says("weight b 3");
    scene.says("drain c");
    for (from, to) in table {
        let next = text.replacen(from, to, 1);
        let before = ["/v1/config", "/v1/pools"].map(|path| scene.read(path));
        let generation = scene.read("/v1/status")["generation"].clone();
        let foreseen = scene.changes(&next);
        let after = ["/v1/config", "/v1/pools"].map(|path| scene.read(path));
        assert_eq!(before, after, "{to}");
        assert_eq!(generation, scene.read("/v1/status")["generation"], "{to}");
        assert_eq!(
            foreseen.is_empty(),
            to.is_empty() || to.contains("workers"),
            "{to}"
        );
        if to.contains("warn") {
            continue; // the log would not say what was done
        }
        scene.reload(&next, &foreseen);
        scene.reload(&text, &scene.changes(&text));
    }
    assert_eq!(scene.diff(&text), "no change\n");
}

#[test]
fn what_takes_a_restart_is_said_to() {
    let servers = echoes::<4>();
    let text = file(&servers);
    let scene = Scene::start(&text, &[]);
    let said = scene.diff(&format!("workers = 3\n{text}"));
    assert_eq!(
        said,
        "workers 1 -> 3 (takes a restart)\n\n0 sessions are touched\n\n\
                      pool app: 0.0 % of its clients get another backend\n"
    );
}

#[test]
fn sessions_are_counted_once_and_what_is_said_of_them_is_so() {
    let mut servers = echoes::<4>();
    let text = file(&servers);
    let scene = Scene::start(&text, &[]);
    let (mut web, backend) = scene.session("web");
    let (mut mail, _) = scene.session("mail");
    let (_more, again) = scene.session("web");
    assert_eq!(backend, again, "one client");
    let place = "abc".find(&*backend).unwrap();
    // The backend of web's sessions is gone, and so are mail and its pool's only backend.
    let entry = format!(
        "{{ name = \"{backend}\", address = \"{}\" }},\n",
        servers[place].addr()
    );
    let start = text.find("[[listener]]\nname = \"mail\"").unwrap();
    let end = text.find("[pool.app]").unwrap();
    let mut next = text.replace(&entry, "");
    next.replace_range(start..end, "");
    let next = next.replace("name = \"d\"", "name = \"dd\"");
    let foreseen = scene.foresight(&next);
    let address = |place: usize| servers[place].addr().to_string();
    let wanted = json!({
        "total": 3,
        "listeners": [{ "listener": "mail", "sessions": 1, "fate": "finishes" }],
        "backends": [
            { "pool": "app", "backend": backend, "address": address(place), "sessions": 2,
              "fate": "finishes" },
            { "pool": "post", "backend": "d", "address": address(3), "sessions": 1,
              "fate": "finishes" },
        ],
        "settings": [],
    });
    assert_eq!(foreseen["sessions"], wanted);
    let said = scene.diff(&next);
    assert!(
        said.contains("\n\n3 sessions are touched\n  listener mail: 1 session to finish"),
        "{said}"
    );
    scene.serve(&next);
    expect_echo(&mut web, b"as it was said");
    expect_echo(&mut mail, b"as it was said");
    // Back there, they are other backends: what runs is not theirs.
    let back = scene.foresight(&text);
    assert_eq!(back["sessions"]["total"], 0);
    assert!(scene.diff(&text).contains("\n\n0 sessions are touched\n"));
    servers[place].stop();
}

#[test]
fn a_setting_that_holds_at_once_and_one_that_is_kept_are_told_apart() {
    let mut servers = echoes::<4>();
    let text = file(&servers);
    let scene = Scene::start(&text, &[]);
    let (mut web, backend) = scene.session("web");
    let (mut mail, _) = scene.session("mail");
    let next = text
        .replace("\"keep\"", "\"reset\"")
        .replace("\"1h\"", "\"300ms\"");
    let foreseen = scene.foresight(&next);
    let wanted = json!([
        { "setting": "listener web: idle_timeout", "sessions": 1, "fate": "keeps" },
        { "setting": "pool app: on_down", "sessions": 1, "fate": "changes" },
    ]);
    assert_eq!(foreseen["sessions"]["settings"], wanted);
    assert_eq!(foreseen["sessions"]["total"], 1);
    let longer = text.replace("\"20s\"", "\"21s\"");
    assert_eq!(scene.foresight(&longer)["sessions"]["total"], 2);
    scene.serve(&next);
    let (mut newer, _) = scene.session("web");
    assert_eq!(newer.read(&mut [0]).unwrap_or(0), 0, "idle for long enough");
    expect_echo(&mut web, b"the timeout that it has come with");
    servers["abc".find(&*backend).unwrap()].stop();
    let mut is_reset = false;
    eventually("the session ends with its backend", || {
        is_reset |= web.write_all(b"x").is_err();
        is_reset
    });
    expect_echo(&mut mail, b"another pool");
}

#[test]
fn the_share_of_clients_that_move_is_that_of_clients_who_are_counted() {
    const CLIENTS: u16 = 600;
    let sites: Vec<Server> = ["a", "b", "c", "d", "e"].map(site).into();
    let file = |names: &str| {
        let entries = names.chars().map(|name| {
            let place = "abcde".find(name).unwrap();
            format!(
                "{{ name = \"{name}\", address = \"{}\" }},\n",
                sites[place].addr()
            )
        });
        let entries: String = entries.collect();
        format!(
            "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
             [pool.app]\nbalance = \"source-hash\"\nhealth = {{ type = \"off\" }}\n\
             backends = [\n{entries}]\n"
        )
    };
    let scene = Scene::start(&file("abcd"), &[]);
    let mapping = || -> Vec<String> {
        let client = |number: u16| {
            let [high, low] = number.to_be_bytes();
            Ipv4Addr::new(127, 1, high, low.max(1))
        };
        let clients = (1..=CLIENTS).map(client);
        clients
            .map(|it| whoami_over(scene.connect_from(it.into())).unwrap())
            .collect()
    };
    let two = |text: String| text.replace("name = \"e\",", "name = \"e\", weight = 2,");
    let table = [
        ("drain d", file("acd")),
        ("ready c", file("abcde")),
        ("ready c", file("cbade")),
        ("ready c", file("ae")),
        // The file's word on the weight is newer than the operator's.
        ("weight e 0", two(file("ae"))),
        ("weight e 0", two(file("abe"))),
    ];
    for (words, next) in table {
        scene.says(words);
        let before = mapping();
        let foreseen = scene.foresight(&next);
        assert_eq!(foreseen["moved"].as_array().unwrap().len(), 1);
        let share = foreseen["moved"][0]["share"].as_f64().unwrap();
        scene.serve(&next);
        let after = mapping();
        let moved = before
            .iter()
            .zip(&after)
            .filter(|(was, is)| was != is)
            .count();
        let counted = 100.0 * f64::from(u16::try_from(moved).unwrap()) / f64::from(CLIENTS);
        // Four standard deviations are at most 4 * sqrt(1/4 / 600) = 8.2 %.
        assert!(
            (share - counted).abs() < 8.2,
            "{words}: {share} {counted}\n{next}"
        );
        let is_order_alone = next == file("cbade");
        assert_eq!(share == 0.0, is_order_alone, "{words}: {share}\n{next}");
    }
    let next = file("ae").replace("source-hash", "random");
    let moved = scene.foresight(&next)["moved"][0].clone();
    assert_eq!(moved["share"], Value::Null);
    let text = "pool app: all clients may get another backend (balance source-hash -> random)";
    assert_eq!(moved["text"], text);
}

/// What comes of the command with these words alone.
fn plain(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_l4lb"));
    command
        .args(["config", "diff"])
        .args(words)
        .output()
        .unwrap()
}

#[test]
fn two_files_are_compared_without_a_running_l4lb() {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:9000\"\npool = \"app\"\n\
                [pool.app]\nbalance = \"source-hash\"\nbackends = [\n\
                \"one.example:80\", \"two.example:80\", \"three.example:80\", \"four.example:80\",\n]\n";
    let old = write("old.toml", text);
    let new = write("new.toml", &text.replace(", \"four.example:80\"", ""));
    let output = plain(&[&new, "--from", &old]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    let (change, moved) = said.split_once("\n\n").unwrap();
    assert_eq!(change, "pool app: backend four.example:80 removed");
    let share = moved.strip_prefix("pool app: ").unwrap();
    let share: f64 = share.split(' ').next().unwrap().parse().unwrap();
    assert!((24.0..27.0).contains(&share), "{moved}");
    let output = plain(&["--json", "--from", &old, &old]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let moved = "pool app: 0.0 % of its clients get another backend";
    let wanted = json!({
        "changes": [],
        "moved": [{ "pool": "app", "share": 0.0, "text": moved }],
    });
    assert_eq!(json, wanted);
    assert_eq!(plain(&[&old, "--from", &old]).stdout, b"no change\n");

    let wrong = write("wrong.toml", &text.replace("source-hash", "sourcehash"));
    let missing = folder.path().join("missing.toml");
    let nobody = format!("--admin=unix:{}", folder.path().join("nobody").display());
    let table: [(&[&str], i32, &str); 6] = [
        (&[&wrong, "--from", &old], 78, "wrong.toml:6:11: "),
        (&[&old, "--from", &wrong], 78, "did you mean source-hash?"),
        (&[&wrong, &nobody], 78, "wrong.toml:6:11: "),
        (&[&old, &nobody], 3, "no l4lb answers at unix:"),
        (
            &[&old, "--from", missing.to_str().unwrap()],
            1,
            "cannot read",
        ),
        (&[&old, "--from", &old, &nobody], 2, "goes without --admin"),
    ];
    for (words, code, hint) in table {
        let output = plain(words);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {error}");
        assert!(error.contains(hint), "{words:?}: {error}");
    }
}

#[test]
fn a_file_of_backends_that_a_diff_names_holds_up_nobody_and_is_not_shown() {
    let servers = echoes::<4>();
    let scene = Scene::start(&file(&servers), &[]);
    let path = |name: &str| scene.folder.path().join(name).display().to_string();
    let ask = |list: &str| scene.post(&json!({ "backends_file": path(list) }));
    let made = Command::new("mkfifo").arg(path("pipe")).status();
    assert!(made.unwrap().success());
    let answer = ask("pipe");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // Who may ask is not who may read whatever l4lb can.
    fs::write(path("shadow"), "root:$6$secret:19000:0\n").unwrap();
    let answer = ask("shadow");
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(!answer.contains("secret"), "{answer}");
    assert!(answer.contains("l4lb check says where"), "{answer}");
}

#[test]
fn one_diff_is_worked_out_at_a_time_however_many_are_asked_for() {
    let backends: Vec<String> = (1..4000)
        .map(|port| format!("\"127.0.0.1:{port}\""))
        .collect();
    let text = format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nbalance = \"source-hash\"\nhealth = {{ type = \"off\" }}\nbackends = [{}]\n",
        backends.join(", ")
    );
    let scene = Scene::start(&text, &["--workers=1"]);
    let small = json!({ "balance": "source-hash", "backends": ["127.0.0.1:1"] });
    let tasks = format!("/proc/{}/task", scene.l4lb.pid());
    let working = || {
        let tasks = fs::read_dir(&tasks).unwrap().flatten();
        let names = tasks.map(|it| fs::read_to_string(it.path().join("comm")).unwrap_or_default());
        names.filter(|it| it.trim_end() == "foresight").count()
    };
    std::thread::scope(|scope| {
        let asked = [(); 16].map(|()| scope.spawn(|| scene.post(&small)));
        let mut most = 0;
        while !asked.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            most = most.max(working());
        }
        // One that has given its turn back may still be about to end.
        assert!(most <= 2, "{most} at once");
        let answers = asked.map(|it| it.join().unwrap());
        let is = |code: &str| answers.iter().filter(|it| it.starts_with(code)).count();
        let (done, busy) = (is("HTTP/1.1 200 "), is("HTTP/1.1 503 "));
        assert!(done > 0 && busy > 0 && done + busy == 16, "{answers:?}");
    });
}
