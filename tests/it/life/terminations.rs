//! Every way in which a session can end, provoked on the real program, and the line that tells of it.
//!
//! A fault of l4lb itself (`I`) is the one cause that no test can provoke.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use l4lb::session::{Cause, CloseReason, Stage};
use serde_json::Value;
use socket2::SockRef;
use tempfile::TempDir;
use test_backends::{Behaviour, Server};

use super::{echo, expect_echo};
use crate::harness::{L4lb, Options, eventually};
use crate::relay::crowded_listener;

/// A listener that asks for a name.
const ONE_ROUTE: &str = "route = [{ sni = [\"shop.example\"], pool = \"app\" }]";

/// The first message of a TLS client that asks for none.
const HELLO_WITHOUT_NAME: &[u8] =
    include_bytes!("../../../src/client_hello/tests/hellos/openssl_without_name.bin");

/// A running l4lb whose access log is JSON, and the socket file of its admin API.
struct Scene {
    folder: TempDir,
    l4lb: L4lb,
}

impl Scene {
    /// With these keys of the listener, which has a pool unless it has routes, and of the pool before a backend at `address` with more keys.
    fn start(listener: &str, pool: &str, address: SocketAddr, backend: &str) -> Self {
        Self::wrapped(Options::new(), listener, pool, address, backend)
    }

    fn wrapped(
        options: Options,
        listener: &str,
        pool: &str,
        address: SocketAddr,
        backend: &str,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let admin = folder.path().join("admin");
        let file = folder.path().join("l4lb.toml");
        let health = if pool.contains("health") {
            ""
        } else {
            "health = { type = \"off\" }"
        };
        let own_pool = if listener.contains("route") {
            ""
        } else {
            "pool = \"app\""
        };
        let text = format!(
            "[access_log]\nformat = \"json\"\n[admin]\nlisten = \"unix:{}\"\n\
             [[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\n{own_pool}\n{listener}\n\
             [pool.app]\n{health}\n{pool}\n\
             backends = [{{ name = \"a\", address = \"{address}\"{backend} }}]\n",
            admin.display()
        );
        fs::write(&file, text).unwrap();
        let options = options.arg("--config").arg(file.to_str().unwrap());
        let l4lb = options.start();
        Self { folder, l4lb }
    }

