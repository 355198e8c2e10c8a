//! Headers as the specification has them, as they must not be, as another parser reads them, and at random.

use super::*;
use proptest::prelude::*;

mod oracle;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A header of version 2 with any of its parts.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = v2::SIGNATURE.to_vec();
    header.extend([command, family]);
    header.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    header.extend(rest);
    header
}

/// Two addresses of IPv4, 10.0.0.1:258 and 10.0.0.2:772, then TLVs.
fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    let block = [10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4];
    v2(0x21, 0x11, &[&block, tlvs].concat())
}

/// What a header says; each beginning of it must say nothing yet, and what follows must not matter.
#[track_caller]
fn read(bytes: &[u8]) -> Header<'_> {
    for end in 0..bytes.len() {
        assert_eq!(
            decode(&bytes[..end]),
            Ok(Decoded::Incomplete),
            "after {end} bytes"
        );
    }
    let Ok(Decoded::Header(header, length)) = decode(bytes) else {
        panic!(
            "{:?}: {:?}",
            bytes.escape_ascii().to_string(),
            decode(bytes)
        );
    };
    assert_eq!(length, bytes.len());
    for more in [&b"\r\n"[..], b"PROXY ", &[0; 300]] {
        let longer = [bytes, more].concat();
        assert_eq!(decode(&longer), Ok(Decoded::Header(header.clone(), length)));
    }
    header
}

#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    let answer = decode(bytes);
    let error = answer.expect_err(&bytes.escape_ascii().to_string());
    assert_eq!(
        decode(&[bytes, b"\r\nmore\r\n"].concat()),
        Err(error),
        "what follows matters"
    );
    error.to_string()
}

#[test]
fn a_line_says_who_the_client_is() {
    let longest = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535";
    let longest = format!("{longest:x<105}\r\n");
    let table = [
        (
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
            Some(("192.0.2.1:56324", "198.51.100.7:443")),
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            Some(("255.255.255.255:65535", "255.255.255.255:65535")),
        ),
        (
            "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n",
            Some(("0.0.0.0:0", "0.0.0.0:0")),
        ),
        (
            "PROXY TCP6 2001:db8::1 ::1 1 2\r\n",
            Some(("[2001:db8::1]:1", "[::1]:2")),
        ),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            Some((
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
            )),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN \r\n", None),
        ("PROXY UNKNOWN whatever \u{1} it says\r\n", None),
        (&longest, None),
    ];
    for (line, expected) in table {
        let header = read(line.as_bytes());
        let expected =
            expected.map(|(client, destination)| (address(client), address(destination)));
        assert_eq!(
            (header.command, header.addresses),
            (Command::Proxy, expected),
            "{line:?}"
        );
        assert_eq!(header.tlvs, Tlvs::default());
    }
}

#[test]
fn a_line_that_is_not_exactly_one_is_refused() {
    let family = "names neither TCP4, TCP6 nor UNKNOWN";
    let foreign = "has an address that is none of its family";
    let port = "has a port that is none";
    let no_header = "does not begin as a PROXY header does";
    let end = "has a line that does not end with CR LF";
    let lacks = "lacks a part of its line";
    let long = format!("PROXY UNKNOWN {:x<93}", "");
    let longer = "has a line of more than 107 bytes";
    let table = [
        ("GET / HTTP/1.1\r\n", no_header),
        ("proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n", no_header),
        ("PROXY\tTCP4 1.2.3.4 1.2.3.4 1 1\r\n", no_header),
        (" PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n", no_header),
        ("PROXY\r\n", no_header),
        ("PROXY \r\n", family),
        ("PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n", family),
        ("PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n", family),
        ("PROXY tcp4 1.2.3.4 1.2.3.4 1 1\r\n", family),
        ("PROXY UNKNOWNS\r\n", family),
        ("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n", family),
        ("PROXY TCP4\r\n", lacks),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", lacks),
        (
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n",
            "has more in its line than belongs there",
        ),
        (
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n",
            "has more in its line than belongs there",
        ),
        ("PROXY TCP4 1.2.3.4  1.2.3.4 1 1\r\n", foreign),
        ("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n", foreign),
        ("PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n", foreign),
        ("PROXY TCP4 1.2.3.256 1.2.3.4 1 1\r\n", foreign),
        ("PROXY TCP4 ::1 ::1 1 1\r\n", foreign),
        ("PROXY TCP4 1.2.3.4 ::1 1 1\r\n", foreign),
        ("PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", foreign),
        ("PROXY TCP6 [::1] ::1 1 1\r\n", foreign),
        ("PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", foreign),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n", port),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 +1\r\n", port),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 -1\r\n", port),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n", port),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 00 1\r\n", port),
        ("PROXY TCP4 1.2.3.4 1.2.3.4  1\r\n", port),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", end),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rx", end),
        ("PROXY UNKNOWN \n\r\n", end),
        ("PROXY UNKNOWN \r \r\n", end),
        (&long, longer),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\u{e9}\r\n", port),
    ];
    for (line, expected) in table {
        assert_eq!(refusal(line.as_bytes()), expected, "{line:?}");
    }
    assert_eq!(
        refusal(b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\xff\r\n"),
        "has a line that is no ASCII"
    );
    assert_eq!(decode(&long.as_bytes()[..106]), Ok(Decoded::Incomplete));
}

