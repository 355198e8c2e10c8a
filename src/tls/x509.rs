//! What a certificate says: whose it is, from when until when, for which names. Pure.
//!
//! Nothing is verified: that is for whoever takes a certificate for good. What is cut short or not a
//! certificate is `None`, and never a panic.

use x509_parser::asn1_rs::{Any, Enumerated, Sequence, Tag};
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, X509Certificate, X509Name};

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, as RFC 4514 writes it: `CN=web.example,O=Example`.
    pub subject: String,
    /// The last of the subject's common names.
    pub common_name: Option<String>,
    /// The DNS names that it is for, in lower case; a wildcard begins with `*.`.
    pub dns_names: Vec<String>,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a certificate in DER.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        // Names that cannot be read are none: whose it is can be known all the same.
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|it| &it.value.general_names);
        let dns_names = names.filter_map(|it| match it {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        let subject = certificate.subject();
        let common_name = subject.iter_common_name().last().map(text);
        let validity = certificate.validity();
        Some(Self {
            subject: distinguished(subject),
            common_name,
            dns_names: dns_names.collect(),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }
}

/// The longest answer of an authority that goes along with a certificate, in bytes.
const MOST_STAPLED: usize = 32 * 1024;

/// Whether it is a whole answer of an authority, and one that says something (RFC 6960, 4.2.1).
pub(super) fn is_ocsp_answer(der: &[u8]) -> bool {
    let Ok((rest, answer)) = Sequence::from_der(der) else {
        return false;
    };
    let status = Enumerated::from_der(&answer.content);
    let is_successful = status.is_ok_and(|(body, status)| status.0 == 0 && !body.is_empty());
    rest.is_empty() && is_successful && der.len() <= MOST_STAPLED
}

/// Whether an answer of an authority is on others than this certificate, as far as it can be read.
pub(super) fn is_on_another(answer: &[u8], certificate: &[u8]) -> bool {
    let certificate = X509Certificate::from_der(certificate);
    let (Some(serials), Ok((_, certificate))) = (serials(answer), certificate) else {
        return false;
    };
    !serials.contains(&certificate.raw_serial())
}

/// Where the data of an answer is: what is answered, in its bytes, those that are signed (RFC 6960, 4.2.1).
const SIGNED: [usize; 6] = [0, 1, 0, 1, 0, 0];

/// The serial numbers of the certificates that an answer is on.
fn serials(answer: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = values(answer)?;
    for at in SIGNED {
        parts = values(parts.get(at)?.as_bytes())?;
    }
    let singles = parts.iter().find(|it| it.tag() == Tag::Sequence)?;
    let singles = values(singles.as_bytes())?;
    let serials = singles.iter().map(|single| {
        let id = values(single.as_bytes())?.first()?.as_bytes();
        Some(values(id)?.get(3)?.as_bytes())
    });
    serials.collect()
}

/// The values that stand one after the other.
fn values(mut rest: &[u8]) -> Option<Vec<Any<'_>>> {
    let mut values = Vec::new();
    while !rest.is_empty() {
        let (after, value) = Any::from_der(rest).ok()?;
        values.push(value);
        rest = after;
    }
    Some(values)
}

/// A name as RFC 4514 writes it, which begins with the last of its parts.
fn distinguished(name: &X509Name<'_>) -> String {
    let labelled = |attribute: &AttributeTypeAndValue<'_>| {
        let kind = attribute.attr_type();
        let label = match oid2abbrev(kind, oid_registry()) {
            Ok(label) => label.to_owned(),
            Err(_) => kind.to_id_string(),
        };
        format!("{label}={}", escaped(&text(attribute)))
    };
    let mut parts: Vec<String> = name.iter_attributes().map(labelled).collect();
    parts.reverse();
    parts.join(",")
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let plain = attribute.as_str().map(str::to_owned);
    plain.unwrap_or_else(|_| String::from_utf8_lossy(attribute.as_slice()).into_owned())
}

