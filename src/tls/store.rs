//! The certificates of a listener by the names that clients ask for. A store never changes: another
//! one takes its place.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::pem;
use super::provider::provider;
use super::x509::Certificate;

/// Certificates for one name, one for each kind of key, in their order.
type Candidates = Vec<Arc<CertifiedKey>>;

/// Certificates by name.
#[derive(Debug, Default)]
pub struct Store {
    exact: HashMap<Box<str>, Candidates>,
    /// By what follows the `*.`, which stands for one label.
    wildcards: HashMap<Box<str>, Candidates>,
    /// For clients that ask for no name, or for one that is not here.
    default: Candidates,
}

/// A certificate with its key, ready for use.
#[derive(Clone, Debug)]
pub struct Credential {
    /// What the certificate says.
    pub says: Certificate,
    key: Arc<CertifiedKey>,
}

impl Credential {
    /// A certificate with those that vouch for it, from one PEM file, and its key from the same file or
    /// another one; with what its authority says of it (OCSP) where that is known.
    ///
    /// # Errors
    ///
    /// What is wrong: the certificate's file, or the key's.
    pub fn new(chain: &[u8], key: &[u8], staple: Option<Vec<u8>>) -> Result<Self, Flaw> {
        let chain = pem::certificates(chain).map_err(Flaw::Certificate)?;
        let says = said(&chain[0]).map_err(Flaw::Certificate)?;
        let key = pem::key(key).map_err(Flaw::Key)?;
        let key = provider().key_provider.load_private_key(key);
        let key = key.map_err(|_| Flaw::Key("has a private key of an unknown kind".to_owned()))?;
        let mut key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                return Err(Flaw::Key("is not the key of the certificate".to_owned()));
            }
            Err(error) => return Err(Flaw::Certificate(format!("cannot be used: {error}"))),
        }
        key.ocsp = staple;
        let key = Arc::new(key);
        Ok(Self { says, key })
    }

    /// The certificates, for whoever shows them to a server.
    #[must_use]
    pub fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key)
    }

    /// Whether what its authority says of it goes along.
    #[must_use]
    pub fn is_stapled(&self) -> bool {
        self.key.ocsp.is_some()
    }

    /// The names that it is for.
    fn names(&self) -> impl Iterator<Item = String> {
        let common = self.says.common_name.iter();
        let fallback = common.filter(|_| self.says.dns_names.is_empty());
        let names = self.says.dns_names.iter().chain(fallback);
        names.map(|it| it.to_ascii_lowercase())
    }
}

/// Which of two files is wrong, and how: a half sentence that follows its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// That of the certificate.
    Certificate(String),
    /// That of the key.
    Key(String),
}

fn said(certificate: &CertificateDer<'_>) -> Result<Certificate, String> {
    Certificate::read(certificate).ok_or_else(|| "has a certificate that is none".to_owned())
}

impl Store {
    /// A store of these; the first one is the default. There is at least one.
    #[must_use]
    pub fn new(credentials: &[Credential]) -> Self {
        let mut store = Self::default();
        for credential in credentials {
            for name in credential.names() {
                let (table, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut store.wildcards, rest),
                    None => (&mut store.exact, &*name),
                };
                let candidates = table.entry(name.into()).or_default();
                candidates.push(Arc::clone(&credential.key));
            }
        }
        let first = credentials.first();
        let of_first = first.and_then(|it| it.names().next());
        let known = of_first.and_then(|name| store.find(&name).cloned());
        store.default = known
            .filter(|it| first.is_some_and(|first| Arc::ptr_eq(&it[0], &first.key)))
            .or_else(|| first.map(|it| vec![Arc::clone(&it.key)]))
            .unwrap_or_default();
        store
    }

    /// Those for a name: the exact ones, or else those of the wildcard.
    fn find(&self, name: &str) -> Option<&Candidates> {
        let wildcard = || self.wildcards.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(wildcard)
    }

    fn candidates(&self, name: Option<&str>) -> &Candidates {
        name.and_then(|it| self.find(it)).unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for Store {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A name comes in lower case, and perhaps with the dot at its end.
        let name = hello.server_name();
        let candidates = self.candidates(name.map(|it| it.strip_suffix('.').unwrap_or(it)));
        let schemes = hello.signature_schemes();
        let suits = |it: &&Arc<CertifiedKey>| it.key.choose_scheme(schemes).is_some();
        let suitable = candidates.iter().find(suits);
        suitable.or_else(|| candidates.first()).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(names: &[&str]) -> Credential {
        let names: Vec<String> = names.iter().map(|&it| it.into()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Credential::new(chain.as_bytes(), key.as_bytes(), None).unwrap()
    }

    #[test]
    fn an_exact_name_goes_before_a_wildcard_and_a_stranger_gets_the_first() {
        let all = [
            credential(&["first.example"]),
            credential(&["*.shop.example"]),
            credential(&["a.shop.example", "shop.example"]),
        ];
        let store = Store::new(&all);
        let table = [
            (None, 0),
            (Some("first.example"), 0),
            (Some("b.shop.example"), 1),
            (Some("a.shop.example"), 2),
            (Some("shop.example"), 2),
            (Some("a.b.shop.example"), 0),
            (Some("example"), 0),
            (Some("stranger.example"), 0),
            (Some(""), 0),
            (Some(".shop.example"), 1),
        ];
        for (name, place) in table {
            let found = &store.candidates(name)[0];
            assert!(Arc::ptr_eq(found, &all[place].key), "{name:?}");
        }
    }

    #[test]
    fn two_certificates_for_a_name_are_both_candidates() {
        let all = [credential(&["a.example"]), credential(&["a.example"])];
        let store = Store::new(&all);
        assert_eq!(store.candidates(Some("a.example")).len(), 2);
        assert_eq!(store.candidates(None).len(), 2);
    }

    #[test]
    fn the_wrong_key_is_the_fault_of_the_key() {
        let make = || rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let (one, other) = (make(), make());
        let new = |chain: &str, key: &str| Credential::new(chain.as_bytes(), key.as_bytes(), None);
        let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(new(&chain, &key).is_ok());
        let flaw = new(&chain, &other.signing_key.serialize_pem()).unwrap_err();
        let wanted = Flaw::Key("is not the key of the certificate".to_owned());
        assert_eq!(flaw, wanted);
        assert!(matches!(new(&key, &key), Err(Flaw::Certificate(_))));
        assert!(matches!(new(&chain, &chain), Err(Flaw::Key(_))));
        let none = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(new(none, &key), Err(Flaw::Certificate(_))));
    }
}