#[test]
fn a_header_of_version_2_says_who_the_client_is_where_it_came_by_tcp() {
    let v4 = [10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4];
    let mut v6 = [0; 36];
    (v6[0], v6[15], v6[31], v6[33], v6[34]) = (0x20, 1, 2, 80, 1);
    let both4 = Some((address("10.0.0.1:258"), address("10.0.0.2:772")));
    let both6 = Some((address("[2000::1]:80"), address("[::2]:256")));
    let proxy = Command::Proxy;
    type Said = (Command, Option<Addresses>);
    let table: [(u8, u8, &[u8], Said); 14] = [
        (0x21, 0x11, &v4, (proxy, both4)),
        (0x21, 0x21, &v6, (proxy, both6)),
        // Neither TCP nor IP.
        (0x21, 0x12, &v4, (proxy, None)),
        (0x21, 0x22, &v6, (proxy, None)),
        (0x21, 0x31, &[b'/'; 216], (proxy, None)),
        (0x21, 0x32, &[b'/'; 216], (proxy, None)),
        // Whatever it is, it is not to be looked at.
        (0x21, 0x00, &[], (proxy, None)),
        (0x21, 0x00, &[0xff; 7], (proxy, None)),
        (0x20, 0x00, &[], (Command::Local, None)),
        (0x20, 0x11, &v4, (Command::Local, None)),
        (0x20, 0x11, &[], (Command::Local, None)),
        (0x20, 0xff, &[0xff; 7], (Command::Local, None)),
        (0x20, 0x21, &v6, (Command::Local, None)),
        (0x21, 0x00, &[0xff; MOST_BYTES - 16], (proxy, None)),
    ];
    for (command, family, rest, expected) in table {
        let header = v2(command, family, rest);
        let header = if header.len() < 1000 {
            read(&header)
        } else {
            match decode(&header) {
                Ok(Decoded::Header(header, _)) => header,
                other => panic!("{other:?}"),
            }
        };
        let said = (header.command, header.addresses);
        assert_eq!(said, expected, "{command:#x} {family:#x} {rest:?}");
        assert_eq!(header.tlvs, Tlvs::default());
    }
}

#[test]
fn a_header_of_version_2_that_is_not_exactly_one_is_refused_as_soon_as_that_shows() {
    let family = "has an unknown family or protocol";
    let short = "is too short for its addresses";
    let table: [(u8, u8, usize, &str); 16] = [
        (0x11, 0x11, 12, "is of an unknown version"),
        (0x31, 0x11, 12, "is of an unknown version"),
        (0x01, 0x11, 12, "is of an unknown version"),
        (0x22, 0x11, 12, "has an unknown command"),
        (0x2f, 0x11, 12, "has an unknown command"),
        (0x21, 0x10, 12, family),
        (0x21, 0x13, 12, family),
        (0x21, 0x01, 12, family),
        (0x21, 0x33, 216, family),
        (0x21, 0x41, 216, family),
        (0x21, 0x11, 11, short),
        (0x21, 0x12, 0, short),
        (0x21, 0x21, 35, short),
        (0x21, 0x31, 215, short),
        (0x21, 0x11, MOST_BYTES - 15, "is longer than 16 KiB"),
        (0x20, 0x00, 65_535, "is longer than 16 KiB"),
    ];
    for (command, kind, length, expected) in table {
        let header = v2(command, kind, &vec![0; length]);
        assert_eq!(
            refusal(&header[..16]),
            expected,
            "{command:#x} {kind:#x} {length}"
        );
    }
    assert_eq!(
        refusal(b"\r\n\r\n\0\r\nQUIX"),
        "does not begin as a PROXY header does"
    );
}

