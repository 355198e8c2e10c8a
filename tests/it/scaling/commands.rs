//! Commands that fail, hang, print nonsense or too much: nothing is changed, and the log says why.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use test_backends::{Behaviour, Server};

use super::{Scene, runs};
use crate::harness::{eventually, resident_bytes};
use crate::life::{available, expect_echo, site};

/// One backend where two are wanted.
const ONCE: &str = "target = 1, min = 2, max = 3, after = \"1ms\", cool_down = \"1h\"";

/// The same; failures are tried again at once.
const HASTY: &str =
    "target = 1, min = 2, max = 3, after = \"1ms\", cool_down = \"1ms\", timeout = \"20s\"";

/// What a command does after it has printed something good, and what the log says of that.
const BAD: [(&str, &str); 12] = [
    ("exit 3", "exit code 3"),
    (
        "printf 'no\\033[1m\\nluck\\n' >&2; exit 1",
        "exit code 1; it said: no\\u{1b}[1m\\nluck",
    ),
    ("kill -9 $$", "killed by signal 9"),
    (
        "echo hello world",
        "line 2 of the output: \"hello world\" is neither",
    ),
    ("printf '\\377'", "the output is not UTF-8"),
    ("echo add c=x:1,weigh=2", "did you mean weight?"),
    (
        "printf 'add c=\\033[1m\\n'",
        "add c=\\u{1b}[1m: '\\u{1b}[1m' has no port",
    ),
    (
        "echo add c=127.0.0.1:2; echo add d=127.0.0.1:3",
        "4 backends are more than the most, 3",
    ),
    ("echo add b=127.0.0.1:2", "there is a backend b already"),
    ("echo remove x", "there is no backend \"x\""),
    (
        "echo remove a; echo remove b",
        "0 in service are fewer than the fewest, 2",
    ),
    ("exec yes add", "it printed more than 65536 bytes"),
];

#[test]
fn a_bad_answer_changes_nothing_and_the_log_says_what_was_wrong() {
    let a = site("a");
    let pool = |name: &str, does: &str| {
        let (does, address) = (format!("echo add b=127.0.0.1:1; {does}"), a.addr());
        format!(
            "[pool.{name}]\nhealth = {{ type = \"off\" }}\n\
             scale = {{ command = [\"/bin/sh\", \"-c\", {}], {ONCE} }}\n\
             backends = [{{ name = \"a\", address = \"{address}\" }}]\n",
            serde_json::Value::from(does)
        )
    };
    let all = BAD.iter().zip(1..);
    let bad: String = all
        .clone()
        .map(|((does, _), number)| pool(&format!("bad{number}"), does))
        .collect();
    let good = pool(
        "app",
        "echo '# one more'; echo; echo add c=127.0.0.1:2,weight=2",
    );
    let listener = "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n";
    let folder = tempfile::TempDir::new().unwrap();
    let mut scene = Scene::run(folder, &[listener, &good, &bad].concat());
    for ((_, says), number) in all {
        let begin = format!("pool bad{number}: scale up: failed: ");
        scene.l4lb.wait_for_log(&begin);
        let log = scene.l4lb.log();
        let line = log.iter().find(|it| it.contains(&begin)).unwrap();
        assert!(line.contains(says), "{says}: {line}");
    }
    scene
        .l4lb
        .wait_for_log("pool app: scale up: b added (127.0.0.1:1), c added (127.0.0.1:2)");
    let mut names = scene.names();
    names.sort_unstable();
    let wanted = vec!["a"; BAD.len() + 1].into_iter().chain(["b", "c"]);
    assert!(names.iter().eq(wanted), "{names:?}");
}

#[test]
fn a_program_that_is_not_there_is_a_failure_like_others() {
    let a = site("a");
    let folder = tempfile::TempDir::new().unwrap();
    let text = super::file(&a, &format!("command = [\"/no/such\"], {HASTY}"), "");
    let mut scene = Scene::run(folder, &text);
    scene
        .l4lb
        .wait_for_log("failed: cannot run /no/such: no such file or directory");
    let last = scene.scale()["last_run"].clone();
    assert_eq!(last["event"], "up");
    assert!(
        last["outcome"].as_str().unwrap().starts_with("failed: "),
        "{last}"
    );
}

/// The shell dies of TERM, its child does not care.
const HANGS: &str =
    "sh -c 'trap \"\" TERM; sleep 300' & echo $! > $0.child; echo $$ > $0.own; wait";