fn escaped(value: &str) -> String {
    let mut text = String::new();
    for (at, c) in value.char_indices() {
        let is_edge = at == 0 || at + 1 == value.len();
        if ",+\"\\<>;=".contains(c) || (is_edge && c == ' ') || (at == 0 && c == '#') {
            text.push('\\');
        }
        if c.is_control() {
            text.push('\u{fffd}');
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    fn der(names: &[&str], set: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|&it| it.into()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.not_after = rcgen::date_time_ymd(2050, 1, 1);
        set(&mut params);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_whose_it_is_for_which_names_and_until_when() {
        let der = der(&["Web.example", "*.api.example", "10.0.0.1"], |params| {
            let name = &mut params.distinguished_name;
            name.push(DnType::CountryName, "DE");
            name.push(DnType::OrganizationName, "Smith, Jones + Sons");
            name.push(DnType::CommonName, " #web ");
        });
        let read = Certificate::read(&der).unwrap();
        let wanted = Certificate {
            subject: "CN=\\ #web\\ ,O=Smith\\, Jones \\+ Sons,C=DE".to_owned(),
            common_name: Some(" #web ".to_owned()),
            dns_names: vec!["web.example".to_owned(), "*.api.example".to_owned()],
            not_before: 1_709_164_800,
            not_after: 2_524_608_000,
        };
        assert_eq!(read, wanted);
    }

    #[test]
    fn a_certificate_without_names_says_so() {
        let read = Certificate::read(&der(&[], |_| {})).unwrap();
        assert_eq!(read.subject, "");
        assert_eq!((read.common_name, read.dns_names), (None, vec![]));
    }

    #[test]
    fn names_that_nobody_can_read_leave_the_rest_of_a_certificate_what_it_is() {
        let twice = der(&["a.example"], |params| {
            params
                .distinguished_name
                .push(DnType::CommonName, "visitor");
            let more = b"\x30\x0b\x82\x09b.example".to_vec();
            let more = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], more);
            params.custom_extensions.push(more);
        });
        let read = Certificate::read(&twice).unwrap();
        assert_eq!(read.common_name.as_deref(), Some("visitor"));
        assert_eq!(read.dns_names, [""; 0]);
    }

    #[test]
    fn an_attribute_without_a_word_is_called_by_its_number() {
        let der = der(&[], |params| {
            let kind = DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 7]);
            params.distinguished_name.push(kind, "a@b.example\u{7}");
        });
        let subject = Certificate::read(&der).unwrap().subject;
        assert_eq!(subject, "1.3.6.1.4.1.7=a@b.example\u{fffd}");
    }

    #[test]
    fn an_answer_of_an_authority_is_whole_and_says_something() {
        let answer = |status: u8| vec![0x30, 7, 10, 1, status, 0xa0, 2, 0x30, 0];
        assert!(is_ocsp_answer(&answer(0)));
        let try_later = vec![0x30, 3, 10, 1, 3];
        let more = [answer(0), vec![0]].concat();
        let long = [&[0x30, 0x82, 0x90, 0, 10, 1, 0][..], &[0; 0x8ffd]].concat();
        let none = [
            vec![],
            try_later,
            answer(6),
            answer(0)[..8].to_vec(),
            more,
            long,
        ];
        for (at, text) in none.into_iter().enumerate() {
            assert!(!is_ocsp_answer(&text), "{at}");
        }
    }

    fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).unwrap();
        let long = (length > 127).then_some(0x81);
        [&[tag][..], long.as_slice(), &[length], &content].concat()
    }

    /// An answer on certificates with these serial numbers, with nothing in it that is not needed.
    fn answer(serials: &[&[u8]]) -> Vec<u8> {
        let single = |serial: &&[u8]| {
            let id = [value(0x30, &[]), value(4, &[b"a"]), value(4, &[b"b"])].concat();
            let id = value(0x30, &[&id, &value(2, &[serial])]);
            value(0x30, &[&id, &value(0x80, &[])])
        };
        let singles: Vec<u8> = serials.iter().flat_map(single).collect();
        let by = value(0xa2, &[&value(4, &[b"c"])]);
        let time = value(0x18, &[b"20260101000000Z"]);
        let data = value(0x30, &[&by, &time, &value(0x30, &[&singles])]);
        let basic = value(4, &[&value(0x30, &[&data])]);
        let bytes = value(0x30, &[&value(6, &[b"\x2b\x06"]), &basic]);
        value(0x30, &[&value(10, &[&[0]]), &value(0xa0, &[&bytes])])
    }

    #[test]
    fn an_answer_on_another_certificate_is_known_by_its_number() {
        let own = der(&["a.example"], |params| {
            params.serial_number = Some(vec![7, 8].into());
        });
        let table: [(&[&[u8]], bool); 4] = [
            (&[&[7, 8]], false),
            (&[&[7], &[7, 8]], false),
            (&[&[7]], true),
            (&[], true),
        ];
        for (serials, expected) in table {
            let answer = answer(serials);
            assert!(is_ocsp_answer(&answer));
            assert_eq!(is_on_another(&answer, &own), expected, "{serials:?}");
        }
        assert!(!is_on_another(b"", &own), "nothing is known of it");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>) {
            let _ = (Certificate::read(&bytes), is_ocsp_answer(&bytes), serials(&bytes));
        }

        #[test]
        fn a_certificate_that_is_cut_or_changed_makes_no_panic(cut in 0..600_usize, at in 0..600_usize, byte: u8) {
            let mut der = der(&["a.example"], |_| {});
            let at = at % der.len();
            der[at] = byte;
            der.truncate(cut);
            let _ = Certificate::read(&der);
        }
    }
}
