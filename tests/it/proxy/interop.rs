//! HAProxy and nginx say and hear who the client is, with l4lb on the other side.

use super::*;

use std::process::{Child, Stdio};

use crate::harness::eventually;
use crate::life::available;

/// A process that is killed when the test is over, with the folder of its files.
struct Peer {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Peer {
    /// A program that reads a file made for a port, once something listens there.
    fn start(text: &str, family: Family, command: impl Fn(&str, &str) -> Program) -> Self {
        let address = SocketAddr::new(family.host(), free_port());
        let folder = TempDir::new().unwrap();
        let (path, home) = (
            folder.path().join("peer.conf"),
            folder.path().display().to_string(),
        );
        let text = text
            .replace("LISTEN", &address.to_string())
            .replace("HOME", &home);
        std::fs::write(&path, text).unwrap();
        let mut command = command(&path.display().to_string(), &home);
        let quiet = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = quiet
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .spawn()
            .unwrap();
        let peer = Self {
            process,
            address,
            _folder: folder,
        };
        eventually("the peer listens", || TcpStream::connect(address).is_ok());
        peer
    }

    fn haproxy(text: &str, family: Family) -> Self {
        let times =
            "defaults\n mode tcp\n timeout client 20s\n timeout server 20s\n timeout connect 5s\n";
        let text = format!("{times}{text}");
        Self::start(&text, family, |path, _| {
            let mut command = Program::new("haproxy");
            command.args(["-db", "-f", path]);
            command
        })
    }

