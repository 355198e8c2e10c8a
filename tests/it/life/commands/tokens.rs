//! The token of the admin API: where it comes from, and what it is shown to.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Line, Outcome, STATUS, Scripted, command, outcome, say, say_to};

const DRAIN: Line = ("POST /v1/drain", 202, "");

/// Drains a server with a token in this file, named by the flag and by the environment.
fn drain_with(flag: Option<&Path>, variable: Option<&Path>) -> (Outcome, Vec<Option<String>>) {
    let server = Scripted::start(&[STATUS, DRAIN]);
    let mut drain = command("drain");
    drain.args(["--admin", &server.address]);
    if let Some(file) = flag {
        drain.arg("--token-file").arg(file);
    }
    if let Some(file) = variable {
        drain.env("L4LB_TOKEN_FILE", file);
    }
    let outcome = outcome(&drain.output().unwrap());
    let shown = server.asked();
    let shown = shown
        .iter()
        .map(|it| it.header("authorization").map(str::to_owned));
    (outcome, shown.collect())
}

#[test]
fn the_token_goes_with_writes_only_and_the_flag_wins_over_the_environment() {
    let folder = TempDir::new().unwrap();
    let [flag, variable] = ["flag", "variable"].map(|name| folder.path().join(name));
    fs::write(&flag, "secret\n").unwrap();
    fs::write(&variable, "other\r\n").unwrap();
    let table = [
        (None, None, None),
        (Some(flag.as_path()), None, Some("bearer secret")),
        (None, Some(variable.as_path()), Some("bearer other")),
        (Some(&flag), Some(&variable), Some("bearer secret")),
        (None, Some(Path::new("")), None),
    ];
    for (flag, variable, shown) in table {
        let ((_, err, code), headers) = drain_with(flag, variable);
        assert_eq!((err.as_str(), code), ("", Some(0)));
        assert_eq!(
            headers,
            [None, shown.map(str::to_owned)],
            "{flag:?} {variable:?}"
        );
    }
}

#[test]
fn a_token_file_without_a_token_is_named_and_nothing_is_asked() {
    let folder = TempDir::new().unwrap();
    let long = "x".repeat(1025);
    let table = ["", "\n", "a\nb\n", "a b", "a\n\n", "\u{e9}", &long];
    let file = |number: usize| folder.path().join(number.to_string());
    let files = table.into_iter().enumerate().map(|(number, text)| {
        fs::write(file(number), text).unwrap();
        file(number)
    });
    for file in files.chain(["/dev/zero".into()]) {
        let ((_, err, code), asked) = drain_with(Some(&file), None);
        assert!(
            err.starts_with(&format!("l4lb: the token file {} ", file.display())),
            "{err}"
        );
        assert_eq!((code, asked.len()), (Some(1), 0));
    }
    let missing = folder.path().join("missing");
    let ((_, err, code), asked) = drain_with(None, Some(&missing));
    let wanted = format!(
        "l4lb: the token file {} cannot be read: no such file or directory\n",
        missing.display()
    );
    assert_eq!((err, code, asked.len()), (wanted, Some(1), 0));
}

#[test]
fn whoever_lacks_a_token_learns_how_to_give_one() {
    const LOCKED: Line = ("POST /v1/reload", 401, r#"{"detail":"a token is needed"}"#);
    let ((_, err, code), _) = say(&[LOCKED], "reload");
    let wanted = "l4lb: a token is needed: give --token-file FILE, or set L4LB_TOKEN_FILE\n";
    assert_eq!((err.as_str(), code), (wanted, Some(1)));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "wrong").unwrap();
    let server = Scripted::start(&[LOCKED]);
    let (_, err, code) = say_to(
        &server.address,
        &format!("reload --token-file {}", file.display()),
    );
    assert_eq!((err.as_str(), code), ("l4lb: a token is needed\n", Some(1)));
}
