//! What is agreed upon in a handshake, as rustls wants it: made of a configuration and of what its
//! files say. Pure: whoever has read the files passes them in.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{
    NoServerSessionStorage, ParsedCertificate, ProducesTickets, WebPkiClientVerifier,
};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

use super::pem;
use super::provider::provider;
use super::store::{Credential, Store};
use super::x509::Certificate;
use crate::config::{ClientCertificates, ListenerTls, TlsVersion};

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const NEWEST: &[&SupportedProtocolVersion] = &[&TLS13];

/// What a listener has to say to its clients. `ca` is the file of those who vouch for clients, and
/// `tickets` what makes tickets, where clients may resume sessions.
///
/// # Errors
///
/// What is wrong with the file of those who vouch for clients.
pub(super) fn server(
    tls: &ListenerTls,
    store: Store,
    ca: Option<&[u8]>,
    tickets: Option<Arc<dyn ProducesTickets>>,
) -> Result<Arc<ServerConfig>, String> {
    let versions = match tls.min_version {
        TlsVersion::V1_2 => BOTH,
        TlsVersion::V1_3 => NEWEST,
    };
    let config = ServerConfig::builder_with_provider(Arc::clone(provider()));
    let config = config.with_protocol_versions(versions).map_err(told)?;
    let config = match ca {
        None => config.with_no_client_auth(),
        Some(ca) => {
            let roots = Arc::new(roots(ca)?);
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider()));
            let verifier = match tls.client_certificates {
                ClientCertificates::Required => verifier,
                ClientCertificates::Optional => verifier.allow_unauthenticated(),
            };
            let verifier = verifier.build();
            config
                .with_client_cert_verifier(verifier.map_err(|it| format!("cannot be used: {it}"))?)
        }
    };
    let mut config = config.with_cert_resolver(Arc::new(store));
    config.alpn_protocols = protocols(&tls.alpn);
    // Sessions are resumed by tickets alone: nothing is kept here, and no lock is needed for it.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    match tickets {
        Some(tickets) => config.ticketer = tickets,
        None => config.send_tls13_tickets = 0,
    }
    Ok(Arc::new(config))
}

/// Who vouches for backends.
pub(super) enum Trust<'a> {
    /// Nobody: a backend is who it says.
    Anyone,
    /// Those in this file.
    Only(&'a [u8]),
}

/// What a pool has to say to its backends; `own` is what it shows of itself.
///
/// # Errors
///
/// What is wrong with the file of those who vouch for backends.
pub(super) fn client(
    trust: &Trust<'_>,
    alpn: &[Arc<str>],
    own: Option<&Credential>,
) -> Result<Arc<ClientConfig>, String> {
    let config = ClientConfig::builder_with_provider(Arc::clone(provider()));
    let config = config.with_protocol_versions(BOTH).map_err(told)?;
    let config = match trust {
        Trust::Anyone => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believer)),
        Trust::Only(ca) => {
            let roots = Arc::new(roots(ca)?);
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider()));
            let verifier = verifier.build();
            let verifier = verifier.map_err(|it| format!("cannot be used: {it}"))?;
            let known = pem::certificates(ca)?;
            config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Acquaintance { verifier, known }))
        }
    };
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let own = SingleCertAndKey::from(own.certified());
            config.with_client_cert_resolver(Arc::new(own))
        }
    };
    config.alpn_protocols = protocols(alpn);
    // What rustls keeps of sessions is behind a lock, and by name alone, which several backends may share.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn protocols(alpn: &[Arc<str>]) -> Vec<Vec<u8>> {
    alpn.iter().map(|it| it.as_bytes().to_vec()).collect()
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let all = pem::certificates(pem)?;
    let count = all.len();
    // Those of a system may have some that nobody can use.
    let (_, unusable) = roots.add_parsable_certificates(all);
    if unusable == count {
        return Err("has no certificate that can vouch for others".to_owned());
    }
    Ok(roots)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes values")]
fn told(error: Error) -> String {
    format!("cannot be used: {error}")
}

/// Takes certificates that others vouch for, and besides those that it knows themselves: whoever signs the
/// certificate of a backend with its own key names that as the one to trust.
#[derive(Debug)]
struct Acquaintance {
    verifier: Arc<WebPkiServerVerifier>,
    known: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Acquaintance {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .verifier
            .verify_server_cert(certificate, others, name, ocsp, now);
        if verified.is_ok() || !self.known.iter().any(|it| it == certificate) {
            return verified;
        }
        let says = Certificate::read(certificate);
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let is_valid = says.is_some_and(|it| (it.not_before..=it.not_after).contains(&now));
        if !is_valid {
            return verified;
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Takes any certificate; that whoever shows it has its key is still verified.
#[derive(Debug)]
struct Believer;

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &provider().signature_verification_algorithms;
        known.supported_schemes()
    }
}
