//! Reads the files that a configuration names for TLS, and makes of them what handshakes need: whole,
//! or everything that is wrong with them. Called when l4lb starts, reloads, or is told that a file has
//! changed; by `l4lb check` too.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use siphasher::sip::SipHasher13;

use super::materials::{Materials, Shown, Tickets, Trouble};
use super::pem;
use super::store::{Credential, Flaw, Store};
use super::terms::{self, Trust};
use super::x509::{Certificate, is_ocsp_answer, is_on_another};
use crate::config::file::MOST_BYTES;
use crate::config::{CertificateFiles, Certificates, Config, ListenerTls, PoolTls};
use crate::discovery::listed::bytes;
use crate::reason;

/// Where systems keep those whom they trust, the first one that is there.
const TRUSTED_BY_SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

const NO_KEY: &str = "has no private key, and no key is given";

/// The most files in a folder.
const MOST_ENTRIES: usize = 20_000;

/// Reads all files that `config` names for TLS, at a time in seconds since 1970. Clients can go on to
/// resume sessions that began with what was read `before`.
///
/// # Errors
///
/// Everything that is wrong.
pub fn read(config: &Config, before: &Materials, now: i64) -> Result<Materials, Vec<Trouble>> {
    let mut reading = Reading {
        materials: Materials::default(),
        before,
        now,
        troubles: Vec::new(),
        place: Vec::new(),
        whose: String::new(),
        keyless: Vec::new(),
    };
    for (listener, number) in config.listeners.iter().zip(1..) {
        if let Some(tls) = &listener.tls {
            reading.place = path(&["listener", &number.to_string(), "tls"]);
            reading.whose = format!("listener {}", listener.name);
            reading.listener(&listener.name, tls);
        }
    }
    for pool in &config.pools {
        let speaks_tls = pool.backends.iter().any(|it| it.tls.is_some());
        if pool.tls.is_some() || speaks_tls {
            reading.place = path(&["pool", &pool.name, "tls"]);
            reading.whose = format!("pool {}", pool.name);
            reading.pool(&pool.name, &pool.tls.clone().unwrap_or_default());
        }
    }
    if reading.troubles.is_empty() {
        Ok(reading.materials)
    } else {
        Err(reading.troubles)
    }
}

struct Reading<'a> {
    materials: Materials,
    before: &'a Materials,
    now: i64,
    troubles: Vec<Trouble>,
    place: Vec<String>,
    whose: String,
    /// Files of a folder in which a key is lacking.
    keyless: Vec<PathBuf>,
}

