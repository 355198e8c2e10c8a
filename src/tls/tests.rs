//! Two ends of a connection talk to each other in memory, with whatever a configuration may say.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
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
        Arc::unwrap_or_clone(config)
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

#[test]
fn what_one_end_seals_the_other_one_reads() {
    let scene = Scene::new("");
    for step in [usize::MAX, 1460, 7, 1] {
        let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
        pair.step = step;
        pair.shake().unwrap();
        let plain = text(if step < 100 { 50_000 } else { 300_000 });
        let Pair { server, client, .. } = &mut pair;
        assert_eq!(send(client, server, &plain, step), plain, "{step}");
        assert_eq!(send(server, client, &plain, step), plain, "{step}");
        assert_eq!([server, client].map(|it| it.held()), [0, 0]);
    }
}

#[test]
fn an_end_is_read_once_all_before_it_was_and_half_a_connection_goes_on() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    pair.shake().unwrap();
    let Pair { server, client, .. } = &mut pair;
    client.seal(b"last words").unwrap();
    client.close();
    let mut read = Vec::new();
    let mut ended = false;
    carry(client, usize::MAX, |raw| {
        open(server, raw, &mut read).map(|it| ended = it)
    })
    .unwrap();
    assert_eq!((&*read, ended), (&b"last words"[..], true));
    assert!(server.is_pending(), "no socket will tell of it");
    assert_eq!(send(server, client, b"an answer", 7), b"an answer");
    server.close();
    carry(server, usize::MAX, |raw| {
        open(client, raw, &mut read).map(|it| assert!(it))
    })
    .unwrap();
}

#[test]
fn what_comes_with_the_end_of_a_handshake_waits_for_whoever_opens() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    let Pair { server, client, .. } = &mut pair;
    client.handshake(&mut []).unwrap();
    carry(client, usize::MAX, |raw| shake(server, raw)).unwrap();
    carry(server, usize::MAX, |raw| shake(client, raw)).unwrap();
    let plain = text(20_000);
    client.seal(&plain).unwrap();
    client.close();
    // All at once: the last message of the handshake, two records, and the end.
    carry(client, usize::MAX, |raw| shake(server, raw)).unwrap();
    assert!(server.is_pending());
    server.seal(b"a greeting").unwrap(); // while plaintext waits to be read
    let (mut read, mut piece) = (Vec::new(), vec![0; 8 * 1024]);
    loop {
        let mut raw = raw(server, b"");
        let opened = server.open(&mut raw, &mut piece).unwrap();
        read.extend_from_slice(&piece[..opened.plain]);
        if opened.ended {
            break;
        }
        assert!(opened.plain > 0);
    }
    assert!(read == plain);
    let mut greeting = Vec::new();
    carry(server, usize::MAX, |raw| {
        open(client, raw, &mut greeting).map(|_| ())
    })
    .unwrap();
    assert_eq!(greeting, b"a greeting");
}

#[test]
fn what_is_no_tls_fails_and_is_answered_with_an_alert() {
    let scene = Scene::new("");
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\xff\xff",
        &[0; 64],
    ] {
        let mut server = Terminal::server(&scene.server()).unwrap();
        let failure = shake(&mut server, bytes).unwrap_err();
        assert_eq!(failure.reason, Reason::NotTls, "{failure}");
        assert_eq!(server.wire().bytes()[0], 21, "an alert");
    }
}

#[test]
fn half_a_message_of_a_handshake_stays_where_it_is_whatever_is_done_meanwhile() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    pair.client.handshake(&mut []).unwrap();
    let hello = pair.client.wire().bytes()[5..].to_vec();
    // In records of ten bytes each.
    for part in hello.chunks(10) {
        let head = [22, 3, 1, 0, u8::try_from(part.len()).unwrap()];
        shake(&mut pair.server, &[&head, part].concat()).unwrap();
        let before = pair.server.wire().bytes().len();
        if before == 0 {
            assert!(pair.server.seal(b"x").is_err(), "there is no key yet");
        }
    }
    pair.client.wire().sent(usize::MAX);
    pair.shake().unwrap();

    let mut server = Terminal::server(&scene.server()).unwrap();
    shake(&mut server, &[&[22, 3, 1, 0, 10], &hello[..10]].concat()).unwrap();
    server.close();
    let failure = shake(&mut server, b"garbage").unwrap_err();
    assert_eq!(failure.reason, Reason::NotTls);
    server.close();
    assert!(server.seal(b"x").is_err());
}

