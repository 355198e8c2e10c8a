//! A configuration file that changes under a running l4lb.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;
use test_backends::Server;

use super::{echo, expect_echo, let_pass, site, whoami};
use std::time::Duration;

use crate::harness::{L4lb, Options, PATIENCE, cpu_time, eventually, size};

/// A file, and an l4lb that runs from it.
struct Scene {
    folder: TempDir,
    l4lb: L4lb,
}

impl Scene {
    fn start(text: &str, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("l4lb.toml");
        fs::write(&path, text).unwrap();
        let options = Options::new()
            .arg("--config")
            .arg(&path.display().to_string());
        let l4lb = arguments
            .iter()
            .fold(options, |all, it| all.arg(it))
            .start();
        Self { folder, l4lb }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("l4lb.toml")
    }

    /// Puts `text` in the place of the file, as editors do: at no time is there half a file.
    fn replace(&self, text: &str) {
        let new = self.folder.path().join(".l4lb.toml.new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, self.path()).unwrap();
    }

    /// Replaces the file, and waits until the log says so.
    fn change(&mut self, text: &str, says: &str) {
        self.replace(text);
        self.l4lb.wait_for_log(says);
    }

    fn log_lines(&self, text: &str) -> usize {
        self.l4lb
            .log()
            .iter()
            .filter(|it| it.contains(text))
            .count()
    }
}

/// A file with one listener, and a pool of these backends: name, server, further keys.
fn file(backends: &[(&str, &Server, &str)], pool: &str) -> String {
    let entries = backends.iter().map(|(name, server, more)| {
        format!(
            "  {{ name = \"{name}\", address = \"{}\"{more} }},\n",
            server.addr()
        )
    });
    let entries: String = entries.collect();
    format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\n\
         [pool.app]\n{pool}\nbackends = [\n{entries}]\n"
    )
}

#[test]
fn a_changed_file_is_served_at_once_and_sessions_go_on() {
    let (a, b, c) = (site("a"), site("b"), echo());
    let mut scene = Scene::start(&file(&[("c", &c, "")], ""), &[]);
    let address = scene.l4lb.address();
    let mut session = scene.l4lb.connect();
    expect_echo(&mut session, b"before");
    let next = file(
        &[("a", &a, ""), ("b", &b, ", weight = 2")],
        "balance = \"first\"",
    );
    scene.change(&next, "reloaded: pool app: balance round-robin -> first");
    scene
        .l4lb
        .wait_for_log("reloaded: pool app: backend a added");
    scene
        .l4lb
        .wait_for_log("reloaded: pool app: backend c removed");
    assert_eq!(whoami(address).unwrap(), "a");
    expect_echo(&mut session, b"after");
    let weights = file(&[("b", &b, ", weight = 2"), ("a", &a, "")], "");
    scene.change(&weights, "balance first -> round-robin");
    let names: String = (0..6).map(|_| whoami(address).unwrap()).collect();
    assert_eq!(names.matches('b').count(), 4, "{names}");
}

#[test]
fn hup_reads_the_file_and_a_wrong_one_changes_nothing() {
    let (a, b) = (site("a"), site("b"));
    let mut scene = Scene::start(&file(&[("a", &a, "")], ""), &[]);
    scene.change("[pool.app]\nbalence = 3\n", "not reloaded: ");
    scene.l4lb.wait_for_log("l4lb.toml:2:1: ");
    assert_eq!(whoami(scene.l4lb.address()).unwrap(), "a");
    // In place, and with a signal: the file may lie where nothing can be watched.
    fs::write(scene.path(), file(&[("b", &b, "")], "")).unwrap();
    scene.l4lb.signal("HUP");
    scene
        .l4lb
        .wait_for_log("reloaded: pool app: backend b added");
    assert_eq!(whoami(scene.l4lb.address()).unwrap(), "b");
    scene.l4lb.signal("HUP");
    scene.l4lb.wait_for_log("reloaded: nothing has changed");
}

