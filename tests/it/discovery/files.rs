//! Files of backends, watched.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::name_server::NameServer;
use super::{Scene, sites};

/// A running l4lb with a file of backends.
struct Listed {
    scene: Scene,
    folder: TempDir,
}

impl Listed {
    fn start(text: Option<&str>, more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("app.backends");
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let pool = format!("backends_file = \"{}\"\n{more}", path.display());
        let scene = Scene::start(NameServer::start(), &pool);
        Self { scene, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.backends")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    /// Puts another file in its place.
    fn replace(&self, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path()).unwrap();
    }
}

#[test]
fn a_file_of_backends_is_served_as_it_changes() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    let line = |last: u8, more: &str| format!("b{last}=127.0.0.{last}:{port}{more}\n");
    let text = format!(
        "# the first ones\n\n{}{}",
        line(2, ""),
        line(3, ",weight=4")
    );
    let more = format!("backends = [\"127.0.0.4:{port}\"]");
    let mut listed = Listed::start(Some(&text), &more);
    let own = format!("127.0.0.4:{port} up 1");
    let wanted = [&*own, "b2 up 1", "b3 up 4"];
    assert_eq!(listed.scene.backends(), wanted);
    // In place.
    listed.write(&line(3, ""));
    listed.scene.wait_for(&[&own, "b3 up 1"]);
    listed
        .scene
        .l4lb
        .wait_for_log("pool app: backend b2 removed");
    // Another file in its place, which changes nothing, and then something.
    listed.replace(&line(3, " # still"));
    listed.replace(&format!("{}{}", line(3, ""), line(2, ",backup")));
    listed.scene.wait_for(&[&own, "b3 up 1", "b2 up 1 b"]);
    // What an operator has said holds, unless the file says something else of it.
    listed.scene.says("weight b3 9");
    listed.scene.says("drain b2");
    listed.write(&format!("{}{}", line(3, ""), line(2, "")));
    listed.scene.wait_for(&[&own, "b3 up 9", "b2 drain 1"]);
    listed.write(&line(3, ",weight=2"));
    listed.scene.wait_for(&[&own, "b3 up 2"]);
    let shown = listed.scene.says("reload");
    assert_eq!(shown, "nothing has changed\n", "it was read before");
}

#[test]
fn a_wrong_line_or_no_file_changes_nothing() {
    let (_sites, port) = sites(&["127.0.0.2", "127.0.0.3"]);
    let line = |last: u8| format!("b{last}=127.0.0.{last}:{port}\n");
    let mut listed = Listed::start(Some(&line(2)), "");
    listed.write(&format!(
        "{}b3=127.0.0.3\nb3=127.0.0.3:{port},weigh=2\n",
        line(2)
    ));
    let place = listed.path().display().to_string();
    let log = &mut listed.scene.l4lb;
    log.wait_for_log(&format!("{place}:2:4: '127.0.0.3' has no port"));
    log.wait_for_log("2 | b3=127.0.0.3");
    log.wait_for_log("  |    ^^^^^^^^^");
    log.wait_for_log(&format!("{place}:3:"));
    assert_eq!(listed.scene.backends(), ["b2 up 1"]);
    let refused = listed.scene.output("reload");
    assert_eq!(refused.status.code(), Some(78));
    assert_eq!(listed.scene.backends(), ["b2 up 1"]);
    listed.write(&format!("{}{}", line(2), line(3)));
    listed.scene.wait_for(&["b2 up 1", "b3 up 1"]);
    fs::remove_file(listed.path()).unwrap();
    assert_eq!(listed.scene.says("reload"), "nothing has changed\n");
    listed.scene.l4lb.wait_for_log("what it had stays");
    assert_eq!(listed.scene.backends(), ["b2 up 1", "b3 up 1"]);
    listed.write(&line(3));
    listed.scene.wait_for(&["b3 up 1"]);
    assert_eq!(listed.scene.serving(2), ["127.0.0.3"]);
}

#[test]
fn a_file_that_is_not_there_yet_is_a_warning_and_its_names_are_looked_up_when_it_comes() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let mut listed = Listed::start(None, "");
    let place = listed.path().display().to_string();
    let missing = format!("cannot read {place}: no such file or directory: it may come");
    listed.scene.l4lb.wait_for_log(&missing);
    assert_eq!(listed.scene.output("status --ready").status.code(), Some(1));
    listed.scene.names.has("web.example", &["127.0.0.2"]);
    listed.write(&format!("w=web.example:{port}\n"));
    listed
        .scene
        .wait_for(&[&format!("w@127.0.0.2:{port} up 1")]);
    assert_eq!(listed.scene.serving(1), ["127.0.0.2"]);
    // One that comes with another file of another folder is watched as well.
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.backends");
    fs::write(&other, format!("a=127.0.0.2:{port}\n")).unwrap();
    let pool = format!("backends_file = \"{}\"", other.display());
    listed.scene.rewrite(&pool);
    listed.scene.wait_for(&["a up 1"]);
    fs::write(&other, format!("b=127.0.0.2:{port}\n")).unwrap();
    listed.scene.wait_for(&["b up 1"]);
}