    fn say(&self, words: &[&str]) -> String {
        let admin = format!("unix:{}", self.folder.path().join("admin").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_l4lb"));
        let output = command.args(words).args(["--admin", &admin]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// Has the operator kill the newest of so many connections.
    fn kill_last(&self, of: usize) {
        let mut list = Vec::new();
        eventually("the connection is listed", || {
            let answer: Value =
                serde_json::from_str(&self.say(&["connections", "--json"])).unwrap();
            list = answer["connections"].as_array().unwrap().clone();
            list.len() == of
        });
        let id = list[of - 1]["id"].as_str().unwrap();
        assert_eq!(
            self.say(&["kill", id]),
            format!("connection {id} is closed\n")
        );
    }

    /// Has it stop at once.
    fn stop(&mut self) {
        self.l4lb.signal("TERM");
        self.l4lb.wait_for_log("draining");
        self.l4lb.signal("TERM");
        assert_eq!(self.l4lb.wait().code(), Some(0));
    }
}

fn reset(client: TcpStream) {
    let linger = Some(Duration::ZERO);
    SockRef::from(&client).set_linger(linger).unwrap();
}

/// A client that is served, by an l4lb with a backend that takes one client only, and one who waits.
fn one_served_and_one_waiting(pool: &str) -> (Scene, Server, TcpStream, TcpStream) {
    let backend = echo();
    let scene = Scene::start("", pool, backend.addr(), ", max_connections = 1");
    let mut first = scene.l4lb.connect();
    expect_echo(&mut first, b"served");
    let second = scene.l4lb.connect();
    (scene, backend, first, second)
}

/// What the first line says.
fn line(scene: &Scene) -> Value {
    serde_json::from_str(&scene.l4lb.wait_for_access_log(1)[0]).unwrap()
}

#[track_caller]
fn expect(line: &Value, cause: Cause, stage: Stage, ended_by: &str) {
    let reason = CloseReason { cause, stage };
    assert_eq!(line["l4lb.termination"], reason.to_string(), "{line}");
    assert_eq!(line["event.reason"], reason.label(), "{line}");
    assert_eq!(line["l4lb.ended_by"], ended_by, "{line}");
    let outcome = if reason == CloseReason::COMPLETED {
        "success"
    } else {
        "failure"
    };
    assert_eq!(line["event.outcome"], outcome, "{line}");
}

/// A test for each way to end; all causes but one are among them.
macro_rules! ends {
    ($($name:ident: $cause:ident $stage:ident, $ended_by:literal, $provoke:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let provoke: fn() -> Value = $provoke;
                expect(&provoke(), Cause::$cause, Stage::$stage, $ended_by);
            }
        )*

        #[test]
        fn every_cause_but_a_fault_of_our_own_is_provoked() {
            let provoked = [$(Cause::$cause),*];
            for cause in ALL {
                let can_be = can_be_provoked(cause);
                assert_eq!(provoked.contains(&cause), can_be, "{cause:?}");
            }
        }
    };
}

const ALL: [Cause; 16] = [
    Cause::Completed,
    Cause::ClientAborted,
    Cause::BackendAborted,
    Cause::BackendRefused,
    Cause::ConnectTimeout,
    Cause::NoBackend,
    Cause::QueueTimeout,
    Cause::BackendDown,
    Cause::LocalResource,
    Cause::IdleTimeout,
    Cause::BadPreamble,
    Cause::Denied,
    Cause::PreambleTimeout,
    Cause::Killed,
    Cause::Drained,
    Cause::Internal,
];

/// Whoever adds a cause is led here, and adds it above and below.
const fn can_be_provoked(cause: Cause) -> bool {
    match cause {
        Cause::Internal | Cause::ResponseTimeout => false,
        Cause::Completed
        | Cause::ClientAborted
        | Cause::BackendAborted
        | Cause::BackendRefused
        | Cause::ConnectTimeout
        | Cause::NoBackend
        | Cause::QueueTimeout
        | Cause::BackendDown
        | Cause::LocalResource
        | Cause::IdleTimeout
        | Cause::BadPreamble
        | Cause::Denied
        | Cause::PreambleTimeout
        | Cause::Killed
        | Cause::Drained => true,
    }
}

ends! {
    a_client_that_has_finished_ends_it: Completed End, "client", || {
        let backend = echo();
        let scene = Scene::start("", "", backend.addr(), "");
        let mut client = scene.l4lb.connect();
        expect_echo(&mut client, b"whole");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        line(&scene)
    };
    a_backend_that_has_finished_ends_it: Completed End, "backend", || {
        let behaviour = Behaviour::Source { bytes: Some(10) };
        let backend = Server::start("127.0.0.1:0", behaviour).unwrap();
        let scene = Scene::start("", "", backend.addr(), "");
        let mut client = scene.l4lb.connect();
        client.read_to_end(&mut Vec::new()).unwrap();
        drop(client);
        line(&scene)
    };
    a_client_resets_a_live_session: ClientAborted Data, "client", || {
        let backend = echo();
        let scene = Scene::start("", "", backend.addr(), "");
        let mut client = scene.l4lb.connect();
        expect_echo(&mut client, b"live");
        reset(client);
        line(&scene)
    };
    a_client_resets_while_its_backend_is_dialed: ClientAborted Connecting, "client", || {
        let (listener, _fillers) = crowded_listener();
        let pool = "connect_timeout = \"1h\"";
        let scene = Scene::start("", pool, listener.local_addr().unwrap(), "");
        reset(scene.l4lb.connect());
        line(&scene)
    };
    a_client_resets_while_it_waits_for_room: ClientAborted Queued, "client", || {
        let pool = "queue_timeout = \"1h\"";
        let (scene, _backend, _first, second) = one_served_and_one_waiting(pool);
        reset(second);
        line(&scene)
    };
    a_backend_resets_a_live_session: BackendAborted Data, "backend", || {
        let behaviour = Behaviour::ResetAfter { bytes: 4 };
        let backend = Server::start("127.0.0.1:0", behaviour).unwrap();
        let scene = Scene::start("", "", backend.addr(), "");
        let mut client = scene.l4lb.connect();
        client.write_all(b"four").unwrap();
        assert!(client.read(&mut [0]).is_err());
        line(&scene)
    };
    every_backend_refuses: BackendRefused Connecting, "l4lb", || {
        let mut backend = echo();
        backend.stop();
        let scene = Scene::start("", "retries = 0", backend.addr(), "");
        let _ = TcpStream::connect(scene.l4lb.address());
        line(&scene)
    };
    no_backend_answers: ConnectTimeout Connecting, "l4lb", || {
        let (listener, _fillers) = crowded_listener();
        let pool = "connect_timeout = \"200ms\"\nretries = 0";
        let scene = Scene::start("", pool, listener.local_addr().unwrap(), "");
        let _client = scene.l4lb.connect();
        line(&scene)
    };
    no_backend_is_up: NoBackend Connecting, "l4lb", || {
        let mut backend = echo();
        let pool = "retries = 0\nhealth = { type = \"tcp\", interval = \"20ms\", fall = 1 }";
        let mut scene = Scene::start("", pool, backend.addr(), "");
        backend.stop();
        scene.l4lb.wait_for_log("app/a is down");
        let mut last = Value::Null;
        eventually("the worker knows it too", || {
            let count = scene.l4lb.access_log().len();
            let _ = TcpStream::connect(scene.l4lb.address());
            let lines = scene.l4lb.wait_for_access_log(count + 1);
            last = serde_json::from_str(&lines[count]).unwrap();
            last.get("l4lb.backend").is_none()
        });
        last
    };
    nobody_makes_room_in_time: QueueTimeout Queued, "l4lb", || {
        let pool = "queue_timeout = \"200ms\"";
        let (scene, _backend, _first, _second) = one_served_and_one_waiting(pool);
        line(&scene)
    };
    a_backend_that_went_down_takes_its_sessions_with_it: BackendDown Data, "l4lb", || {
        let (backend, mut probed) = (echo(), echo());
        let port = probed.addr().port();
        let health = format!("type = \"tcp\", interval = \"20ms\", fall = 1, port = {port}");
        let pool = format!("on_down = \"reset\"\nhealth = {{ {health} }}");
        let scene = Scene::start("", &pool, backend.addr(), "");
        let mut client = scene.l4lb.connect();
        expect_echo(&mut client, b"live");
        probed.stop();
        line(&scene)
    };
    this_machine_has_no_port_left: LocalResource Connecting, "l4lb", || {
        let backend = echo();
        let options = Options::new().injecting("connect", "connect:error=EADDRNOTAVAIL");
        let scene = Scene::wrapped(options, "", "retries = 0", backend.addr(), "");
        let _ = TcpStream::connect(scene.l4lb.address());
        line(&scene)
    };
    no_byte_moves_for_the_idle_timeout: IdleTimeout Data, "l4lb", || {
        let backend = echo();
        let scene = Scene::start("idle_timeout = \"200ms\"", "", backend.addr(), "");
        let mut client = scene.l4lb.connect();
        expect_echo(&mut client, b"live");
        line(&scene)
    };
    a_client_says_what_is_no_tls_where_routes_want_it: BadPreamble Preamble, "l4lb", || {
        let scene = Scene::start(ONE_ROUTE, "", echo().addr(), "");
        scene.l4lb.connect().write_all(b"GET / HTTP/1.1\r\n").unwrap();
        line(&scene)
    };
    a_client_asks_for_a_name_that_is_denied: Denied Preamble, "l4lb", || {
        let scene = Scene::start(ONE_ROUTE, "", echo().addr(), "");
        scene.l4lb.connect().write_all(HELLO_WITHOUT_NAME).unwrap();
        line(&scene)
    };
    a_client_never_says_where_it_wants_to_go: PreambleTimeout Preamble, "l4lb", || {
        let listener = format!("preamble_timeout = \"200ms\"\n{ONE_ROUTE}");
        let scene = Scene::start(&listener, "", echo().addr(), "");
        let _client = scene.l4lb.connect();
        line(&scene)
    };
    an_operator_kills_a_client_that_has_said_nothing: Killed Preamble, "l4lb", || {
        let scene = Scene::start(ONE_ROUTE, "", echo().addr(), "");
        let _client = scene.l4lb.connect();
        scene.kill_last(1);
        line(&scene)
    };
    an_operator_kills_a_live_session: Killed Data, "l4lb", || {
        let backend = echo();
        let scene = Scene::start("", "", backend.addr(), "");
        let mut client = scene.l4lb.connect();
        expect_echo(&mut client, b"live");
        scene.kill_last(1);
        line(&scene)
    };
    an_operator_kills_a_session_that_waits_for_room: Killed Queued, "l4lb", || {
        let pool = "queue_timeout = \"1h\"";
        let (scene, _backend, _first, _second) = one_served_and_one_waiting(pool);
        scene.kill_last(2);
        line(&scene)
    };
    a_stop_cuts_a_live_session: Drained Data, "l4lb", || {
        let backend = echo();
        let mut scene = Scene::start("", "", backend.addr(), "");
        let mut client = scene.l4lb.connect();
        expect_echo(&mut client, b"live");
        scene.stop();
        line(&scene)
    };
    a_stop_cuts_a_session_that_is_dialing: Drained Connecting, "l4lb", || {
        let (listener, _fillers) = crowded_listener();
        let pool = "connect_timeout = \"1h\"";
        let mut scene = Scene::start("", pool, listener.local_addr().unwrap(), "");
        let _client = scene.l4lb.connect();
        scene.stop();
        line(&scene)
    };
    a_client_that_ended_its_stream_before_the_cut_has_ended_it_first: IdleTimeout Data, "client", || {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let scene = Scene::start("idle_timeout = \"200ms\"", "", address, "");
        let client = scene.l4lb.connect();
        client.shutdown(Shutdown::Write).unwrap();
        line(&scene)
    };
}