#[test]
fn a_link_that_is_swapped_beside_the_file_is_a_change_of_it() {
    let (a, b) = (site("a"), site("b"));
    let folder = TempDir::new().unwrap();
    // As Kubernetes mounts a config map: l4lb.toml -> ..data/l4lb.toml, ..data -> ..1
    let version = |number: u32, text: &str| {
        let name = format!("..{number}");
        fs::create_dir(folder.path().join(&name)).unwrap();
        fs::write(folder.path().join(&name).join("l4lb.toml"), text).unwrap();
        let link = folder.path().join("..data_tmp");
        std::os::unix::fs::symlink(&name, &link).unwrap();
        fs::rename(link, folder.path().join("..data")).unwrap();
    };
    version(1, &file(&[("a", &a, "")], ""));
    let path = folder.path().join("l4lb.toml");
    std::os::unix::fs::symlink("..data/l4lb.toml", &path).unwrap();
    let mut l4lb = Options::new()
        .arg("--config")
        .arg(&path.display().to_string())
        .start();
    assert_eq!(whoami(l4lb.address()).unwrap(), "a");
    version(2, &file(&[("b", &b, "")], ""));
    l4lb.wait_for_log("reloaded: pool app: backend b added");
    assert_eq!(whoami(l4lb.address()).unwrap(), "b");
}

#[test]
fn listeners_come_go_and_swap_without_a_refused_connection_on_the_others() {
    let (a, b) = (site("a"), site("b"));
    let ports: Vec<u16> = {
        let free = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        free.iter()
            .map(|it| it.local_addr().unwrap().port())
            .collect()
    };
    let text = |listeners: &[(&str, u16, &str)]| {
        let listener = |(name, port, pool): &(&str, u16, &str)| {
            format!(
                "[[listener]]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\npool = \"{pool}\"\n"
            )
        };
        let listeners: String = listeners.iter().map(listener).collect();
        let pools = [("pa", &a), ("pb", &b)];
        let pools =
            pools.map(|(name, it)| format!("[pool.{name}]\nbackends = [\"{}\"]\n", it.addr()));
        listeners + &pools.concat()
    };
    let at = |port: u16| whoami(([127, 0, 0, 1], port).into());
    let mut scene = Scene::start(
        &text(&[("one", ports[0], "pa"), ("two", ports[1], "pb")]),
        &[],
    );
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(at(ports[0]).is_ok(), "the first one refused");
            }
        });
        let third = text(&[
            ("one", ports[0], "pa"),
            ("two", ports[1], "pb"),
            ("three", ports[2], "pa"),
        ]);
        scene.change(&third, "reloaded: listener three added");
        assert_eq!(at(ports[2]).unwrap(), "a");
        // They swap their addresses, and so their pools.
        scene.change(
            &text(&[("one", ports[1], "pa"), ("two", ports[0], "pb")]),
            "listener three removed",
        );
        assert_eq!([at(ports[0]).unwrap(), at(ports[1]).unwrap()], ["b", "a"]);
        eventually("the third one is closed", || at(ports[2]).is_err());
        done.store(true, Ordering::Relaxed);
    });
    // An address that is taken: nothing changes, and nothing is lost.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    scene.change(
        &text(&[("one", ports[1], "pa"), ("two", port, "pb")]),
        "not reloaded: cannot listen",
    );
    assert_eq!([at(ports[0]).unwrap(), at(ports[1]).unwrap()], ["b", "a"]);
}

/// An address with the port of `socket`, in a file of one listener.
fn at_address(ip: &str, port: u16, server: &Server) -> String {
    format!(
        "[[listener]]\nname = \"web\"\nlisten = \"{ip}:{port}\"\npool = \"app\"\n\n\
         [pool.app]\nbackends = [\"{}\"]\n",
        server.addr()
    )
}

#[test]
fn an_address_is_narrowed_and_widened_under_load_without_a_refused_connection() {
    let a = site("a");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut scene = Scene::start(&at_address("0.0.0.0", port, &a), &["--workers", "2"]);
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let answer = whoami(([127, 0, 0, 1], port).into());
                assert_eq!(answer.unwrap(), "a", "after {asked:?} requests");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        for ip in ["127.0.0.1", "0.0.0.0", "127.0.0.1", "[::]", "127.0.0.1"] {
            let before = asked.load(Ordering::Relaxed);
            scene.replace(&at_address(ip, port, &a));
            scene
                .l4lb
                .wait_for_log(&format!("listening on {ip}:{port} (web)"));
            eventually("the other address, open or closed", || {
                TcpStream::connect(("127.0.0.2", port)).is_err() == (ip == "127.0.0.1")
            });
            eventually("requests after it", || {
                asked.load(Ordering::Relaxed) > before + 20
            });
        }
        done.store(true, Ordering::Relaxed);
    });
    let other = std::net::TcpListener::bind(("127.0.0.1", port));
    assert!(other.is_err(), "nobody else may have the port");
}

