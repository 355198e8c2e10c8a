//! Connections to backends that speak TLS, from one request to the next: each handshake is paid for once.

use std::io::Write;
use std::time::Duration;

use super::super::Files;
use crate::harness::{L4lb, eventually};
use crate::http::backend::{Backend, Heard, Say};
use crate::http::{get, ok, response};
use crate::life::let_pass;

const WAYS: [&str; 2] = ["connection", "request"];

fn per(way: &str) -> String {
    format!("per = \"{way}\"")
}

/// Who has answered, and on which connection of its own.
fn name(name: &str, it: &Heard) -> Vec<u8> {
    ok(&format!("{name}{}", it.connection))
}

fn named(files: &Files, it: &'static str) -> Backend {
    Backend::secure(&files.serving("localhost"), move |heard| {
        Say::Bytes(name(it, heard))
    })
}

/// The answers to so many requests of one client, with a pause behind each.
fn ask_each(l4lb: &L4lb, count: usize) -> Vec<String> {
    let mut client = l4lb.connect();
    let ask = |_| {
        client.write_all(&get("/")).unwrap();
        let answer = response(&mut client).1;
        let_pass(Duration::from_millis(50)); // what comes late arrives
        answer
    };
    (0..count).map(ask).collect()
}

#[test]
fn the_second_request_uses_the_connection_of_the_first() {
    let files = Files::new(&["localhost"]);
    for way in WAYS {
        let backend = named(&files, "a");
        let l4lb = files.plain(&per(way), "", &[backend.address]);
        assert_eq!(ask_each(&l4lb, 4), ["a0"; 4], "{way}");
        assert_eq!(ask_each(&l4lb, 2), ["a1"; 2], "{way}");
    }
}

#[test]
fn per_request_each_backend_has_one_connection_of_the_client() {
    let files = Files::new(&["localhost"]);
    let servers = [named(&files, "a"), named(&files, "b")];
    let addresses = servers.each_ref().map(|it| it.address);
    let l4lb = files.plain(&per("request"), "", &addresses);
    assert_eq!(ask_each(&l4lb, 6), ["a0", "b0", "a0", "b0", "a0", "b0"]);
}

#[test]
fn per_request_backends_with_tls_and_without_take_turns() {
    let files = Files::new(&["localhost"]);
    let secure = named(&files, "s");
    let plain = Backend::start(|it| Say::Bytes(name("p", it)));
    let pool = format!(
        "[pool.app]\nhealth = {{ type = \"off\" }}\ntls = {{ ca = \"DIR/ca.pem\" }}\n\
         backends = [\"https://localhost:{}\", \"{}\"]\n",
        secure.address.port(),
        plain.address
    );
    let rest = format!("protocol = \"http\"\n[listener.http]\nper = \"request\"\n{pool}");
    let l4lb = files.start(&super::super::listener("", &rest));
    let mut client = files.client(&l4lb, "localhost");
    for wanted in ["s0", "p0", "s0", "p0", "s0", "p0"] {
        client.write_all(&get("/")).unwrap();
        assert_eq!(response(&mut client).1, wanted);
    }
    for backend in [secure, plain] {
        assert!(
            backend
                .heard()
                .iter()
                .all(|it| it.head.starts_with("GET / "))
        );
    }
}

#[test]
fn a_backend_that_goes_between_two_requests_with_a_word_or_without_costs_nothing() {
    let files = Files::new(&["localhost"]);
    for says_so in [true, false] {
        let backend = Backend::secure(&files.serving("localhost"), move |it| {
            let answer = name("a", it);
            if says_so {
                Say::Last(answer)
            } else {
                Say::Silent(answer)
            }
        });
        for way in WAYS {
            let l4lb = files.plain(&per(way), "", &[backend.address]);
            let answers = ask_each(&l4lb, 3);
            assert_ne!(answers[0], answers[1], "{way} {says_so}");
            assert_ne!(answers[1], answers[2], "{way} {says_so}");
            let lines = l4lb.wait_for_access_log(3);
            assert!(lines.iter().all(|it| it.contains(" -- 0 ")), "{lines:?}");
        }
    }
}

