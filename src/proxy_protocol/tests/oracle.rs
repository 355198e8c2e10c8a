//! Another implementation reads what is written here, and writes what is read here.

use super::*;
use proxy_header::{Error, ParseConfig, Protocol, ProxiedAddress, ProxyHeader, SslInfo, Tlv};

const BOTH: ParseConfig = ParseConfig {
    include_tlvs: true,
    allow_v1: true,
    allow_v2: true,
};

proptest! {
    #[test]
    fn another_reader_hears_what_is_written(
        addresses in pairs(),
        authority in "[a-z.]{1,255}",
        unique_id in proptest::collection::vec(any::<u8>(), 0..=128),
        client_cert: bool,
        verified: bool,
    ) {
        let ssl = Ssl { version: "TLSv1.3", client_cert, verified, common_name: Some("a name") };
        let tlvs = Tlvs {
            authority: Some(&authority),
            alpn: Some(b"h2"),
            unique_id: Some(&unique_id),
            ssl: Some(ssl),
        };
        for bytes in [encode_v1(Some(addresses)), encode_v2(Some(addresses), &tlvs)] {
            let (header, length) = ProxyHeader::parse(&bytes, BOTH).unwrap();
            let (client, destination) = addresses;
            prop_assert_eq!(length, bytes.len());
            prop_assert_eq!(header.proxied_address(), Some(&ProxiedAddress::stream(client, destination)));
            if bytes[0] == b'\r' {
                prop_assert_eq!(header.authority(), Some(&*authority));
                prop_assert_eq!(header.alpn(), Some(&b"h2"[..]));
                prop_assert_eq!(header.unique_id(), Some(&*unique_id));
                let heard = header.ssl().unwrap();
                prop_assert!(heard.client_ssl());
                prop_assert_eq!((heard.version(), heard.cn()), (Some("TLSv1.3"), Some("a name")));
                prop_assert_eq!((heard.client_cert_conn(), heard.client_cert_sess()), (client_cert, client_cert));
                prop_assert_eq!(heard.verify() == 0, verified);
            }
        }
    }

    #[test]
    fn what_another_writer_says_is_heard(addresses in pairs(), is_tcp: bool, authority in "[a-z.]{1,255}") {
        let (client, destination) = addresses;
        let protocol = if is_tcp { Protocol::Stream } else { Protocol::Datagram };
        let stated = match protocol {
            Protocol::Stream => ProxiedAddress::stream(client, destination),
            Protocol::Datagram => ProxiedAddress::datagram(client, destination),
        };
        let ssl = SslInfo::new(true, true, false, 0);
        let tlvs = [
            Tlv::Authority(authority.as_str().into()),
            Tlv::UniqueId(b"id".into()),
            Tlv::Netns("blue".into()),
            Tlv::Ssl(ssl),
        ];
        let header = ProxyHeader::with_tlvs(Some(stated.clone()), tlvs);
        let mut bytes = Vec::new();
        header.encode_v2(&mut bytes).unwrap();
        let heard = read(&bytes);
        prop_assert_eq!(heard.addresses, is_tcp.then_some(addresses));
        prop_assert_eq!(heard.tlvs.authority, Some(&*authority));
        prop_assert_eq!(heard.tlvs.unique_id, Some(&b"id"[..]));
        prop_assert!(heard.tlvs.ssl.is_some_and(|it| it.client_cert && it.verified));
        if is_tcp {
            let mut bytes = Vec::new();
            ProxyHeader::with_address(stated).encode_v1(&mut bytes).unwrap();
            prop_assert_eq!(read(&bytes).addresses, Some(addresses));
        }
    }

    /// Mutated headers: whoever reads both an address says the same one.
    #[test]
    fn no_header_says_one_thing_here_and_another_there(
        addresses in pairs(),
        is_v1: bool,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let tlvs = Tlvs { unique_id: Some(b"id"), ..Tlvs::default() };
        let mut bytes = if is_v1 { encode_v1(Some(addresses)) } else { encode_v2(Some(addresses), &tlvs) };
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let theirs = ProxyHeader::parse(&bytes, BOTH);
        match decode(&bytes) {
            Ok(Decoded::Header(Header { addresses: Some((client, destination)), .. }, length)) => {
                let (header, other) = theirs.unwrap();
                prop_assert_eq!(length, other);
                prop_assert_eq!(header.proxied_address(), Some(&ProxiedAddress::stream(client, destination)));
            }
            Ok(Decoded::Incomplete) => prop_assert!(matches!(theirs, Err(Error::BufferTooShort | Error::Invalid)), "{:?}", theirs),
            // Here is refused or passed over more than there.
            Ok(Decoded::Header(..)) | Err(_) => {}
        }
    }
}

#[test]
fn another_reader_takes_ours_of_nobody_for_that() {
    for bytes in [encode_v1(None), encode_v2(None, &Tlvs::default())] {
        let (header, length) = ProxyHeader::parse(&bytes, BOTH).unwrap();
        assert_eq!((header.proxied_address(), length), (None, bytes.len()));
    }
}