/// What the file says in this round: other backends, weights and timeouts than in the last, and a pool
/// for long flows that stays the same.
fn varied(round: usize, servers: &[Server; 3], long: &Server) -> String {
    let names = ["a", "b", "c"];
    let missing = if round.is_multiple_of(4) {
        3
    } else {
        round % 3
    };
    let some = (0..3).filter(|it| *it != missing);
    let weight = format!(", weight = {}", 1 + round % 5);
    let backends: Vec<_> = some.map(|it| (names[it], &servers[it], &*weight)).collect();
    let pool = format!(
        "connect_timeout = \"{}s\"\nretries = {}",
        1 + round % 3,
        round % 3
    );
    let flows = format!(
        "\n[[listener]]\nname = \"long\"\nlisten = \"127.0.0.1:0\"\npool = \"long\"\n\
         [pool.long]\nbackends = [\"{}\"]\n",
        long.addr()
    );
    file(&backends, &pool) + &flows
}

/// Where the listener of long flows is.
fn long_address(l4lb: &L4lb) -> String {
    let log = l4lb.log();
    let line = log.iter().find(|it| it.ends_with("(long)")).unwrap();
    line.split(' ').nth(2).unwrap().to_owned()
}

#[test]
fn a_hundred_reloads_under_load_fail_nobody_and_touch_no_flow() {
    let servers = [site("a"), site("b"), site("c")];
    let long = echo();
    let mut scene = Scene::start(&varied(0, &servers, &long), &["--workers=2"]);
    let (address, to) = (scene.l4lb.address(), long_address(&scene.l4lb));
    let mut flows: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(&to).unwrap()).collect();
    for flow in &mut flows {
        flow.set_read_timeout(Some(PATIENCE)).unwrap();
        expect_echo(flow, b"begin");
    }
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    whoami(address).expect("a client was refused or cut");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=usize::try_from(size(100, 1000)).unwrap() {
            let before = scene.log_lines("reloaded: ");
            scene.replace(&varied(round, &servers, &long));
            scene.l4lb.signal("HUP");
            eventually("it is reloaded", || scene.log_lines("reloaded: ") > before);
            for flow in flows.iter_mut().skip(round % 10).step_by(10) {
                expect_echo(flow, b"in the midst");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(served.into_inner() > 100);
    assert_eq!(scene.log_lines("not reloaded"), 0);
    flows.iter_mut().for_each(|flow| expect_echo(flow, b"end"));
    drop(flows);
    let lines = |what: &str| {
        let log = scene.l4lb.access_log();
        log.iter().filter(|it| it.contains(what)).count()
    };
    eventually("all flows have ended", || lines(" long ") == 50);
    assert_eq!(lines(" -- "), scene.l4lb.access_log().len());
    scene.l4lb.signal("TERM");
    assert_eq!(scene.l4lb.wait().code(), Some(0));
}

#[test]
fn a_pool_that_is_renamed_under_a_listener_loses_no_client() {
    let (a, b) = (site("a"), site("b"));
    let text = |round: usize| {
        let text = file(&[("a", &a, ""), ("b", &b, "")], "");
        let name = format!("p{}", round % 7);
        text.replace("\"app\"", &format!("\"{name}\""))
            .replace("[pool.app]", &format!("[pool.{name}]"))
    };
    let scene = Scene::start(&text(0), &["--workers=2"]);
    let address = scene.l4lb.address();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    whoami(address).expect("a client was refused or cut");
                }
            });
        }
        for round in 1..=usize::try_from(size(60, 600)).unwrap() {
            let before = scene.log_lines("reloaded: ");
            scene.replace(&text(round));
            scene.l4lb.signal("HUP");
            eventually("it is reloaded", || scene.log_lines("reloaded: ") > before);
        }
        done.store(true, Ordering::Relaxed);
    });
    let log = scene.l4lb.access_log();
    assert!(log.iter().all(|line| line.contains(" -- ")));
}

#[test]
fn a_watched_folder_in_which_nothing_stirs_costs_nothing() {
    let a = site("a");
    let scene = Scene::start(&file(&[("a", &a, "")], "health = { type = \"off\" }"), &[]);
    assert_eq!(whoami(scene.l4lb.address()).unwrap(), "a");
    let_pass(Duration::from_millis(300));
    let before = context_switches(scene.l4lb.pid());
    let_pass(Duration::from_secs(1));
    let wakes = context_switches(scene.l4lb.pid()) - before;
    assert!(wakes <= 5, "{wakes} wakes in an idle second");
}

