//! Certificates and keys out of the text of a file. Pure; what is wrong is a half sentence that
//! follows the name of the file.

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificates of a file, in their order: that of the server first, then who vouches for it.
///
/// # Errors
///
/// What is wrong with the file.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| format!("is no PEM file: {}", told(&error)))?;
    if all.is_empty() {
        return Err("has no certificate".to_owned());
    }
    Ok(all)
}

/// The first private key of a file.
///
/// # Errors
///
/// What is wrong with the file.
pub(super) fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(Error::NoItemsFound) if contains(pem, ENCRYPTED) => {
            Err("has a private key with a passphrase, which nobody is there to enter".to_owned())
        }
        Err(Error::NoItemsFound) => Err("has no private key".to_owned()),
        Err(error) => Err(format!("is no PEM file: {}", told(&error))),
    }
}

/// Whether a file has a private key, of whatever kind.
#[must_use]
pub(super) fn has_key(pem: &[u8]) -> bool {
    contains(pem, b"PRIVATE KEY-----")
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|it| it == part)
}

fn told(error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        Error::IllegalSectionStart { .. } => "a section does not begin as one does".to_owned(),
        Error::Base64Decode(_) => "a section is no base64".to_owned(),
        Error::SectionTooLarge => "a section is too large".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        let table: [(&[u8], &str, &str); 5] = [
            (b"", "has no certificate", "has no private key"),
            (b"hello\n", "has no certificate", "has no private key"),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n",
                "is no PEM file: a section has no end",
                "is no PEM file: a section has no end",
            ),
            (
                b"-----BEGIN PRIVATE KEY-----\n@@@@\n-----END PRIVATE KEY-----\n",
                "is no PEM file: a section is no base64",
                "is no PEM file: a section is no base64",
            ),
            (
                b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                "has no certificate",
                "has a private key with a passphrase",
            ),
        ];
        for (pem, of_certificates, of_key) in table {
            let shown = String::from_utf8_lossy(pem);
            let error = certificates(pem).unwrap_err();
            assert!(error.starts_with(of_certificates), "{shown}: {error}");
            let error = key(pem).unwrap_err();
            assert!(error.starts_with(of_key), "{shown}: {error}");
        }
    }

    #[test]
    fn a_file_may_have_both() {
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let both = made.cert.pem() + &made.signing_key.serialize_pem() + &made.cert.pem();
        assert_eq!(certificates(both.as_bytes()).unwrap().len(), 2);
        assert!(key(both.as_bytes()).is_ok() && has_key(both.as_bytes()));
        assert!(!has_key(made.cert.pem().as_bytes()));
    }
}
