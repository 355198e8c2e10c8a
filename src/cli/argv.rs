//! What argh 0.1 lacks: `--flag=value`, `-h`, `-V`, a suggestion for a flag that does not exist, and
//! errors without an exit of its own.

use crate::version;
use std::ffi::OsString;

use argh::FromArgs;

use super::arguments::Arguments;
use super::{Failure, commands};
use crate::config;

/// What there is to do after reading the arguments.
#[derive(Debug)]
pub(super) enum Parsed {
    Print(String),
    /// With the names of the flags that are given.
    Arguments(Box<Arguments>, Vec<String>),
}

/// Flags that take no value.
const SWITCHES: [&str; 5] = ["--check", "--help", "-h", "--version", "-V"];

const VALUED: [&str; 21] = [
    "--config",
    "--listen",
    "--backend",
    "--balance",
    "--accept-proxy",
    "--send-proxy",
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
    "--access-log-format",
    "--admin",
    "--log-level",
];

/// What l4lb does besides balancing and talking to another one.
const COMMANDS: [&str; 4] = ["demo", "check", "config", "log"];

/// Commands of two words: the first one, and what may be the second.
const ACTIONS: [(&str, &[&str]); 2] = [("config", &["show", "diff"]), ("log", &["stats"])];

/// The flags that go with commands that talk to nobody, and no others do.
const OWN: [(&str, &[&str]); 2] = [
    ("demo", &["--log-level", "--tls"]),
    ("log stats", &["--json"]),
];

/// What may stand behind this word, if it is the first of two.
fn actions(command: &str) -> Option<&'static [&'static str]> {
    let found = ACTIONS.into_iter().find(|(name, _)| *name == command);
    found.map(|(_, actions)| actions)
}

/// The words of a command line, with the flags apart from what stands for itself.
#[derive(Default)]
struct Words {
    /// Names, and after them the values that they take.
    flags: Vec<String>,
    /// The names alone.
    given: Vec<String>,
    /// A command, and what it is applied to.
    plain: Vec<String>,
}

pub(super) fn parse(arguments: Vec<OsString>) -> Result<Parsed, Failure> {
    let words = arguments
        .into_iter()
        .map(|word| {
            word.into_string()
                .map_err(|word| Failure::Usage(format!("{word:?} is not valid UTF-8")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let words = split(&words)?;
    let has = |names: [&str; 2]| words.given.iter().any(|it| names.contains(&it.as_str()));
    if has(["--version", "-V"]) {
        return Ok(Parsed::Print(version()));
    }
    let all = if has(["--help", "-h"]) {
        // Help wins over whatever else is there.
        let commands = words.plain.iter().map(String::as_str);
        commands.take(words.depth()).chain(["--help"]).collect()
    } else {
        words.ordered()?
    };
    match Arguments::from_args(&["l4lb"], &all) {
        Ok(arguments) => Ok(Parsed::Arguments(Box::new(arguments), words.given)),
        Err(exit) if exit.status.is_ok() => Ok(Parsed::Print(help(&exit.output))),
        Err(exit) => Err(Failure::Usage(complaint(&exit.output))),
    }
}

impl Words {
    /// How many of the plain words are commands.
    fn depth(&self) -> usize {
        let first = self.plain.first().and_then(|word| actions(word));
        self.plain.len().min(1 + usize::from(first.is_some()))
    }

    /// All words as argh wants them. Flags may stand before and after a command: those that are a
    /// command's own come behind it, and no other goes with such a command; all others come first.
    fn ordered(&self) -> Result<Vec<&str>, Failure> {
        let is_it = |(name, _): &&(&str, _)| {
            let mut plain = self.plain.iter();
            name.split(' ')
                .all(|word| plain.next().is_some_and(|it| it == word))
        };
        let own = commands::TALKS.iter().chain(&OWN);
        let own = own.copied().find(|it| is_it(&it));
        if let Some((command, own)) = own
            && let Some(flag) = self.given.iter().find(|it| !own.contains(&it.as_str()))
        {
            return Err(Failure::Usage(format!("{command} goes without {flag}")));
        }
        let depth = own.map_or(0, |(name, _)| name.split(' ').count());
        let (command, rest) = self.plain.split_at(depth);
        let mut all: Vec<&str> = command
            .iter()
            .chain(&self.flags)
            .map(String::as_str)
            .collect();
        if rest.iter().any(|word| word == "-") {
            all.push("--"); // standard input is no flag
        }
        all.extend(rest.iter().map(String::as_str));
        Ok(all)
    }
}

/// All that l4lb can be told to do.
fn commands() -> Vec<&'static str> {
    let names = commands::TALKS.iter().map(|(name, _)| *name);
    let talks = names.filter(|name| !name.contains(' '));
    COMMANDS.into_iter().chain(talks).collect()
}

/// All flags, of whatever command.
fn flags() -> Vec<&'static str> {
    let (valued, switches) = (&commands::VALUED, &commands::SWITCHES);
    [&VALUED[..], &SWITCHES, valued, switches].concat()
}

/// Checks the flags' names and the commands, and makes two words of `--flag=value`.
fn split(words: &[String]) -> Result<Words, Failure> {
    let mut split = Words::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') || word == "-" {
            split.plain.push(word.clone());
            let (known, what) = match (split.plain.len(), actions(&split.plain[0])) {
                (1, _) => (commands(), "argument"),
                (2, Some(actions)) => (actions.to_vec(), "action"),
                _ => continue,
            };
            if !known.contains(&word.as_str()) {
                return Err(unknown(what, word, &known));
            }
            continue;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value)),
            _ => (word.as_str(), None),
        };
        split.given.push(name.to_owned());
        split.flags.push(name.to_owned());
        if VALUED.contains(&name) || commands::VALUED.contains(&name) {
            let value = value.map(str::to_owned).or_else(|| words.next().cloned());
            let missing = || Failure::Usage(format!("{name} needs a value"));
            split.flags.push(value.ok_or_else(missing)?);
        } else if !SWITCHES.contains(&name) && !commands::SWITCHES.contains(&name) {
            return Err(unknown("flag", name, &flags()));
        } else if value.is_some() {
            return Err(Failure::Usage(format!("{name} takes no value")));
        }
    }
    Ok(split)
}

