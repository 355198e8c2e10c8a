//! What a command prints: lines that add and remove backends, all of which hold or none. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use crate::config::{BackendConfig, ScaleConfig, backend_spec};

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `add SPEC`.
    Add(BackendConfig),
    /// `remove NAME`.
    Remove(Arc<str>),
}

/// A backend that the pool has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: Arc<str>,
    /// The name of the entry that it comes of, which may stand for several; else its own.
    pub entry: Arc<str>,
    /// Whether it may get sessions before any backup.
    pub in_service: bool,
}

impl Member {
    /// One that is new.
    #[must_use]
    pub fn new(backend: &BackendConfig) -> Self {
        Self {
            name: Arc::clone(&backend.name),
            entry: Arc::clone(&backend.name),
            in_service: !backend.backup && backend.weight > 0,
        }
    }
}

/// Reads what a command has printed. Empty lines, and those that begin with `#`, say nothing.
///
/// # Errors
///
/// A sentence about the first line that says nothing sensible.
pub fn read(output: &[u8]) -> Result<Vec<Change>, String> {
    let text = std::str::from_utf8(output).map_err(|_| "the output is not UTF-8".to_owned())?;
    let lines = text.lines().map(str::trim).zip(1..);
    let said = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    said.map(|(line, number)| {
        change(line).map_err(|why| format!("line {number} of the output: {why}"))
    })
    .collect()
}

fn change(line: &str) -> Result<Change, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["add", spec] => backend_spec(spec)
            .map(Change::Add)
            .map_err(|error| format!("add {spec}: {error}")),
        ["remove", name] => Ok(Change::Remove(name.into())),
        _ => {
            let start: String = line.chars().take(60).collect();
            Err(format!("{start:?} is neither 'add SPEC' nor 'remove NAME'"))
        }
    }
}

/// Checks whether a pool with these members can be changed so. Besides their names those of `entries`
/// are taken, which may stand for nobody now. What is added counts as one: how many a name stands for
/// has to be seen, and checked to be [`within`] the bounds.
///
/// # Errors
///
/// A sentence about what is wrong.
pub fn check(
    changes: &[Change],
    members: &[Member],
    entries: &HashSet<Arc<str>>,
    settings: &ScaleConfig,
) -> Result<(), String> {
    let (mut after, mut entries) = (members.to_vec(), entries.clone());
    for change in changes {
        match change {
            Change::Add(backend) => {
                if entries.contains(&backend.name) || after.iter().any(|it| it.name == backend.name)
                {
                    return Err(format!("there is a backend {} already", backend.name));
                }
                entries.insert(Arc::clone(&backend.name));
                after.push(Member::new(backend));
            }
            Change::Remove(name) => {
                let before = after.len();
                after.retain(|it| it.name != *name && it.entry != *name);
                if !entries.remove(name) && after.len() == before {
                    return Err(format!("there is no backend {name:?}"));
                }
            }
        }
    }
    within(members, &after, settings)
}

