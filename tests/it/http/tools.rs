//! Programs that others have written, before and behind l4lb: curl, wrk, nginx, Python's http.server.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;
use test_backends::pattern;

use super::Scene;
use crate::harness::eventually;
use crate::life::{available, site};

/// The length of the file that servers have.
const BYTES: usize = 20_000_000;

/// A server that is a process of its own, with one file; dropping it ends it.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    child: Child,
    pub(crate) folder: TempDir,
}

impl Peer {
    /// `command` is given the port and the folder with the file.
    pub(crate) fn start(command: impl Fn(u16, &str) -> Command) -> Self {
        let folder = TempDir::new().unwrap();
        let mut bytes = vec![0; BYTES];
        pattern::fill(0, &mut bytes);
        std::fs::write(folder.path().join("big"), bytes).unwrap();
        std::fs::write(folder.path().join("small"), "hello\n").unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut command = command(address.port(), folder.path().to_str().unwrap());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        eventually("the server listens", || TcpStream::connect(address).is_ok());
        Self {
            address,
            child,
            folder,
        }
    }

    fn nginx() -> Self {
        Self::start(|port, home| {
            let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let places = places.map(|it| format!("{it}_temp_path {home};")).concat();
            let text = format!(
                "daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;\nevents {{}}\n\
                 http {{ access_log off; {places} server {{ listen 127.0.0.1:{port}; root {home};\n\
                 location /put/ {{ client_max_body_size 0; dav_methods PUT; create_full_put_path on; }} }} }}\n"
            );
            let path = format!("{home}/nginx.conf");
            std::fs::write(&path, text).unwrap();
            let mut command = Command::new("nginx");
            command.args(["-p", home, "-c", &path]);
            command
        })
    }

    fn python() -> Self {
        Self::start(|port, home| {
            let mut command = Command::new("python3");
            command.args([
                "-m",
                "http.server",
                "-p",
                "HTTP/1.1",
                "-b",
                "127.0.0.1",
                "-d",
                home,
            ]);
            command.arg(port.to_string());
            command
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn run(program: &str, words: &[&str]) -> Output {
    let output = Command::new(program).args(words).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {words:?}: {errors}");
    output
}

/// What curl gets for these paths, one after the other on one connection.
fn curl(scene: &Scene, words: &[&str], paths: &[&str]) -> Vec<u8> {
    let address = scene.l4lb.address();
    let urls: Vec<String> = paths
        .iter()
        .map(|it| format!("http://{address}{it}"))
        .collect();
    let mut all = vec!["-s", "-S", "--fail", "--max-time", "30"];
    all.extend(words);
    all.extend(urls.iter().map(String::as_str));
    run("curl", &all).stdout
}

#[test]
fn files_of_nginx_and_python_come_whole_and_with_every_version() {
    if !available("nginx") || !available("python3") || !available("curl") {
        return;
    }
    for peer in [Peer::nginx(), Peer::python()] {
        let wanted = std::fs::read(peer.folder.path().join("big")).unwrap();
        for per in ["connection", "request"] {
            let scene = Scene::start(&format!("per = \"{per}\""), "", &[peer.address]);
            for version in ["--http1.0", "--http1.1"] {
                let got = curl(&scene, &[version], &["/small", "/big", "/small"]);
                let wanted = [b"hello\n", &wanted[..], b"hello\n"].concat();
                assert!(got == wanted, "{per} {version}: other bytes came");
            }
            let lines = scene.lines(6);
            let statuses = lines.iter().map(|it| (it[7].as_str(), it[15].as_str()));
            assert!(statuses.eq([("--", "200"); 6]), "{lines:?}");
        }
    }
}

#[test]
fn curl_sends_bodies_of_either_kind_to_nginx() {
    if !available("nginx") || !available("curl") {
        return;
    }
    let nginx = Peer::nginx();
    let scene = Scene::start("", "", &[nginx.address]);
    let big = nginx.folder.path().join("big");
    let wanted = std::fs::read(&big).unwrap();
    let big = big.to_str().unwrap();
    let chunked = ["-T", big, "-H", "Transfer-Encoding: chunked"];
    for (words, path) in [(&["-T", big][..], "/put/a"), (&chunked, "/put/b")] {
        curl(&scene, words, &[path]);
        let got = std::fs::read(format!("{}{path}", nginx.folder.path().display())).unwrap();
        assert!(got == wanted, "{words:?}: other bytes arrived");
    }
    let lines = scene.lines(2);
    let words = lines.iter().map(|it| (it[10].as_str(), it[15].as_str()));
    assert!(words.eq([("splice", "201"); 2]), "{lines:?}");
}

#[test]
fn what_wrk_has_counted_is_what_the_log_says() {
    if !available("wrk") {
        return;
    }
    let sites = ["a", "b"].map(site);
    let addresses = sites.each_ref().map(test_backends::Server::addr);
    for per in ["connection", "request"] {
        let scene = Scene::start(&format!("per = \"{per}\""), "", &addresses);
        let url = format!("http://{}/whoami", scene.l4lb.address());
        let output = run("wrk", &["-t1", "-c8", "-d1s", &url]).stdout;
        let text = String::from_utf8(output).unwrap();
        assert!(
            !text.contains("Socket errors") && !text.contains("Non-2xx"),
            "{text}"
        );
        let counted = text
            .lines()
            .find_map(|it| it.trim().split_once(" requests in"));
        let counted: usize = counted.unwrap().0.parse().unwrap();
        let lines = scene.lines(counted);
        // Requests that were under way when wrk had enough are more; a client whose answer has come just
        // then may even have asked once more.
        assert!(
            (counted..=counted + 16).contains(&lines.len()),
            "{counted} {}",
            lines.len()
        );
        for name in ["app/a", "app/b"] {
            let part = lines.iter().filter(|it| it[3] == name).count();
            assert!(part > counted / 4, "{per}: {name} has {part} of {counted}");
        }
    }
}