#[test]
fn a_link_that_is_swapped_beside_the_file_is_a_change_of_it() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let listed = Listed::start(None, "");
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        let data = format!("..{number}");
        fs::create_dir(listed.folder.path().join(&data)).unwrap();
        let text = format!("{name}=127.0.0.2:{port}\n");
        fs::write(listed.folder.path().join(&data).join("app.backends"), text).unwrap();
        let link = listed.folder.path().join("..tmp");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        fs::rename(link, listed.folder.path().join("..data")).unwrap();
        if number == 0 {
            std::os::unix::fs::symlink("..data/app.backends", listed.path()).unwrap();
        }
        listed.scene.wait_for(&[&format!("{name} up 1")]);
    }
}

#[test]
fn a_check_and_a_start_refuse_a_wrong_file_and_a_check_warns_of_a_missing_one() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("l4lb.toml");
    let list = folder.path().join("app.backends");
    let text = format!(
        "[[listener]]\nname=\"web\"\nlisten=\"127.0.0.1:0\"\npool=\"app\"\n\
         [pool.app]\nbackends_file=\"{}\"\n",
        list.display()
    );
    fs::write(&config, text).unwrap();
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_l4lb"))
            .args(words)
            .output()
            .unwrap();
        let texts = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        (output.status.code(), texts)
    };
    let config = config.to_str().unwrap();
    let (code, [out, err]) = run(&["check", config]);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        out.ends_with("OK (1 listener, 1 pool, 0 backends)\n"),
        "{out}"
    );
    assert!(err.contains("app.backends: no such file"), "{err}");
    fs::write(&list, "a=10.0.0.1:80\nb=web.example:80\n").unwrap();
    let (code, [out, err]) = run(&["--config", config, "--check"]);
    assert_eq!((code, &*err), (Some(0), ""));
    assert!(
        out.ends_with("OK (1 listener, 1 pool, 2 backends)\n"),
        "{out}"
    );
    fs::write(&list, "a=10.0.0.1:80\nb\n").unwrap();
    for words in [&["check", config][..], &["--config", config]] {
        let (code, [_, err]) = run(words);
        assert_eq!(code, Some(78), "{err}");
        assert!(
            err.starts_with(&format!("{}:2:1: ", list.display())),
            "{err}"
        );
    }
    let (_, [shown, _]) = run(&["config", "show", "--config", config]);
    assert!(shown.contains("backends_file = "), "{shown}");
}

#[test]
fn what_is_no_file_holds_up_nobody() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let good = format!("b=127.0.0.2:{port}\n");
    let mut listed = Listed::start(Some(&good), "");
    let pipe = listed.folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    fs::rename(&pipe, listed.path()).unwrap();
    assert_eq!(listed.scene.says("reload"), "nothing has changed\n");
    listed.scene.l4lb.wait_for_log("is no file");
    assert_eq!(listed.scene.backends(), ["b up 1"]);
    // Nor is it written to the end of memory.
    let endless = listed.folder.path().join("endless");
    fs::File::create(&endless)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    fs::rename(&endless, listed.path()).unwrap();
    listed.scene.l4lb.wait_for_log("nothing has changed:");
    assert_eq!(listed.scene.output("reload").status.code(), Some(78));
    listed.replace(&format!("{good}c=127.0.0.2:{port}\n"));
    listed.scene.wait_for(&["b up 1", "c up 1"]);
    // The same at the start.
    fs::remove_file(listed.path()).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(listed.path())
            .status()
            .unwrap()
            .success()
    );
    let pool = format!("backends_file = \"{}\"", listed.path().display());
    let mut other = Scene::start(NameServer::start(), &pool);
    other.l4lb.wait_for_log("is no file: it may come");
    fs::remove_file(listed.path()).unwrap();
    listed.replace(&good);
    other.wait_for(&["b up 1"]);
}

#[test]
fn a_folder_that_comes_later_is_watched_from_the_next_reload_on() {
    let (_sites, port) = sites(&["127.0.0.2"]);
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("later");
    let list = place.join("app.backends");
    let pool = format!("backends_file = \"{}\"", list.display());
    let mut scene = Scene::start(NameServer::start(), &pool);
    scene
        .l4lb
        .wait_for_log(&format!("cannot watch {}", list.display()));
    let line = |name: &str| format!("{name}=127.0.0.2:{port}\n");
    for names in [["a", "b"], ["c", "d"]] {
        fs::create_dir(&place).unwrap();
        fs::write(&list, line(names[0])).unwrap();
        scene.says("reload");
        scene.wait_for(&[&format!("{} up 1", names[0])]);
        fs::write(&list, line(names[1])).unwrap();
        scene.wait_for(&[&format!("{} up 1", names[1])]);
        fs::remove_dir_all(&place).unwrap();
    }
}
