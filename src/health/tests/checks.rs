//! What each kind of check says of backends that answer well, badly, slowly, partly or not at all.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::Instant;

use super::backend::{Backend, answer, closed_port, drip, hold, request, reset};
use super::scene::{Scene, health, pool};
use super::{MS, PATIENCE};
use crate::config::{Check, HealthConfig};

fn http() -> HealthConfig {
    health(Check::Http {
        path: "/up".into(),
        host: None,
        status: [200..=399].into(),
    })
}

fn send_expect(send: &[u8], expect: &[u8]) -> HealthConfig {
    health(Check::SendExpect {
        send: send.into(),
        expect: expect.into(),
    })
}

/// A backend that goes down by its first answer, and comes back by whatever `script` does.
#[track_caller]
fn passes<F>(name: &str, what: &str, script: F)
where
    F: Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
{
    let backend = Backend::play(move |client, before| match before {
        0 => answer(client, "HTTP/1.1 500 Oops\r\n\r\n"),
        _ => script(client),
    });
    let scene = Scene::start(pool(&[backend.address], Some(http())));
    eprintln!("{name}");
    scene.expect("app/a is down: status 500 (1 of 1)");
    scene.expect(&format!("app/a is up: {what} (2 of 2)"));
}

#[track_caller]
fn fails<F>(name: &str, why: &str, health: HealthConfig, script: F)
where
    F: Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
{
    let backend = Backend::play(move |client, _| script(client));
    let scene = Scene::start(pool(&[backend.address], Some(health)));
    eprintln!("{name}");
    scene.expect(&format!("app/a is down: {why} (1 of 1)"));
}

#[test]
fn an_http_check_passes_by_its_status_line_whatever_follows() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    passes("whole", "status 200", |it| {
        answer(it, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
    });
    passes("after an interim one", "status 204", |it| {
        answer(
            it,
            "HTTP/1.1 103 Early\r\nLink: <x>\r\n\r\nHTTP/1.1 204 x\r\n",
        )
    });
    passes("one byte at a time", "status 200", |it| drip(it, OK, MS));
    passes("then silence", "status 200", |it| {
        answer(it, OK).and_then(|()| hold(it))
    });
    passes("then a reset", "status 200", |it| {
        answer(it, OK).and_then(|()| reset(it))
    });
    passes("then an endless body", "status 200", |it| {
        answer(it, "HTTP/1.1 200 OK\r\n\r\n")?;
        while it.write_all(&[b'x'; 4096]).is_ok() {}
        Ok(())
    });
    passes("before it was asked", "status 200", |it| {
        it.write_all(OK.as_bytes()).and_then(|()| reset(it))
    });
}

#[test]
fn an_http_check_fails_with_the_reason() {
    const ENDED: &str = "the connection ended before an answer";
    fails("status", "status 503", http(), |it| {
        answer(it, "HTTP/1.1 503 Busy\r\n\r\n")
    });
    fails("mail", "not an HTTP answer", http(), |it| {
        it.write_all(b"220 mail.example\r\n")
            .and_then(|()| hold(it))
    });
    fails("end", ENDED, http(), |it| request(it).map(drop));
    fails("reset", ENDED, http(), |it| reset(it));
    fails("half a line", ENDED, http(), |it| {
        answer(it, "HTTP/1.1 200")
    });
    fails("only interim", ENDED, http(), |it| {
        answer(it, "HTTP/1.1 100 Continue\r\n\r\n")
    });
    fails("endless", "16 KiB without an answer", http(), |it| {
        answer(it, "HTTP/1.1 200 ")?;
        while it.write_all(&[b'x'; 4096]).is_ok() {}
        Ok(())
    });
}

#[test]
fn the_deadline_counts_from_the_start_however_busily_an_answer_drips() {
    let hasty = || HealthConfig {
        timeout: 200 * MS,
        ..http()
    };
    let why = "no answer within 200ms";
    fails("drip", why, hasty(), |it| {
        drip(it, &"HTTP/1.1 200 OK ".repeat(100), 20 * MS)
    });
    fails("silence", why, hasty(), hold);
}

