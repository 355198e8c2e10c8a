//! Clients that others have written: curl with each version, openssl that resumes sessions.

use std::process::{Command, Stdio};

use test_backends::{Behaviour, Server};

use super::Files;
use crate::life::available;

fn site() -> Server {
    let site = Behaviour::Site {
        name: "a".to_owned(),
        colour: "light-blue".parse().unwrap(),
    };
    Server::start("127.0.0.1:0", site).unwrap()
}

#[test]
fn curl_is_served_with_either_version_and_refused_with_older_ones() {
    if !available("curl") {
        return;
    }
    let (files, backend) = (Files::new(&["localhost"]), site());
    let l4lb = files.before(backend.addr(), "alpn = [\"http/1.1\"]");
    let url = format!("https://localhost:{}/bytes/3000000", l4lb.address().port());
    for (versions, is_served) in [
        (&["--tlsv1.2", "--tls-max", "1.2"][..], true),
        (&["--tlsv1.3"], true),
        (&["--tlsv1.0", "--tls-max", "1.1"], false),
    ] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--cacert"]).arg(files.path("ca.pem"));
        let output = curl.args(versions).arg(&url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), is_served, "{versions:?}: {said}");
        let wanted = if is_served { 3_000_000 } else { 0 };
        assert_eq!(output.stdout.len(), wanted, "{versions:?}");
    }
}

#[test]
fn openssl_resumes_sessions_of_either_version() {
    if !available("openssl") {
        return;
    }
    let (files, backend) = (Files::new(&["localhost"]), site());
    let l4lb = files.before(backend.addr(), "");
    let connect = |words: &[&str], session: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-ign_eof", "-servername", "localhost"]);
        openssl.arg("-connect").arg(l4lb.address().to_string());
        openssl.arg("-CAfile").arg(files.path("ca.pem"));
        openssl.args(["-verify_return_error"]);
        let file = files.path("session");
        let file = file.to_str().unwrap();
        let session = session.iter().map(|it| it.replace("FILE", file));
        openssl.args(words).args(session);
        openssl.stdin(Stdio::piped()).stdout(Stdio::piped());
        openssl.stderr(Stdio::null());
        let mut child = openssl.spawn().unwrap();
        let request = b"GET /whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, request).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let first = connect(&[version], &["-sess_out", "FILE"]);
        assert!(first.contains("New, TLSv1"), "{first}");
        assert!(first.contains("Verify return code: 0"), "{first}");
        assert!(first.contains("200 OK"), "{first}");
        let second = connect(&[version], &["-sess_in", "FILE"]);
        assert!(second.contains("Reused, TLSv1"), "{version}: {second}");
        assert!(second.contains("200 OK"), "{version}: {second}");
    }
}