/// How often the threads of a process have gone to sleep so far (proc(5), status).
fn context_switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let switches = tasks.flatten().map(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let line = status
            .lines()
            .find(|it| it.starts_with("voluntary_ctxt_switches"));
        let count = line.and_then(|it| it.split_whitespace().nth(1));
        count.unwrap().parse::<u64>().unwrap()
    });
    switches.sum()
}

#[test]
fn a_change_is_seen_in_a_folder_where_something_stirs_all_the_time() {
    let (a, b) = (site("a"), site("b"));
    let mut scene = Scene::start(&file(&[("a", &a, "")], ""), &[]);
    let done = AtomicBool::new(false);
    let noise = scene.folder.path().join("other.log");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::write(&noise, "line").unwrap();
                let_pass(Duration::from_millis(20));
            }
        });
        scene.change(
            &file(&[("b", &b, "")], ""),
            "reloaded: pool app: backend b added",
        );
        done.store(true, Ordering::Relaxed);
    });
}

/// A file of two listeners with a pool each, or of the first alone.
fn one_or_two(ports: [u16; 2], servers: [&Server; 2], count: usize) -> String {
    let part = |(port, server): (&u16, &&Server)| {
        format!(
            "[[listener]]\nname = \"l{port}\"\nlisten = \"127.0.0.1:{port}\"\npool = \"p{port}\"\n\
             [pool.p{port}]\nbackends = [\"{}\"]\n",
            server.addr()
        )
    };
    ports.iter().zip(&servers).take(count).map(part).collect()
}

#[test]
fn clients_who_wait_at_a_listener_that_goes_with_its_pool_are_served() {
    let (a, b) = (site("a"), site("b"));
    for workers in ["--workers=1", "--workers=2"] {
        let free = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = [0, 1].map(|it| free[it].local_addr().unwrap().port());
        drop(free);
        let scene = Scene::start(&one_or_two(ports, [&a, &b], 2), &[workers]);
        scene.l4lb.signal("STOP");
        let waiting: Vec<TcpStream> = (0..500)
            .map(|_| TcpStream::connect(("127.0.0.1", ports[1])).unwrap())
            .collect();
        scene.replace(&one_or_two(ports, [&a, &b], 1));
        scene.l4lb.signal("HUP");
        scene.l4lb.signal("CONT");
        for (number, client) in waiting.into_iter().enumerate() {
            let answer = super::whoami_over(client);
            assert_eq!(answer.unwrap(), "b", "client {number}, {workers}");
        }
    }
}

#[test]
fn whoever_waits_for_a_pool_and_is_moved_to_another_one_keeps_nobody_busy() {
    let (a, b) = (echo(), echo());
    let text = |pool: &str| {
        let listener = |name: &str, pool: &str| {
            format!(
                "[[listener]]\nname = \"{name}\"\nlisten = \"127.0.0.1:0\"\npool = \"{pool}\"\n\n"
            )
        };
        let pool_of = |name: &str, server: &Server| {
            let at = server.addr();
            format!(
                "[pool.{name}]\nqueue_timeout = \"1m\"\n\
                 backends = [{{ name = \"b\", address = \"{at}\", max_connections = 1 }}]\n\n"
            )
        };
        let listeners = listener("web", pool) + &listener("side", "second");
        listeners + &pool_of("first", &a) + &pool_of("second", &b)
    };
    let mut scene = Scene::start(&text("first"), &[]);
    let mut first = scene.l4lb.connect();
    expect_echo(&mut first, b"first");
    let side = address_of(&scene.l4lb, "side");
    let mut second = TcpStream::connect(side).unwrap();
    expect_echo(&mut second, b"second");
    let mut moved = scene.l4lb.connect();
    let_pass(Duration::from_millis(100));
    scene.change(
        &text("second"),
        "reloaded: listener web: pool first -> second",
    );
    drop(first); // there is room, but none where the client waits now
    let_pass(Duration::from_millis(100));
    let before = cpu_time(scene.l4lb.pid());
    let_pass(Duration::from_millis(500));
    let spent = cpu_time(scene.l4lb.pid()) - before;
    assert!(spent < Duration::from_millis(100), "{spent:?}");
    drop(second);
    expect_echo(&mut moved, b"served");
}

/// Where the listener of this name listens.
fn address_of(l4lb: &L4lb, name: &str) -> std::net::SocketAddr {
    let (log, end) = (l4lb.log(), format!(" ({name})"));
    let line = log
        .iter()
        .find(|it| it.contains("listening on ") && it.contains(&end));
    let text = line.unwrap().split("listening on ").nth(1).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