impl Reading<'_> {
    fn trouble(&mut self, key: &str, what: String) {
        self.troubles.push(Trouble {
            place: self
                .place
                .iter()
                .map(String::as_str)
                .chain(key.split('.'))
                .map(str::to_owned)
                .collect(),
            whose: self.whose.clone(),
            what,
        });
    }

    /// A file that has to be there.
    fn file(&mut self, key: &str, path: &Path) -> Option<Vec<u8>> {
        match self.file_if_there(path) {
            Ok(text) => Some(text),
            Err(why) => {
                self.trouble(key, format!("cannot read {}: {why}", path.display()));
                None
            }
        }
    }

    fn file_if_there(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let text = bytes(path).map_err(|error| reason::of(&error));
        let text = text.and_then(|it| match it.len() {
            ..=MOST_BYTES => Ok(it),
            _ => Err("it has more than 1 MiB".to_owned()),
        });
        let digest = text.as_ref().ok().map(digest);
        self.materials.read.insert(path.to_owned(), digest);
        text
    }

    fn listener(&mut self, name: &Arc<str>, tls: &ListenerTls) {
        let credentials = self.certificates(name, &tls.certificates);
        let ca = match &tls.client_ca {
            None => Some(None),
            Some(path) => self.file("client_ca", path).map(Some),
        };
        let (Some(credentials), Some(ca)) = (credentials, ca) else {
            return;
        };
        let tickets = tls
            .session_tickets
            .then(|| self.tickets(name, tls, ca.as_deref()));
        let store = Store::new(&credentials);
        let server = terms::server(tls, store, ca.as_deref(), tickets.flatten());
        match (server, &tls.client_ca) {
            (Ok(server), _) => _ = self.materials.listeners.insert(Arc::clone(name), server),
            (Err(why), Some(path)) => self.trouble("client_ca", said_of(path, &why)),
            (Err(why), None) => self.trouble("certificates", why),
        }
    }

    /// What makes tickets: the same as before, unless something else is asked of clients.
    fn tickets(
        &mut self,
        name: &Arc<str>,
        tls: &ListenerTls,
        ca: Option<&[u8]>,
    ) -> Option<Arc<dyn ProducesTickets>> {
        let asks = ca.map(|ca| digest(&(ca, tls.client_certificates.name())));
        let known = self.before.tickets.get(name);
        let known = known.filter(|it| it.asks == asks).cloned();
        // A system that has no randomness has no handshakes either.
        let fresh = || Ticketer::new().ok().map(|makes| Tickets { asks, makes });
        let tickets = known.or_else(fresh)?;
        let makes = Arc::clone(&tickets.makes);
        self.materials.tickets.insert(Arc::clone(name), tickets);
        Some(makes)
    }

    /// Nothing, where something is wrong, which was noted.
    fn certificates(
        &mut self,
        name: &Arc<str>,
        certificates: &Certificates,
    ) -> Option<Vec<Credential>> {
        let told = self.troubles.len();
        let mut credentials = Vec::new();
        let files: Vec<(String, CertificateFiles)> = match certificates {
            Certificates::Folder(folder) => {
                let files = self.folder(folder).into_iter();
                files.map(|it| ("certificates".to_owned(), it)).collect()
            }
            Certificates::Files(files) => {
                let files = files.iter().cloned().zip(1..);
                files
                    .map(|(it, number)| (format!("certificates.{number}"), it))
                    .collect()
            }
        };
        for (key, files) in files {
            if let Some(credential) = self.credential(&key, &files) {
                self.materials.shown.push(Shown {
                    listener: Arc::clone(name),
                    stapled: credential.is_stapled(),
                    says: credential.says.clone(),
                    file: files.cert,
                });
                credentials.push(credential);
            }
        }
        self.pass_over_keyless(name, credentials.is_empty());
        (self.troubles.len() == told).then_some(credentials)
    }

    /// A folder may have certificates of authorities beside those that are shown. One that was shown has
    /// lost its key, and is not to be lost for that.
    fn pass_over_keyless(&mut self, listener: &Arc<str>, is_all: bool) {
        for path in std::mem::take(&mut self.keyless) {
            let what = said_of(&path, NO_KEY);
            let mut shown = self.before.shown.iter();
            if is_all || shown.any(|it| it.listener == *listener && it.file == path) {
                self.trouble("certificates", what);
            } else {
                let warning = format!("{}: {what}: it is passed over", self.whose);
                self.materials.warnings.push(warning);
            }
        }
    }

    /// The certificates in a folder, in the order of their names.
    fn folder(&mut self, folder: &Path) -> Vec<CertificateFiles> {
        let paths = match entries(folder) {
            Ok(paths) => paths,
            Err(error) => {
                let why = reason::of(&error);
                self.trouble(
                    "certificates",
                    format!("cannot read {}: {why}", folder.display()),
                );
                return Vec::new();
            }
        };
        self.materials
            .read
            .insert(folder.to_owned(), Some(digest(&paths)));
        let is_hidden = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name.as_encoded_bytes().starts_with(b".")
        };
        let is_certificate = |path: &&PathBuf| {
            let extension = path.extension().unwrap_or_default();
            (extension == "pem" || extension == "crt") && !is_hidden(path)
        };
        let files = paths.iter().filter(is_certificate).map(|cert| {
            let key = cert.with_extension("key");
            let key = paths.binary_search(&key).is_ok().then_some(key);
            let cert = cert.clone();
            CertificateFiles { cert, key }
        });
        let files: Vec<_> = files.collect();
        if files.is_empty() {
            let what = format!(
                "{} has no file that ends with .pem or .crt",
                folder.display()
            );
            self.trouble("certificates", what);
        }
        files
    }

    fn credential(&mut self, key: &str, files: &CertificateFiles) -> Option<Credential> {
        let in_folder = key == "certificates";
        let of = |part: &str| match key {
            "" => part.to_owned(),
            _ if in_folder => key.to_owned(),
            _ => format!("{key}.{part}"),
        };
        let chain = self.file(&of("cert"), &files.cert)?;
        let (key_place, key_path) = match &files.key {
            Some(path) => (of("key"), path),
            None => (of("cert"), &files.cert),
        };
        let key = match &files.key {
            Some(path) => self.file(&key_place, path)?,
            None if pem::has_key(&chain) => chain.clone(),
            None if in_folder => {
                self.keyless.push(files.cert.clone());
                return None;
            }
            None => {
                self.trouble(&key_place, said_of(key_path, NO_KEY));
                return None;
            }
        };
        let staple = self.staple(&files.cert, &chain);
        match Credential::new(&chain, &key, staple) {
            Ok(credential) => {
                self.warn_of_age(&files.cert, &credential.says);
                Some(credential)
            }
            Err(Flaw::Certificate(why)) => {
                self.trouble(&of("cert"), said_of(&files.cert, &why));
                None
            }
            Err(Flaw::Key(why)) => {
                let what = said_of(key_path, &why);
                self.trouble(&key_place, what);
                None
            }
        }
    }

    /// What stands beside a certificate of its authority's word on it, if it can be shown.
    fn staple(&mut self, certificate: &Path, chain: &[u8]) -> Option<Vec<u8>> {
        let mut path = certificate.to_owned().into_os_string();
        path.push(".ocsp");
        let path = Path::new(&path);
        let staple = self.file_if_there(path).ok()?;
        let shown = pem::certificates(chain).ok()?;
        let why = if !is_ocsp_answer(&staple) {
            "no answer of an authority (OCSP, in DER)"
        } else if is_on_another(&staple, &shown[0]) {
            "the answer of an authority on another certificate"
        } else {
            return Some(staple);
        };
        let path = path.display();
        let warning = format!("{}: {path} is {why}, and is not shown", self.whose);
        self.materials.warnings.push(warning);
        None
    }

    fn warn_of_age(&mut self, path: &Path, says: &Certificate) {
        let when = if says.not_after < self.now {
            format!("has expired on {}", date(says.not_after))
        } else if says.not_before > self.now {
            format!("is not valid before {}", date(says.not_before))
        } else {
            return;
        };
        let warning = format!(
            "{}: the certificate in {} {when}",
            self.whose,
            path.display()
        );
        self.materials.warnings.push(warning);
    }

    fn pool(&mut self, name: &Arc<str>, tls: &PoolTls) {
        let told = self.troubles.len();
        let own = tls.certificate.as_ref();
        let own = own.and_then(|files| self.credential("", files));
        let system = || {
            let mut all = TRUSTED_BY_SYSTEM.iter().map(PathBuf::from);
            all.find(|it| it.exists())
        };
        let ca = match &tls.ca {
            _ if !tls.verify => None,
            Some(path) => Some(path.clone()),
            None => system().or_else(|| {
                let what = "ca is missing: this system says of nobody that it trusts them";
                self.trouble("ca", what.to_owned());
                None
            }),
        };
        let text = ca.as_ref().and_then(|path| self.file("ca", path));
        if self.troubles.len() > told {
            return;
        }
        let trust = text.as_deref().map_or(Trust::Anyone, Trust::Only);
        match terms::client(&trust, &tls.alpn, own.as_ref()) {
            Ok(client) => _ = self.materials.pools.insert(Arc::clone(name), client),
            Err(why) => {
                let what = said_of(&ca.unwrap_or_default(), &why);
                self.trouble("ca", what);
            }
        }
    }
}

/// What is in a folder, in order.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|it| it.path()));
    let paths = paths.take(MOST_ENTRIES + 1);
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    if paths.len() > MOST_ENTRIES {
        let what = format!("it has more than {MOST_ENTRIES} files");
        return Err(io::Error::other(what));
    }
    paths.sort_unstable();
    Ok(paths)
}

fn path(steps: &[&str]) -> Vec<String> {
    steps.iter().map(|&it| it.to_owned()).collect()
}

fn said_of(path: &Path, why: &str) -> String {
    format!("{} {why}", path.display())
}

pub(super) fn digest<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = SipHasher13::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The day of a time in seconds since 1970, as far as there are words for it.
fn date(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}
