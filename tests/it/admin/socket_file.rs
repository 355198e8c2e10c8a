//! The API at a file, and what stands in the way of binding.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use l4lb::admin::Server;
use l4lb::config::{AdminAddress, AdminConfig};
use tempfile::TempDir;

use super::Answer;
use super::supervisor::Supervisor;
use crate::harness::PATIENCE;

fn bind(path: &Path) -> Result<Server, String> {
    Server::bind(&AdminConfig {
        listen: AdminAddress::Unix(path.to_owned()),
        token_file: None,
    })
}

#[test]
fn the_file_is_for_its_owner_and_goes_with_the_server() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("admin.sock");
    let server = bind(&path).unwrap();
    assert_eq!(server.address(), format!("unix:{}", path.display()));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let thread = server.run(Supervisor::default().ask()).unwrap();
    // No browser gets here, so any Host will do.
    for host in ["l4lb", "localhost", "evil.example"] {
        let mut client = UnixStream::connect(&path).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        assert_eq!(Answer::read(client).body, r#"{"ready":true}"#);
    }
    thread.stop();
    assert!(!path.exists());
}

#[test]
fn a_file_that_nobody_answers_at_is_replaced_and_any_other_is_left() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("admin.sock");

    let other = UnixListener::bind(&path).unwrap();
    let error = bind(&path).unwrap_err();
    assert!(error.contains("somebody answers there already"), "{error}");
    assert!(error.contains(path.to_str().unwrap()), "{error}");

    drop(other);
    assert!(path.exists());
    let server = bind(&path).unwrap();

    // Another l4lb takes over the path; its file is not ours to remove.
    fs::remove_file(&path).unwrap();
    let successor = UnixListener::bind(&path).unwrap();
    drop(server);
    assert!(path.exists());
    drop(successor);

    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    let error = bind(&path).unwrap_err();
    assert!(error.contains("no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn what_stands_in_the_way_is_said_in_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = AdminAddress::Tcp(taken.local_addr().unwrap());
    let wanted = format!("the admin API cannot listen on {listen}: address already in use");
    let bind = |token_file: Option<&Path>| {
        let token_file = token_file.map(Path::to_owned);
        let listen = listen.clone();
        Server::bind(&AdminConfig { listen, token_file }).unwrap_err()
    };
    assert_eq!(bind(None), wanted);
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("token");
    fs::write(&empty, "\n").unwrap();
    assert!(bind(Some(&empty)).ends_with("token is empty"));
}
