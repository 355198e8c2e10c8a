//! What a certificate says: whose it is, from when until when, for which names. Pure.
//!
//! Reads DER no further than it needs, and verifies nothing: that is for whoever takes a certificate
//! for good. What is cut short or not a certificate is `None`, and never a panic.

use std::fmt::Write;

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
        let mut certificate = Der(Der(der).expect(SEQUENCE)?);
        let mut signed = Der(certificate.expect(SEQUENCE)?);
        signed.skip_if(VERSION);
        signed.expect(INTEGER)?;
        signed.expect(SEQUENCE)?;
        signed.expect(SEQUENCE)?;
        let mut validity = Der(signed.expect(SEQUENCE)?);
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let (subject, common_name) = name(signed.expect(SEQUENCE)?)?;
        signed.expect(SEQUENCE)?;
        let mut dns_names = Vec::new();
        while let Some((tag, value)) = signed.next() {
            if tag == EXTENSIONS {
                dns_names = names_in(value)?;
            }
        }
        Some(Self {
            subject,
            common_name,
            dns_names,
            not_before,
            not_after,
        })
    }
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const DNS_NAME: u8 = 0x82;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// The extension with the names that a certificate is for, 2.5.29.17.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What RFC 4514 calls the attributes of a name.
const ATTRIBUTES: [(&[u8], &str); 8] = [
    (COMMON_NAME, "CN"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x55, 0x04, 0x06], "C"),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19],
        "DC",
    ),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01],
        "UID",
    ),
];

/// What is left to read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value with its tag.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 3 {
                return None;
            }
            let add = |sum, &digit| sum << 8 | usize::from(digit);
            length = digits.iter().fold(0, add);
            rest = behind;
        }
        let (value, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some((tag, value))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|it| it.0 == tag).map(|it| it.1)
    }

    fn skip_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }
}

/// Seconds since 1970 of `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn time(der: &mut Der<'_>) -> Option<i64> {
    let (tag, value) = der.next()?;
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year = number(year)?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let two = |at: usize| rest.get(at..at + 2).and_then(number);
    let (month, day) = (two(0)?, two(2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = (two(4)? * 60 + two(6)?) * 60 + two(8)?;
    Some(days(year, month, day) * 86_400 + seconds)
}

fn number(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Days from 1970 to a day of the Gregorian calendar, whose years are counted from March on here:
/// then the odd day is the last one.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let days_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + days_of_year - 719_468
}

/// A name as text, and its last common name.
fn name(der: &[u8]) -> Option<(String, Option<String>)> {
    let (mut parts, mut common_name) = (Vec::new(), None);
    let mut sets = Der(der);
    while let Some((SET, set)) = sets.next() {
        let mut attributes = Der(set);
        while let Some((SEQUENCE, attribute)) = attributes.next() {
            let mut attribute = Der(attribute);
            let kind = attribute.expect(OBJECT)?;
            let (tag, value) = attribute.next()?;
            let value = text(tag, value);
            let known = ATTRIBUTES.iter().find(|it| it.0 == kind);
            let label = known.map_or_else(|| dotted(kind), |it| it.1.to_owned());
            parts.push(format!("{label}={}", escaped(&value)));
            if kind == COMMON_NAME {
                common_name = Some(value);
            }
        }
    }
    parts.reverse(); // RFC 4514 begins with the last one
    Some((parts.join(","), common_name))
}

fn text(tag: u8, value: &[u8]) -> String {
    if tag == BMP_STRING {
        let units = value.chunks_exact(2);
        let units: Vec<u16> = units.map(|it| u16::from_be_bytes([it[0], it[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value).into_owned()
}

/// Numbers with dots between them, the first two of which share one.
fn dotted(object: &[u8]) -> String {
    let mut text = String::new();
    let mut number: u64 = 0;
    for byte in object {
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        // Writing to a text cannot fail.
        let _ = if text.is_empty() {
            let first = (number / 40).min(2);
            write!(text, "{first}.{}", number - first * 40)
        } else {
            write!(text, ".{number}")
        };
        number = 0;
    }
    text
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

/// The DNS names among the extensions.
fn names_in(extensions: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut all = Der(Der(extensions).expect(SEQUENCE)?);
    while let Some((SEQUENCE, extension)) = all.next() {
        let mut extension = Der(extension);
        if extension.expect(OBJECT)? != ALTERNATIVE_NAMES {
            continue;
        }
        extension.skip_if(BOOLEAN);
        let mut general = Der(Der(extension.expect(OCTET_STRING)?).expect(SEQUENCE)?);
        while let Some((tag, value)) = general.next() {
            if tag == DNS_NAME {
                names.push(std::str::from_utf8(value).ok()?.to_ascii_lowercase());
            }
        }
    }
    Some(names)
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
    fn an_attribute_without_a_word_is_called_by_its_number() {
        let der = der(&[], |params| {
            let kind = DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1]);
            params.distinguished_name.push(kind, "a@b.example\u{7}");
        });
        let subject = Certificate::read(&der).unwrap().subject;
        assert_eq!(subject, "1.2.840.113549.1.9.1=a@b.example\u{fffd}");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let table = [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2100, 3, 1), 47_541),
        ];
        for ((year, month, day), wanted) in table {
            assert_eq!(days(year, month, day), wanted, "{year}-{month}-{day}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>) {
            let _ = Certificate::read(&bytes);
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
