//! Certificates change while clients come and go.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use test_backends::{Behaviour, Server};

use super::{Client, Files, Over, connect, echoed, issued};
use crate::harness::{L4lb, eventually};

fn shown(client: &Client) -> CertificateDer<'static> {
    client.conn.peer_certificates().unwrap()[0].clone()
}

fn shown_now(files: &Files, l4lb: &L4lb) -> CertificateDer<'static> {
    let mut client = files.client(l4lb, "a.example");
    assert_eq!(echoed(&mut client, b"x"), b"x");
    shown(&client)
}

#[test]
fn a_new_certificate_is_shown_soon_and_no_handshake_fails_meanwhile() {
    let files = Files::new(&["a.example"]);
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let l4lb = files.before(backend.addr(), "");
    let mut lasting = files.client(&l4lb, "a.example");
    assert_eq!(echoed(&mut lasting, b"x"), b"x");
    let (is_over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let load = Over(&is_over);
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    shown_now(&files, &l4lb);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..3 {
            let before = shown_now(&files, &l4lb);
            files.certify("a.example");
            eventually("another certificate", || shown_now(&files, &l4lb) != before);
        }
        drop(load);
    });
    assert!(served.load(Ordering::Relaxed) > 10);
    assert_eq!(echoed(&mut lasting, b"still here"), b"still here");
}

/// The folder of certificates as Kubernetes mounts it: names that lead through one link, which is swung.
struct Mount<'a> {
    files: &'a Files,
    swung: usize,
}

impl Mount<'_> {
    /// A fresh certificate for the name, in a folder of its own that the link leads to from now on.
    fn swing(&mut self) {
        self.swung += 1;
        let certs = self.files.path("certs");
        let fresh = format!("..version{}", self.swung);
        fs::create_dir(certs.join(&fresh)).unwrap();
        let pem = issued(&self.files.root, "a.example");
        fs::write(certs.join(&fresh).join("a.example.pem"), pem).unwrap();
        symlink(&fresh, certs.join("..fresh")).unwrap();
        fs::rename(certs.join("..fresh"), certs.join("..data")).unwrap();
        if self.swung == 1 {
            symlink("..data/a.example.pem", certs.join("a.example.pem")).unwrap();
        } else {
            let old = format!("..version{}", self.swung - 1);
            fs::remove_dir_all(certs.join(old)).unwrap();
        }
    }
}

#[test]
fn links_are_swung_under_load_and_sessions_live_on_and_are_resumed() {
    let files = Files::new(&[]);
    let mut mount = Mount {
        files: &files,
        swung: 0,
    };
    mount.swing();
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let l4lb = files.before(backend.addr(), "");
    let mut lasting = files.client(&l4lb, "a.example");
    let (is_over, resumed) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let load = Over(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                shown_now(&files, &l4lb);
            }
        });
        scope.spawn(|| {
            let known = files.trusting();
            let mut wanted = HandshakeKind::Full;
            while !is_over.load(Ordering::Relaxed) {
                let mut client = connect(&l4lb, known.clone(), "a.example");
                assert_eq!(echoed(&mut client, b"x"), b"x");
                assert_eq!(client.conn.handshake_kind(), Some(wanted));
                wanted = HandshakeKind::Resumed;
                resumed.fetch_add(1, Ordering::Relaxed);
            }
        });
        for _ in 0..5 {
            let before = shown_now(&files, &l4lb);
            mount.swing();
            eventually("another certificate", || shown_now(&files, &l4lb) != before);
            assert_eq!(echoed(&mut lasting, b"still here"), b"still here");
        }
        drop(load);
    });
    assert!(resumed.load(Ordering::Relaxed) > 10);
}

#[test]
fn a_wrong_file_changes_nothing_and_is_told() {
    let files = Files::new(&["a.example"]);
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let mut l4lb = files.before(backend.addr(), "");
    let before = shown_now(&files, &l4lb);
    let place = files.path("certs/a.example.pem");
    let good = fs::read_to_string(&place).unwrap();
    let end = good.find("-----BEGIN PRIVATE").unwrap();
    fs::write(&place, &good[..end]).unwrap();
    l4lb.wait_for_log("certificates are what they were");
    l4lb.wait_for_log("a.example.pem has no private key");
    assert_eq!(shown_now(&files, &l4lb), before);
    l4lb.signal("HUP");
    l4lb.wait_for_log("not reloaded: listener web");
    assert_eq!(shown_now(&files, &l4lb), before);
    files.certify("a.example");
    eventually("the right one", || shown_now(&files, &l4lb) != before);
}

#[test]
fn a_certificate_that_comes_into_the_folder_is_served_for_its_name() {
    let files = Files::new(&["a.example"]);
    let backend = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let l4lb = files.before(backend.addr(), "");
    let is_served = || {
        let mut client = files.client(&l4lb, "b.example");
        let mut back = [0];
        client.write_all(b"x").is_ok() && client.read_exact(&mut back).is_ok()
    };
    assert!(!is_served());
    files.certify("b.example");
    eventually("the other name", is_served);
}

#[test]
fn a_start_with_a_wrong_file_points_at_the_key_that_names_it() {
    let files = Files::new(&["a.example"]);
    let other = issued(&files.root, "other.example");
    let key = other.find("-----BEGIN PRIVATE").unwrap();
    fs::write(files.path("other.key"), &other[key..]).unwrap();
    let config = files.path("l4lb.toml");
    let dir = files.folder.path().display();
    let text = format!(
        "[[listener]]\nname = \"web\"\nlisten = \":1\"\npool = \"app\"\n[listener.tls]\ncertificates = [\n\
         \t{{ cert = \"{dir}/certs/a.example.pem\", key = \"{dir}/other.key\" }},\n\
         \t{{ cert = \"{dir}/missing.pem\" }},\n]\n[pool.app]\nbackends = [\"10.0.0.1:1\"]\n"
    );
    fs::write(&config, text).unwrap();
    let mut l4lb = std::process::Command::new(env!("CARGO_BIN_EXE_l4lb"));
    let output = l4lb.arg("check").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.replace(&format!("{dir}/"), "");
    for line in [
        ":7:",
        "other.key is not the key of the certificate",
        ":8:",
        "cannot read missing.pem: no such file or directory",
        "^^^",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}
