//! l4lb under a service manager: what it says (sd_notify(3)), and the sockets that it is given.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use tempfile::TempDir;

use super::{available, echo, expect_echo, site, whoami};
use crate::harness::{Options, PATIENCE};

/// A service manager that listens.
struct Init {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Init {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { folder, socket }
    }

    /// `env` with the variables that a service gets.
    fn wrapper(&self, more: &[&str]) -> Vec<String> {
        let path = self.folder.path().join("notify");
        let notify = format!("NOTIFY_SOCKET={}", path.display());
        let words = ["env", &notify].into_iter().chain(more.iter().copied());
        words.map(str::to_owned).collect()
    }

    /// Waits for a message that has `text` in it.
    #[track_caller]
    fn expect(&self, text: &str) {
        let mut bytes = [0; 4096];
        loop {
            let length = self.socket.recv(&mut bytes).expect(text);
            let message = String::from_utf8_lossy(&bytes[..length]);
            if message.contains(text) {
                return;
            }
        }
    }
}

fn words(wrapper: &[String]) -> Vec<&str> {
    wrapper.iter().map(String::as_str).collect()
}

#[test]
fn it_says_that_it_is_ready_how_it_is_that_it_reloads_and_that_it_stops() {
    let init = Init::new();
    let mut a = site("a");
    let wrapper = init.wrapper(&[]);
    let options = Options::new().wrapped_in(&words(&wrapper));
    let mut l4lb = options
        .arg("--health-interval=20ms")
        .backend(a.addr())
        .start();
    init.expect("READY=1\nSTATUS=generation 1, 1 of 1 backends up");
    a.stop();
    init.expect("STATUS=generation 1, 0 of 1 backends up");
    l4lb.signal("HUP");
    init.expect("RELOADING=1\nMONOTONIC_USEC=");
    init.expect("READY=1");
    l4lb.signal("TERM");
    init.expect("STOPPING=1");
    assert_eq!(l4lb.wait().code(), Some(0));
}

#[test]
fn the_watchdog_is_fed_while_the_loops_turn() {
    let init = Init::new();
    let backend = echo();
    let wrapper = init.wrapper(&["WATCHDOG_USEC=200000"]);
    let options = Options::new().wrapped_in(&words(&wrapper));
    let l4lb = options.arg("--workers=2").backend(backend.addr()).start();
    for _ in 0..5 {
        init.expect("WATCHDOG=1");
    }
    expect_echo(&mut l4lb.connect(), b"served");
}

/// Opens a socket as a service manager does, and becomes the program with it as descriptor 3.
const PASS_A_SOCKET: &str = "
import os, socket, sys
passed = socket.socket()
passed.bind(('127.0.0.1', int(sys.argv[1])))
passed.listen(100)
os.dup2(passed.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
";

#[test]
fn a_socket_that_is_passed_is_served_where_a_listener_has_its_address() {
    if !available("python3") {
        return;
    }
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    let a = site("a");
    // The program could not bind the address itself: it is taken.
    let options = Options::new().wrapped_in(&["python3", "-c", PASS_A_SOCKET, &port]);
    let l4lb = options
        .arg(&format!("--listen=127.0.0.1:{port}"))
        .backend(a.addr())
        .start();
    assert_eq!(l4lb.address().port().to_string(), port);
    assert_eq!(whoami(l4lb.address()).unwrap(), "a");
}
