//! Hellos of real clients, and hellos that are made up.

mod forged;

use proptest::prelude::*;

use super::{HELLO_BYTES, Hello, Progress, Reader, WIRE_BYTES, parse};
use forged::{ALPN, NAME, extension, hello, message, names, protocols, records};

const SHOP: Option<&str> = Some("shop.example");

/// What was caught of `openssl s_client` 3.0, curl 7.88 and Chromium 156, with the name and the
/// protocols that each was told to ask for. Chromium sends GREASE and a key of ML-KEM.
const REAL: [(&[u8], Option<&str>, &[&str]); 5] = [
    (
        include_bytes!("hellos/openssl_tls13.bin"),
        SHOP,
        &["h2", "http/1.1"],
    ),
    (include_bytes!("hellos/openssl_tls12.bin"), SHOP, &[]),
    (include_bytes!("hellos/openssl_without_name.bin"), None, &[]),
    (
        include_bytes!("hellos/curl_http2.bin"),
        SHOP,
        &["h2", "http/1.1"],
    ),
    (
        include_bytes!("hellos/chromium.bin"),
        SHOP,
        &["h2", "http/1.1"],
    ),
];

#[track_caller]
fn expect(bytes: &[u8], name: Option<&str>, alpn: &[&str]) {
    let Progress::Hello(hello) = parse(bytes) else {
        panic!("{:?}: {bytes:02x?}", parse(bytes));
    };
    assert_eq!(hello.server_name.as_deref(), name);
    let wanted: Vec<&[u8]> = alpn.iter().map(|it| it.as_bytes()).collect();
    assert_eq!(hello.alpn.iter().collect::<Vec<_>>(), wanted);
}

#[track_caller]
fn expect_malformed(bytes: &[u8], why: &str) {
    assert_eq!(parse(bytes), malformed(why), "{bytes:02x?}");
}

fn malformed(why: &str) -> Progress {
    Progress::Malformed(Box::leak(why.into()))
}

/// A hello with this data in its server_name extension.
fn named(data: &[u8]) -> Vec<u8> {
    records(&message(&[extension(NAME, data)]), usize::MAX)
}

/// A hello with this data in its ALPN extension.
fn offering(data: &[u8]) -> Vec<u8> {
    records(&message(&[extension(ALPN, data)]), usize::MAX)
}

#[test]
fn real_hellos_say_their_name_and_their_protocols() {
    for (bytes, name, alpn) in REAL {
        expect(bytes, name, alpn);
    }
}

#[test]
fn a_hello_is_incomplete_up_to_its_last_byte_and_whole_from_there_on() {
    for (bytes, ..) in REAL {
        let mut reader = Reader::default();
        for end in 0..bytes.len() {
            assert_eq!(reader.read(&bytes[..end]), Progress::Incomplete, "{end}");
            assert_eq!(parse(&bytes[..end]), Progress::Incomplete, "{end}");
        }
        assert_eq!(reader.read(bytes), parse(bytes));
        // Early data of TLS 1.3 may be there already: it is the server's affair.
        let more = [bytes, &[23, 3, 3, 0, 1, 0]].concat();
        assert_eq!(parse(&more), parse(bytes));
    }
}

#[test]
fn names_are_told_as_dns_compares_them() {
    let table = [
        ("shop.example", SHOP),
        ("SHOP.eXample.", SHOP),
        ("10.0.0.1", None),
        ("10.0.0.1.", None),
        ("::1", None),
    ];
    for (name, wanted) in table {
        expect(&named(&names(name.as_bytes())), wanted, &[]);
    }
    for name in [
        "",
        ".",
        "a b",
        "a\0b",
        "*.example",
        "b\u{fc}cher.example",
        "a..b",
    ] {
        let why = "the server name is no host name";
        expect_malformed(&named(&names(name.as_bytes())), why);
    }
    expect_malformed(
        &named(&names(b"\xff.example")),
        "the server name is no host name",
    );
}

#[test]
fn a_server_name_that_is_not_exactly_one_host_name_is_malformed() {
    let two = [&[0, 8][..], &[0, 0, 1, b'a'], &[0, 0, 1, b'b']].concat();
    let table: [(&[u8], &str); 7] = [
        (&[], "the hello is cut off"),
        (&[0, 0], "the hello is cut off"),
        (
            &[0, 4, 1, 0, 1, b'a'],
            "the server name is of no known kind",
        ),
        (&[0, 4, 0, 0, 2, b'a'], "the hello is cut off"),
        (&[0, 5, 0, 0, 1, b'a'], "the hello is cut off"),
        (
            &[0, 4, 0, 0, 1, b'a', 0],
            "a list has more bytes than it says",
        ),
        (&two, "a list has more bytes than it says"),
    ];
    for (data, why) in table {
        expect_malformed(&named(data), why);
    }
}

