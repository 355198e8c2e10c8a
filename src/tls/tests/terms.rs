//! What two ends agree upon: versions, certificates, protocols, sessions that are resumed.

use super::*;

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
fn no_pool_keeps_sessions_of_its_backends() {
    let scene = Scene::new("");
    let root = scene.root.pem();
    let pool = client(&Trust::Only(root.as_bytes()), &[], None).unwrap();
    let kind = second_kind(&scene.server(), &scene.server(), Arc::unwrap_or_clone(pool));
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