#[test]
fn what_is_known_besides_is_read_and_what_is_unknown_passed_over() {
    let bytes = with_tlvs(
        b"\x01\0\x02h2\x04\0\x01\0\x02\0\x06a.test\x05\0\x03id1\xe0\0\x02??\
          \x20\0\x16\x07\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x01c\x23\0\0",
    );
    let ssl = Ssl {
        version: "TLSv1.3",
        client_cert: true,
        verified: true,
        common_name: Some("c"),
    };
    let expected = Tlvs {
        authority: Some("a.test"),
        alpn: Some(b"h2"),
        unique_id: Some(b"id1"),
        ssl: Some(ssl),
    };
    assert_eq!(read(&bytes).tlvs, expected);
    let not_verified = with_tlvs(b"\x20\0\x05\x01\0\0\x01\0");
    let ssl = Some(Ssl::default());
    assert_eq!(
        read(&not_verified).tlvs,
        Tlvs {
            ssl,
            ..Tlvs::default()
        }
    );
    let no_tls = with_tlvs(b"\x20\0\x05\0\0\0\0\0");
    assert_eq!(read(&no_tls).tlvs, Tlvs::default());
}

#[test]
fn tlvs_that_are_not_exactly_some_are_refused() {
    let cut = "has a TLV that is longer than what is left";
    let long_id = [&b"\x05\0\x81"[..], &[b'x'; 129]].concat();
    let table: [(&[u8], &str); 14] = [
        (b"\x04", cut),
        (b"\x04\0", cut),
        (b"\x04\0\x01", cut),
        (b"\x04\xff\xff", cut),
        (b"\x04\0\0\x04\0\x02x", cut),
        (b"\x20\0\x04\x01\0\0\0", "has an SSL part that is too short"),
        (b"\x20\0\x06\x01\0\0\0\0\x21", cut),
        (b"\x20\0\x08\x01\0\0\0\0\x21\0\x01", cut),
        (b"\x02\0\x01\xff", "has a text that is not UTF-8"),
        (&long_id, "has a unique id of more than 128 bytes"),
        (b"\x02\0\x01a\x02\0\x01a", "has a TLV twice"),
        (b"\x03\0\x03abc", "has a checksum that is not of four bytes"),
        (
            b"\x03\0\x04abcd",
            "has a checksum that is not that of its bytes",
        ),
        (b"\x03\0\x04abcd\x03\0\x04abcd", "has a TLV twice"),
    ];
    for (tlvs, expected) in table {
        assert_eq!(refusal(&with_tlvs(tlvs)), expected, "{tlvs:?}");
    }
}

