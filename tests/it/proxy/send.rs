//! Backends hear who the client is, before its first byte and without waiting for it.

use super::*;

use l4lb::proxy_protocol::{Command, Tlvs};
use test_backends::{Behaviour, Server};

const VERSIONS: [&str; 2] = ["--send-proxy=v1", "--send-proxy=v2"];

#[test]
fn a_backend_hears_of_the_client_before_its_first_byte() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        for version in VERSIONS {
            let backend = listener(listen);
            let listen = format!("--listen={listen}");
            let l4lb = before(&backend, &[version, &listen]);
            let mut client = l4lb.connect();
            client.write_all(b"hello").unwrap();
            let mut server = accept(&backend);
            let bytes = header_bytes(&server);
            let header = header(&bytes);
            assert_eq!(header.command, Command::Proxy);
            assert_eq!(header.addresses, addresses_of(&client));
            assert_eq!(read(&server, 5), b"hello");
            server.write_all(b"bye").unwrap();
            assert_eq!(read(&client, 3), b"bye");
            drop((client, server));
            let words = only_line(&l4lb);
            assert_eq!(
                (&*words[6], &*words[7]),
                ("5/3", "--"),
                "the header is no byte of the client's"
            );
            if version.ends_with("v2") {
                let id = words[11].strip_prefix("c=").unwrap().as_bytes();
                let unique_id = Some(id);
                assert_eq!(
                    header.tlvs,
                    Tlvs {
                        unique_id,
                        ..Tlvs::default()
                    }
                );
            }
        }
    }
}

#[test]
fn a_client_that_waits_for_the_backend_to_speak_is_told_of_all_the_same() {
    for version in VERSIONS {
        let backend = listener("127.0.0.1:0");
        let l4lb = before(&backend, &[version]);
        // The second one too, when it is known that this backend speaks first.
        for _ in 0..2 {
            let client = l4lb.connect();
            let mut server = accept(&backend);
            assert_eq!(
                header(&header_bytes(&server)).addresses,
                addresses_of(&client)
            );
            server.write_all(b"220 ready\r\n").unwrap();
            assert_eq!(read(&client, 11), b"220 ready\r\n");
        }
        for line in l4lb.wait_for_access_log(2) {
            assert!(line.contains(" 0/11 "), "{line}");
        }
    }
}

#[test]
fn what_the_client_has_said_already_goes_in_the_same_packet() {
    let backend = listener("127.0.0.1:0");
    let l4lb = before(&backend, &["--send-proxy=v2"]);
    l4lb.signal("STOP");
    crate::harness::eventually("l4lb has halted", || crate::harness::is_stopped(l4lb.pid()));
    let mut client = l4lb.connect();
    client.write_all(b"hello").unwrap();
    l4lb.signal("CONT");
    let server = accept(&backend);
    header_bytes(&server);
    assert_eq!(read(&server, 5), b"hello");
    let filter = format!("( sport = :{} )", backend.local_addr().unwrap().port());
    let told = Program::new("ss")
        .args(["-Htni", "state", "established", &filter])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains(" data_segs_in:1 "), "{told}");
}

#[test]
fn a_stream_that_ends_after_its_first_bytes_ends_at_the_backend() {
    let backend = listener("127.0.0.1:0");
    let l4lb = before(&backend, &["--send-proxy=v1"]);
    let mut client = l4lb.connect();
    client.write_all(b"hello").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut server = accept(&backend);
    header_bytes(&server);
    let mut rest = String::new();
    server.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "hello");
    drop(server);
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(only_line(&l4lb)[7], "--");
}

#[test]
fn a_client_that_resets_is_relayed_as_a_reset_after_its_bytes() {
    let backend = listener("127.0.0.1:0");
    let l4lb = before(&backend, &["--send-proxy=v1"]);
    l4lb.signal("STOP");
    crate::harness::eventually("l4lb has halted", || crate::harness::is_stopped(l4lb.pid()));
    let mut client = l4lb.connect();
    client.write_all(b"hello").unwrap();
    SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    l4lb.signal("CONT");
    // It may have gone before a backend was picked; what matters is that nothing looks whole.
    if let Ok((mut server, _)) = backend.accept() {
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut all = Vec::new();
        let end = server.read_to_end(&mut all).map_err(|error| error.kind());
        assert_eq!(
            end,
            Err(ErrorKind::ConnectionReset),
            "{}",
            all.escape_ascii()
        );
    }
}