#[test]
fn a_record_that_was_changed_is_refused() {
    let scene = Scene::new("");
    let mut pair = Pair::new(&scene.server(), scene.client(None), "a.example");
    pair.shake().unwrap();
    pair.client.seal(b"one").unwrap();
    let mut bytes = pair.client.wire().bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let failure = open(&mut pair.server, &bytes, &mut Vec::new()).unwrap_err();
    assert_eq!(failure.reason, Reason::Protocol, "{failure}");
}

#[test]
fn both_versions_are_spoken_unless_the_newer_one_is_asked_for() {
    use rustls::version::{TLS12, TLS13};
    let only = |scene: &Scene, version| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(scene.root.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::clone(provider::provider()));
        let config = config.with_protocol_versions(&[version]).unwrap();
        config.with_root_certificates(roots).with_no_client_auth()
    };
    let both = Scene::new("min_version = \"1.2\"");
    for (version, wanted) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut pair = Pair::new(&both.server(), only(&both, version), "a.example");
        pair.shake().unwrap();
        assert_eq!(pair.server.common().protocol_version(), Some(wanted));
        let plain = text(100_000);
        let read = send(&mut pair.client, &mut pair.server, &plain, 1460);
        assert_eq!(read, plain);
    }
    let newer = Scene::new("min_version = \"1.3\"");
    let mut pair = Pair::new(&newer.server(), only(&newer, &TLS12), "a.example");
    let failure = pair.shake().unwrap_err();
    assert_eq!(failure.reason, Reason::Incompatible, "{failure}");
    let mut pair = Pair::new(&newer.server(), only(&newer, &TLS13), "a.example");
    pair.shake().unwrap();
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let scene = Scene::new("");
    for (name, is_trusted) in [
        ("a.example", true),
        ("x.b.example", true),
        ("b.example", false),
        ("other.example", false),
    ] {
        let mut pair = Pair::new(&scene.server(), scene.client(None), name);
        assert_eq!(pair.shake().is_ok(), is_trusted, "{name}");
    }
}

#[test]
fn protocols_are_agreed_upon_in_the_order_of_the_server() {
    let scene = Scene::new("alpn = [\"h2\", \"http/1.1\"]");
    let table: [(&[&str], Option<&str>); 4] = [
        (&[], None),
        (&["http/1.1"], Some("http/1.1")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["x"], None),
    ];
    for (offered, agreed) in table {
        let mut client = scene.client(None);
        client.alpn_protocols = offered.iter().map(|it| it.as_bytes().to_vec()).collect();
        let mut pair = Pair::new(&scene.server(), client, "a.example");
        let result = pair.shake();
        if offered == ["x"] {
            assert_eq!(result.unwrap_err().reason, Reason::Incompatible);
            continue;
        }
        let found = pair.server.common().alpn_protocol();
        assert_eq!(found, agreed.map(str::as_bytes), "{offered:?}");
    }
}

#[test]
fn a_client_without_the_right_certificate_is_refused() {
    let stranger = authority("stranger");
    for (tls, without) in [
        ("client_ca = \"DIR/ca.txt\"", false),
        (
            "client_ca = \"DIR/ca.txt\", client_certificates = \"optional\"",
            true,
        ),
    ] {
        let scene = Scene::new(tls);
        let shake = |own: Option<&Issuer>| {
            let mut pair = Pair::new(&scene.server(), scene.client(own), "a.example");
            pair.shake().map(|()| pair)
        };
        let pair = shake(Some(&scene.root)).unwrap();
        let shown = &pair.server.common().peer_certificates().unwrap()[0];
        let says = Certificate::read(shown).unwrap();
        assert_eq!(says.common_name.as_deref(), Some("visitor"));
        let refused = shake(Some(&stranger)).err().unwrap();
        assert_eq!(refused.reason, Reason::Certificate, "{refused}");
        let none = shake(None).map_err(|it| it.reason);
        assert_eq!(none.is_ok(), without, "{tls}");
        if !without {
            assert_eq!(none.err(), Some(Reason::Certificate));
        }
    }
}

