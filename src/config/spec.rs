//! A backend in one line, as the command line and files of backends name it:
//! `[NAME=]HOST:PORT[,weight=N][,max-connections=N][,backup]`. Pure.

use std::fmt::{self, Display};
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use super::{BackendConfig, Endpoint, hint, name};

const OPTIONS: [&str; 3] = ["weight", "max-connections", "backup"];

/// Why a text is no backend. Displays as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    what: String,
    /// The part of the text that is wrong, in bytes.
    pub(super) span: Range<usize>,
}

impl Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for SpecError {}

/// Parses one backend. Its name is looked up later.
///
/// # Errors
///
/// What is wrong with it.
pub fn backend_spec(spec: &str) -> Result<BackendConfig, SpecError> {
    let (backend, options) = match spec.split_once(',') {
        Some((backend, options)) => (backend, Some(options)),
        None => (spec, None),
    };
    let (own, target) = backend.split_once('=').unwrap_or((backend, backend));
    let target_starts = backend.len() - target.len();
    let wrong = |span: Range<usize>, what: String| SpecError { what, span };
    if target.is_empty() {
        let what = "HOST:PORT is missing".to_owned();
        return Err(wrong(0..backend.len(), what));
    }
    if target_starts > 0
        && let Err(what) = name(own)
    {
        return Err(wrong(0..own.len(), what));
    }
    let options = Options::parse(options, backend.len() + 1)?;
    let endpoint = Endpoint::parse(target)
        .map_err(|error| wrong(target_starts..backend.len(), error.to_string()))?;
    Ok(BackendConfig {
        // A name says where, and not what is spoken there.
        name: match target_starts {
            0 => endpoint.target.to_string().into(),
            _ => own.into(),
        },
        tls: endpoint.server_name(),
        target: endpoint.target,
        weight: options.weight.unwrap_or(1),
        max_connections: options.max_connections,
        backup: options.backup.is_some(),
    })
}

/// What is said of a backend after its address; `None` is what is not said.
#[derive(Default)]
struct Options {
    weight: Option<u16>,
    max_connections: Option<u32>,
    backup: Option<()>,
}

impl Options {
    /// Parses options with commas between them, the first of which is at `at`.
    fn parse(texts: Option<&str>, mut at: usize) -> Result<Self, SpecError> {
        let mut options = Self::default();
        for text in texts.iter().flat_map(|texts| texts.split(',')) {
            let span = at..at + text.len();
            at = span.end + 1;
            let added = options.add(text);
            added.map_err(|what| SpecError { what, span })?;
        }
        Ok(options)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let (option, value) = match text.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (text, None),
        };
        let wrong = |what: &str| format!("{option} {what}");
        let needed = || value.ok_or_else(|| wrong("needs a number, after a '='"));
        let is_first = match option {
            "weight" => {
                let weight = number(option, needed()?, &(0..=u16::MAX))?;
                self.weight.replace(weight).is_none()
            }
            "max-connections" => {
                let limit = number(option, needed()?, &(1..=u32::MAX))?;
                self.max_connections.replace(limit).is_none()
            }
            "backup" if value.is_some() => return Err(wrong("takes no value")),
            "backup" => self.backup.replace(()).is_none(),
            _ => {
                let (known, hint) = (OPTIONS.join(", "), hint(option, &OPTIONS));
                return Err(format!("option: {option:?} is not one of {known}{hint}"));
            }
        };
        is_first
            .then_some(())
            .ok_or_else(|| wrong("is given twice"))
    }
}