#[test]
fn each_attempt_that_connects_says_it_once_and_no_other_one_does() {
    let refusing = listener("127.0.0.1:0").local_addr().unwrap();
    let backend = listener("127.0.0.1:0");
    let options = Options::new().arg("--health=off").backend(refusing);
    let options = options.backend(backend.local_addr().unwrap());
    let l4lb = options
        .arg("--send-proxy=v2")
        .arg("--balance=first")
        .start();
    let mut client = l4lb.connect();
    client.write_all(b"hello").unwrap();
    let server = accept(&backend);
    assert_eq!(
        header(&header_bytes(&server)).addresses,
        addresses_of(&client)
    );
    assert_eq!(read(&server, 5), b"hello");
    drop((client, server));
    assert_eq!(only_line(&l4lb)[8], "1", "one retry");
}

#[test]
fn bulk_behind_a_header_is_spliced() {
    let echo = Server::start("127.0.0.1:0", Behaviour::Echo).unwrap();
    let options = Options::new().arg("--health=off").arg("--send-proxy=v2");
    let l4lb = options.backends(std::slice::from_ref(&echo)).start();
    let mut client = l4lb.connect();
    let mut writer = client.try_clone().unwrap();
    let bulk = vec![7; 8 << 20];
    let mut back = vec![0; bulk.len()];
    std::thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&bulk).unwrap());
        // The echo says the header too.
        header_bytes(&client);
        client.read_exact(&mut back).unwrap();
    });
    assert!(back == bulk, "other bytes came back than were sent");
    drop((client, writer));
    assert_eq!(only_line(&l4lb)[10], "splice");
}

/// client -> first -> second -> backend
fn chain(versions: [&str; 2], listen: &str) -> (TcpListener, [L4lb; 2]) {
    let backend = listener(listen);
    let accept = ["--accept-proxy=127.0.0.1", "--accept-proxy=::1"];
    let listen = format!("--listen={listen}");
    let second = before(&backend, &[versions[1], &listen, accept[0], accept[1]]);
    let options = Options::new().backend(second.address());
    let first = options
        .arg(versions[0])
        .arg(&listen)
        .arg("--health=off")
        .start();
    (backend, [first, second])
}

#[test]
fn in_a_chain_the_last_backend_hears_of_the_first_client() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        for versions in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let (backend, [first, second]) = chain(versions.map(|it| VERSIONS[it]), listen);
            let mut client = first.connect();
            client.write_all(b"hello").unwrap();
            let server = accept(&backend);
            let bytes = header_bytes(&server);
            let header = header(&bytes);
            assert_eq!(header.addresses, addresses_of(&client), "{versions:?}");
            assert_eq!(read(&server, 5), b"hello");
            drop((client, server));
            let [first, second] = [first, second].map(|it| only_line(&it));
            assert_eq!(first[1], second[1], "both log the same client");
            // The name of the connection that the first one has given stays, where it can be said.
            let namer = match versions {
                [_, 0] => None,
                [0, _] => Some(&second),
                _ => Some(&first),
            };
            let id = namer.map(|words| &words[11].as_bytes()[2..]);
            assert_eq!(header.tlvs.unique_id, id, "{versions:?}");
        }
    }
}

#[test]
fn what_a_proxy_says_besides_is_passed_on() {
    let backend = listener("127.0.0.1:0");
    let balancer = before(&backend, &["--send-proxy=v2", "--accept-proxy=127.0.0.1"]);
    let addresses = (address("192.0.2.7:1234"), address("198.51.100.1:443"));
    let tlvs = Tlvs {
        authority: Some("shop.example"),
        alpn: Some(b"h2"),
        unique_id: Some(b"abc"),
        ssl: Some(l4lb::proxy_protocol::Ssl {
            version: "TLSv1.3",
            client_cert: true,
            verified: true,
            common_name: Some("jane"),
        }),
    };
    let said = l4lb::proxy_protocol::encode_v2(Some(addresses), &tlvs);
    let mut client = balancer.connect();
    client.write_all(&said).unwrap();
    client.write_all(b"hello").unwrap();
    let server = accept(&backend);
    assert_eq!(header_bytes(&server), said);
    assert_eq!(read(&server, 5), b"hello");
}
