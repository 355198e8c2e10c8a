//! Two ends of a connection talk to each other in memory, with whatever a configuration may say.

mod ends;
mod files;
mod terms;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, ServerConfig};

use super::terms::{Trust, client};
use super::*;
use crate::config::{self, Config, file};

/// When certificates are read, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, in one text.
fn issued(by: &Issuer, name: &str) -> String {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    certificate.pem() + &key.serialize_pem()
}

/// A configuration with a listener `web` whose files are in `folder`.
fn configured(folder: &Path, tls: &str) -> Config {
    let folder = folder.display();
    let text = format!(
        "[[listener]]\nname = \"web\"\nlisten = \":1\"\npool = \"app\"\n\
         tls = {{ certificates = \"{folder}\", {} }}\n[pool.app]\nbackends = [\"10.0.0.1:1\"]\n",
        tls.replace("DIR", &folder.to_string())
    );
    match file::parse("l4lb.toml", text.as_bytes()) {
        Ok(document) => document.config(1),
        Err(faults) => panic!("{}", faults.render(false)),
    }
}

struct Scene {
    folder: tempfile::TempDir,
    root: Issuer,
    tls: &'static str,
    materials: Materials,
}

impl Scene {
    fn new(tls: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = authority("root");
        fs::write(folder.path().join("a.pem"), issued(&root, "a.example")).unwrap();
        fs::write(folder.path().join("b.pem"), issued(&root, "*.b.example")).unwrap();
        fs::write(folder.path().join("ca.txt"), root.pem()).unwrap();
        let mut scene = Self {
            folder,
            root,
            tls,
            materials: Materials::default(),
        };
        scene.read();
        scene
    }

    fn read(&mut self) {
        let config = configured(self.folder.path(), self.tls);
        self.materials = read(&config, &self.materials, NOW).unwrap();
    }

    fn server(&self) -> Arc<ServerConfig> {
        self.materials.listener("web").unwrap()
    }

    /// A client that trusts the root, and shows a certificate that `own` has issued.
    fn client(&self, own: Option<&Issuer>) -> ClientConfig {
        let own = own.map(|issuer| {
            let both = issued(issuer, "visitor");
            Credential::new(both.as_bytes(), both.as_bytes(), None).unwrap()
        });
        let root = self.root.pem();
        let config = client(&Trust::Only(root.as_bytes()), &[], own.as_ref()).unwrap();
        let mut config = Arc::unwrap_or_clone(config);
        config.resumption = Resumption::in_memory_sessions(8); // as clients have it
        config
    }
}

/// Both ends of a connection, and the bytes between them.
struct Pair {
    server: Terminal,
    client: Terminal,
    /// So many bytes go at once.
    step: usize,
}

impl Pair {
    fn new(server: &Arc<ServerConfig>, client: ClientConfig, name: &str) -> Self {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Self {
            server: Terminal::server(server).unwrap(),
            client: Terminal::client(&Arc::new(client), name).unwrap(),
            step: usize::MAX,
        }
    }

    fn shake(&mut self) -> Result<(), Failure> {
        self.client.handshake(&mut []).unwrap();
        for _ in 0..10 {
            let step = self.step;
            let to_server = carry(&mut self.client, step, |raw| shake(&mut self.server, raw));
            to_server?;
            carry(&mut self.server, step, |raw| shake(&mut self.client, raw))?;
        }
        let both = [&self.server, &self.client];
        assert!(both.iter().all(|it| !it.common().is_handshaking()));
        Ok(())
    }
}

/// Carries what one end has to send to the other one, so many bytes at once.
fn carry<E>(
    from: &mut Terminal,
    step: usize,
    mut to: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    while !from.wire().is_empty() {
        let bytes = from.wire().bytes();
        let count = bytes.len().min(step);
        let bytes = bytes[..count].to_vec();
        from.wire().sent(count);
        to(&bytes)?;
    }
    Ok(())
}

fn raw(terminal: &Terminal, bytes: &[u8]) -> Vec<u8> {
    let mut raw = vec![0; 128 * 1024];
    let resumed = terminal.resume(&mut raw);
    raw.truncate(resumed);
    raw.extend_from_slice(bytes);
    raw
}

fn shake(terminal: &mut Terminal, bytes: &[u8]) -> Result<(), Failure> {
    let mut raw = raw(terminal, bytes);
    terminal.handshake(&mut raw).map(|_| ())
}

fn open(terminal: &mut Terminal, bytes: &[u8], into: &mut Vec<u8>) -> Result<bool, Failure> {
    let mut raw = raw(terminal, bytes);
    let mut plain = vec![0; raw.len() + 32 * 1024];
    let opened = terminal.open(&mut raw, &mut plain)?;
    into.extend_from_slice(&plain[..opened.plain]);
    Ok(opened.ended)
}

/// What the second end reads when the first one has sealed `plain` in pieces.
fn send(from: &mut Terminal, to: &mut Terminal, plain: &[u8], step: usize) -> Vec<u8> {
    let mut read = Vec::new();
    for piece in plain.chunks(32 * 1024) {
        from.seal(piece).unwrap();
        carry(from, step, |raw| open(to, raw, &mut read).map(|_| ())).unwrap();
    }
    read
}

fn text(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..))
        .take(bytes)
        .collect()
}