fn number<T>(option: &str, text: &str, range: &RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    let number = text.parse().ok().filter(|value| range.contains(value));
    let (first, last) = (range.start(), range.end());
    number.ok_or_else(|| format!("{option}: {text:?} is not a number from {first} to {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_backend_is_named_by_its_name_or_by_its_address() {
        let table = [
            ("10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80"),
            ("b2=10.0.0.2:80", "b2", "10.0.0.2:80"),
            ("[::1]:80", "[::1]:80", "[::1]:80"),
            ("six=[::1]:80", "six", "[::1]:80"),
            ("localhost:80", "localhost:80", "localhost:80"),
            ("10.0.0.1:80,weight=2,backup", "10.0.0.1:80", "10.0.0.1:80"),
            ("b2=10.0.0.2:80,weight=2", "b2", "10.0.0.2:80"),
        ];
        for (spec, name, address) in table {
            let backend = backend_spec(spec).unwrap();
            assert_eq!(
                (&*backend.name, backend.target.to_string().as_str()),
                (name, address)
            );
        }
    }

    #[test]
    fn options_come_in_any_order_and_leave_the_rest_at_its_default() {
        let table = [
            ("", 1, None, false),
            (",weight=0", 0, None, false),
            (",weight=65535", 65_535, None, false),
            (",max-connections=1", 1, Some(1), false),
            (",max-connections=4294967295", 1, Some(u32::MAX), false),
            (",backup", 1, None, true),
            (",weight=3,max-connections=500,backup", 3, Some(500), true),
            (",backup,max-connections=500,weight=3", 3, Some(500), true),
        ];
        for (options, weight, max_connections, backup) in table {
            for name in ["", "b="] {
                let spec = format!("{name}10.0.0.1:80{options}");
                let backend = backend_spec(&spec).unwrap();
                assert_eq!(
                    (backend.weight, backend.max_connections, backend.backup),
                    (weight, max_connections, backup),
                    "{spec}"
                );
            }
        }
    }

    #[test]
    fn a_wrong_option_is_named_with_its_specification() {
        let table = [
            (
                "weight=-1",
                "weight: \"-1\" is not a number from 0 to 65535",
            ),
            ("weight=65536", "weight: \"65536\" is not a number"),
            ("weight=", "weight: \"\" is not a number"),
            ("weight=1.5", "weight: \"1.5\" is not a number"),
            ("weight=1=2", "weight: \"1=2\" is not a number"),
            ("weight", "weight needs a number"),
            ("weight=1,weight=1", "weight is given twice"),
            (
                "max-connections=0",
                "max-connections: \"0\" is not a number from 1 to 4294967295",
            ),
            ("max-connections=4294967296", "is not a number from 1"),
            ("max-connections", "max-connections needs a number"),
            (
                "max-connections=1,backup,max-connections=2",
                "max-connections is given twice",
            ),
            ("backup=yes", "backup takes no value"),
            ("backup=", "backup takes no value"),
            ("backup,backup", "backup is given twice"),
            ("weigh=2", "did you mean weight?"),
            ("max_connections=2", "did you mean max-connections?"),
            ("backups", "did you mean backup?"),
            (
                "colour=2",
                "option: \"colour\" is not one of weight, max-connections, backup",
            ),
            ("weight=2,", "option: \"\" is not one of weight"),
            (" weight=2", "did you mean weight?"),
        ];
        for (options, hint) in table {
            let spec = format!("b=10.0.0.1:80,{options}");
            let error = backend_spec(&spec).unwrap_err();
            assert!(error.to_string().contains(hint), "{spec}: {error}");
            let mut options = options.split(',').map(str::trim_start);
            let part = &spec[error.span.clone()];
            assert!(
                options.next_back() == Some(part.trim_start()),
                "{spec}: {part}"
            );
        }
    }

    #[test]
    fn of_a_wrong_specification_the_wrong_part_is_known() {
        let name = "x".repeat(65);
        let long = format!("{name}=1.1.1.1:1");
        let table = [
            ("", ""),
            ("=1.1.1.1:1", ""),
            ("b", "b"),
            ("b=", "b="),
            ("b 2=1.1.1.1:1", "b 2"),
            ("1.1.1.1:0", "1.1.1.1:0"),
            ("a=b=c:1,backup", "b=c:1"),
            (",weight=2", ""),
            ("weight=2,1.1.1.1:1", "1.1.1.1:1"),
            (&long, &name),
        ];
        for (spec, part) in table {
            let error = backend_spec(spec).unwrap_err();
            assert_eq!(&spec[error.span], part, "{spec}: {}", error.what);
        }
    }

    #[test]
    fn only_a_name_of_its_own_has_to_be_short() {
        let host = format!("{}.invalid:80", "long-label.".repeat(8));
        assert_eq!(&*backend_spec(&host).unwrap().name, host);
    }

    proptest! {
        #[test]
        fn what_the_options_say_is_what_the_backend_has(
            weight: u16,
            limit in 1..=u32::MAX,
        ) {
            let spec = format!("b=10.0.0.1:80,weight={weight},max-connections={limit}");
            let backend = backend_spec(&spec).unwrap();
            prop_assert_eq!((backend.weight, backend.max_connections), (weight, Some(limit)));
        }

        #[test]
        fn no_options_make_it_panic(options in "\\PC*") {
            let _ = backend_spec(&format!("b=10.0.0.1:80,{options}"));
        }
    }
}