/// The shell dies of TERM at once, its child takes a moment over it.
const OBEYS: &str = "sh -c 'trap \"sleep 0.5; echo clean > $0; exit\" TERM; while :; do sleep 0.1; done' $0.clean & wait";

/// Joins the group of l4lb, where no signal for its own one reaches it.
const LEAVES: &str = "exec python3 -c '\n\
    import os, sys, time\n\
    os.setpgid(0, os.getpgid(os.getppid()))\n\
    open(sys.argv[1], \"w\").write(f\"{os.getpid()}\\n\")\n\
    time.sleep(300)\n\
    ' $0.own";

#[test]
fn a_command_that_takes_too_long_is_ended_with_all_its_children_who_may_clean_up_before() {
    let a = site("a");
    let folder = tempfile::TempDir::new().unwrap();
    let pool = |name: &str, manner: &str| {
        let (zero, address) = (folder.path().join(name), a.addr());
        let manner = serde_json::Value::from(manner);
        format!(
            "[pool.{name}]\nhealth = {{ type = \"off\" }}\n\
             scale = {{ command = [\"/bin/sh\", \"-c\", {manner}, {zero:?}], {ONCE}, timeout = \"1s\" }}\n\
             backends = [{{ name = \"a\", address = \"{address}\" }}]\n"
        )
    };
    let listener = "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"hangs\"\n";
    let has_python = available("python3");
    let leaves = if has_python {
        &pool("leaves", LEAVES)
    } else {
        ""
    };
    let text = [
        listener,
        &pool("hangs", HANGS),
        &pool("obeys", OBEYS),
        leaves,
    ];
    let mut scene = Scene::run(folder, &text.concat());
    let (child, own) = (scene.written("hangs.child"), scene.written("hangs.own"));
    assert!(runs(&child) && runs(&own));
    let failed = |name| format!("pool {name}: scale up: failed: it did not end within 1s");
    scene.l4lb.wait_for_log(&failed("obeys"));
    assert_eq!(scene.written("obeys.clean"), "clean\n");
    scene.l4lb.wait_for_log(&failed("hangs"));
    assert!(!runs(&own), "the command is killed");
    assert!(!runs(&child), "its child is killed");
    if has_python {
        scene.l4lb.wait_for_log(&failed("leaves"));
        let own = scene.written("leaves.own");
        assert!(!runs(&own), "the one that has left its group is killed");
    }
}

#[test]
fn what_leaves_the_group_stays_and_holds_up_nobody() {
    let a = site("a");
    // It keeps the pipe that l4lb reads.
    let manner = "setsid sleep 300 & echo $! > $0.child; echo add b=127.0.0.1:1";
    let mut scene = Scene::start(&a, HASTY, manner);
    scene.l4lb.wait_for_log("scale up: b added");
    let child = scene.written("command.child");
    assert!(runs(&child));
    let killed = std::process::Command::new("kill")
        .arg(child.trim())
        .status();
    assert!(killed.unwrap().success());
}

#[test]
fn a_flood_on_both_pipes_takes_neither_memory_nor_service() {
    let a = site("a");
    let mut scene = Scene::start(
        &a,
        HASTY,
        "yes no >&2 | head -c 1000000000 & yes add >&2 & exec yes",
    );
    let before = resident_bytes(scene.l4lb.pid());
    scene
        .l4lb
        .wait_for_log("failed: it printed more than 65536 bytes; it said: ");
    let grown = resident_bytes(scene.l4lb.pid()).saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes");
    let longest = scene.l4lb.log().iter().map(String::len).max();
    assert!(longest < Some(8192), "{longest:?}");
    assert_eq!(crate::life::whoami(scene.l4lb.address()).unwrap(), "a");
}

