//! The real program with a file: streams and exit codes.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::SMALL;
use crate::harness::Options;
use crate::life::{site, whoami};

/// A folder with files in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// The path of a file with this text.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Standard output, standard error and the exit code; one that does not end is ended, with code 124.
fn run(words: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new("timeout");
    command
        .arg("20")
        .arg(env!("CARGO_BIN_EXE_l4lb"))
        .args(words);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

#[test]
fn a_right_file_is_counted_on_standard_output() {
    let folder = Folder::new();
    let file = folder.file("l4lb.toml", super::EXAMPLE);
    let wanted = format!("{file}: OK (4 listeners, 2 pools, 6 backends)\n");
    let missing =
        "l4lb: cannot read /etc/l4lb/app.backends: no such file or directory: it may come\n";
    for words in [
        &["check", &file][..],
        &["--config", &file, "--check"],
        &["--check", &format!("--config={file}"), "--workers=auto"],
    ] {
        assert_eq!(
            run(words),
            (wanted.clone(), missing.to_owned(), Some(0)),
            "{words:?}"
        );
    }
    let small = folder.file(
        "small.json",
        r#"{"listener": [{"name": "a", "listen": ":1", "pool": "p"}],
        "pool": {"p": {"backends": ["a:1"]}}}"#,
    );
    let wanted = format!("{small}: OK (1 listener, 1 pool, 1 backend)\n");
    assert_eq!(run(&["check", &small]), (wanted, String::new(), Some(0)));
}

#[test]
fn a_wrong_file_is_pictured_on_standard_error_with_exit_code_78() {
    let folder = Folder::new();
    let file = folder.file(
        "l4lb.toml",
        &format!("{SMALL}retries = -1\nbalanec = \"first\"\n"),
    );
    let picture = format!(
        "{file}:7:11: pool.app.retries: -1 is not a whole number from 0 to 254\n  |\n\
         7 | retries = -1\n  |           ^^\n\
         {file}:8:1: pool.app: unknown key \"balanec\"\n  |\n\
         8 | balanec = \"first\"\n  | ^^^^^^^ did you mean balance?\n"
    );
    for words in [
        &["check", &file][..],
        &["--config", &file, "--check"],
        &["--config", &file],
        &["config", "show", "--config", &file],
    ] {
        assert_eq!(
            run(words),
            (String::new(), picture.clone(), Some(78)),
            "{words:?}"
        );
    }
}

#[test]
fn a_check_binds_nothing_and_looks_nothing_up() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let text = SMALL.replace(":9000", &address);
    let text = text.replace("10.0.0.1:80", "no-such-name.invalid:80");
    let file = folder.file("l4lb.toml", &text);
    assert_eq!(run(&["check", &file]).2, Some(0));

    let (_, err, code) = run(&["--config", &file]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains(&address), "{err}");
}

#[test]
fn a_file_that_cannot_be_read_is_exit_code_1_and_named() {
    let folder = Folder::new();
    let missing = folder.path("missing.toml").to_str().unwrap().to_owned();
    let directory = folder.path("").to_str().unwrap().to_owned();
    for (name, why) in [(missing, "no such file"), (directory, "is a directory")] {
        for words in [&["check", &name][..], &["--config", &name]] {
            let (out, err, code) = run(words);
            assert_eq!((out.as_str(), code), ("", Some(1)), "{err}");
            assert!(err.contains(&name) && err.contains(why), "{err}");
        }
    }
    let (_, err, code) = run(&["check", "/dev/zero"]);
    assert_eq!(
        code,
        Some(78),
        "an endless one is read no further than a file may be long: {err}"
    );
    assert!(err.contains("more than 1048576 bytes"), "{err}");
}

