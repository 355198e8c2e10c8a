//! TLS that is spoken here: with clients, with backends, with both.
//!
//! `streams` is what is relayed, `handshakes` how sessions begin, `floods` many of them, `backends` TLS on the other
//! side, `health` its checks, `renewal` certificates that change, `http` what is special of HTTP in it, `telling` is
//! what one is told of all that, `tools` are clients that others have written.

mod backends;
mod floods;
mod handshakes;
mod health;
mod http;
mod renewal;
mod streams;
mod telling;
mod tools;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use tempfile::TempDir;

use crate::harness::{L4lb, Options};

type Issuer = CertifiedIssuer<'static, KeyPair>;
pub(crate) type Client = StreamOwned<ClientConnection, TcpStream>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for this name and its key, in one text.
fn issued(by: &Issuer, name: &str) -> String {
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    signed(by, name, params)
}

fn signed(by: &Issuer, name: &str, mut params: CertificateParams) -> String {
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    params.signed_by(&key, by).unwrap().pem() + &key.serialize_pem()
}

/// A folder with certificates that one authority has issued.
pub(crate) struct Files {
    folder: TempDir,
    root: Issuer,
    /// How many have been started from files in it.
    started: AtomicUsize,
}

impl Files {
    /// With a certificate for each of these names, called after it.
    pub(crate) fn new(names: &[&str]) -> Self {
        let files = Self {
            folder: TempDir::new().unwrap(),
            root: authority("root"),
            started: AtomicUsize::new(0),
        };
        fs::create_dir(files.path("certs")).unwrap();
        fs::write(files.path("ca.pem"), files.root.pem()).unwrap();
        for name in names {
            files.certify(name);
        }
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A fresh certificate for this name takes the place of the one that there was.
    fn certify(&self, name: &str) {
        self.put(name, &issued(&self.root, name));
    }

    /// One that has so many whole days left, and half a day, takes the place of the one that there was.
    pub(crate) fn certify_for(&self, name: &str, days: i64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(1970, 1, 1) + now + Duration::from_secs(12 * 3600);
        let many = Duration::from_secs(days.unsigned_abs() * 24 * 3600);
        match days {
            0.. => params.not_after += many,
            _ => params.not_after -= many,
        }
        self.put(name, &signed(&self.root, name, params));
    }

    /// What an authority may say of the certificate for this name, in as few bytes as there can be.
    pub(crate) fn staple(&self, name: &str) {
        let answer = [0x30, 7, 10, 1, 0, 0xa0, 2, 0x30, 0];
        let place = self.path("certs").join(format!("{name}.pem.ocsp"));
        fs::write(place, answer).unwrap();
    }

    fn put(&self, name: &str, text: &str) {
        let fresh = self.path("fresh");
        fs::write(&fresh, text).unwrap();
        let place = self.path("certs").join(format!("{name}.pem"));
        fs::rename(fresh, place).unwrap();
    }

    /// Starts an l4lb from a file of its own, in which `DIR` is the folder: others watch theirs.
    pub(crate) fn start(&self, text: &str) -> L4lb {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let path = self.path(&format!("l4lb-{number}.toml"));
        let text = text.replace("DIR", &self.folder.path().display().to_string());
        fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap().to_owned();
        Options::new().arg("--config").arg(&path).start()
    }

    /// One in front of a backend, with these keys for TLS.
    fn before(&self, backend: SocketAddr, keys: &str) -> L4lb {
        self.start(&listener(keys, &pool(&backend.to_string())))
    }

    /// What a server has to know that shows the certificate for this name.
    fn serving(&self, name: &str) -> Arc<ServerConfig> {
        let pem = fs::read(self.path("certs").join(format!("{name}.pem"))).unwrap();
        let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth();
        Arc::new(config.with_single_cert(chain.unwrap(), key).unwrap())
    }

    /// What a client has to know that shows no certificate.
    fn trusting(&self) -> ClientConfig {
        client_config(&self.root, None)
    }

    /// A client that asks for this name.
    pub(crate) fn client(&self, l4lb: &L4lb, name: &str) -> Client {
        connect(l4lb, self.trusting(), name)
    }
}

fn listener(keys: &str, rest: &str) -> String {
    format!(
        "[admin]\nlisten = \"unix:DIR/admin\"\n[access_log]\noutput = \"-\"\n[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:0\"\npool = \"app\"\n\
         tls = {{ certificates = \"DIR/certs\"{}{keys} }}\n{rest}",
        if keys.is_empty() { "" } else { ", " }
    )
}

fn pool(backend: &str) -> String {
    format!("[pool.app]\nhealth = {{ type = \"off\" }}\nbackends = [\"{backend}\"]\n")
}

fn client_config(root: &Issuer, own: Option<&str>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    match own {
        None => config.with_no_client_auth(),
        Some(pem) => {
            let chain = CertificateDer::pem_slice_iter(pem.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
            let chain = chain.collect::<Result<_, _>>().unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

fn connect(l4lb: &L4lb, config: ClientConfig, name: &str) -> Client {
    over(l4lb.connect(), config, name)
}

fn over(socket: TcpStream, config: ClientConfig, name: &str) -> Client {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(client, socket)
}

/// Sends a text and reads as much again: what an echo has said.
#[track_caller]
fn echoed(client: &mut Client, text: &[u8]) -> Vec<u8> {
    client.write_all(text).unwrap();
    client.flush().unwrap();
    let mut back = vec![0; text.len()];
    client.read_exact(&mut back).unwrap();
    back
}

/// The one line of the metrics that begins so.
fn metric(files: &Files, begins: &str) -> u64 {
    let mut curl = std::process::Command::new("curl");
    let socket = files.path("admin");
    curl.args(["-sS", "http://localhost/metrics", "--unix-socket"]);
    let text = String::from_utf8(curl.arg(socket).output().unwrap().stdout).unwrap();
    let line = text.lines().find(|it| it.starts_with(begins));
    let value = line.unwrap_or_else(|| panic!("no {begins} in {text}"));
    value.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Says that it is over when it is dropped, also by a test that fails: its scope waits for those who look at this.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