#[test]
fn the_request_is_one_that_a_server_understands_and_is_left_politely() {
    let (sender, told) = channel();
    let backend = Backend::play(move |client, _| {
        let asked = request(client)?;
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        client.write_all(&[b'x'; 10_000])?;
        let mut more = Vec::new();
        let ending = client.read_to_end(&mut more).map_err(|it| it.kind());
        let _ = sender.send((asked, ending));
        Ok(())
    });
    let _scene = Scene::start(pool(&[backend.address], Some(http())));
    let (asked, ending) = told.recv_timeout(PATIENCE).unwrap();
    let host = format!("\r\nHost: {}\r\n", backend.address);
    assert!(asked.starts_with("GET /up HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&host), "{asked}");
    assert_eq!(ending, Ok(0), "an end and no reset");
}

#[test]
fn a_backend_that_must_hear_much_before_it_answers_is_sent_all_of_it() {
    const LENGTH: usize = 8 << 20;
    let backend = Backend::play(|client, before| {
        let mut heard = vec![0; LENGTH];
        client.read_exact(&mut heard)?;
        let answer = if before > 0 { "+PONG\r\n" } else { "-NO\r\n" };
        client.write_all(answer.as_bytes())
    });
    let mut health = send_expect(&vec![b'x'; LENGTH], b"PONG");
    health.interval = 200 * MS;
    let scene = Scene::start(pool(&[backend.address], Some(health)));
    let ended = "the connection ended before the expected answer";
    scene.expect(&format!("app/a is down: {ended} (1 of 1)"));
    scene.expect("app/a is up: the expected answer (2 of 2)");
}

#[test]
fn a_backend_that_speaks_first_is_expected_to_say_the_right_thing() {
    let backend = Backend::play(|client, before| {
        let greeting = if before > 0 { "220 ready" } else { "554 no" };
        client.write_all(greeting.as_bytes())?;
        client.shutdown(std::net::Shutdown::Write)?;
        hold(client)
    });
    let scene = Scene::start(pool(&[backend.address], Some(send_expect(b"", b"220 "))));
    let ended = "the connection ended before the expected answer";
    scene.expect(&format!("app/a is down: {ended} (1 of 1)"));
    scene.expect("app/a is up: the expected answer (2 of 2)");
}

#[test]
fn probes_go_to_another_port_where_one_is_named() {
    let (own, other) = (Backend::quiet(), Backend::quiet());
    let mut health = health(Check::Tcp);
    health.port = Some(other.address.port());
    let scene = Scene::start(pool(&[own.address], Some(health.clone())));
    let deadline = Instant::now() + PATIENCE;
    while other.accepted() < 3 {
        // Clients' connects say nothing of another port.
        scene.connect(0);
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(own.accepted(), 0);
    drop(scene);
    health.port = Some(closed_port().port());
    let scene = Scene::start(pool(&[own.address], Some(health)));
    scene.expect("app/a is down: connection refused (1 of 1)");
}

#[test]
fn failures_that_are_not_in_a_row_change_nothing_and_the_last_of_a_row_does() {
    let backend = Backend::play(|client, before| {
        let statuses = [500, 500, 200, 500, 500, 500];
        let status = statuses.get(before).unwrap_or(&500);
        answer(client, &format!("HTTP/1.1 {status} x\r\n\r\n"))
    });
    let mut health = http();
    health.fall = 3;
    let scene = Scene::start(pool(&[backend.address], Some(health)));
    scene.expect("app/a is down: status 500 (3 of 3)");
    let needed = backend.accepted();
    assert!((6..=7).contains(&needed), "after {needed}");
    let deadline = Instant::now() + PATIENCE;
    while backend.accepted() < 12 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    scene.expect_nothing_more();
}

#[test]
fn two_hundred_backends_that_never_answer_delay_no_news_of_another_one() {
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = Backend::play(|client, before| {
        let status = if before < 3 { 200 } else { 503 };
        answer(client, &format!("HTTP/1.1 {status} x\r\n\r\n"))
    });
    let mut addresses = vec![hole.local_addr().unwrap(); 200];
    addresses.insert(0, good.address);
    let mut health = http();
    health.timeout = 3000 * MS;
    let scene = Scene::start(pool(&addresses, Some(health)));
    let began = Instant::now();
    scene.expect("app/a is down: status 503 (1 of 1)");
    assert!(began.elapsed() < 2500 * MS, "{:?}", began.elapsed());
}