#[test]
fn what_is_nobodys_is_said_so_in_either_version() {
    assert_eq!(encode_v1(None), b"PROXY UNKNOWN\r\n");
    let id = Tlvs {
        unique_id: Some(b"x"),
        ..Tlvs::default()
    };
    assert_eq!(encode_v2(None, &id), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
}

#[test]
fn a_long_text_is_left_out_and_nothing_besides_it() {
    for (length, is_told) in [(1006, true), (1007, true), (1024, true), (1025, false)] {
        let name = "x".repeat(length);
        let ssl = |common_name| Ssl {
            version: "TLSv1.3",
            client_cert: true,
            verified: true,
            common_name,
        };
        let tlvs = |common_name| Tlvs {
            ssl: Some(ssl(common_name)),
            alpn: Some(b"h2"),
            ..Tlvs::default()
        };
        let both = Some((address("10.0.0.1:1"), address("10.0.0.2:2")));
        let header = encode_v2(both, &tlvs(Some(&name)));
        let told = is_told.then_some(&*name);
        assert_eq!(read(&header).tlvs, tlvs(told), "{length}");
    }
}

#[test]
fn addresses_of_two_families_become_those_of_one() {
    let table = [
        (
            "10.0.0.1:1",
            "[::1]:2",
            "PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n",
        ),
        (
            "[::1]:1",
            "10.0.0.1:2",
            "PROXY TCP6 ::1 ::ffff:10.0.0.1 1 2\r\n",
        ),
        (
            "[::ffff:10.0.0.1]:1",
            "10.0.0.2:2",
            "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
        ),
        ("[fe80::1%3]:1", "[::1]:2", "PROXY TCP6 fe80::1 ::1 1 2\r\n"),
    ];
    for (client, destination, line) in table {
        let addresses = Some((address(client), address(destination)));
        assert_eq!(encode_v1(addresses), line.as_bytes());
        let v2 = encode_v2(addresses, &Tlvs::default());
        let said = read(&v2).addresses;
        assert_eq!(said, read(line.as_bytes()).addresses, "{line}");
    }
}

/// Both addresses, of one family.
fn pairs() -> impl Strategy<Value = Addresses> {
    let four = any::<([u8; 4], u16)>().prop_map(SocketAddr::from);
    // Below 2000::/3 there are mapped ones.
    let six = any::<([u8; 16], u16)>().prop_map(|(mut ip, port)| {
        ip[0] |= 0x20;
        SocketAddr::from((ip, port))
    });
    prop_oneof![(four.clone(), four), (six.clone(), six)]
}

/// Whether `bytes` are no more than a beginning, wherever they are cut.
fn is_incomplete_until_the_end(bytes: &[u8]) -> bool {
    (0..bytes.len()).all(|end| decode(&bytes[..end]) == Ok(Decoded::Incomplete))
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(
        addresses in pairs(),
        authority in proptest::option::of("[a-z.]{0,255}"),
        alpn in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        unique_id in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=128)),
        ssl in proptest::option::of((any::<bool>(), any::<bool>(), proptest::option::of("\\PC{0,64}"))),
        more in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let ssl = ssl.as_ref().map(|(client_cert, verified, name)| Ssl {
            version: "TLSv1.2",
            client_cert: *client_cert,
            verified: *verified,
            common_name: name.as_deref(),
        });
        let tlvs = Tlvs {
            authority: authority.as_deref(),
            alpn: alpn.as_deref(),
            unique_id: unique_id.as_deref(),
            ssl,
        };
        for (mut bytes, tlvs) in [
            (encode_v1(Some(addresses)), Tlvs::default()),
            (encode_v2(Some(addresses), &tlvs), tlvs),
        ] {
            let length = bytes.len();
            prop_assert!(is_incomplete_until_the_end(&bytes));
            bytes.extend(&more);
            let header = Header { command: Command::Proxy, addresses: Some(addresses), tlvs };
            prop_assert_eq!(decode(&bytes), Ok(Decoded::Header(header, length)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic_and_what_is_decided_stays(
        start in prop_oneof![Just(&b"PROXY "[..]), Just(&b"PROXY TCP4 "[..]), Just(v2::SIGNATURE), Just(&b""[..])],
        rest in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x21), Just(0x11), Just(0), Just(b' '), Just(b'\r'), Just(b'\n')], 0..300),
    ) {
        let bytes = [start, &rest].concat();
        let mut decided = None;
        for end in 0..=bytes.len() {
            let now = decode(&bytes[..end]);
            if let Some(before) = &decided {
                prop_assert_eq!(before, &now);
            } else if now != Ok(Decoded::Incomplete) {
                decided = Some(now);
            }
        }
    }

    #[test]
    fn a_checksum_holds_until_a_bit_is_wrong(
        addresses in pairs(),
        id in proptest::collection::vec(any::<u8>(), 0..60),
        place: prop::sample::Index,
        bit in 0..8_u32,
    ) {
        let tlvs = Tlvs { unique_id: Some(&id), ..Tlvs::default() };
        let mut bytes = encode_v2(Some(addresses), &tlvs);
        let tlvs_at = bytes.len() - id.len() - 3;
        let length = u16::from_be_bytes([bytes[14], bytes[15]]) + 7;
        bytes[14..16].copy_from_slice(&length.to_be_bytes());
        bytes.extend([3, 0, 4, 0, 0, 0, 0]);
        let sum_at = bytes.len() - 4;
        let sum = checksum::of(bytes.iter().copied()).to_be_bytes();
        bytes[sum_at..].copy_from_slice(&sum);
        let header = Header { command: Command::Proxy, addresses: Some(addresses), tlvs };
        prop_assert_eq!(decode(&bytes), Ok(Decoded::Header(header, bytes.len())));
        // In an address, in the id or in the sum; what frames them says what is what.
        let places: Vec<usize> = (16..tlvs_at).chain(tlvs_at + 3..sum_at - 3).chain(sum_at..bytes.len()).collect();
        bytes[*place.get(&places)] ^= 1_u8 << bit;
        let wrong = DecodeError("has a checksum that is not that of its bytes");
        prop_assert_eq!(decode(&bytes), Err(wrong));
    }
}
