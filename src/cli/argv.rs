//! What argh 0.1 lacks: `--flag=value`, `-h`, `-V`, a suggestion for a flag that does not exist, and
//! errors without an exit of its own.

use std::ffi::OsString;

use argh::FromArgs;

use super::arguments::Arguments;
use super::{Failure, nearest};

/// What there is to do after reading the arguments.
#[derive(Debug)]
pub(super) enum Parsed {
    Print(String),
    Arguments(Box<Arguments>),
}

/// Flags that take no value.
const SWITCHES: [&str; 5] = ["--check", "--help", "-h", "--version", "-V"];

const VALUED: [&str; 16] = [
    "--listen",
    "--backend",
    "--balance",
    "--workers",
    "--connect-timeout",
    "--retries",
    "--idle-timeout",
    "--health",
    "--health-interval",
    "--health-timeout",
    "--rise",
    "--fall",
    "--max-connections",
    "--drain-timeout",
    "--access-log",
    "--log-level",
];

const COMMANDS: [&str; 1] = ["demo"];

pub(super) fn parse(arguments: Vec<OsString>) -> Result<Parsed, Failure> {
    let words = arguments
        .into_iter()
        .map(|word| {
            word.into_string()
                .map_err(|word| Failure::Usage(format!("{word:?} is not valid UTF-8")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let words = split_values(&words)?;
    let has = |flags: [&str; 2]| words.iter().any(|word| flags.contains(&word.as_str()));
    if has(["--version", "-V"]) {
        return Ok(Parsed::Print(version()));
    }
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    if has(["--help", "-h"]) {
        // Help wins over whatever else is there.
        words.retain(|word| COMMANDS.contains(word));
        words.push("--help");
    }
    match Arguments::from_args(&["l4lb"], &words) {
        Ok(arguments) => Ok(Parsed::Arguments(Box::new(arguments))),
        Err(exit) if exit.status.is_ok() => Ok(Parsed::Print(help(&exit.output))),
        Err(exit) => Err(Failure::Usage(complaint(&exit.output))),
    }
}

/// Checks the flags' names, and makes two words of `--flag=value`.
fn split_values(words: &[String]) -> Result<Vec<String>, Failure> {
    let mut split = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value)),
            _ => (word.as_str(), None),
        };
        if !word.starts_with('-') {
            if !COMMANDS.contains(&name) {
                return Err(unknown("argument", name, &COMMANDS));
            }
        } else if SWITCHES.contains(&name) {
            if value.is_some() {
                return Err(Failure::Usage(format!("{name} takes no value")));
            }
        } else if !VALUED.contains(&name) {
            return Err(unknown("flag", name, &[&VALUED[..], &SWITCHES].concat()));
        }
        split.push(name.to_owned());
        if VALUED.contains(&name) {
            let value = value.map(str::to_owned).or_else(|| words.next().cloned());
            split.push(value.ok_or_else(|| Failure::Usage(format!("{name} needs a value")))?);
        }
    }
    Ok(split)
}

/// Says which word was not understood, and which one may have been meant.
fn unknown(what: &str, word: &str, known: &[&str]) -> Failure {
    let hint = nearest::hint(word, known);
    Failure::Usage(format!("unknown {what} {word:?}{hint}"))
}

/// argh's complaint in one line.
fn complaint(output: &str) -> String {
    let lines = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

/// argh's help, with the flags that it does not know itself.
fn help(output: &str) -> String {
    let line = "  --help, help      display usage information";
    let lines =
        "  -h, --help        display usage information\n  -V, --version     display the version";
    format!("{}\n", output.trim_end().replace(line, lines))
}

fn version() -> String {
    let [version, revision, date, target] = [
        env!("CARGO_PKG_VERSION"),
        env!("L4LB_REVISION"),
        env!("L4LB_DATE"),
        env!("L4LB_TARGET"),
    ];
    format!("l4lb {version} ({revision} {date}) {target}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Parsed, Failure> {
        parse(words.iter().map(OsString::from).collect())
    }

    fn complaint_of(words: &[&str]) -> String {
        match parsed(words) {
            Err(Failure::Usage(text)) => text,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn both_ways_to_write_a_value_mean_the_same() {
        for words in [
            &["--listen", ":1", "--access-log", "-"][..],
            &["--listen=:1", "--access-log=-"],
        ] {
            let Ok(Parsed::Arguments(arguments)) = parsed(words) else {
                panic!("{words:?}")
            };
            assert_eq!(arguments.listen, [":1"]);
            assert_eq!(arguments.access_log, "-");
        }
    }

    #[test]
    fn a_value_may_contain_an_equals_sign() {
        let Ok(Parsed::Arguments(arguments)) = parsed(&["--backend=a=b:1", "--backend", "c=d:2"])
        else {
            panic!()
        };
        assert_eq!(arguments.backend, ["a=b:1", "c=d:2"]);
    }

    #[test]
    fn wrong_words_are_named_and_the_nearest_right_one_is_offered() {
        let table = [
            (&["--backnd", "x"][..], "did you mean --backend?"),
            (&["--lisen=:1"], "did you mean --listen?"),
            (&["--frobnicate"], "unknown flag \"--frobnicate\""),
            (&["dmeo"], "did you mean demo?"),
            (&["-x"], "unknown flag \"-x\""),
            (&["--listen"], "--listen needs a value"),
            (&["--check=yes"], "--check takes no value"),
            (&["--retries", "1", "--retries", "2"], "retries"),
        ];
        for (words, hint) in table {
            let text = complaint_of(words);
            assert!(text.contains(hint), "{words:?}: {text}");
        }
    }

    #[test]
    fn every_flag_of_the_table_is_one_of_argh_and_is_helped_with() {
        let Ok(Parsed::Print(help)) = parsed(&["--help"]) else {
            panic!()
        };
        for flag in VALUED.iter().chain(&SWITCHES) {
            assert!(
                help.contains(flag),
                "{flag} is not in the help text:\n{help}"
            );
        }
        let options = help
            .lines()
            .filter(|line| line.trim_start().starts_with("--"));
        for line in options {
            let name = line.split_whitespace().next().unwrap();
            assert!(VALUED.contains(&name) || SWITCHES.contains(&name), "{line}");
        }
    }

    #[test]
    fn help_and_version_win_over_the_rest() {
        for words in [
            &["--listen", ":1", "-h"][..],
            &["--help"],
            &["demo", "--help"],
        ] {
            assert!(matches!(parsed(words), Ok(Parsed::Print(text)) if text.contains("Usage")));
        }
        for words in [&["-V"][..], &["--listen", ":1", "--version"]] {
            let Ok(Parsed::Print(text)) = parsed(words) else {
                panic!()
            };
            assert!(
                text.starts_with("l4lb 0.") && text.ends_with('\n'),
                "{text}"
            );
        }
    }
}