/// Connects twice with one client, and says how the second handshake went.
fn second_kind(
    before: &Arc<ServerConfig>,
    after: &Arc<ServerConfig>,
    client: ClientConfig,
) -> HandshakeKind {
    for (server, is_second) in [(before, false), (after, true)] {
        let mut pair = Pair::new(server, client.clone(), "a.example");
        pair.shake().unwrap();
        // Tickets come behind the handshake.
        let Pair { server, client, .. } = &mut pair;
        send(server, client, b"x", usize::MAX);
        if is_second {
            return server.common().handshake_kind().unwrap();
        }
    }
    unreachable!("the second one returns")
}

#[test]
fn sessions_are_resumed_though_certificates_have_changed() {
    let mut scene = Scene::new("");
    let before = scene.server();
    let kind = second_kind(&before, &before, scene.client(None));
    assert_eq!(kind, HandshakeKind::Resumed);
    fs::write(
        scene.folder.path().join("a.pem"),
        issued(&scene.root, "a.example"),
    )
    .unwrap();
    let read_before = scene.materials.clone();
    scene.read();
    let path = scene.folder.path().join("a.pem");
    let news = scene.materials.news(&read_before);
    assert_eq!(news, [format!("{} changed", path.display())]);
    assert!(read_before.is_outdated(&path) && !scene.materials.is_outdated(&path));
    let kind = second_kind(&before, &scene.server(), scene.client(None));
    assert_eq!(kind, HandshakeKind::Resumed);
}

#[test]
fn no_session_is_resumed_where_tickets_are_off_or_clients_are_asked_something_else() {
    let scene = Scene::new("session_tickets = false");
    let kind = second_kind(&scene.server(), &scene.server(), scene.client(None));
    assert_eq!(kind, HandshakeKind::Full);

    let mut scene = Scene::new("client_ca = \"DIR/ca.txt\"");
    let before = scene.server();
    let client = scene.client(Some(&scene.root));
    let kind = second_kind(&before, &before, client.clone());
    assert_eq!(kind, HandshakeKind::Resumed);
    let more = scene.root.pem() + &authority("another").pem();
    fs::write(scene.folder.path().join("ca.txt"), more).unwrap();
    scene.read();
    let kind = second_kind(&before, &scene.server(), client);
    assert_eq!(kind, HandshakeKind::Full);
}

#[test]
fn a_backend_is_believed_only_where_nobody_verifies() {
    let scene = Scene::new("");
    let stranger = authority("stranger").pem();
    for (trust, name, is_believed) in [
        (Trust::Only(stranger.as_bytes()), "a.example", false),
        (Trust::Anyone, "a.example", true),
        (Trust::Anyone, "no-such-name.example", true),
    ] {
        let client = client(&trust, &[], None).unwrap();
        let mut pair = Pair::new(&scene.server(), Arc::unwrap_or_clone(client), name);
        assert_eq!(pair.shake().is_ok(), is_believed, "{name}");
    }
}

