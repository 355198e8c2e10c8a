//! The certificate of `l4lb demo --tls`: made for one run, signed by itself, and gone with the demo.
//!
//! It is in a file, since l4lb reads files, and a client who is to trust it names one. Its key is beside it,
//! in a folder that nobody else can enter.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use crate::config::{CertificateFiles, Certificates, ClientCertificates, ListenerTls, TlsVersion};

/// Who a client may ask for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long it is valid: longer than anybody runs a demo, and shorter than what browsers find too long.
const VALID_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// A certificate with its key in a folder of their own, which is removed when this is dropped.
pub(super) struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// A fresh one. A sentence where it cannot be made or written.
    pub(super) fn new() -> Result<Self, String> {
        let (certificate, key) = made(SystemTime::now())
            .map_err(|error| format!("cannot make a certificate: {error}"))?;
        let name = format!("l4lb-demo-{:016x}", fastrand::u64(..));
        let folder = std::env::temp_dir().join(name);
        let failed = |error| {
            format!(
                "cannot write a certificate to {}: {error}",
                folder.display()
            )
        };
        // A folder or link that is there already is an error, and nothing is written to it.
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(failed)?;
        let made = Self {
            folder: folder.clone(),
        };
        fs::write(made.key(), key).map_err(failed)?;
        fs::write(made.file(), certificate).map_err(failed)?;
        Ok(made)
    }

    /// Where it is.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("localhost.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("localhost.key")
    }

    /// What a listener says that shows it.
    pub(super) fn listener(&self) -> ListenerTls {
        ListenerTls {
            certificates: Certificates::Files(vec![CertificateFiles {
                cert: self.file(),
                key: Some(self.key()),
            }]),
            min_version: TlsVersion::V1_2,
            alpn: vec!["http/1.1".into()],
            client_ca: None,
            client_certificates: ClientCertificates::Required,
            handshake_timeout: ListenerTls::HANDSHAKE_TIMEOUT,
            max_handshakes: ListenerTls::MAX_HANDSHAKES,
            session_tickets: true,
        }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // Where it cannot be removed, what stays can be read by this user alone, and is worth nothing.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A certificate and its key, as texts.
fn made(now: SystemTime) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "l4lb demo");
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    params.not_before = date_time_ymd(1970, 1, 1) + since.unwrap_or_default();
    params.not_after = params.not_before + VALID_FOR;
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
