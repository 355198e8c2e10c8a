//! What is read from files, and what is wrong with them.

use super::*;

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
            "listener.1.tls.certificates listener web: good.key is not the key of the certificate",
            "listener.1.tls.certificates listener web: bad.pem has no private key, and no key is given",
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
fn a_file_that_is_too_long_is_not_cut() {
    let scene = Scene::new("client_ca = \"DIR/ca.txt\"");
    let folder = scene.folder.path();
    let long = " ".repeat(1024 * 1024) + &scene.root.pem();
    fs::write(folder.join("ca.txt"), scene.root.pem() + &long).unwrap();
    let config = configured(folder, scene.tls);
    let troubles = read(&config, &scene.materials, NOW).unwrap_err();
    let what = &troubles[0].what;
    assert!(what.ends_with("ca.txt: it has more than 1 MiB"), "{what}");
}

#[test]
fn a_folder_with_too_many_files_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("0.txt");
    fs::write(&first, "").unwrap();
    for number in 1..20_000 {
        fs::hard_link(&first, folder.path().join(format!("{number}.txt"))).unwrap();
    }
    let config = configured(folder.path(), "");
    let what = || {
        let troubles = read(&config, &Materials::default(), NOW).unwrap_err();
        troubles[0].what.clone()
    };
    assert!(what().contains("no file that ends with .pem"), "{}", what());
    fs::write(folder.path().join("a.pem"), "").unwrap();
    assert!(
        what().ends_with("it has more than 20000 files"),
        "{}",
        what()
    );
}

#[test]
fn a_file_without_a_key_is_passed_over_where_others_are_left() {
    let mut scene = Scene::new("");
    let folder = scene.folder.path().to_owned();
    fs::write(folder.join("ca.crt"), scene.root.pem()).unwrap();
    scene.read();
    assert_eq!(scene.materials.shown.len(), 2);
    let warning = &scene.materials.warnings[0];
    assert!(warning.contains("ca.crt has no private key"), "{warning}");

    // One that is shown is not given up because its key is not there for a moment.
    let both = fs::read_to_string(folder.join("b.pem")).unwrap();
    let key = both.find("-----BEGIN PRIVATE").unwrap();
    fs::write(folder.join("b.pem"), &both[..key]).unwrap();
    let config = configured(&folder, "");
    let troubles = read(&config, &scene.materials, NOW).unwrap_err();
    assert!(troubles[0].what.contains("b.pem has no private key"));
    assert_eq!(troubles.len(), 1);
    assert!(read(&config, &Materials::default(), NOW).is_ok());
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
    let answer = [0x30, 7, 10, 1, 0, 0xa0, 2, 0x30, 0];
    fs::write(scene.folder.path().join("b.pem.ocsp"), answer).unwrap();
    let folder = scene.folder.path().to_owned();
    assert!(scene.materials.is_outdated(&folder));
    scene.read();
    assert!(!scene.materials.is_outdated(&folder));
    let stapled: Vec<_> = scene.materials.shown.iter().map(|it| it.stapled).collect();
    assert_eq!(stapled, [false, true]);
    fs::write(scene.folder.path().join("b.pem.ocsp"), b"").unwrap();
    scene.read();
    assert!(scene.materials.shown.iter().all(|it| !it.stapled));
    let warning = &scene.materials.warnings[0];
    assert!(warning.contains("b.pem.ocsp is no answer"), "{warning}");
}