#[test]
fn a_backend_may_vouch_for_itself_where_it_is_known_by_name() {
    let mut params = CertificateParams::new(vec!["self.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let scene = Scene::new("");
    let both = certificate.clone() + &key.serialize_pem();
    fs::write(scene.folder.path().join("0.pem"), both).unwrap();
    let config = configured(scene.folder.path(), "");
    let materials = read(&config, &Materials::default(), NOW).unwrap();
    let other = authority("stranger").pem();
    for (ca, name, is_believed) in [
        (&certificate, "self.example", true),
        (&certificate, "other.example", false),
        (&other, "self.example", false),
    ] {
        let client = client(&Trust::Only(ca.as_bytes()), &[], None).unwrap();
        let server = materials.listener("web").unwrap();
        let mut pair = Pair::new(&server, Arc::unwrap_or_clone(client), name);
        assert_eq!(pair.shake().is_ok(), is_believed, "{name}");
    }
}

#[test]
fn all_that_is_wrong_with_files_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let root = authority("root");
    let path = |name: &str| folder.path().join(name);
    let [one, other] = [(); 2].map(|()| issued(&root, "a.example"));
    let key = other.find("-----BEGIN PRIVATE KEY").unwrap();
    fs::write(path("bad.pem"), "no certificate").unwrap();
    fs::write(path("good.pem"), &one).unwrap();
    fs::write(path("good.key"), &other[key..]).unwrap();
    fs::write(
        path("lone.pem"),
        &one[..one.find("-----BEGIN PRIVATE").unwrap()],
    )
    .unwrap();
    let mut config = configured(folder.path(), "client_ca = \"DIR/none\"");
    let dir = folder.path().display();
    let told = |config: &Config| {
        let troubles = read(config, &Materials::default(), NOW).unwrap_err();
        let lines = troubles
            .iter()
            .map(|it| format!("{} {it}", it.place.join(".")));
        lines
            .map(|it| it.replace(&format!("{dir}/"), ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&config),
        [
            "listener.1.tls.certificates listener web: bad.pem has no private key, and no key is given",
            "listener.1.tls.certificates listener web: good.key is not the key of the certificate",
            "listener.1.tls.certificates listener web: lone.pem has no private key, and no key is given",
            "listener.1.tls.client_ca listener web: cannot read none: no such file or directory",
        ]
    );
    let tls = config.listeners[0].tls.as_mut().unwrap();
    tls.client_ca = Some(path("bad.pem"));
    tls.certificates = config::Certificates::Files(vec![
        config::CertificateFiles {
            cert: path("good.pem"),
            key: None,
        },
        config::CertificateFiles {
            cert: path("good.pem"),
            key: Some(path("good.key")),
        },
        config::CertificateFiles {
            cert: path("missing.pem"),
            key: None,
        },
    ]);
    assert_eq!(
        told(&config),
        [
            "listener.1.tls.certificates.2.key listener web: good.key is not the key of the certificate",
            "listener.1.tls.certificates.3.cert listener web: cannot read missing.pem: no such file or directory",
        ]
    );
}

#[test]
fn an_expired_certificate_is_a_warning_and_shown_all_the_same() {
    let scene = Scene::new("");
    let shown = &scene.materials.shown;
    assert_eq!(scene.materials.warnings.len(), 0);
    assert_eq!(shown.len(), 2);
    let late = shown[0].says.not_after + 1;
    let config = configured(scene.folder.path(), "");
    let materials = read(&config, &Materials::default(), late).unwrap();
    let file = scene.folder.path().join("a.pem");
    let wanted = format!(
        "listener web: the certificate in {} has expired on 4096-01-01",
        file.display()
    );
    assert_eq!(materials.warnings[0], wanted);
    assert!(materials.listener("web").is_some() && materials.listener("other").is_none());
}

#[test]
fn a_word_of_its_authority_goes_along_with_a_certificate() {
    let mut scene = Scene::new("");
    assert!(scene.materials.shown.iter().all(|it| !it.stapled));
    fs::write(scene.folder.path().join("b.pem.ocsp"), b"word").unwrap();
    let folder = scene.folder.path().to_owned();
    assert!(scene.materials.is_outdated(&folder));
    scene.read();
    assert!(!scene.materials.is_outdated(&folder));
    let stapled: Vec<_> = scene.materials.shown.iter().map(|it| it.stapled).collect();
    assert_eq!(stapled, [false, true]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_a_client_says_makes_a_server_panic(
        changes in proptest::collection::vec((0..3000_usize, any::<u8>()), 0..4),
        step in 1..2000_usize,
        seals: bool,
    ) {
        thread_local! {
            static SCENE: Scene = Scene::new("client_ca = \"DIR/ca.txt\"");
        }
        SCENE.with(|scene| {
            let client = scene.client(Some(&scene.root));
            let mut pair = Pair::new(&scene.server(), client, "a.example");
            pair.client.handshake(&mut []).unwrap();
            let mut said = 0;
            for _ in 0..3 {
                let mut bytes = pair.client.wire().bytes().to_vec();
                pair.client.wire().sent(usize::MAX);
                for (at, byte) in &changes {
                    if let Some(it) = at.checked_sub(said).and_then(|at| bytes.get_mut(at)) {
                        *it ^= byte;
                    }
                }
                said += bytes.len();
                for part in bytes.chunks(step) {
                    let failed = shake(&mut pair.server, part).is_err();
                    if seals {
                        let _ = pair.server.seal(b"x");
                    }
                    if failed {
                        pair.server.close();
                        return;
                    }
                }
                let answer = pair.server.wire().bytes().to_vec();
                pair.server.wire().sent(usize::MAX);
                let _ = shake(&mut pair.client, &answer);
                if !pair.client.common().is_handshaking() {
                    let _ = pair.client.seal(&[7; 500]);
                }
            }
        });
    }
}