#[test]
fn a_connection_that_turns_out_dead_is_replaced_where_asking_twice_does_no_harm() {
    let files = Files::new(&["localhost"]);
    for end in [Say::Last, Say::Silent, |_| Say::Reset] {
        for way in WAYS {
            let asked = std::sync::atomic::AtomicUsize::new(0);
            // The request is there before the end is: no look at the connection could tell.
            let backend = Backend::secure(&files.serving("localhost"), move |it| {
                match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                    1 => end(Vec::new()),
                    _ => Say::Bytes(name("a", it)),
                }
            });
            let l4lb = files.plain(&per(way), "", &[backend.address]);
            assert_eq!(ask_each(&l4lb, 2), ["a0", "a1"], "{way}");
            let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
            let mut client = l4lb.connect();
            client.write_all(post).unwrap();
            assert_eq!(response(&mut client).1, "a2");
        }
    }
}

#[test]
fn what_belongs_to_no_response_and_comes_late_does_no_harm() {
    let files = Files::new(&["localhost"]);
    for way in WAYS {
        let backend = Backend::secure(&files.serving("localhost"), |it| {
            Say::Rekeyed(name("a", it))
        });
        let l4lb = files.plain(&per(way), "", &[backend.address]);
        assert_eq!(ask_each(&l4lb, 5), ["a0"; 5], "{way}");
    }
}

#[test]
fn a_response_that_nobody_has_asked_for_is_nobodys() {
    let files = Files::new(&["localhost"]);
    for way in WAYS {
        let backend = Backend::secure(&files.serving("localhost"), |it| {
            Say::Bytes([name("a", it), ok("forged")].concat())
        });
        let l4lb = files.plain(&per(way), "", &[backend.address]);
        assert_eq!(ask_each(&l4lb, 3), ["a0", "a1", "a2"], "{way}");
    }
}

#[test]
fn a_backend_hears_once_for_each_connection_and_before_tls_who_the_client_is() {
    let files = Files::new(&["localhost"]);
    for way in WAYS {
        let backend = named(&files, "a");
        let l4lb = files.plain(&per(way), "send_proxy = \"v1\"", &[backend.address]);
        let mut client = l4lb.connect();
        let port = client.local_addr().unwrap().port();
        for _ in 0..3 {
            client.write_all(&get("/")).unwrap();
            assert_eq!(response(&mut client).1, "a0");
        }
        let heads: Vec<String> = backend.heard().into_iter().map(|it| it.head).collect();
        let told = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {port} ");
        assert!(heads[0].starts_with(&told), "{heads:?}");
        assert!(heads[0].contains("\r\nGET / HTTP/1.1\r\n"), "{heads:?}");
        assert!(
            heads[1..].iter().all(|it| it.starts_with("GET / ")),
            "{heads:?}"
        );
    }
}

#[test]
fn a_body_that_a_backend_ends_without_a_word_is_no_whole_one_for_a_client_in_tls() {
    let files = Files::new(&["localhost"]);
    for says_so in [true, false] {
        let backend = Backend::secure(&files.serving("localhost"), move |_| {
            let answer = b"HTTP/1.1 200 OK\r\n\r\nto the end".to_vec();
            if says_so {
                Say::Last(answer)
            } else {
                Say::Silent(answer)
            }
        });
        let pool = format!(
            "tls = {{ ca = \"DIR/ca.pem\" }}\nbackends = [\"https://localhost:{}\"]",
            backend.address.port()
        );
        let l4lb = files.web("", "", &pool);
        let mut client = files.client(&l4lb, "localhost");
        client.write_all(&get("/")).unwrap();
        let mut all = Vec::new();
        let end = std::io::Read::read_to_end(&mut client, &mut all);
        assert!(all.ends_with(b"\r\n\r\nto the end"));
        assert_eq!(end.is_ok(), says_so, "{end:?}");
    }
}

#[test]
fn a_handshake_that_fails_gives_the_request_to_another_backend() {
    let (files, strangers) = (Files::new(&["localhost"]), Files::new(&["localhost"]));
    let wrong = named(&strangers, "wrong");
    let right = named(&files, "right");
    let l4lb = files.plain("", "", &[wrong.address, right.address]);
    assert_eq!(ask_each(&l4lb, 2), ["right0"; 2]);
    eventually("the line", || !l4lb.access_log().is_empty());
    assert!(wrong.heard().is_empty());
}