    fn nginx(text: &str, family: Family) -> Self {
        let head = "daemon off; master_process off; pid HOME/pid; error_log HOME/error.log;\n\
            load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nevents {}\n";
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|it| format!("{it}_temp_path HOME;"))
            .concat();
        let text = format!("{head}{}", text.replace("PLACES", &places));
        Self::start(&text, family, |path, home| {
            let mut command = Program::new("nginx");
            command.args(["-p", home, "-c", path]);
            command
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Family {
    V4,
    V6,
}

impl Family {
    const BOTH: [Self; 2] = [Self::V4, Self::V6];

    fn host(self) -> std::net::IpAddr {
        match self {
            Self::V4 => std::net::Ipv4Addr::LOCALHOST.into(),
            Self::V6 => std::net::Ipv6Addr::LOCALHOST.into(),
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// An l4lb that listens on loopback of that family.
fn l4lb(family: Family, backend: SocketAddr, arguments: &[&str]) -> L4lb {
    let options = Options::new().arg("--health=off").backend(backend);
    let options = options.arg(&format!("--listen={}", SocketAddr::new(family.host(), 0)));
    arguments
        .iter()
        .fold(options, |all, it| all.arg(it))
        .start()
}

/// What it answers to a request over this connection.
fn answer(mut client: &TcpStream) -> String {
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

/// Each server answers with the address that it takes for the client's.
const HAPROXY_SERVER: &str = "frontend f\n mode http\n bind LISTEN accept-proxy\n\
    http-request return status 200 content-type text/plain lf-string \"%[src]:%[src_port] %[dst]:%[dst_port]\"\n";
const NGINX_SERVER: &str = "http { access_log off; PLACES server { listen LISTEN proxy_protocol; \
    location / { return 200 \"$proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_addr:$proxy_protocol_server_port\"; } } }\n";

#[test]
fn haproxy_and_nginx_hear_of_the_client_from_us() {
    if !available("haproxy") || !available("nginx") {
        return;
    }
    for family in Family::BOTH {
        let servers = [
            Peer::haproxy(HAPROXY_SERVER, family),
            Peer::nginx(NGINX_SERVER, family),
        ];
        for server in &servers {
            for version in ["--send-proxy=v1", "--send-proxy=v2"] {
                let l4lb = l4lb(family, server.address, &[version]);
                let client = l4lb.connect();
                let (from, to) = (client.local_addr().unwrap(), l4lb.address());
                let wanted = format!("{}:{} {}:{}", from.ip(), from.port(), to.ip(), to.port());
                let text = answer(&client);
                assert!(
                    text.ends_with(&wanted),
                    "{family:?} {version}: {wanted}: {text}"
                );
            }
        }
    }
}

#[test]
fn haproxy_and_nginx_take_our_checks_for_what_they_are() {
    if !available("haproxy") || !available("nginx") {
        return;
    }
    for server in [
        Peer::haproxy(HAPROXY_SERVER, Family::V4),
        Peer::nginx(NGINX_SERVER, Family::V4),
    ] {
        for version in ["v1", "v2"] {
            // One failed check would be told.
            let (_folder, mut l4lb) = from_file(&format!(
                "[log]\nlevel = \"debug\"\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
                 [pool.app]\nsend_proxy = \"{version}\"\nall_down = \"try-all\"\n\
                 backends = [\"{}\", {{ name = \"closed\", address = \"127.0.0.1:1\" }}]\n\
                 health = {{ type = \"http\", path = \"/\", fall = 1, interval = \"20ms\" }}\n",
                server.address
            ));
            l4lb.wait_for_log("app/closed is down");
            crate::life::let_pass(Duration::from_millis(200));
            let name = server.address.to_string();
            assert!(
                !l4lb
                    .log()
                    .iter()
                    .any(|it| it.contains(&format!("app/{name} is down")))
            );
            let text = answer(&l4lb.connect());
            assert!(text.contains("127.0.0.1:"), "{text}");
        }
    }
}

#[test]
fn we_hear_of_the_client_from_haproxy_and_nginx() {
    if !available("haproxy") || !available("nginx") {
        return;
    }
    for family in Family::BOTH {
        let backend = listener("127.0.0.1:0");
        let accept_proxy = format!("--accept-proxy={}", family.host());
        let l4lb = l4lb(
            family,
            backend.local_addr().unwrap(),
            &[&accept_proxy, "--send-proxy=v2"],
        );
        let ours = l4lb.address();
        let haproxy = |send: &str| {
            let text = format!("listen f\n bind LISTEN\n server s {ours} {send}\n");
            Peer::haproxy(&text, family)
        };
        let peers = [
            haproxy("send-proxy"),
            haproxy("send-proxy-v2"),
            haproxy("send-proxy-v2 proxy-v2-options unique-id,crc32c,authority"),
            Peer::nginx(
                &format!(
                    "stream {{ server {{ listen LISTEN; proxy_pass {ours}; proxy_protocol on; }} }}"
                ),
                family,
            ),
        ];
        for peer in &peers {
            let mut client = TcpStream::connect(peer.address).unwrap();
            client.write_all(b"hello").unwrap();
            let wanted = addresses_of(&client);
            // Before it come those who looked whether the peer listens.
            let is_it = |it: &TcpStream| header(&header_bytes(it)).addresses == wanted;
            let mut servers = std::iter::repeat_with(|| accept(&backend));
            let server = servers.find(is_it).unwrap();
            assert_eq!(read(&server, 5), b"hello", "{family:?}");
        }
    }
}

/// Checks of theirs are LOCAL or UNKNOWN: they come through to the backend as what they are.
#[test]
fn a_check_of_haproxy_is_served_under_its_own_address() {
    if !available("haproxy") {
        return;
    }
    let site = crate::life::site("a");
    for send in ["send-proxy", "send-proxy-v2"] {
        let l4lb = l4lb(Family::V4, site.addr(), &["--accept-proxy=127.0.0.1"]);
        let ours = l4lb.address();
        let text = format!(
            "listen f\n bind LISTEN\n option httpchk GET /whoami\n server s {ours} check inter 50ms {send}\n"
        );
        let _peer = Peer::haproxy(&text, Family::V4);
        let lines = l4lb.wait_for_access_log(3);
        for line in lines.iter().take(3) {
            assert!(line.contains(" 127.0.0.1:"), "{line}");
            assert!(!line.contains(" PR ") && !line.contains(" cR "), "{line}");
        }
    }
}
