//! The command line, from outside: what is printed where, and with which code it ends.

use std::io::pipe;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_l4lb");

/// Runs it to its end; one that does not end is ended, with code 124.
fn run(words: &[&str]) -> Output {
    run_in(&[], words)
}

fn run_in(wrapper: &[&str], words: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.arg("20").args(wrapper).arg(PROGRAM).args(words);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Standard output, standard error and the exit code.
fn texts(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}

#[test]
fn the_version_names_revision_date_and_target_on_standard_output() {
    for flag in ["-V", "--version"] {
        let (out, err, code) = texts(&run(&[flag]));
        assert_eq!((err.as_str(), code), ("", Some(0)));
        let words: Vec<&str> = out.strip_suffix('\n').unwrap().split(' ').collect();
        let [program, version, revision, date, target] = words[..] else {
            panic!("{out}")
        };
        assert_eq!([program, version], ["l4lb", env!("CARGO_PKG_VERSION")]);
        assert!(revision.starts_with('(') && revision.len() > 1, "{out}");
        assert!(date.ends_with(')') && date.len() > 1, "{out}");
        assert!(target.contains("linux"), "{out}");
    }
}

#[test]
fn help_goes_to_standard_output() {
    for words in [&["-h"][..], &["--help"], &["demo", "--help"]] {
        let (out, err, code) = texts(&run(words));
        assert_eq!((err.as_str(), code), ("", Some(0)), "{words:?}");
        assert!(out.contains("Usage: l4lb"), "{words:?}: {out}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_a_hint_on_standard_error() {
    let table = [
        ("--backnd x", "did you mean --backend?"),
        ("--listen", "--listen needs a value"),
        ("dmeo", "did you mean demo?"),
        ("--listen :0", "at least one --backend"),
        ("--backend 127.0.0.1:1", "at least one --listen"),
        ("--listen :0 --backend a=127.0.0.1", "has no port"),
        ("--listen 0.0.0.0 --backend 127.0.0.1:1", "has no port"),
        (
            "--listen :0 --backend 127.0.0.1:1 --idle-timeout 5",
            "write 5s",
        ),
        (
            "--listen :0 --backend 127.0.0.1:1 --balance fastest",
            "round-robin",
        ),
        ("--listen :0 --backend 127.0.0.1:1 --fall=0", "--fall"),
    ];
    for (words, hint) in table {
        let words: Vec<&str> = words.split(' ').collect();
        let (out, err, code) = texts(&run(&words));
        assert_eq!((out.as_str(), code), ("", Some(2)), "{words:?}: {err}");
        assert!(err.contains(hint), "{words:?}: {err}");
    }
}

#[test]
fn a_wrong_value_is_exit_code_2_and_says_what_would_be_right() {
    let table = [
        ("--backend=c=127.0.0.1:2,weight=65536", "from 0 to 65535"),
        ("--backend=c=127.0.0.1:2,max-connections=0", "from 1 to"),
        ("--backend=c=127.0.0.1:2,backup=no", "takes no value"),
        ("--backend=c=127.0.0.1:2,backup,backup", "given twice"),
        ("--backend=c=127.0.0.1:2,weigh=2", "did you mean weight?"),
        ("--backend=b=127.0.0.1:2,weight=2", "b is given twice"),
        ("--balance=roundrobin", "did you mean round-robin?"),
        ("--balance=fastest", "least-latency, first"),
        ("--workers=0", "auto nor a number from 1 to 64"),
        ("--workers=65", "auto nor a number from 1 to 64"),
        ("--workers=many", "auto nor a number from 1 to 64"),
        ("--health=http:", "http:/health"),
        ("--health=http:health", "begins with '/'"),
        ("--health=http:/a b", "no spaces"),
        ("--health=udp", "tcp, http:PATH, off"),
    ];
    for (flag, hint) in table {
        let words = ["--listen=127.0.0.1:0", "--backend=b=127.0.0.1:1", flag];
        let (out, err, code) = texts(&run(&words));
        assert_eq!((out.as_str(), code), ("", Some(2)), "{flag}: {err}");
        assert!(err.contains(hint), "{flag}: {err}");
        let name = flag.split('=').next().unwrap();
        assert!(err.contains(name), "{flag}: {err}");
    }
}

#[test]
fn every_way_to_write_a_pool_passes_the_check() {
    let words = [
        "--listen=127.0.0.1:0",
        "--backend=127.0.0.1:1,weight=3,max-connections=500",
        "--backend=spare=127.0.0.1:2,backup",
        "--balance=least-connections",
        "--workers=auto",
        "--health=http:/health",
        "--check",
    ];
    let (out, err, code) = texts(&run(&words));
    assert_eq!((err.as_str(), code), ("", Some(0)));
    assert_eq!(out, "flags: OK (1 listener, 1 pool, 2 backends)\n");
}

#[test]
fn check_validates_and_ends() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", taken.local_addr().unwrap());
    let (out, err, code) = texts(&run(&[&listen, "--backend=a=127.0.0.1:1", "--check"]));
    assert_eq!((err.as_str(), code), ("", Some(0)), "it binds nothing");
    assert!(out.contains("OK"), "{out}");
    let (out, err, code) = texts(&run(&[&listen, "--backend=a=127.0.0.1", "--check"]));
    assert_eq!((out.as_str(), code), ("", Some(2)), "{err}");
}

#[test]
fn an_address_that_is_taken_is_named_and_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = [
        "--listen",
        "127.0.0.1:0",
        "--listen",
        &address,
        "--backend",
        "a=127.0.0.1:1",
    ];
    let (out, err, code) = texts(&run(&words));
    assert_eq!((out.as_str(), code), ("", Some(1)), "{err}");
    assert!(err.contains(&address), "{err}");
    assert!(
        !err.contains("listening on"),
        "all are bound, or none: {err}"
    );
}

#[test]
fn a_privileged_port_is_refused_with_exit_code_1() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let Some(port) = first
        .ok()
        .and_then(|text| text.trim().parse::<u16>().ok()?.checked_sub(1))
    else {
        return eprintln!("skipped: this machine has no privileged ports");
    };
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt;
        it.uid() == 0
    });
    let wrapper = if is_root { &nobody[..] } else { &[] };
    if !run_in(wrapper, &["-V"]).status.success() {
        return eprintln!("skipped: nobody else may run the program here");
    }
    let listen = format!("--listen=127.0.0.1:{port}");
    let (_, err, code) = texts(&run_in(wrapper, &[&listen, "--backend=a=127.0.0.1:1"]));
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.contains(&format!("127.0.0.1:{port}: permission denied")),
        "{err}"
    );
}

#[test]
fn an_access_log_that_cannot_be_opened_is_exit_code_1_and_named() {
    let words = [
        "--listen=127.0.0.1:0",
        "--backend=a=127.0.0.1:1",
        "--access-log=/no/such/folder/log",
    ];
    let (_, err, code) = texts(&run(&words));
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("/no/such/folder/log"), "{err}");
}

#[test]
fn a_reader_that_has_gone_away_is_a_silent_success() {
    for flag in ["--help", "-V"] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = Command::new(PROGRAM);
        let child = command.arg(flag).stdout(writer).stderr(Stdio::piped());
        let output = child.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{flag}");
        assert!(output.stderr.is_empty(), "{flag}");
    }
}