#[test]
fn protocols_come_in_the_order_of_the_client_and_without_grease() {
    let all: [&[u8]; 5] = [&[0x2a, 0x2a], b"h2", &[0x0a, 0x1a], b"hh", b"http/1.1"];
    let Progress::Hello(hello) = parse(&offering(&protocols(&all))) else {
        panic!("this is a hello");
    };
    let wanted: [&[u8]; 4] = [b"h2", &[0x0a, 0x1a], b"hh", b"http/1.1"];
    assert_eq!(hello.alpn.iter().collect::<Vec<_>>(), wanted);
    let table: [(&[u8], &str); 5] = [
        (&[], "the hello is cut off"),
        (&[0, 0], "the hello is cut off"),
        (&[0, 1, 0], "a protocol has no name"),
        (&[0, 2, 2, b'h'], "the hello is cut off"),
        (&[0, 2, 1, b'h', 0], "a list has more bytes than it says"),
    ];
    for (data, why) in table {
        expect_malformed(&offering(data), why);
    }
}

#[test]
fn each_part_of_a_hello_is_held_to_its_length() {
    let whole = |body: &[u8]| records(&hello(body), usize::MAX);
    let start = |session: &[u8], suites: &[u8], compression: &[u8]| {
        [&[3, 3][..], &[7; 32], session, suites, compression].concat()
    };
    let (session, suites, compression) = (&[0][..], &[0, 2, 0x13, 1][..], &[1, 0][..]);
    let plain = start(session, suites, compression);
    expect(&whole(&plain), None, &[]);
    expect(&whole(&[&plain[..], &[0, 0]].concat()), None, &[]);
    let long = [&[33][..], &[0; 33]].concat();
    let twice = [
        &plain[..],
        &[0, 8],
        &[0x5a, 0x5a, 0, 0],
        &[0x5a, 0x5a, 0, 0],
    ]
    .concat();
    let table = [
        (Vec::new(), "the hello is cut off"),
        (plain[..30].to_vec(), "the hello is cut off"),
        (
            [&[2, 3], &plain[2..]].concat(),
            "the hello has no version of TLS",
        ),
        (
            start(&long, suites, compression),
            "the session id is too long",
        ),
        (
            start(session, &[0, 0], compression),
            "the cipher suites are no list of suites",
        ),
        (
            start(session, &[0, 3, 1, 2, 3], compression),
            "the cipher suites are no list of suites",
        ),
        (
            start(session, suites, &[0]),
            "the hello has no compression method",
        ),
        ([&plain[..], &[0]].concat(), "the hello is cut off"),
        (
            [&plain[..], &[0, 3, 0, 5, 0]].concat(),
            "the hello is cut off",
        ),
        (
            [&plain[..], &[0, 0, 0]].concat(),
            "a list has more bytes than it says",
        ),
        (twice, "an extension is there twice"),
    ];
    for (body, why) in table {
        expect_malformed(&whole(&body), why);
    }
}

#[test]
fn what_is_no_hello_is_known_by_its_first_bytes() {
    let table: [(&[u8], &str); 9] = [
        (b"GET / HTTP/1.1\r\n", "this is no TLS handshake"),
        (b"G", "this is no TLS handshake"),
        (b"PROXY TCP4", "this is no TLS handshake"),
        (&[0x80, 0x2e, 1, 0, 2], "this is no TLS handshake"), // SSL 2
        (&[21, 3, 1, 0, 2, 2, 70], "this is no TLS handshake"),
        (&[22, 2], "this is no version of TLS"),
        (&[22, 3, 1, 0, 0], "a record is empty"),
        (&[22, 3, 1, 0x40, 1], "a record is longer than TLS allows"),
        (&[22, 3, 1, 0, 1, 2], "the first message is no ClientHello"),
    ];
    for (bytes, why) in table {
        expect_malformed(bytes, why);
    }
    let (bytes, ..) = REAL[0];
    // A second record has to be one of the handshake too.
    let second = [&[22, 3, 1, 0, 1, 1][..], &[23, 3, 3, 0, 1]].concat();
    expect_malformed(&second, "this is no TLS handshake");
    let mut followed = [bytes, &[0]].concat();
    followed[4] += 1;
    expect_malformed(&followed, "something follows the hello in its record");
}