#[test]
fn flags_that_do_not_fit_are_wrong_usage() {
    let folder = Folder::new();
    let file = folder.file("l4lb.toml", SMALL);
    let config = format!("--config={file}");
    let table: [(&[&str], &str); 17] = [
        (
            &[&config, "--listen=:1"],
            "--listen does not go together with --config",
        ),
        (
            &[&config, "--backend=a:1"],
            "--backend does not go together",
        ),
        (&[&config, "--retries=1"], "--retries does not go together"),
        (
            &["config", "show", &config, "--health=off"],
            "--health does not go together",
        ),
        (&[&config, "--workers=0"], "--workers"),
        (&[&config, "--admin=0.0.0.0:1"], "open to other machines"),
        (&[&config, "--admin=x"], "--admin \"x\""),
        (
            &["--listen=:1", "--backend=a:1", "--admin=:1"],
            "open to other machines",
        ),
        (&["check"], "FILE"),
        (
            &["check", &file, "--workers=1"],
            "check goes without --workers",
        ),
        (&["check", &file, &file], &file),
        (&["checks", &file], "did you mean check?"),
        (&["config"], "show"),
        (&["config", "shows"], "did you mean show?"),
        (&["config", "show"], "config show needs --config FILE"),
        (&["--configs=x"], "did you mean --config?"),
        (&["demo", &config], "demo goes without --config"),
    ];
    for (words, hint) in table {
        let (out, err, code) = run(words);
        assert_eq!((out.as_str(), code), ("", Some(2)), "{words:?}: {err}");
        assert!(err.contains(hint), "{words:?}: {err}");
    }
}

#[test]
fn each_command_helps_and_names_its_exit_codes() {
    for (words, hint) in [
        (&["check", "--help"][..], "78"),
        (&["check", "l4lb.toml", "-h"], "FILE"),
        (&["config", "--help"], "show"),
        (&["config", "show", "--help"], "78"),
        (&["--help"], "78"),
    ] {
        let (out, err, code) = run(words);
        assert_eq!((err.as_str(), code), ("", Some(0)), "{words:?}");
        assert!(
            out.contains("Usage: l4lb") && out.contains(hint),
            "{words:?}: {out}"
        );
    }
}

#[test]
fn what_is_in_effect_is_shown_with_its_origin_and_can_be_used_again() {
    let folder = Folder::new();
    let file = folder.file("l4lb.toml", SMALL);
    for words in [
        ["config", "show", "--config", &file, "--workers", "auto"],
        ["--config", &file, "--workers", "auto", "config", "show"],
    ] {
        let (shown, err, code) = run(&words);
        assert_eq!((err.as_str(), code), ("", Some(0)));
        assert!(
            shown.starts_with("workers = \"auto\"  # flag --workers\n"),
            "{shown}"
        );
        assert!(shown.contains("name = \"web\"  # file:2\n"), "{shown}");
        assert!(
            shown.contains("connect_timeout = \"3s\"  # default\n"),
            "{shown}"
        );
        let again = folder.file("shown.toml", &shown);
        assert_eq!(run(&["check", &again]).2, Some(0), "{shown}");
    }
}

#[test]
fn nobody_is_shown_colours_who_is_no_terminal() {
    let folder = Folder::new();
    let file = folder.file("l4lb.toml", "x = 1");
    assert!(!run(&["check", &file]).1.contains('\u{1b}'));
}

#[test]
fn a_file_runs_several_listeners_and_pools() {
    let [a, b] = ["a", "b"].map(site);
    let folder = Folder::new();
    let text = format!(
        "[[listener]]\nname = \"one\"\nlisten = \"127.0.0.1:0\"\npool = \"first\"\n\
         [[listener]]\nname = \"two\"\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\npool = \"second\"\n\
         [pool.first]\nbackends = [\"{}\"]\n\
         [pool.second]\nhealth.type = \"off\"\nbackends = [{{ name = \"b\", address = \"localhost:{}\" }}]\n",
        a.addr(),
        b.addr().port()
    );
    let file = folder.file("l4lb.toml", &text);
    let l4lb = Options::new().arg("--config").arg(&file).start();
    let bound: Vec<(String, std::net::SocketAddr)> = l4lb
        .log()
        .iter()
        .filter_map(|line| line.strip_prefix("listening on ")?.split_once(' '))
        .map(|(address, name)| (name.to_owned(), address.parse().unwrap()))
        .collect();
    let names: Vec<&str> = bound.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["(one)", "(two)", "(two)"]);
    for ((_, address), served) in bound.iter().zip(["a", "b", "b"]) {
        assert_eq!(whoami(*address).unwrap(), served);
    }
    let log = l4lb.wait_for_access_log(3);
    assert!(log[0].contains(" one first/"), "{log:?}");
    assert!(log[2].contains(" two second/b "), "{log:?}");
}
