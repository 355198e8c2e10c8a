//! Round robin from the first connection on, whoever asks.

use std::process::Command;

use super::{available, site, whoami};
use crate::harness::Options;

#[test]
fn connections_go_a_b_c_a_b_c() {
    let sites = ["a", "b", "c"].map(site);
    let l4lb = Options::new().backends(&sites).start();
    let names: Vec<String> = (0..6).map(|_| whoami(l4lb.address()).unwrap()).collect();
    assert_eq!(names, ["a", "b", "c", "a", "b", "c"]);
    let lines = l4lb.wait_for_access_log(6);
    for (line, name) in lines.iter().zip(&names) {
        assert!(line.contains(&format!(" app/{name} ")), "{line}");
    }
}

#[test]
fn curl_is_served_by_a_b_c_a_b_c() {
    if !available("curl") {
        return;
    }
    let sites = ["a", "b", "c"].map(site);
    let l4lb = Options::new().backends(&sites).start();
    let url = format!("http://{}/whoami", l4lb.address());
    let names: Vec<String> = (0..6)
        .map(|_| {
            let output = Command::new("curl")
                .args(["-sS", "-m", "20", &url])
                .output();
            String::from_utf8(output.unwrap().stdout)
                .unwrap()
                .trim()
                .to_owned()
        })
        .collect();
    assert_eq!(names, ["a", "b", "c", "a", "b", "c"]);
}
