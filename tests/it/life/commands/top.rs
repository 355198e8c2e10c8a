//! `l4lb top`: in a terminal, and where there is none.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::{Line, PROGRAM, Scripted, say, told};
use crate::harness::eventually;
use crate::life::available;

const OVERVIEW: Line = (
    "GET /v1/overview",
    200,
    r#"{"at":"2026-11-20T12:25:10.000Z","version":"0.1.0 (abc) x86","pid":42,"uptime_seconds":75.0,
        "ready":true,"draining":false,"sentence":{"level":"good","text":"All is well."},
        "totals":{"sessions":13,"sessions_limit":9000,"connections_per_second":0.25,
        "bytes_in_per_second":0.0,"bytes_out_per_second":0.0,"errors_per_second":0.0,
        "connect_p50_ms":null,"connect_p99_ms":null,"backends_up":0,"backends":0},
        "counters":{"connections_total":40213,"bytes_in_total":2,"bytes_out_total":3,"errors_total":4},
        "listeners":[],"pools":[],
        "engine":{"workers":[],"descriptors":{"used":1,"limit":2},"pipes":{"used":0,"idle":0,"limit":1},
        "relay":{"copy_bytes_per_second":0.0,"splice_bytes_per_second":0.0},
        "access_log":{"lines_total":0,"dropped_total":0},"memory_bytes":1},
        "capabilities":{"writes":true,"token_required":false},"new_in_2027":true}"#,
);

/// What a terminal is told at the end: lines that go on, a cursor, and the screen of before.
const RESTORED: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

#[test]
fn where_there_is_no_terminal_it_says_how_things_are_once() {
    for words in ["top", "top --once"] {
        let text = told(&[OVERVIEW], words);
        assert!(
            text.starts_with("ok: All is well.\nl4lb 0.1.0, pid 42, up 1m15s, 12:25:10Z\n"),
            "{text}"
        );
        assert!(
            text.contains("in all: 40213 connections, 4 errors, 2 bytes in, 3 bytes out"),
            "{text}"
        );
        assert!(!text.contains('\x1b'));
    }
    let json: serde_json::Value = serde_json::from_str(&told(&[OVERVIEW], "top --json")).unwrap();
    let said: serde_json::Value = serde_json::from_str(OVERVIEW.2).unwrap();
    assert_eq!(json, said);
    let ((out, err, code), _) = say(&[], "top --once");
    assert_eq!(
        (out.as_str(), err.as_str(), code),
        ("", "l4lb: nothing is here\n", Some(1))
    );
}

/// `l4lb top` in a terminal of script(1).
struct Terminal {
    script: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
}

impl Terminal {
    /// With its exit code and the terminal's state printed after it.
    fn open(admin: &str, environment: &str) -> Self {
        let line = format!(
            "stty rows 20 cols 100; {environment} {PROGRAM} top --admin {admin}; echo code $?; stty -a"
        );
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .env_remove("NO_COLOR");
        let script = script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = script.spawn().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut output, sink) = (script.stdout.take().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                *sink.lock().unwrap() += &String::from_utf8_lossy(&bytes[..count]);
            }
        });
        let keys = script.stdin.take().unwrap();
        Self {
            script,
            keys,
            shown,
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
        self.keys.flush().unwrap();
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        eventually(text, || self.shown.lock().unwrap().contains(text));
    }

    /// Waits for its end, and checks that the terminal is as it was.
    #[track_caller]
    fn expect_end(mut self, code: u8) {
        self.wait_for("eol2");
        let shown = self.shown.lock().unwrap().clone();
        let (_, after) = shown.rsplit_once(RESTORED).expect("a restored screen");
        assert!(after.contains(&format!("code {code}")), "{after:?}");
        eventually("the rest of stty", || {
            let shown = self.shown.lock().unwrap();
            shown.contains(" icanon") && shown.contains(" echo ")
        });
        let _ = self.script.wait();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[test]
fn in_a_terminal_it_goes_on_until_a_key_is_pressed_and_leaves_no_trace() {
    if !available("script") {
        return;
    }
    for key in [b"q", b"\x03"] {
        let server = Scripted::start(&[OVERVIEW]);
        let mut terminal = Terminal::open(&server.address, "");
        terminal.wait_for("\x1b[32mok\x1b[0m: All is well.");
        eventually("it asks again", || server.asked().len() >= 3);
        terminal.press(b"x");
        terminal.press(key);
        terminal.expect_end(0);
    }
}

#[test]
fn no_color_is_honoured_and_nobody_there_at_the_beginning_is_exit_code_3() {
    if !available("script") {
        return;
    }
    let server = Scripted::start(&[OVERVIEW]);
    let mut terminal = Terminal::open(&server.address, "NO_COLOR=1");
    terminal.wait_for("ok: All is well.");
    terminal.press(b"q");
    terminal.expect_end(0);
    let terminal = Terminal::open("127.0.0.1:1", "");
    terminal.wait_for("code 3");
    let shown = terminal.shown.lock().unwrap().clone();
    assert!(!shown.contains("\x1b[?1049h"), "{shown:?}");
}
