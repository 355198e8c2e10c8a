//! curl, over HTTPS with each version, and nginx and Python that speak it as backends.

use std::process::Command;

use super::super::Files;
use super::backends;
use crate::harness::L4lb;
use crate::http::backend::{Backend, Say};
use crate::http::ok;
use crate::http::tools::{Peer, run};
use crate::life::available;

/// Bodies are that long.
const BYTES: usize = 32 * 1024 * 1024;

const VERSIONS: [&[&str]; 2] = [&["--tlsv1.2", "--tls-max", "1.2"], &["--tlsv1.3"]];

/// What curl gets, with these words besides, for these paths, one after the other.
fn curl(files: &Files, l4lb: &L4lb, words: &[&str], paths: &[&str]) -> Vec<u8> {
    let port = l4lb.address().port();
    let urls: Vec<String> = paths
        .iter()
        .map(|it| format!("https://localhost:{port}{it}"))
        .collect();
    let ca = files.path("ca.pem");
    let mut all = vec!["-sS", "--fail", "--max-time", "60", "--cacert"];
    all.push(ca.to_str().unwrap());
    all.extend(words);
    all.extend(urls.iter().map(String::as_str));
    run("curl", &all).stdout
}

/// Sends bodies back: one that came with a length in chunks, and the other way round.
fn echo() -> Backend {
    Backend::start(|it| {
        let length = it.body.len();
        if it.field("Content-Length").is_none() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            return Say::Bytes([head.as_bytes(), &it.body].concat());
        }
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut all = head.as_bytes().to_vec();
        for chunk in it.body.chunks(1_000_003) {
            all.extend(format!("{:x}\r\n", chunk.len()).bytes());
            all.extend_from_slice(chunk);
            all.extend_from_slice(b"\r\n");
        }
        all.extend_from_slice(b"0\r\n\r\n");
        Say::Bytes(all)
    })
}

#[test]
fn bulk_goes_there_and_back_with_every_version_and_in_either_kind_of_body() {
    if !available("curl") {
        return;
    }
    let (files, backend) = (Files::new(&["localhost"]), echo());
    let l4lb = files.web("", "", &backends(&[backend.address]));
    let body: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
    std::fs::write(files.path("body"), &body).unwrap();
    let data = format!("@{}", files.path("body").display());
    for version in VERSIONS {
        for kind in ["X-Kind: length", "Transfer-Encoding: chunked"] {
            let words = ["-H", "Expect:", "-H", kind, "--data-binary", &data];
            let back = curl(&files, &l4lb, &[version, &words].concat(), &["/"]);
            assert!(back == body, "{version:?} {kind}: {} bytes", back.len());
        }
    }
    assert!(backend.heard().iter().all(|it| it.body == body));
}

#[test]
fn curl_asks_again_on_its_connection_and_hears_how_it_came() {
    if !available("curl") {
        return;
    }
    let backend = Backend::start(|it| {
        let scheme = it.field("X-Forwarded-Proto").unwrap();
        Say::Bytes(ok(&format!("{scheme} {}\n", it.connection)))
    });
    let files = Files::new(&["localhost"]);
    let http = "forwarded = \"x-forwarded\"\nsecurity_headers = true";
    let l4lb = files.web("", http, &backends(&[backend.address]));
    for (number, version) in VERSIONS.into_iter().enumerate() {
        let words = ["-w", "%{num_connects} %header{strict-transport-security}\n"];
        let all = curl(&files, &l4lb, &[version, &words].concat(), &["/"; 3]);
        let said = |connects| format!("https {number}\n{connects} max-age=31536000\n");
        let wanted = said(1) + &said(0) + &said(0);
        assert_eq!(String::from_utf8(all).unwrap(), wanted, "{version:?}");
    }
}

/// nginx with TLS, which says on which of its connections it was asked, and how that began.
fn nginx(files: &Files, version: &str) -> Peer {
    let pem = files.path("certs/localhost.pem");
    let pem = pem.display().to_string();
    Peer::start(move |port, home| {
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places = places.map(|it| format!("{it}_temp_path {home};")).concat();
        let text = format!(
            "daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;\nevents {{}}\n\
             http {{ access_log off; {places} server {{ listen 127.0.0.1:{port} ssl; root {home};\n\
             ssl_certificate {pem}; ssl_certificate_key {pem}; keepalive_requests 3; ssl_protocols {version};\n\
             location /who {{ return 200 \"$connection $connection_requests $ssl_protocol\\n\"; }} }} }}\n"
        );
        let path = format!("{home}/nginx.conf");
        std::fs::write(&path, text).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", home, "-c", &path]);
        command
    })
}

#[test]
fn nginx_is_asked_again_on_its_connection_until_it_ends_it() {
    if !available("nginx") || !available("curl") {
        return;
    }
    let files = Files::new(&["localhost"]);
    for (version, per) in [
        ("TLSv1.2", "connection"),
        ("TLSv1.3", "connection"),
        ("TLSv1.3", "request"),
    ] {
        let peer = nginx(&files, version);
        let big = std::fs::read(peer.folder.path().join("big")).unwrap();
        let http = format!("per = \"{per}\"");
        let pool = format!(
            "tls = {{ ca = \"DIR/ca.pem\" }}\nbackends = [\"https://localhost:{}\"]",
            peer.address.port()
        );
        let l4lb = files.web("", &http, &pool);
        let all = curl(&files, &l4lb, &[], &["/who"; 7]);
        let all = String::from_utf8(all).unwrap();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = all.lines().map(words).collect();
        let requests: Vec<&str> = lines.iter().map(|it| &*it[1]).collect();
        assert_eq!(requests, ["1", "2", "3", "1", "2", "3", "1"], "{per}");
        assert!(lines.iter().all(|it| it[2] == version), "{all}");
        assert!(curl(&files, &l4lb, &[], &["/big"]) == big, "{per}");
    }
}
