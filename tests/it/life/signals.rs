//! Signals that do not end it, in any order.

use std::fs;
use std::io::Write;

use super::{echo, expect_echo, site, whoami};
use crate::harness::{Options, eventually};

#[test]
fn no_signal_but_term_and_int_ends_it_or_hurts_a_session() {
    let backend = echo();
    let mut l4lb = Options::new().backend(backend.addr()).start();
    let mut client = l4lb.connect();
    let table = [
        "HUP", "USR1", "USR2", "PIPE", "USR1", "HUP", "PIPE", "USR2", "USR1", "CONT",
    ];
    for name in table.iter().cycle().take(40) {
        l4lb.signal(name);
        expect_echo(&mut client, name.as_bytes());
    }
    l4lb.wait_for_log("nothing to reload");
    l4lb.wait_for_log("the access log is reopened");
    expect_echo(&mut l4lb.connect(), b"and new clients are served");
    l4lb.signal("TERM");
    l4lb.signal("HUP");
    expect_echo(&mut client, b"still");
    drop(client);
    assert_eq!(l4lb.wait().code(), Some(0));
}

#[test]
fn usr1_opens_the_access_log_anew_after_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    let [path, moved] = ["log", "log.1"].map(|name| folder.path().join(name));
    let a = site("a");
    let flag = format!("--access-log={}", path.display());
    let mut l4lb = Options::new().arg(&flag).backend(a.addr()).start();
    let lines = |path| fs::read_to_string(path).unwrap_or_default().lines().count();
    for _ in 0..5 {
        whoami(l4lb.address()).unwrap();
    }
    eventually("lines in the first file", || lines(&path) == 5);
    fs::rename(&path, &moved).unwrap();
    whoami(l4lb.address()).unwrap();
    eventually("a line in the file that was moved", || lines(&moved) == 6);
    l4lb.signal("USR1");
    l4lb.wait_for_log("the access log is reopened");
    eventually("the new file", || path.exists());
    for _ in 0..3 {
        whoami(l4lb.address()).unwrap();
    }
    eventually("lines in the new file", || lines(&path) == 3);
    assert_eq!(lines(&moved), 6);
}

#[test]
fn a_rotation_that_cannot_be_done_is_logged_and_lines_go_on_into_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, gone) = (folder.path().join("logs"), folder.path().join("gone"));
    fs::create_dir(&inner).unwrap();
    let a = site("a");
    let flag = format!("--access-log={}", inner.join("log").display());
    let mut l4lb = Options::new().arg(&flag).backend(a.addr()).start();
    fs::rename(&inner, &gone).unwrap();
    l4lb.signal("USR1");
    l4lb.wait_for_log("cannot open it again");
    whoami(l4lb.address()).unwrap();
    let text = || fs::read_to_string(gone.join("log")).unwrap();
    eventually("a line in the old file", || text().lines().count() == 1);
}

#[test]
fn a_client_that_is_gone_when_bytes_come_for_it_is_no_sigpipe() {
    let backend = echo();
    let l4lb = Options::new().backend(backend.addr()).start();
    for _ in 0..50 {
        let mut client = l4lb.connect();
        client.write_all(&[7; 100_000]).unwrap();
        drop(client);
    }
    l4lb.wait_for_access_log(50);
    expect_echo(&mut l4lb.connect(), b"alive");
}
