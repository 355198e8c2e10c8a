//! The tools that people measure with find nothing to complain of.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use super::watch::Guarded;
use super::{available, site};
use crate::harness::Options;

#[test]
fn wrk_sees_no_error_in_a_second() {
    if !available("wrk") {
        return;
    }
    let sites = ["a", "b", "c"].map(site);
    let l4lb = Options::new().backends(&sites).start();
    let url = format!("http://{}/whoami", l4lb.address());
    let output = Command::new("wrk")
        .args(["-t1", "-c16", "-d1s", &url])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && text.contains("requests in"),
        "{text}"
    );
    assert!(!text.contains("Socket errors"), "{text}");
    assert!(!text.contains("Non-2xx"), "{text}");
    l4lb.wait_for_access_log(16);
}

/// An iperf3 server for one client, once it listens.
fn iperf3_server(port: u16) -> Guarded {
    let mut command = Command::new("iperf3");
    command.args([
        "-s",
        "-1",
        "--forceflush",
        "-B",
        "127.0.0.1",
        "-p",
        &port.to_string(),
    ]);
    let mut server = Guarded(command.stdout(Stdio::piped()).spawn().unwrap());
    let out = server.0.stdout.take().unwrap();
    let mut lines = BufReader::new(out).lines();
    assert!(lines.any(|line| line.unwrap().contains("Server listening")));
    // Read on, so that it never meets a closed pipe.
    std::thread::spawn(move || lines.count());
    server
}

#[test]
fn iperf3_runs_in_both_directions() {
    if !available("iperf3") {
        return;
    }
    for directions in [&[][..], &["-R"]] {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let _server = iperf3_server(port);
        let l4lb = Options::new()
            .arg("--health=off")
            .backend(([127, 0, 0, 1], port).into())
            .start();
        let balancer = l4lb.address().port().to_string();
        let mut client = Command::new("timeout");
        client.args([
            "20",
            "iperf3",
            "-c",
            "127.0.0.1",
            "-t",
            "1",
            "-p",
            &balancer,
        ]);
        let output = client.args(directions).output().unwrap();
        assert!(output.status.success(), "{directions:?}: {output:?}");
        let lines = l4lb.wait_for_access_log(2);
        assert!(
            lines.iter().any(|line| line.contains(" splice ")),
            "{lines:?}"
        );
    }
}