/// Checks whether a pool that has `members` may have `after` instead.
///
/// A pool may come nearer to its bounds from outside, but no change may leave them, or lead further
/// away: with more backends in all than the most, or by taking so many out of service that fewer than
/// the fewest are in it.
///
/// # Errors
///
/// A sentence about what is wrong.
pub fn within(members: &[Member], after: &[Member], settings: &ScaleConfig) -> Result<(), String> {
    let count = |all: &[Member], only_in_service: bool| {
        let counted = all.iter().filter(|it| it.in_service || !only_in_service);
        u32::try_from(counted.count()).unwrap_or(u32::MAX)
    };
    let (was, is) = (count(members, false), count(after, false));
    if is > was && is > settings.max {
        let most = settings.max;
        return Err(format!("{is} backends are more than the most, {most}"));
    }
    let (was, is) = (count(members, true), count(after, true));
    if is < was && is < settings.min {
        let fewest = settings.min;
        return Err(format!(
            "{is} in service are fewer than the fewest, {fewest}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn lines_are_read_in_order_and_comments_say_nothing() {
        let output =
            "\n# started two\nadd c=10.0.0.3:80,weight=2\r\n  remove  a \n\tadd [::1]:80\n";
        let changes = read(output.as_bytes()).unwrap();
        let add = |spec| Change::Add(backend_spec(spec).unwrap());
        let wanted = [
            add("c=10.0.0.3:80,weight=2"),
            Change::Remove("a".into()),
            add("[::1]:80"),
        ];
        assert_eq!(changes, wanted);
        assert_eq!(read(b""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_says_nothing_sensible_is_named() {
        let table: [(&[u8], &str); 8] = [
            (
                b"add a=10.0.0.1:80\nnonsense",
                "line 2 of the output: \"nonsense\" is neither",
            ),
            (b"add", "line 1 of the output: \"add\" is neither"),
            (b"remove", "\"remove\" is neither"),
            (b"remove a b", "\"remove a b\" is neither"),
            (b"ADD a=10.0.0.1:80", "is neither"),
            (b"add 10.0.0.1", "add 10.0.0.1: '10.0.0.1' has no port"),
            (b"add a=10.0.0.1:80,weigh=1", "did you mean weight?"),
            (b"add \xff", "the output is not UTF-8"),
        ];
        for (output, hint) in table {
            let error = read(output).unwrap_err();
            assert!(error.contains(hint), "{error}");
        }
    }

    /// Members by name; a capital is not in service.
    fn members(names: &str) -> Vec<Member> {
        let member = |name: char| Member {
            name: name.to_lowercase().to_string().into(),
            entry: name.to_lowercase().to_string().into(),
            in_service: name.is_lowercase(),
        };
        names.chars().map(member).collect()
    }

    fn settings(min: u32, max: u32) -> ScaleConfig {
        ScaleConfig {
            target: 1,
            command: ["scale".to_owned()].into(),
            after: Duration::from_secs(1),
            cool_down: Duration::from_secs(1),
            min,
            max,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn no_change_leaves_the_bounds_or_names_what_is_not_so() {
        let table = [
            ("a", "add b=x:1", Ok(())),
            ("ab", "add c=x:1\nadd d=x:1", Ok(())),
            (
                "ab",
                "add c=x:1\nadd d=x:1\nadd e=x:1",
                Err("5 backends are more than the most, 4"),
            ),
            (
                "aBCD",
                "add e=x:1",
                Err("5 backends are more than the most, 4"),
            ),
            ("aBCD", "add e=x:1\nremove b", Ok(())),
            ("abc", "remove a", Ok(())),
            (
                "ab",
                "remove a",
                Err("1 in service are fewer than the fewest, 2"),
            ),
            ("ab", "remove a\nadd c=x:1", Ok(())),
            (
                "ab",
                "remove a\nadd c=x:1,backup",
                Err("1 in service are fewer than the fewest, 2"),
            ),
            (
                "ab",
                "remove a\nadd c=x:1,weight=0",
                Err("fewer than the fewest"),
            ),
            ("aB", "remove b", Ok(())), // below the fewest already, and not further now
            ("", "add a=x:1", Ok(())),
            ("abcdef", "remove a", Ok(())), // above the most still, but nearer
            ("abcdef", "remove a\nadd g=x:1", Ok(())),
            ("ab", "add a=x:1", Err("there is a backend a already")),
            (
                "ab",
                "add c=x:1\nadd c=y:1",
                Err("there is a backend c already"),
            ),
            ("ab", "remove c", Err("there is no backend \"c\"")),
            (
                "abc",
                "remove a\nremove a",
                Err("there is no backend \"a\""),
            ),
            ("abc", "remove a\nadd a=y:1", Ok(())),
        ];
        for (names, output, wanted) in table {
            let changes = read(output.as_bytes()).unwrap();
            let found = check(&changes, &members(names), &HashSet::new(), &settings(2, 4));
            match (&found, wanted) {
                (Ok(()), Ok(())) => {}
                (Err(why), Err(hint)) => assert!(why.contains(hint), "{names}: {output}: {why}"),
                _ => panic!("{names}: {output}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_name_that_stands_for_several_or_nobody_is_taken_and_goes_as_a_whole() {
        let mut members = members("abcd");
        members[2..]
            .iter_mut()
            .for_each(|it| it.entry = "web".into());
        let entries = ["a", "b", "web", "idle"].map(Arc::from).into();
        let table = [
            ("add web=x:1", Err("there is a backend web already")),
            ("add idle=x:1", Err("there is a backend idle already")),
            ("add c=x:1", Err("there is a backend c already")),
            ("remove web", Ok(())),
            ("remove web\nadd web=x:1\nadd e=x:1", Ok(())),
            ("remove web\nremove a", Err("1 in service are fewer")),
            ("remove web\nremove c", Err("there is no backend \"c\"")),
            ("remove idle\nadd idle=x:1", Err("5 backends are more")),
            ("remove c", Ok(())),
        ];
        for (output, wanted) in table {
            let changes = read(output.as_bytes()).unwrap();
            let found = check(&changes, &members, &entries, &settings(2, 4));
            match (&found, wanted) {
                (Ok(()), Ok(())) => {}
                (Err(why), Err(hint)) => assert!(why.contains(hint), "{output}: {why}"),
                _ => panic!("{output}: {found:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic(output: Vec<u8>) {
            let _ = read(&output);
        }

        #[test]
        fn what_is_printed_in_the_syntax_of_flags_is_read(weight: u16, name in "[a-z]{1,9}") {
            let line = format!("add {name}=10.0.0.1:80,weight={weight}\nremove {name}");
            let changes = read(line.as_bytes()).unwrap();
            let Change::Add(backend) = &changes[0] else { panic!("{changes:?}") };
            prop_assert_eq!((&*backend.name, backend.weight), (&*name, weight));
            prop_assert_eq!(&changes[1], &Change::Remove(backend.name.clone()));
        }
    }
}