/// Says which word was not understood, and which one may have been meant.
fn unknown(what: &str, word: &str, known: &[&str]) -> Failure {
    let hint = config::hint(word, known);
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
    format!("l4lb {}\n", version::text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::{Command, LogAction};

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
            let Ok(Parsed::Arguments(arguments, _)) = parsed(words) else {
                panic!("{words:?}")
            };
            assert_eq!(arguments.listen, [":1"]);
            assert_eq!(arguments.access_log.as_deref(), Some("-"));
        }
    }

    #[test]
    fn a_value_may_contain_an_equals_sign() {
        let Ok(Parsed::Arguments(arguments, _)) =
            parsed(&["--backend=a=b:1", "--backend", "c=d:2"])
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
            (&["log", "stat"], "did you mean stats?"),
            (
                &["log", "stats", "x", "--admin=y"],
                "log stats goes without --admin",
            ),
            (&["-"], "unknown argument \"-\""),
            (&["connectionz"], "did you mean connections?"),
            (&["status", "--readyy"], "did you mean --ready?"),
            (&["--json=1", "status"], "--json takes no value"),
            (&["drain", "--json"], "drain goes without --json"),
            (
                &["--listen", ":1", "reload"],
                "reload goes without --listen",
            ),
            (
                &["status", "--token-file=x"],
                "status goes without --token-file",
            ),
            (&["--token-file=x"], "--token-file"),
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
    fn the_help_of_a_command_has_its_flags_and_the_main_help_has_the_command() {
        let help_of = |words: &[&str]| match parsed(words) {
            Ok(Parsed::Print(help)) => help,
            other => panic!("{words:?}: {other:?}"),
        };
        let main = help_of(&["--help"]);
        for (command, own) in commands::TALKS.iter().chain(&OWN) {
            let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
            assert!(main.contains(&format!("\n  {} ", words[0])), "{command}");
            let help = help_of(&words);
            for flag in flags() {
                let is_helped_with = help.contains(&format!("\n  {flag} "));
                assert_eq!(is_helped_with, own.contains(&flag), "{flag}:\n{help}");
            }
        }
    }

    #[test]
    fn flags_of_a_command_may_stand_before_it() {
        for words in [
            &["drain", "b2", "--admin", "unix:x"][..],
            &["drain", "--admin=unix:x", "b2"],
            &["--admin", "unix:x", "drain", "b2"],
        ] {
            let Ok(Parsed::Arguments(arguments, _)) = parsed(words) else {
                panic!("{words:?}")
            };
            let Some(Command::Drain(drain)) = arguments.command else {
                panic!("{words:?}")
            };
            assert_eq!(drain.admin.as_deref(), Some("unix:x"), "{words:?}");
            assert_eq!(drain.backend.as_deref(), Some("b2"), "{words:?}");
        }
    }

    #[test]
    fn a_log_is_a_file_or_standard_input() {
        for (words, file, json) in [
            (&["log", "stats", "x"][..], "x", false),
            (&["log", "stats", "-"], "-", false),
            (&["log", "stats", "--json", "-"], "-", true),
            (&["--json", "log", "stats", "x"], "x", true),
        ] {
            let Ok(Parsed::Arguments(arguments, _)) = parsed(words) else {
                panic!("{words:?}")
            };
            let Some(Command::Log(log)) = arguments.command else {
                panic!("{words:?}")
            };
            let LogAction::Stats(stats) = log.action;
            assert_eq!((&*stats.file, stats.json), (file, json), "{words:?}");
        }
    }

    #[test]
    fn help_and_version_win_over_the_rest() {
        for words in [
            &["--listen", ":1", "-h"][..],
            &["--help"],
            &["demo", "--help"],
            &["drain", "--json", "--listen=:1", "-h"],
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
