//! The site over real connections: framing above all, since a balancer sees every byte of it.

use test_backends::{Behaviour, Colour, Server, pattern};

use crate::client::{Client, End, start};

fn site() -> Server {
    start(Behaviour::Site {
        name: "b1".to_owned(),
        colour: Colour::LightGreen,
    })
}

struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn body_text(&self) -> &str {
        str::from_utf8(&self.body).expect("text")
    }
}

fn take_head(client: &mut Client) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(client.take(1));
    }
    String::from_utf8(head).expect("an ASCII head")
}

fn take_answer(client: &mut Client) -> Answer {
    let head = take_head(client);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let length = length.map_or(0, |length| length.parse().expect("a number"));
    Answer {
        head,
        body: client.take(length),
    }
}

fn ask(client: &mut Client, target: &str) -> Answer {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    take_answer(client)
}

#[test]
fn one_connection_serves_every_path() {
    let server = site();
    let mut client = Client::connect(server.addr());
    let page = ask(&mut client, "/");
    assert!(page.body_text().contains("<h1>Served by b1</h1>"));
    assert!(page.body_text().contains("background: lightgreen;"));
    assert_eq!(ask(&mut client, "/health").body, b"ok\n");
    assert_eq!(ask(&mut client, "/whoami").body, b"b1\n");
    for count in [0, 1, 100_001] {
        let answer = ask(&mut client, &format!("/bytes/{count}"));
        assert_eq!((answer.status(), answer.body.len()), ("200", count));
        assert_eq!(pattern::check(0, &answer.body), Ok(()));
    }
    assert_eq!(ask(&mut client, "/favicon.ico").status(), "204");
    assert_eq!(ask(&mut client, "/nothing").status(), "404");
    assert_eq!(server.accepted(), 1);
}

#[test]
fn every_answer_names_its_server_and_forbids_caching() {
    let server = site();
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "HEAD /health HTTP/1.1\r\n\r\n",
        "GET /favicon.ico HTTP/1.1\r\n\r\n",
        "GET /nothing HTTP/1.1\r\n\r\n",
        "GET /bytes/1 HTTP/1.0\r\n\r\n",
        "rubbish\r\n\r\n",
    ] {
        let mut client = Client::connect(server.addr());
        client.send(request);
        let head = take_head(&mut client);
        assert!(head.contains("\r\nX-Backend: b1\r\n"), "{head}");
        assert!(head.contains("\r\nCache-Control: no-store\r\n"), "{head}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_and_after_a_half_close() {
    let server = site();
    let mut client = Client::connect(server.addr());
    client.send(
        "GET /whoami HTTP/1.1\r\n\r\nGET /bytes/3 HTTP/1.1\r\n\r\n\r\nGET /health HTTP/1.1\n\n",
    );
    client.finish();
    assert_eq!(take_answer(&mut client).body, b"b1\n");
    assert_eq!(take_answer(&mut client).body.len(), 3);
    assert_eq!(take_answer(&mut client).body, b"ok\n");
    assert_eq!(client.take_rest(), (vec![], End::Fin));
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = site();
    let mut client = Client::connect(server.addr());
    for byte in b"POST /whoami HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /health HTTP/1.1\r\n\r\n"
    {
        client.send([*byte]);
    }
    assert_eq!(take_answer(&mut client).body, b"b1\n");
    assert_eq!(take_answer(&mut client).body, b"ok\n");
}

#[test]
fn head_answers_have_the_length_and_no_body() {
    let server = site();
    let mut client = Client::connect(server.addr());
    client.send("HEAD /bytes/18446744073709551615 HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n");
    assert!(take_head(&mut client).contains("\r\nContent-Length: 18446744073709551615\r\n"));
    assert!(take_head(&mut client).contains("\r\nContent-Length: "));
    assert_eq!(ask(&mut client, "/health").body, b"ok\n");
}

#[test]
fn bodies_are_read_and_ignored() {
    let server = site();
    let mut client = Client::connect(server.addr());
    let body = "GET /nothing HTTP/1.1\r\n\r\n".repeat(10_000);
    client.send(format!(
        "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(take_answer(&mut client).status(), "200");
    assert_eq!(ask(&mut client, "/whoami").body, b"b1\n");
}

#[test]
fn who_waits_for_consent_gets_it_before_the_body() {
    let server = site();
    let mut client = Client::connect(server.addr());
    client.send("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(take_head(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ab");
    assert_eq!(take_answer(&mut client).status(), "200");
}

#[test]
fn connections_end_when_either_side_says_so() {
    let server = site();
    for (request, field) in [
        ("GET /health HTTP/1.0\r\n\r\n", "Connection: close"),
        (
            "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
            "Connection: close",
        ),
        (
            "GET / HTTP/1.1\r\nUpgrade-Insecure-Requests: 1\r\n\r\n",
            "Connection: close",
        ),
    ] {
        let mut client = Client::connect(server.addr());
        client.send(request);
        let answer = take_answer(&mut client);
        assert!(answer.head.contains(field), "{}", answer.head);
        assert_eq!(client.take_rest(), (vec![], End::Fin), "{request:?}");
    }
}

#[test]
fn http_10_keeps_the_connection_on_demand() {
    let server = site();
    let mut client = Client::connect(server.addr());
    for _ in 0..2 {
        client.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert!(
            take_answer(&mut client)
                .head
                .contains("\r\nConnection: keep-alive\r\n")
        );
    }
}

#[test]
fn refusals_arrive_whole_although_the_client_goes_on_sending() {
    let server = site();
    for (request, status) in [
        ("\u{1}\u{2}\u{3} rubbish\r\n\r\n".to_owned(), "400"),
        (
            "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "501",
        ),
        (
            format!("GET / HTTP/1.1\r\nCookie: {}", "x".repeat(100_000)),
            "431",
        ),
    ] {
        let mut client = Client::connect(server.addr());
        client.send(request);
        let answer = take_answer(&mut client);
        assert_eq!(answer.status(), status, "{}", answer.head);
        assert_eq!(client.take_rest(), (vec![], End::Fin), "{status}");
    }
}

#[test]
fn nothing_of_a_path_is_sent_back() {
    let server = site();
    let mut client = Client::connect(server.addr());
    for target in [
        "/<script>alert(1)</script>",
        "/%3Cscript%3E%0d%0aEvil:%20yes",
        "/'\"&",
    ] {
        let answer = ask(&mut client, target);
        assert_eq!(answer.status(), "404", "{target}");
        for piece in ["script", "Evil", "'\""] {
            assert!(!answer.head.contains(piece), "{target}");
            assert!(!answer.body_text().contains(piece), "{target}");
        }
    }
}

#[test]
fn a_body_that_breaks_off_ends_the_connection_without_an_answer() {
    let server = site();
    let mut client = Client::connect(server.addr());
    client.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort");
    client.finish();
    assert_eq!(client.take_rest(), (vec![], End::Fin));
}
