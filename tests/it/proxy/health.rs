//! Checks of backends that hear of clients by PROXY headers say that they are no clients.

use super::*;

use l4lb::proxy_protocol::Command;

/// One l4lb from a file, with these lines about its pool.
fn checking(backend: SocketAddr, lines: &str) -> (TempDir, L4lb) {
    from_file(&format!(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nbackends = [\"{backend}\"]\n{lines}\n"
    ))
}

#[test]
fn a_check_begins_with_a_header_of_nobody() {
    for (version, check, question) in [
        ("v1", "type = \"tcp\"", ""),
        ("v2", "type = \"tcp\"", ""),
        (
            "v1",
            "type = \"http\", path = \"/up\"",
            "GET /up HTTP/1.1\r\n",
        ),
        (
            "v2",
            "type = \"http\", path = \"/up\"",
            "GET /up HTTP/1.1\r\n",
        ),
        (
            "v2",
            "type = \"send-expect\", send = \"PING\", expect = \"PONG\"",
            "PING",
        ),
    ] {
        let backend = listener("127.0.0.1:0");
        let lines = format!("send_proxy = \"{version}\"\nhealth = {{ {check} }}");
        let (_folder, _l4lb) = checking(backend.local_addr().unwrap(), &lines);
        let probe = accept(&backend);
        let bytes = header_bytes(&probe);
        assert_eq!(bytes.starts_with(b"PROXY UNKNOWN\r\n"), version == "v1");
        let header = header(&bytes);
        let command = if version == "v1" {
            Command::Proxy
        } else {
            Command::Local
        };
        assert_eq!((header.command, header.addresses), (command, None));
        if question.is_empty() {
            assert_eq!((&probe).read(&mut [0; 1]).unwrap(), 0, "a connect is all");
        } else {
            assert_eq!(read(&probe, question.len()), question.as_bytes());
        }
    }
}

#[test]
fn a_check_of_a_port_of_its_own_says_nothing_before() {
    let backend = listener("127.0.0.1:0");
    let port = backend.local_addr().unwrap().port();
    let lines = format!(
        "send_proxy = \"v2\"\nhealth = {{ type = \"send-expect\", send = \"PING\", expect = \"x\", port = {port} }}"
    );
    let (_folder, _l4lb) = checking(address("127.0.0.1:1"), &lines);
    assert_eq!(read(&accept(&backend), 4), b"PING");
}

#[test]
fn a_balancer_behind_another_one_is_up_for_it() {
    let backend = listener("127.0.0.1:0");
    let second = before(&backend, &["--accept-proxy=127.0.0.1"]);
    for version in ["v1", "v2"] {
        let health = "health = { type = \"send-expect\", send = \"PING\", expect = \"PONG\", rise = 1, interval = \"20ms\" }";
        let lines = format!("send_proxy = \"{version}\"\n{health}");
        let (_folder, mut first) = checking(second.address(), &lines);
        let mut server = accept(&backend);
        assert_eq!(read(&server, 4), b"PING");
        server.write_all(b"NO").unwrap();
        drop(server);
        for _ in 0..2 {
            drop(accept(&backend));
        }
        first.wait_for_log("is down");
        // What is behind it answers again.
        let mut server = accept(&backend);
        server.write_all(b"PONG").unwrap();
        first.wait_for_log("is up");
    }
}

#[test]
fn checks_and_sessions_come_from_the_addresses_of_the_pool() {
    let backend = listener("127.0.0.1:0");
    let lines = "source = [\"127.0.0.5\", \"::1\", \"127.0.0.6\"]\nhealth = { type = \"tcp\", interval = \"1h\" }";
    let (_folder, l4lb) = checking(backend.local_addr().unwrap(), lines);
    let peer = |stream: TcpStream| stream.peer_addr().unwrap().ip().to_string();
    assert_eq!(peer(accept(&backend)), "127.0.0.5");
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..4 {
        let _client = l4lb.connect();
        seen.push(peer(accept(&backend)));
    }
    seen.sort_unstable();
    assert_eq!(seen, ["127.0.0.5", "127.0.0.5", "127.0.0.6", "127.0.0.6"]);
}
