//! What two ends say to each other, and what comes of what is wrong.

use proptest::prelude::*;

use super::*;

#[test]
fn what_one_end_seals_the_other_one_reads() {
    let scene = Scene::new("");
    for step in [usize::MAX, 1460, 7, 1] {
        let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
        pair.step = step;
        pair.shake().unwrap();
        let plain = text(if step < 100 { 50_000 } else { 300_000 });
        let Pair { server, client, .. } = &mut pair;
        assert_eq!(send(client, server, &plain, step), plain, "{step}");
        assert_eq!(send(server, client, &plain, step), plain, "{step}");
        assert_eq!([server, client].map(|it| it.held()), [0, 0]);
    }
}

#[test]
fn an_end_is_read_once_all_before_it_was_and_half_a_connection_goes_on() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    pair.shake().unwrap();
    let Pair { server, client, .. } = &mut pair;
    client.seal(b"last words").unwrap();
    client.close();
    let mut read = Vec::new();
    let mut ended = false;
    carry(client, usize::MAX, |raw| {
        open(server, raw, &mut read).map(|it| ended = it)
    })
    .unwrap();
    assert_eq!((&*read, ended), (&b"last words"[..], true));
    assert!(server.is_pending(), "no socket will tell of it");
    assert_eq!(send(server, client, b"an answer", 7), b"an answer");
    server.close();
    carry(server, usize::MAX, |raw| {
        open(client, raw, &mut read).map(|it| assert!(it))
    })
    .unwrap();
}

#[test]
fn what_comes_with_the_end_of_a_handshake_waits_for_whoever_opens() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    let Pair { server, client, .. } = &mut pair;
    client.handshake(&mut []).unwrap();
    carry(client, usize::MAX, |raw| shake(server, raw)).unwrap();
    carry(server, usize::MAX, |raw| shake(client, raw)).unwrap();
    let plain = text(20_000);
    client.seal(&plain).unwrap();
    client.close();
    // All at once: the last message of the handshake, two records, and the end.
    carry(client, usize::MAX, |raw| shake(server, raw)).unwrap();
    assert!(server.is_pending());
    server.seal(b"a greeting").unwrap(); // while plaintext waits to be read
    let (mut read, mut piece) = (Vec::new(), vec![0; 8 * 1024]);
    loop {
        let mut raw = raw(server, b"");
        let opened = server.open(&mut raw, &mut piece).unwrap();
        read.extend_from_slice(&piece[..opened.plain]);
        if opened.ended {
            break;
        }
        assert!(opened.plain > 0);
    }
    assert!(read == plain);
    let mut greeting = Vec::new();
    carry(server, usize::MAX, |raw| {
        open(client, raw, &mut greeting).map(|_| ())
    })
    .unwrap();
    assert_eq!(greeting, b"a greeting");
}

#[test]
fn what_is_no_tls_fails_and_is_answered_with_an_alert() {
    let scene = Scene::new("");
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\xff\xff",
        &[0; 64],
    ] {
        let mut server = Terminal::server(&scene.server()).unwrap();
        let failure = shake(&mut server, bytes).unwrap_err();
        assert_eq!(failure.reason, Reason::NotTls, "{failure}");
        assert_eq!(server.wire().bytes()[0], 21, "an alert");
    }
}

#[test]
fn half_a_message_of_a_handshake_stays_where_it_is_whatever_is_done_meanwhile() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    pair.client.handshake(&mut []).unwrap();
    let hello = pair.client.wire().bytes()[5..].to_vec();
    // In records of ten bytes each.
    for part in hello.chunks(10) {
        let head = [22, 3, 1, 0, u8::try_from(part.len()).unwrap()];
        shake(&mut pair.server, &[&head, part].concat()).unwrap();
        let before = pair.server.wire().bytes().len();
        if before == 0 {
            assert!(pair.server.seal(b"x").is_err(), "there is no key yet");
        }
    }
    pair.client.wire().sent(usize::MAX);
    pair.shake().unwrap();

    let mut server = Terminal::server(&scene.server()).unwrap();
    shake(&mut server, &[&[22, 3, 1, 0, 10], &hello[..10]].concat()).unwrap();
    server.close();
    let failure = shake(&mut server, b"garbage").unwrap_err();
    assert_eq!(failure.reason, Reason::NotTls);
    server.close();
    assert!(server.seal(b"x").is_err());
}

#[test]
fn a_record_that_was_changed_is_refused() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    pair.shake().unwrap();
    pair.client.seal(b"one").unwrap();
    let mut bytes = pair.client.wire().bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let failure = open(&mut pair.server, &bytes, &mut Vec::new()).unwrap_err();
    assert_eq!(failure.reason, Reason::Protocol, "{failure}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_a_client_says_makes_a_server_panic(
        changes in proptest::collection::vec((0..3000_usize, any::<u8>()), 0..4),
        step in 1..2000_usize,
        seals: bool,
    ) {
        thread_local! {
            static SCENE: Scene = Scene::new("client_ca = \"DIR/ca.txt\"");
        }
        SCENE.with(|scene| {
            let client = scene.client(Some(&scene.root));
            let mut pair = Pair::new(&scene.server(), client, "a.example");
            pair.client.handshake(&mut []).unwrap();
            let mut said = 0;
            for _ in 0..3 {
                let mut bytes = pair.client.wire().bytes().to_vec();
                pair.client.wire().sent(usize::MAX);
                for (at, byte) in &changes {
                    if let Some(it) = at.checked_sub(said).and_then(|at| bytes.get_mut(at)) {
                        *it ^= byte;
                    }
                }
                said += bytes.len();
                for part in bytes.chunks(step) {
                    let failed = shake(&mut pair.server, part).is_err();
                    if seals {
                        let _ = pair.server.seal(b"x");
                    }
                    if failed {
                        pair.server.close();
                        return;
                    }
                }
                let answer = pair.server.wire().bytes().to_vec();
                pair.server.wire().sent(usize::MAX);
                let _ = shake(&mut pair.client, &answer);
                if !pair.client.common().is_handshaking() {
                    let _ = pair.client.seal(&[7; 500]);
                }
            }
        });
    }
}
