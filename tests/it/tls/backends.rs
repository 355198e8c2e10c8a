//! TLS on the other side: backends are spoken to in it, and have to show who they are.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use l4lb::proxy_protocol::{Decoded, decode};
use rustls::{ServerConnection, Stream};
use test_backends::{Behaviour, Server};

use super::{Files, echoed, issued, listener};
use crate::harness::L4lb;

fn echo() -> Server {
    Server::start("127.0.0.1:0", Behaviour::Echo).unwrap()
}

/// An l4lb with TLS, which serves as the backend of another one.
fn secure(files: &Files, backend: &Server) -> L4lb {
    files.before(backend.addr(), "")
}

/// One without TLS for clients, in front of these backends.
fn front(files: &Files, tls: &str, backends: &str) -> L4lb {
    files.start(&format!(
        "[access_log]\noutput = \"-\"\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         [pool.app]\nhealth = {{ type = \"off\" }}\ntls = {{ {tls} }}\nbackends = [{backends}]\n"
    ))
}

#[test]
fn bytes_go_to_a_backend_in_tls_and_come_back() {
    let (files, backend) = (Files::new(&["localhost"]), echo());
    let secure = secure(&files, &backend);
    let port = secure.address().port();
    let address = format!("\"https://localhost:{port}\"");
    let l4lb = front(&files, "ca = \"DIR/ca.pem\"", &address);
    let text: Vec<u8> = (0..1_000_000_u32).map(|it| it.to_le_bytes()[1]).collect();
    let mut client = l4lb.connect();
    thread::scope(|scope| {
        let mut writer = client.try_clone().unwrap();
        let text = &text;
        scope.spawn(move || {
            writer.write_all(text).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        assert!(back == *text);
    });
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(" 1000000/1000000 -- 0 "), "{line}");
    let line = secure.wait_for_access_log(1).remove(0);
    assert!(line.contains(" 1000000/1000000 -- 0 "), "{line}");
}

#[test]
fn tls_on_both_sides_is_two_handshakes_and_one_stream() {
    let (files, backend) = (Files::new(&["localhost"]), echo());
    let secure = secure(&files, &backend);
    let port = secure.address().port();
    let pool = format!(
        "[pool.app]\nhealth = {{ type = \"off\" }}\ntls = {{ ca = \"DIR/ca.pem\" }}\n\
         backends = [\"https://localhost:{port}\"]\n"
    );
    let keys = "handshake_timeout = \"5s\"";
    let both = files.start(&listener(keys, &pool).replace("DIR/admin", "DIR/other"));
    let mut client = files.client(&both, "localhost");
    let text = vec![9; 500_000];
    assert!(echoed(&mut client, &text) == text);
    client.conn.send_close_notify();
    client.flush().unwrap();
    assert_eq!(client.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_backend_that_cannot_show_who_it_is_gets_no_byte_and_another_one_serves() {
    let (files, backend, plain) = (Files::new(&["localhost"]), echo(), echo());
    let secure = secure(&files, &backend);
    let address = secure.address();
    let backends = format!("\"https://{address}\", \"{}\"", plain.addr());
    // By its address, which its certificate is not for.
    let l4lb = front(&files, "ca = \"DIR/ca.pem\"", &backends);
    let mut client = l4lb.connect();
    client.write_all(b"x").unwrap();
    let mut back = [0];
    client.read_exact(&mut back).unwrap();
    drop(client);
    let line = l4lb.wait_for_access_log(1).remove(0);
    assert!(line.contains(&format!("app/{} ", plain.addr())), "{line}");
    assert_eq!((backend.accepted(), plain.accepted()), (0, 1));

    for tls in [
        "ca = \"DIR/ca.pem\", server_name = \"localhost\"",
        "verify = false",
    ] {
        let l4lb = front(&files, tls, &format!("\"https://{address}\""));
        let mut client = l4lb.connect();
        client.write_all(b"x").unwrap();
        client.read_exact(&mut back).unwrap();
    }
    assert_eq!(backend.accepted(), 2);
}

#[test]
fn a_backend_is_told_by_a_proxy_header_before_tls_who_the_client_is() {
    let files = Files::new(&["localhost"]);
    let config = files.serving("localhost");
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let pool = format!(
        "[pool.app]\nsend_proxy = \"v2\"\nhealth = {{ type = \"off\" }}\ntls = {{ ca = \"DIR/ca.pem\" }}\n\
         backends = [\"https://localhost:{port}\"]\n"
    );
    let keys = "alpn = [\"http/1.1\"], client_ca = \"DIR/ca.pem\"";
    let l4lb = files.start(&listener(keys, &pool));
    let own = issued(&files.root, "visitor");
    let mut config_of_client = super::client_config(&files.root, Some(&own));
    config_of_client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut client = super::connect(&l4lb, config_of_client, "localhost");
    let address = client.sock.local_addr().unwrap();
    let served = thread::spawn(move || {
        let mut socket = backend.accept().unwrap().0;
        socket
            .set_read_timeout(Some(crate::harness::PATIENCE))
            .unwrap();
        let (mut bytes, mut byte) = (Vec::new(), [0]);
        while !matches!(decode(&bytes).unwrap(), Decoded::Header(..)) {
            socket.read_exact(&mut byte).unwrap();
            bytes.extend(byte);
        }
        let mut server = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut server, &mut socket);
        let mut text = [0; 5];
        stream.read_exact(&mut text).unwrap();
        stream.write_all(&text).unwrap();
        stream.flush().unwrap();
        bytes
    });
    assert_eq!(echoed(&mut client, b"hello"), b"hello");
    let bytes = served.join().unwrap();
    let Ok(Decoded::Header(header, _)) = decode(&bytes) else {
        panic!("{bytes:?}");
    };
    assert_eq!(header.addresses.unwrap().0, address);
    assert_eq!(header.tlvs.authority, Some("localhost"));
    assert_eq!(header.tlvs.alpn, Some(&b"http/1.1"[..]));
    let ssl = header.tlvs.ssl.unwrap();
    assert_eq!((ssl.version, ssl.common_name), ("TLSv1.3", Some("visitor")));
    assert!(ssl.client_cert && ssl.verified);
}

#[test]
fn a_file_of_backends_may_turn_to_tls() {
    let files = Files::new(&[]);
    fs::write(files.path("list"), "a=127.0.0.1:1\n").unwrap();
    let mut l4lb = files.start(
        "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n[pool.app]\n\
         health = { type = \"off\" }\nbackends_file = \"DIR/list\"\n",
    );
    fs::write(files.path("list"), "b=https://127.0.0.1:1\n").unwrap();
    l4lb.wait_for_log("pool app: backend b added");
}

#[test]
fn nobody_is_believed_any_more_when_a_reload_says_so() {
    let (files, backend) = (Files::new(&["localhost"]), echo());
    let secure = secure(&files, &backend);
    let config = |tls: &str| {
        format!(
            "[admin]\nlisten = \"unix:DIR/socket\"\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\n\
             pool = \"app\"\n[pool.app]\nhealth = {{ type = \"off\" }}\nbackends = [{{ address = \"127.0.0.1:1\", weight = 0 }}]\n{tls}"
        )
    };
    let l4lb = files.start(&config("tls = { verify = false }\n"));
    let ask = |method: &str, path: &str, body: &str| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-sS", "-w", "%{http_code}", "--unix-socket"])
            .arg(files.path("socket"));
        curl.args([
            "-H",
            "Content-Type: application/json",
            "-X",
            method,
            "-d",
            body,
        ]);
        let url = format!("http://localhost/v1/{path}");
        String::from_utf8(curl.arg(url).output().unwrap().stdout).unwrap()
    };
    let body = format!(
        "{{\"name\":\"b\",\"address\":\"https://{}\"}}",
        secure.address()
    );
    let add = || ask("POST", "pools/app/backends", &body);
    let added = add();
    assert!(added.ends_with("201"), "{added}");
    let is_served = || {
        let mut client = l4lb.connect();
        let mut back = [0];
        client.write_all(b"x").is_ok() && matches!(client.read(&mut back), Ok(1))
    };
    assert!(is_served());
    let file = files.path("l4lb-1.toml");
    let dir = files.folder.path().display().to_string();
    fs::write(&file, config("").replace("DIR", &dir)).unwrap();
    let reloaded = ask("POST", "reload", "");
    assert!(reloaded.contains("pool app: tls removed"), "{reloaded}");
    assert!(!is_served());
    // Nor is anybody who comes when nothing is known any more of whom to believe.
    assert!(ask("DELETE", "pools/app/backends/b", "").ends_with("204"));
    fs::write(&file, config("retries = 1\n").replace("DIR", &dir)).unwrap();
    ask("POST", "reload", "");
    let refused = add();
    assert!(
        refused.contains("before one with https:// is added"),
        "{refused}"
    );
}

#[test]
fn a_pool_in_tls_goes_together_with_its_listener() {
    let files = Files::new(&[]);
    let service = |name: &str, address: &str| {
        format!(
            "[[listener]]\nname = \"{name}\"\nlisten = \"127.0.0.1:0\"\npool = \"{name}\"\n\
             [pool.{name}]\nhealth = {{ type = \"off\" }}\nbackends = [\"{address}\"]\n"
        )
    };
    let plain = service("plain", "127.0.0.1:1");
    let secure = service("secure", "https://127.0.0.1:1");
    let mut l4lb = files.start(&(secure + &plain));
    fs::write(files.path("l4lb-0.toml"), plain).unwrap();
    l4lb.signal("HUP");
    l4lb.wait_for_log("pool secure removed");
}
