//! Real servers behind l4lb, and real clients in front of it.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::{Scene, pool};
use crate::harness::eventually;
use crate::life::available;

/// What is served at `/metrics`.
pub(super) fn scrape(scene: &Scene) -> String {
    let socket = scene.folder.path().join("admin");
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "--unix-socket",
        socket.to_str().unwrap(),
        "http://localhost/metrics",
    ]);
    String::from_utf8(curl.output().unwrap().stdout).unwrap()
}

/// An nginx with HTTP/2 over TLS and a certificate of its own for this name; it ends with the test.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    fn start(folder: &Path, name: &str) -> Self {
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        certify(&folder, name);
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let path = folder.display();
        let text = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr;\n\
             events {{}}\n\
             http {{\n access_log off; client_body_temp_path {path}/b; proxy_temp_path {path}/p;\n\
             fastcgi_temp_path {path}/f; uwsgi_temp_path {path}/u; scgi_temp_path {path}/s;\n\
             server {{ listen {address} ssl http2; ssl_certificate {path}/cert; ssl_certificate_key {path}/key;\n\
             ssl_protocols TLSv1.2 TLSv1.3;\n\
             location / {{ return 200 \"{name} $ssl_server_name $server_protocol $ssl_protocol\\n\"; }} }}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-c", file.to_str().unwrap(), "-p", folder.to_str().unwrap()]);
        command.env("PATH", path_with_sbin());
        let child = command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self { child, address };
        eventually("nginx listens", || TcpStream::connect(address).is_ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path_with_sbin() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap())
}

/// A key and a certificate for this name, signed by itself.
fn certify(folder: &Path, name: &str) {
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]);
    command.args(["-days", "2", "-subj", &format!("/CN={name}")]);
    command.args(["-addext", &format!("subjectAltName=DNS:{name}")]);
    command
        .arg("-keyout")
        .arg(folder.join("key"))
        .arg("-out")
        .arg(folder.join("cert"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Two of them, for shop.example and for v1.api.example, and an l4lb in front of them.
fn two_sites() -> Option<([Nginx; 2], Scene, tempfile::TempDir)> {
    if !["nginx", "openssl", "curl"].into_iter().all(available) {
        return None;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let sites = ["shop.example", "v1.api.example"].map(|name| Nginx::start(folder.path(), name));
    let pools = pool("shop", sites[0].address, "") + &pool("api", sites[1].address, "");
    let routes = "route = [{ sni = [\"shop.example\"], pool = \"shop\" }, \
                  { sni = [\"*.api.example\"], pool = \"api\" }]";
    let scene = Scene::start(routes, &pools);
    Some((sites, scene, folder))
}

/// Asks for `https://NAME/` with curl, which trusts the certificate of that name alone.
fn curl(scene: &Scene, folder: &Path, name: &str, arguments: &[&str]) -> Output {
    let port = scene.l4lb.address().port();
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", "--max-time", "20"])
        .args(arguments);
    curl.arg("--cacert").arg(folder.join(name).join("cert"));
    curl.args(["--resolve", &format!("{name}:{port}:127.0.0.1")]);
    curl.arg(format!("https://{name}:{port}/"))
        .output()
        .unwrap()
}

#[test]
fn http_2_over_tls_goes_to_the_server_of_the_name_with_the_certificate_of_that_server() {
    let Some((_sites, scene, folder)) = two_sites() else {
        return;
    };
    let table = [
        (
            "shop.example",
            &["--http2"][..],
            "shop.example shop.example HTTP/2.0 TLSv1.3\n",
        ),
        (
            "v1.api.example",
            &["--http2"],
            "v1.api.example v1.api.example HTTP/2.0 TLSv1.3\n",
        ),
        (
            "shop.example",
            &["--http1.1"],
            "shop.example shop.example HTTP/1.1 TLSv1.3\n",
        ),
        (
            "v1.api.example",
            &["--http2", "--tlsv1.2", "--tls-max", "1.2"],
            "v1.api.example v1.api.example HTTP/2.0 TLSv1.2\n",
        ),
    ];
    for (number, (name, arguments, wanted)) in table.into_iter().enumerate() {
        let output = curl(&scene, folder.path(), name, arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            wanted,
            "{complaint}"
        );
        let line = &scene.lines(number + 1)[number];
        assert_eq!(line["l4lb.termination"], "--", "{line}");
    }
}

#[test]
fn openssl_gets_the_certificate_of_the_name_that_it_asks_for_or_an_alert() {
    let Some((_sites, scene, _folder)) = two_sites() else {
        return;
    };
    let connect = |arguments: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", &scene.l4lb.address().to_string()]);
        let output = openssl
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        [output.stdout, output.stderr]
            .map(|it| String::from_utf8_lossy(&it).into_owned())
            .concat()
    };
    for (name, subject) in [
        ("SHOP.example.", "subject=CN = shop.example"),
        ("v1.api.example", "subject=CN = v1.api.example"),
    ] {
        let text = connect(&["-servername", name]);
        assert!(text.contains(subject), "{name}: {text}");
    }
    for arguments in [&["-noservername"][..], &["-servername", "api.example"]] {
        let text = connect(arguments);
        assert!(text.contains("unrecognized name"), "{arguments:?}: {text}");
    }
}