#[test]
fn a_hello_of_64_kib_is_read_and_a_longer_one_is_not() {
    let of = |bytes: usize| {
        let rest = bytes - message(&[extension(NAME, &names(b"shop.example"))]).len() - 4;
        let padding = extension(21, &vec![0; rest]);
        message(&[extension(NAME, &names(b"shop.example")), padding])
    };
    expect(&records(&of(17 * 1024), usize::MAX), SHOP, &[]);
    expect(&records(&of(17 * 1024), 17 * 1024 / 50), SHOP, &[]);
    expect(&records(&of(2 * 1024), 1), SHOP, &[]);
    let longest = of(HELLO_BYTES);
    assert_eq!(longest.len(), HELLO_BYTES);
    expect(&records(&longest, usize::MAX), SHOP, &[]);
    // What it would be is known from its first record.
    let longer = [1, 0, 0xff, 0xfd, 3];
    assert_eq!(parse(&records(&longer, usize::MAX)), Progress::TooLong);
    // A hello that fits, in records that do not.
    let bytes = records(&longest, 1);
    assert_eq!(parse(&bytes), Progress::TooLong);
    let mut reader = Reader::default();
    let first = (0..bytes.len()).find(|&end| reader.read(&bytes[..end]) != Progress::Incomplete);
    assert!(first.unwrap() < WIRE_BYTES + 6, "{first:?}");
}

/// A hello with a name, protocols and extensions that mean nothing here.
fn any_hello() -> impl Strategy<Value = (Vec<u8>, Hello)> {
    let name = proptest::option::of("[a-z0-9_-]{1,9}(\\.[a-z][a-z0-9-]{0,9}){0,3}");
    let name = name.prop_filter("no address", |it| {
        it.as_deref()
            .is_none_or(|it| super::host_name(it).is_some())
    });
    let alpn = proptest::collection::vec("[a-z][a-z0-9/.]{0,9}", 0..4);
    let others = proptest::collection::btree_map(
        17_u16..,
        proptest::collection::vec(any::<u8>(), 0..400),
        0..6,
    );
    (name, alpn, others).prop_map(|(name, alpn, others)| {
        let others = others.iter().map(|(kind, data)| extension(*kind, data));
        let mut extensions: Vec<_> = others.collect();
        let middle = extensions.len() / 2;
        if let Some(name) = &name {
            extensions.insert(middle, extension(NAME, &names(name.as_bytes())));
        }
        let offered: Vec<&[u8]> = alpn.iter().map(|it| it.as_bytes()).collect();
        let offered = protocols(&offered);
        if !alpn.is_empty() {
            extensions.push(extension(ALPN, &offered));
        }
        let hello = Hello {
            server_name: name.map(Into::into),
            alpn: super::Protocols::of(&offered[2..]),
        };
        (message(&extensions), hello)
    })
}

proptest! {
    /// However it is cut into records and segments, a hello says the same.
    #[test]
    fn a_hello_says_the_same_however_it_is_cut(
        (message, wanted) in any_hello(),
        record in 1_usize..700,
        segment in 1_usize..700,
    ) {
        let bytes = records(&message, record);
        let mut reader = Reader::default();
        let mut end = 0;
        while end < bytes.len() {
            prop_assert_eq!(reader.read(&bytes[..end]), Progress::Incomplete);
            end = (end + segment).min(bytes.len());
        }
        prop_assert_eq!(reader.read(&bytes), Progress::Hello(wanted));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, body: Vec<u8>) {
        let _ = parse(&bytes);
        let _ = parse(&records(&hello(&body), 100));
        let _ = parse(&named(&body));
        let _ = parse(&offering(&body));
    }

    /// One wrong byte in a real hello: an answer, and the same one in one piece and byte by byte.
    #[test]
    fn a_damaged_hello_is_read_the_same_at_once_and_byte_by_byte(
        which in 0..REAL.len(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = REAL[which].0.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut reader = Reader::default();
        let mut ends = (0..=bytes.len()).map(|end| reader.read(&bytes[..end]));
        let first = ends.find(|it| *it != Progress::Incomplete);
        prop_assert_eq!(first.unwrap_or(Progress::Incomplete), parse(&bytes));
    }
}
