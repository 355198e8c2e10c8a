//! One l4lb in front of backends, and the bill at the end.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::log_line::LogLine;
use crate::harness::{L4lb, Options, PATIENCE, descriptors_of_kind, eventually, is_stopped};

/// How soon after its last session l4lb must have let go of everything.
const CLEAN_UP: Duration = Duration::from_secs(2);

/// A running l4lb, what it looked like before its first client, and how many clients it got.
pub(super) struct Scene {
    pub(super) l4lb: L4lb,
    backends: Vec<SocketAddr>,
    clients: AtomicUsize,
    sockets: usize,
    pipes: usize,
}

/// Both ends of a session, in the test's hands.
pub(super) struct Ends {
    pub(super) client: TcpStream,
    pub(super) server: TcpStream,
}

impl Scene {
    /// Without health checks, whose connections a test would have to tell from those of clients.
    pub(super) fn before(backends: &[SocketAddr], arguments: &[&str]) -> Self {
        let options = Options::new().arg("--health=off");
        Self::start(options, backends, arguments)
    }

    pub(super) fn start(options: Options, backends: &[SocketAddr], arguments: &[&str]) -> Self {
        let options = backends.iter().copied().fold(options, Options::backend);
        let options = arguments.iter().fold(options, |all, it| all.arg(it));
        let l4lb = options.start();
        Self {
            sockets: descriptors_of_kind(l4lb.pid(), "socket"),
            pipes: descriptors_of_kind(l4lb.pid(), "pipe"),
            l4lb,
            backends: backends.to_vec(),
            clients: AtomicUsize::new(0),
        }
    }

    /// A scene whose one backend is played by the test.
    pub(super) fn with_own_backend(arguments: &[&str]) -> (Self, TcpListener) {
        let listener = listener();
        let scene = Self::before(&[listener.local_addr().unwrap()], arguments);
        (scene, listener)
    }

    /// A client that the test connects by itself counts too.
    pub(super) fn count_client(&self) {
        self.clients.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn client(&self) -> TcpStream {
        self.count_client();
        self.l4lb.connect()
    }

    /// A client that may be reset before it knows that it is connected.
    pub(super) fn doomed_client(&self) -> Option<TcpStream> {
        self.count_client();
        match TcpStream::connect(self.l4lb.address()) {
            Ok(client) => {
                client.set_read_timeout(Some(PATIENCE)).unwrap();
                Some(client)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("connect: {error}"),
        }
    }

    /// A client and its connection at the backend. One caller at a time: they are told by their order.
    pub(super) fn session(&self, listener: &TcpListener) -> Ends {
        let client = self.client();
        let server = accept(listener);
        Ends { client, server }
    }

    /// Stops l4lb, so that all that happens meanwhile comes upon it in one batch.
    pub(super) fn freeze(&self) {
        self.l4lb.signal("STOP");
        let pid = self.l4lb.pid();
        eventually("l4lb has halted", || is_stopped(pid));
    }

    pub(super) fn thaw(&self) {
        self.l4lb.signal("CONT");
    }

    /// The bill, once the test holds no socket any more: returns a line per client, in the order in
    /// which the sessions ended.
    #[track_caller]
    pub(super) fn end(self) -> Vec<LogLine> {
        let start = Instant::now();
        let pid = self.l4lb.pid();
        eventually("l4lb lets go of all sockets", || {
            // Fewer, where a probe was under way when they were counted.
            descriptors_of_kind(pid, "socket") <= self.sockets
        });
        assert!(start.elapsed() < CLEAN_UP, "{:?}", start.elapsed());
        eventually("l4lb lets go of its pipes", || {
            descriptors_of_kind(pid, "pipe") <= self.pipes
        });
        assert!(start.elapsed() < CLEAN_UP, "{:?}", start.elapsed());
        let addresses = self.backends.iter().copied().chain([self.l4lb.address()]);
        for address in addresses {
            eventually("no socket is left half closed or half open", || {
                half_done_sockets(address).is_empty()
            });
        }
        let count = self.clients.load(Ordering::Relaxed);
        let lines = self.l4lb.wait_for_access_log(count);
        assert_eq!(lines.len(), count, "one line per client");
        lines.iter().map(|line| LogLine::parse(line)).collect()
    }

    /// The bill of a scene with one client.
    #[track_caller]
    pub(super) fn end_of_one(self) -> LogLine {
        let mut lines = self.end();
        assert_eq!(lines.len(), 1);
        lines.remove(0)
    }
}

/// Sockets in CLOSE-WAIT or SYN-SENT one of whose ends is `address`, as ss(8) shows them: it lets the
/// kernel choose, where /proc/net/tcp lists every TIME-WAIT of the machine.
fn half_done_sockets(address: SocketAddr) -> String {
    let port = address.port();
    let filter = format!("( sport = :{port} or dport = :{port} )");
    let states = ["state", "close-wait", "state", "syn-sent"];
    let mut command = Command::new("ss");
    let output = command
        .arg("-Htn")
        .args(states)
        .arg(filter)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A listener on a free port of loopback, which does not wait for ever.
pub(super) fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener)
        .set_read_timeout(Some(PATIENCE))
        .unwrap();
    listener
}

/// The next connection of a listener made by [`listener`].
#[track_caller]
pub(super) fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().expect("a connection in time");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A listener whose queue is full, so that a further connect hangs, and the connections that fill it.
pub(crate) fn crowded_listener() -> (TcpListener, Vec<Socket>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    socket.listen(0).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap().into();
    let connect = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let connected = socket.connect_timeout(&address, Duration::from_millis(50));
        connected.is_ok().then_some(socket)
    };
    let fillers = std::iter::from_fn(connect).collect();
    (listener, fillers)
}
