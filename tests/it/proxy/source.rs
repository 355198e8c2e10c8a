//! Backends see the address that their pool is dialed from: the client's own, over real routes between
//! network namespaces, or one of several of this machine.

use super::*;

use std::process::{Child, Stdio};

use crate::harness::own_network::{self, command};
use crate::harness::{eventually, is_stopped};
use crate::life::available;

/// A machine of its own behind a cable: a network namespace, which lives as long as its process.
struct Host {
    process: Child,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Host {
    /// The host 10.0.N.2 and fd00:N::2, which reaches all others by way of our own 10.0.N.1 and fd00:N::1.
    fn behind(number: u8) -> Self {
        let mut program = Program::new("unshare");
        let process = program.args(["--net", "sleep", "600"]).spawn().unwrap();
        let host = Self { process };
        let (ours, theirs) = (format!("to{number}"), format!("eth{number}"));
        let space = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/net")).ok();
        eventually("a namespace", || space(&host.id()) != space("self"));
        let words = format!(
            "link add {ours} type veth peer name {theirs} netns {}",
            host.id()
        );
        ip(&words);
        for (link, end) in [(&ours, 1), (&theirs, 2)] {
            for words in [
                format!("addr add 10.0.{number}.{end}/24 dev {link}"),
                format!("addr add fd00:{number}::{end}/64 dev {link} nodad"),
                format!("link set {link} up"),
            ] {
                if end == 1 {
                    ip(&words)
                } else {
                    host.ip(&words)
                }
            }
        }
        host.ip("link set lo up");
        host.ip(&format!("route add default via 10.0.{number}.1"));
        host.ip(&format!("-6 route add default via fd00:{number}::1"));
        host
    }

    fn id(&self) -> String {
        self.process.id().to_string()
    }

    fn ip(&self, words: &str) {
        let mut all = vec!["--net", "--target"];
        let id = self.id();
        all.extend([&*id, "ip"]);
        all.extend(words.split(' '));
        command("nsenter", &all);
    }

    fn program(&self, name: &str) -> Program {
        let mut program = Program::new("nsenter");
        program.args(["--net", "--target", &self.id(), name]);
        program
    }
}

fn ip(words: &str) {
    command("ip", &words.split(' ').collect::<Vec<_>>());
}

/// Has the kernel take for its own what backends send to clients, as docs/proxy-protocol.md says.
enum Divert {
    /// Whatever belongs to a transparent socket.
    Mark,
    /// Whatever comes from where the backends are.
    Interface,
}

impl Divert {
    fn set_up(&self) {
        let rule = match self {
            Self::Mark => "fwmark 1",
            Self::Interface => "iif to2",
        };
        for (family, all) in [("-4", "0.0.0.0/0"), ("-6", "::/0")] {
            ip(&format!("{family} rule add {rule} lookup 100"));
            ip(&format!("{family} route add local {all} dev lo table 100"));
        }
        if matches!(self, Self::Mark) {
            for words in [
                "add table inet l4lb",
                "add chain inet l4lb divert { type filter hook prerouting priority mangle; }",
                "add rule inet l4lb divert meta l4proto tcp socket transparent 1 meta mark set 1 accept",
            ] {
                command("nft", &[words]);
            }
        }
    }
}

/// Answers with the address that it sees.
const SEER: &str = "defaults\n mode http\n timeout client 20s\n timeout server 20s\n timeout connect 5s\n\
    frontend f\n bind :80\n bind :::80 v6only\n http-request return status 200 content-type text/plain lf-string \"%[src]\"\n";

/// The host in 1 asks l4lb, in between, which asks the host in 2.
fn expect_transparent(divert: &Divert) {
    let tools = ["haproxy", "nft", "curl", "nsenter"];
    if !tools.into_iter().all(available) {
        return;
    }
    let (client, server) = (Host::behind(1), Host::behind(2));
    divert.set_up();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("seer.conf");
    std::fs::write(&path, SEER).unwrap();
    let mut seer = server.program("haproxy");
    let seer = seer.args(["-db", "-f"]).arg(&path);
    let _seer = Host {
        process: seer
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    };
    for (near, far, wanted) in [
        ("10.0.1.1:8000", "10.0.2.2:80", "10.0.1.2"),
        ("[fd00:1::1]:8000", "[fd00:2::2]:80", "fd00:1::2"),
    ] {
        eventually("the backend listens", || TcpStream::connect(far).is_ok());
        let (_folder, l4lb) = from_file(&format!(
            "[[listener]]\nname = \"web\"\nlisten = \"{near}\"\npool = \"app\"\n\
             [pool.app]\nsource = \"client\"\nbackends = [\"{far}\"]\n"
        ));
        for _ in 0..3 {
            let mut curl = client.program("curl");
            let url = format!("http://{near}/");
            let output = curl.args(["-sg", "-m", "10", &url]).output().unwrap();
            let body = String::from_utf8_lossy(&output.stdout);
            assert_eq!(body, wanted, "{:?}", l4lb.access_log());
        }
    }
}

#[test]
fn a_backend_sees_the_client_where_transparent_sockets_are_marked() {
    own_network::run(
        module_path!(),
        "a_backend_sees_the_client_where_transparent_sockets_are_marked",
        || expect_transparent(&Divert::Mark),
    );
}

#[test]
fn a_backend_sees_the_client_where_all_that_backends_send_is_ours() {
    own_network::run(
        module_path!(),
        "a_backend_sees_the_client_where_all_that_backends_send_is_ours",
        || expect_transparent(&Divert::Interface),
    );
}

/// A client of this machine is seen under its address and another port.
#[test]
fn the_address_that_a_proxy_has_stated_is_the_one_that_a_backend_sees() {
    own_network::run(
        module_path!(),
        "the_address_that_a_proxy_has_stated_is_the_one_that_a_backend_sees",
        || {
            let backend = listener("127.0.0.1:0");
            let (_folder, l4lb) = from_file(&format!(
                "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
                 accept_proxy = {{ from = [\"127.0.0.1\"] }}\n\
                 [pool.app]\nsource = \"client\"\nhealth = {{ type = \"off\" }}\nbackends = [\"{}\"]\n",
                backend.local_addr().unwrap()
            ));
            // Any address of loopback has its way back; others would need routes.
            let mut client = l4lb.connect();
            client
                .write_all(b"PROXY TCP4 127.0.7.7 127.0.0.1 40000 80\r\nhello")
                .unwrap();
            let server = accept(&backend);
            assert_eq!(read(&server, 5), b"hello");
            let seen = server.peer_addr().unwrap();
            assert_eq!(seen.ip().to_string(), "127.0.7.7");
            // No backend can be dialed from an address of the other family.
            let mut client = l4lb.connect();
            client
                .write_all(b"PROXY TCP6 ::1 ::1 40000 80\r\nhello")
                .unwrap();
            expect_reset(&client);
            let lines = l4lb.wait_for_access_log(1);
            assert!(
                lines[0].contains("[::1]:40000") && lines[0].contains(" RC "),
                "{lines:?}"
            );
        },
    );
}

#[test]
fn an_address_without_a_port_left_is_passed_over() {
    own_network::run(
        module_path!(),
        "an_address_without_a_port_left_is_passed_over",
        || {
            let backend = listener("127.0.0.1:0");
            let (_folder, l4lb) = from_file(&format!(
                "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
                 [pool.app]\nsource = [\"127.0.0.5\", \"192.0.2.9\", \"127.0.0.6\"]\nretries = 0\n\
                 health = {{ type = \"off\" }}\nbackends = [\"{}\"]\n",
                backend.local_addr().unwrap()
            ));
            own_network::set("ip_local_port_range", "40000 40003");
            // Clients have an address, and so ports, of their own.
            let client = |host: u8| {
                let socket =
                    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
                        .unwrap();
                // Not a port for itself alone, which the kernel would give to nobody else.
                l4lb::sys::bind_without_port(&socket).unwrap();
                socket
                    .bind(&SocketAddr::from(([127, 0, 1, host], 0)).into())
                    .unwrap();
                socket.connect(&l4lb.address().into()).unwrap();
                TcpStream::from(socket)
            };
            let mut sessions = Vec::new();
            for host in 1..=8 {
                let client = client(host);
                sessions.push((client, accept(&backend)));
            }
            let from = |host: u8| {
                let is_it = |(_, server): &&(TcpStream, TcpStream)| {
                    server.peer_addr().unwrap().ip().to_string() == format!("127.0.0.{host}")
                };
                sessions.iter().filter(is_it).count()
            };
            assert_eq!((from(5), from(6)), (4, 4), "192.0.2.9 is nobody's here");
            let late = client(9);
            late.set_read_timeout(Some(PATIENCE)).unwrap();
            expect_reset(&late);
            assert_eq!(only_line(&l4lb)[7], "RC");
        },
    );
}

#[test]
fn without_the_right_to_it_a_transparent_pool_is_refused_and_told_of() {
    let stripped = [
        "setpriv",
        "--bounding-set=-net_admin,-net_raw",
        "--inh-caps=-net_admin,-net_raw",
    ];
    let is_root = rustix::process::geteuid().is_root();
    let program = env!("CARGO_BIN_EXE_l4lb").to_owned();
    let words = stripped
        .map(str::to_owned)
        .into_iter()
        .filter(|_| is_root)
        .chain([program]);
    let words: Vec<String> = words.collect();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("l4lb.toml");
    let text = |source: &str| {
        format!(
            "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
             [pool.app]\n{source}\nbackends = [\"127.0.0.1:1\"]\n"
        )
    };
    let transparent = text("source = \"client\"");
    std::fs::write(&path, &transparent).unwrap();
    let lack =
        "pool app: source = \"client\" takes the right to use others' addresses, CAP_NET_ADMIN";
    let run = |more: &[&str]| {
        // One that is not refused would run on.
        let mut program = Program::new("timeout");
        let output = program
            .arg("20")
            .args(&words)
            .args(more)
            .arg(&path)
            .output()
            .unwrap();
        let trouble = String::from_utf8(output.stderr).unwrap();
        assert!(trouble.contains(lack), "{trouble}");
        output.status.code()
    };
    assert_eq!(run(&["--config"]), Some(1));
    assert_eq!(
        run(&["check"]),
        Some(0),
        "who checks it need not be who serves it"
    );
    // A reload is refused whole.
    std::fs::write(&path, text("")).unwrap();
    let place = path.display().to_string();
    let options = Options::new().arg("--config").arg(&place);
    let options = if is_root {
        options.wrapped_in(&stripped)
    } else {
        options
    };
    let mut l4lb = options.start();
    std::fs::write(&path, &transparent).unwrap();
    l4lb.signal("HUP");
    l4lb.wait_for_log(lack);
    assert!(!is_stopped(l4lb.pid()));
    drop(l4lb.connect());
}