#[test]
fn a_command_starts_with_nothing_of_l4lb_but_its_environment() {
    let a = site("a");
    let manner = "ls -l /proc/self/fd > $0.fds; grep -E 'SigIgn|SigBlk' /proc/self/status > $0.signals; \
                  ps -o pgid= $$ > $0.group; echo $$ > $0.own; exit 1";
    let scene = Scene::start(&a, HASTY, manner);
    let descriptors = scene.written("command.fds");
    assert!(
        !descriptors.contains("socket:") && !descriptors.contains("anon_inode"),
        "{descriptors}"
    );
    let signals = scene.written("command.signals");
    let masks = signals
        .lines()
        .map(|it| it.split_whitespace().last().unwrap());
    let masks = masks.map(|it| u64::from_str_radix(it, 16).unwrap());
    // SIGPIPE is 13: its bit is the thirteenth.
    assert!(masks.clone().all(|mask| mask & (1 << 12) == 0), "{signals}");
    assert_eq!(
        masks.clone().next(),
        Some(0),
        "nothing is blocked: {signals}"
    );
    let group = scene.written("command.group");
    assert_eq!(
        group.trim(),
        scene.written("command.own").trim(),
        "a group of its own"
    );
    let environment = scene.written("command.env");
    for line in [
        "L4LB_POOL=app",
        "L4LB_EVENT=up",
        "L4LB_SESSIONS=0",
        "L4LB_TARGET=1",
        "L4LB_BACKENDS=1",
        "L4LB_WANTED=2",
        "L4LB_MIN=2",
        "L4LB_MAX=3",
        "L4LB_NAMES=a",
    ] {
        assert!(
            environment.lines().any(|it| it == line),
            "{line}: {environment}"
        );
    }
}

#[test]
fn a_command_that_runs_is_ended_when_l4lb_is() {
    let a = site("a");
    // It takes its time to clean up.
    let manner = "trap 'sleep 0.3; exit' TERM; sleep 300 & echo $! > $0.child; echo $$ > $0.own; \
                  while :; do sleep 0.1; done";
    let mut scene = Scene::start(&a, HASTY, manner);
    let (own, child) = (scene.written("command.own"), scene.written("command.child"));
    scene.l4lb.signal("TERM");
    assert_eq!(scene.l4lb.wait().code(), Some(0));
    assert!(!runs(&own) && !runs(&child));
}

#[test]
fn a_second_stop_signal_does_not_wait_for_a_stubborn_command() {
    let a = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let manner = "trap '' TERM; echo $$ > $0.own; while :; do sleep 0.1; done";
    // While sessions have time to end, and when nothing is left but the command.
    let scenes = [(); 2].map(|()| Scene::start(&a, HASTY, manner));
    for (mut scene, has_session) in scenes.into_iter().zip([true, false]) {
        let own = scene.written("command.own");
        let mut client = scene.l4lb.connect();
        expect_echo(&mut client, b"x");
        if !has_session {
            client.shutdown(Shutdown::Both).unwrap();
            scene.l4lb.wait_for_access_log(1);
        }
        let start = Instant::now();
        scene.l4lb.signal("TERM");
        scene.l4lb.wait_for_log("draining");
        scene.l4lb.signal("TERM");
        assert_eq!(scene.l4lb.wait().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(4), "{has_session}");
        eventually("it is killed", || !runs(&own));
    }
}

#[test]
fn whoever_has_started_l4lb_so_that_children_are_not_waited_for_is_no_hindrance() {
    let a = site("a");
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("l4lb.toml");
    let command = format!("command = [\"echo\", \"add b={}\"], {ONCE}", a.addr());
    std::fs::write(&path, super::file(&a, &command, "")).unwrap();
    let options = crate::harness::Options::new()
        .arg("--config")
        .arg(path.to_str().unwrap());
    let mut l4lb = options.wrapped_in(&["env", "--ignore-signal=CHLD"]).start();
    l4lb.wait_for_log("pool app: scale up: b added");
}

#[test]
fn thousands_of_names_are_no_hindrance() {
    let a = site("a");
    let number = 3000;
    let backends = (0..number).map(|it| {
        let (name, address) = (format!("{it:0>60}"), a.addr());
        format!("{{ name = \"{name}\", address = \"{address}\" }}")
    });
    let backends: Vec<String> = backends.collect();
    let folder = tempfile::TempDir::new().unwrap();
    let command = "command = [\"/bin/sh\", \"-c\", \"echo \\\"names: ${L4LB_NAMES-none}\\\" | head -c 60 >&2; exit 1\"]";
    let text = super::file(
        &a,
        &format!("{command}, {}", ONCE.replace("max = 3", "max = 9999")),
        "",
    );
    let text = text.replace(
        "backends = [",
        &format!("backends = [{}, ", backends.join(", ")),
    );
    let mut scene = Scene::run(folder, &text);
    scene
        .l4lb
        .wait_for_log("pool app: scale down: failed: exit code 1; it said: names: none");
}
